#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A genome-wide test over two hospitals, and R's snpStats' figures beside it.
# The genotypes are resampled from HapMap, and who is a case is SIMULATED (R's snpStats, for.exercise).
set -eu
cd "$(dirname "$0")/../.."
. scripts/prepare.sh
prepare $packages_build
configure build
build build cella cella-tools cella-query.sgxs
. examples/room.sh

choose_tee
mkdir "$work/data"
scripts/datasets.py snps --into "$work/data"
echo "Two hospitals, 494 and 506 people, 28,501 SNPs each: genotypes resampled from HapMap; who is a"
echo "case is SIMULATED (for.exercise of R's snpStats)."
party west
party east
agree examples/genome/contract.json west east
give west ceu "$work/data/ceu.tar"
give east jpt_chb "$work/data/jpt_chb.tar"
host_room
release west
release east
finished
fetch west
fetch east
cmp -s "$work/west/results/scan.csv" "$work/east/results/scan.csv"
echo
echo "The same results for both: one trend test a SNP, stratified by hospital. The strongest, and R's:"
python3 - "$work/east/results/scan.csv" tests/room/reference-snps.json <<'END_OF_PYTHON'
import csv, json, sys
with open(sys.argv[1], newline="") as file:
    rows = {row["snp"]: row for row in csv.DictReader(file)}
with open(sys.argv[2]) as file:
    reference = json.load(file)
print(f"    {'snp':>12} {'position':>11} {'people':>6} {'chi-square':>11} {'p':>10} {'snpStats':>11}")
for entry in reference["strongest"] + reference["some"]:
    row = rows.get(entry["snp"])
    if not row:
        continue
    found, expected = float(row["chi_square"]), entry["chi_square"]
    if abs(found - expected) > 1e-9 * expected:
        sys.exit(f"genome: {entry['snp']}: the room's {found} is not snpStats' {expected}")
    if entry in reference["strongest"]:
        print(f"    {row['snp']:>12} {row['position']:>11} {row['n']:>6} {found:11.6f} {float(row['p']):10.2e} "
              f"{expected:11.6f}")
print(f"{len(rows)} of {reference['snps']} SNPs left the room. Of the others fewer than ten people of a hospital")
print("carry one of the alleles, and the contract has a rule against that.")
END_OF_PYTHON
