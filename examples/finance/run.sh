#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A risk desk learns what two funds hold together and could lose together, and nothing else.
# The holdings are SYNTHETIC (holdings.py); the prices are real.
set -eu
cd "$(dirname "$0")/../.."
. scripts/prepare.sh
prepare $packages_build
configure build
build build cella cella-tools cella-query.sgxs
. examples/room.sh

choose_tee
mkdir "$work/data"
scripts/datasets.py dowjones --into "$work/data"
echo "Two funds, 400 positions each: SYNTHETIC, made up from a seed. A vendor's prices: 30 stocks, real,"
echo "1990-12-31 to 2001-01-02 (R's fBasics). A risk desk, which may learn the joint figures alone."
for name in atlas borealis vendor desk; do
    party $name
done
agree examples/finance/contract.json atlas borealis vendor desk
examples/finance/holdings.py 1 >"$work/data/atlas.csv"
examples/finance/holdings.py 2 >"$work/data/borealis.csv"
examples/finance/prices.py "$work/data/dowjones.csv" >"$work/data/prices.csv"
give atlas atlas_holdings "$work/data/atlas.csv"
give borealis borealis_holdings "$work/data/borealis.csv"
give vendor prices "$work/data/prices.csv"
host_room
for name in desk atlas borealis vendor; do
    release $name
done
finished
fetch desk
echo
echo "What the desk learns, in dollars. Joint exposure by sector, on 2001-01-02:"
show "$work/desk/results/by_sector.csv"
echo "The ten largest by symbol (fewer than 5 positions of either fund behind a row: it is not there):"
show "$work/desk/results/by_symbol.csv"
echo "What the joint book would have lost in a day, by two years of prices:"
show "$work/desk/results/risk.csv"
