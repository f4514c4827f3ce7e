#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# program.sh CELLA IMAGE HOLD_IMAGE REWRITE TEE: rooms of another program than cella-query. IMAGE is
# examples/program, HOLD_IMAGE hold.c, both behind cella-agent. The exit status is 1 when a check failed.
set -u
cella=$(readlink -f "$1")
image=$(readlink -f "$2")
hold=$(readlink -f "$3")
rewrite=$(readlink -f "$4")
tee=$5
. "$(dirname "$0")/steps.sh"

files='c["inputs"] = [{"name": n + "_data", "owner": n, "format": "file", "box": "any"} for n in ("north", "south")]
c["parameters"] = c["statements"] = []
c["outputs"] = [{"name": "common", "format": "file", "recipients": ["north", "desk"]}]'

# ---- from the contract to the results
room_make good "$files"
try "$cella" room check good
exits 0
shows "it reads  south_data (of south): any box that its owner releases"
shows "it writes common, for north, desk"
shows "nothing but its measurement protects"
host_starts
releases north south
host_ends
exits 0
shows "running"
run=$(ls good/results)
shows "ended: results/$run"
for name in north desk; do
    party result $name -o $name/results
    exits 0
    shows "$name/results/common, 2 bytes"
    checks=$((checks + 1))
    [ "$(cat $name/results/common)" = 3 ] || failed "$name should have the result"
done
party result south -o south/results
exits 0
checks=$((checks + 1))
[ ! -e south/results/common ] || failed "south is no recipient"
party log north
exits 0
shows "name common.key"
checks=$((checks + 1))
! grep -rqa north_secret good || failed "the host should not read the data"

# ---- what the host does to the result
cp -r good altered
room=altered
printf x | dd of=altered/results/"$run"/common.box bs=1 seek=70 conv=notrunc 2>/dev/null
party result north -o fresh
refuses "common.box"
cp good/results/"$run"/log.box altered/results/"$run"/common.box
party result north -o fresh
refuses "common.box"
rm altered/results/"$run"/common.box
party result north -o fresh
refuses "expected a box, found none: the program has not ended yet"
cp good/results/"$run"/log.box altered/results/"$run"/common.key.box
party result north -o fresh
refuses "expected what the enclave signed for, found something else"

# ---- an older version of an input, under the same key: put back before the agent looks
image=$hold
mrenclave=$(sha256sum <"$image" | cut -d' ' -f1)
room_make older "$files"
cp older/inputs/north_data.box older.box
try "$rewrite" older/inputs/north_data.box data/cella/keys/north.key "later"
exits 0
party add north north_data older/inputs/north_data.box
exits 0
cp older/inputs/north_data.box newest.box
host_starts
releases north
soon grep -q '"loaded":\["north_data"\]' older/run/status.json
releases south
host_ends
exits 0
party result desk -o desk/newest
exits 0
checks=$((checks + 1))
[ "$(tail -c 5 desk/newest/common)" = later ] || failed "the version that was released should be read"
mkdir seen
for part in contract.json signatures run results; do
    ln -s ../older/$part seen/$part
done
cp -r older/inputs seen/inputs
cp older.box older/inputs/north_data.box
# the enclave reads older/, north sees seen/
host_starts
room=seen
releases north south
room=older
host_ends
refuses "the program ended with status 1: its recipients find why in their results"
party result desk -o desk/newest
exits 0
shows "no common: inputs/north_data.box: expected the version that its owner released, found another"
# ... and after it has looked: the key opens that version alone
cp newest.box older/inputs/north_data.box
touch older/hold
host_starts
releases north south
soon grep -q '"state":"running"' older/run/status.json
cp older.box older/inputs/north_data.box
rm older/hold
host_ends
exits 125
says "/inputs/north_data: an older or other version than the one that is expected"
says "the program ended with status 5"

# ---- contracts that are not the program's
image_agreed=$image
room_make statements
host_starts
host_ends
refuses "this program takes contracts whose inputs and outputs are of format"
room=good
try "$cella" room run good --tee "$tee" --wait 1 --image "$image_agreed"
refuses "after 1 s releases are still missing"

echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
