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
for entry in reference["strongest"]:
    row = rows[entry["snp"]]
    print(f"    {row['snp']:>12} {row['position']:>11} {row['n']:>6} {float(row['chi_square']):11.6f} "
          f"{float(row['p']):10.2e} {entry['chi_square']:11.6f}")
total = sum(float(row["chi_square"]) for row in rows.values() if row["chi_square"])
print(f"Sum of chi-square over {len(rows)} SNPs: {total:.4f}; snpStats: {reference['sum_chi_square']:.4f}.")
if abs(total - reference["sum_chi_square"]) > 1e-6 * total:
    sys.exit("genome: the room's figures are not snpStats'")
END_OF_PYTHON
