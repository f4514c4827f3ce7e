# SPDX-License-Identifier: Apache-2.0
# Sourced by ./demo and the examples, from the root: the steps of a room, each party in a directory of its
# own under $work, the room in $room. A step is quiet unless it fails. POSIX sh.

work=$(mktemp -d)
room=$work/room
cella=build/cella
image=build/cella-query.sgxs
host=
export CELLA_PLATFORM="$work/host/platform"

clean()
{
    [ -z "$host" ] || kill "$host" 2>/dev/null || true
    rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM

# quiet COMMAND...
quiet()
{
    if ! "$@" >"$work/log" 2>&1; then
        cat "$work/log" >&2
        exit 1
    fi
}

# choose_tee: sets $tee, and says so where it is not one that protects.
choose_tee()
{
    tee=vsm
    $cella doctor --json >"$work/doctor" 2>/dev/null || [ -s "$work/doctor" ] ||
        { echo "cella doctor failed" >&2; exit 1; }
    if ! python3 -c 'import json, sys
sys.exit(not any(tee["name"] == "vsm" and tee["sealed"] for tee in json.load(sys.stdin)["tees"]))' <"$work/doctor"
    then
        tee=process
        echo "This machine has no sealed vsm ($cella doctor says why): the process TEE runs instead, and protects nothing."
    fi
}

# party NAME: makes its directory and its key.
party()
{
    mkdir -p "$work/$1"
    quiet $cella key new "$1" --folder "$work/$1/keys"
}

# agree CONTRACT.json PARTY...: completes the contract for the program $image, and every party signs it.
agree()
{
    contract=$1
    shift
    mkdir -p "$room"
    quiet $cella platform init
    root=$($cella platform show | sed -n 's/^root=//p')
    mrenclave=$($cella identity "$image" | sed -n 's/^mrenclave=//p')
    keys=
    for name in "$@"; do
        keys="$keys $work/$name/keys/$name.pub"
    done
    examples/complete.py "$contract" "$mrenclave" $tee "$root" $keys >"$room/contract.json"
    for name in "$@"; do
        quiet $cella room sign "$room" --as "$name" --folder "$work/$name"
    done
}

# give PARTY INPUT FILE: seals the file, and puts it into the room.
give()
{
    quiet $cella room add "$room" --as "$1" --folder "$work/$1" "$2" "$3"
}

# host_room: starts the room's program; $host is the process.
host_room()
{
    $cella room run "$room" --tee $tee >"$work/host.log" 2>&1 &
    host=$!
}

# release PARTY: verifies the enclave and lets it have the party's keys.
release()
{
    quiet $cella room release "$room" --as "$1" --folder "$work/$1"
}

# finished: waits until the room's program has ended.
finished()
{
    wait "$host" || { cat "$work/host.log" >&2; exit 1; }
    host=
}

# fetch PARTY: its results, verified and opened, in $work/PARTY/results.
fetch()
{
    quiet $cella room result "$room" --as "$1" --folder "$work/$1" -o "$work/$1/results"
}

# show FILE.csv: as a table.
show()
{
    python3 -c 'import csv, sys
rows = [row for row in csv.reader(sys.stdin)]
widths = [max(map(len, column)) for column in zip(*rows)]
for row in rows:
    print("    " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths)))' <"$1"
}
