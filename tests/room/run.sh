#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh CELLA IMAGE OTHER_IMAGE REWRITE TEE: rooms of three parties from the first contract to the results,
# and what is refused, each with its sentence. IMAGE is the room's program with a stand-in for the
# engine, OTHER_IMAGE another measurement. The exit status is 1 when a check failed, 77 without TEE.
set -u
cella=$(readlink -f "$1")
image=$(readlink -f "$2")
other=$(readlink -f "$3")
rewrite=$(readlink -f "$4")
tee=$5
. "$(dirname "$0")/steps.sh"

# ---- a contract to start from
try "$cella" room new fresh --party north --party west --program "$image"
exits 0
try "$cella" room check fresh
refuses "signatures: expected all 2, found 0"
shows "$mrenclave"
try "$cella" room new fresh --party north
refuses "is there already, and is not overwritten"

# ---- a key under a passphrase
command="cella key new vault"
"$cella" key new vault --passphrase-fd 3 3<<<"open sesame" >out 2>err
status=$?
exits 0
try "$cella" room new locked --party vault --program "$image"
exits 0
for word in "open sesame" "open barley"; do
    command="cella room sign locked, $word"
    mkdir -p vault
    "$cella" room sign locked --as vault --folder vault --passphrase-fd 3 3<<<"$word" >out 2>err
    status=$?
    [ "$word" = "open barley" ] || { exits 0; shows "vault has signed"; }
done
refuses "this passphrase does not open it"

# ---- from the contract to the results
room_make good
try "$cella" room check good
exits 0
party add north south_data north.csv
refuses 'input: expected one that north owns, found "south_data"'
host_starts
party release north --dry-run
exits 0
shows "north would release"
shows "run 1 of 4 by this contract"
command="a second run of the same room"
try "$cella" room run good --tee "$tee" --image "$image"
refuses "good: another \`cella room run\` is running it"
releases north south
party release desk
refuses "parameter level: the contract takes it from desk: --set level=VALUE"
party release desk --set level=0.9 --set other=1
refuses 'parameter: expected one that the contract takes from desk, found "other"'
releases desk
host_ends
exits 0
shows "waiting for the releases of north, south, desk"
for name in north desk; do
    party result $name -o $name/results
    exits 0
    checks=$((checks + 1))
    [ "$(cat $name/results/people.csv)" = "$(printf 'north_data 13\nsouth_data 13\n{"level":0.95}')" ] ||
        failed "$name should have the result"
    party result $name -o $name/results # again
    exits 0
done
party result south -o south/results
exits 0
checks=$((checks + 1))
[ ! -e south/results/people.csv ] || failed "south is no recipient"
echo else >north/results/people.csv
party result north -o north/results
refuses "is there with other content, and is not overwritten"
party log north
exits 0
shows "the log is the enclave's, and whole"
shows "released   party south"
shows "mrenclave $mrenclave"
party log south
refuses "log.box"
try "$cella" room status good --json
exits 0
shows '"state": "ended"'

# ---- who did not consent
party release west
refuses 'party: expected one of the contract'\''s, found "west"'
party result west
refuses 'party: expected one of the contract'\''s, found "west"'
rm good/signatures/desk.sig
host_starts
host_ends
refuses "signatures/desk.sig: expected desk's signature of the contract, found none"
party sign desk
cp good/signatures/north.sig good/signatures/desk.sig
host_starts
host_ends
refuses "signatures/desk.sig: not desk's signature of this contract"
party sign desk
cp north/contracts/* west/ 2>/dev/null
try "$cella" room sign good --as north --folder north --key west
refuses "expected the keys that the contract has for north, found others"

# ---- results that the host alters
run=$(ls good/results)
cp -r good altered
room=altered
printf x | dd of=altered/results/"$run"/seal.cbor bs=1 seek=100 conv=notrunc 2>/dev/null
party result north -o fresh
refuses "not signed by the enclave that you verified"
cp good/results/"$run"/* altered/results/"$run"/
cp altered/results/"$run"/log.box altered/results/"$run"/people.box
party result north -o fresh
refuses "expected what the enclave signed for, found something else"
mv altered/results/"$run" altered/results/0123456789abcdef
party result north -o fresh
refuses "expected those of a run that north verified, found none"

# ---- a contract that was changed after it was signed: a byte, a recipient's key
room=changed
cp -r good changed
sed -i 's/To see it work\./To see it work!/' changed/contract.json
party release north
refuses "contract: expected one that north signed"
host_starts
host_ends
refuses "signatures/north.sig: not north's signature of this contract"
west=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["receiving_key"])' data/cella/keys/west.pub)
desk=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["receiving_key"])' data/cella/keys/desk.pub)
sed "s/$desk/$west/" good/contract.json >changed/contract.json
party release north
refuses "contract: expected one that north signed"

# ---- a program, a TEE, a DEBUG enclave that were not agreed on; dates; somebody else's platform
room=good
image_agreed=$image
image=$other
host_starts --wait 20
party release north
refuses "mrenclave: expected $mrenclave, found $(sha256sum <"$other" | cut -d' ' -f1)"
kill "$host"
host_ends
image=$image_agreed
host_starts --insecure_debug
party release north
refuses "debug: expected false, found true"
kill "$host"
host_ends
party release north --at 2099-01-01T00:00:00Z
refuses "not_after: the contract held until 2098-01-01T00:00:00Z, and it is 2099-01-01"
party release north --at 2025-01-01T00:00:00Z
refuses "not_before: the contract holds from 2026-01-01T00:00:00Z on"
mv platform platform.true
"$cella" platform init >/dev/null || exit 1
host_starts
party release north
refuses "root: expected"
kill "$host"
host_ends
rm -r platform && mv platform.true platform
if [ "$tee" = process ]; then
    room_make sealed 'c["tee"] = ["vsm"]'
    host_starts
    party release north
    refuses "tee: expected vsm, found process"
    kill "$host"
    host_ends
fi
room_make early 'c["not_before"], c["not_after"] = "2098-01-01T00:00:00Z", "2099-01-01T00:00:00Z"'
host_starts
host_ends
refuses "not_before: the contract holds from 2098-01-01T00:00:00Z on"
room_make past 'c["not_before"], c["not_after"] = "2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"'
host_starts
host_ends
refuses "not_after: the contract held until 2021-01-01T00:00:00Z"
room_make strict 'c["posture"] = {"lockdown": "perfect"}'
host_starts
party release north
refuses "posture.lockdown: expected perfect, found"
kill "$host"
host_ends

# ---- releases: replayed, of another contract; a killed run; runs used up
room=good
host_starts
releases north
cp good/run/north.release replayed
kill "$host" # the first owner has released: then it is run again
host_ends
host_starts
someone_asks # the host in north's name
cp replayed good/run/north.release
releases south
soon grep -q '"refused":{"north"' good/run/status.json
command="a replayed release"
cp good/run/status.json out
shows '"refused":{"north":"'
shows '"missing":["north","desk"]'
releases north desk
host_ends
exits 0
newest=$(ls good/results | grep -v "$run") # kept back: what is there is an older run's
mv "good/results/$newest" kept
party result desk -o desk/older
refuses "results: expected those of run $newest, to which desk released last, found only older runs'"
mv kept "good/results/$newest"
room_make twin 'c["runs"] = 1'
cp good/run/north.release other_contract
host_starts
releases south
someone_asks
cp other_contract twin/run/north.release
soon grep -q '"refused":{"north"' twin/run/status.json
command="a release of another contract"
cp twin/run/status.json out
shows '"refused":{"north":"'
releases north
releases north # the same run again: the same release
releases desk
host_ends
exits 0
host_starts
party release north
refuses "runs: expected at most 1 release of this contract, found 1 in the ledger"
kill "$host"
host_ends

# ---- boxes: another one, an older one; to the party, and to the enclave behind its back
room_make boxes
cp boxes/inputs/north_data.box older.box
printf 'id\n1\n2\n3\n4\n' >north.csv
party add north north_data north.csv
exits 0
cp boxes/inputs/north_data.box newest.box
cp boxes/inputs/south_data.box boxes/inputs/north_data.box
host_starts
party release north
refuses "north_data.box"
cp older.box boxes/inputs/north_data.box
party release north
refuses "inputs/north_data.box: expected version"
mkdir seen
for part in contract.json signatures run results; do
    ln -s ../boxes/$part seen/$part
done
cp -r boxes/inputs seen/inputs
cp newest.box seen/inputs/north_data.box
room=seen
releases north south desk # north sees the newest, the enclave the older
host_ends
refuses "the program ended with status 1"
party result desk -o desk/older
exits 0
shows "no people: inputs/north_data.box: "

# ---- an older version under the same key: to the enclave behind its owner's back
room_make versions
cp versions/inputs/north_data.box older.box
try "$rewrite" versions/inputs/north_data.box data/cella/keys/north.key 5
exits 0
cp versions/inputs/north_data.box newest.box
party add north north_data newest.box
exits 0
host_starts
releases north south desk
host_ends
exits 0
mkdir view
for part in contract.json signatures run results; do
    ln -s ../versions/$part view/$part
done
cp -r versions/inputs view/inputs
cp older.box versions/inputs/north_data.box
host_starts
room=view
releases north south desk # north sees the newest, the enclave the older
room=versions
host_ends
refuses "the program ended with status 1"
party result desk -o desk/versions
shows "expected the version that its owner released, found another"

# ---- a recipient that has nothing to give, and comes when all is over
room_make late 'c["parameters"] = []'
host_starts
releases north south
host_ends
exits 0
party result desk -o desk/late
exits 0
shows "desk/late/people.csv"
rm late/results/*/north.evidence
cp good/results/"$run"/south.evidence late/results/*/
party result desk -o desk/late
refuses "expected those of a run that desk verified, found none"

# ---- an error is the recipients' alone
printf 'id\nbad\n' >south.csv
room_make errors
host_starts
releases north south desk
host_ends
refuses "the program ended with status 1: its recipients find why in their results"
checks=$((checks + 1))
! grep -rq "bad data" errors || failed "the host should not read the error"
party result north -o north/errors
exits 0
shows "input south_data: line 1: bad data"

echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
