#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Another program than cella-query in a room: two firms learn how many customers they share, from an
# ordinary C program (common.c) that each of them has read. The lists are MADE UP here.
set -eu
cd "$(dirname "$0")/../.."
. scripts/prepare.sh
prepare $packages_build
configure build
build build cella cella-tools cella-agent
. examples/room.sh

choose_tee
mkdir "$work/data" "$room"
seq -f 'customer%06g@example.org' 1 60000 >"$work/data/north"
seq -f 'customer%06g@example.org' 45001 90000 >"$work/data/south"
cc -O2 -static -o "$work/common" examples/program/common.c
image=$room/program.sgxs
quiet $cella pack -m examples/program/manifest.json -o "$image" "$work/common"
echo "Two lists of customers, MADE UP: 60,000 and 45,000. The program is packed with the room's agent:"
echo "    MRENCLAVE $($cella identity "$image" | sed -n 's/^mrenclave=//p')"
party north
party south
agree examples/program/contract.json north south
echo "What each of them signs:"
$cella room check "$room" | sed -n 's/^/    /; /The program/,/streams/p'
give north north_data "$work/data/north"
give south south_data "$work/data/south"
host_room
release north
release south
finished
fetch north
fetch south
cmp -s "$work/north/results/common" "$work/south/results/common"
echo "The same result for both: $(cat "$work/north/results/common") customers in common."
[ "$(cat "$work/north/results/common")" = 15000 ]
