#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Boxes through `cella run`: a SQLite database whose enclave is killed at any moment is sound and
# holds what was committed; what a host does to a box is told by name and block, and is no data.
# Usage: run.sh CELLA PROGRAMS [KILLS]
set -eu
cella=$(realpath "$1")
programs=$(realpath "$2")
kills=${3:-15}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/boxes"
cp "$programs/manifests/boxes.json" "$folder/m.json"
cp "$programs/sqlite_box" "$programs/file_cat" "$folder"
cd "$folder"

wrong() {
    echo "run.sh: $*" >&2
    exit 1
}

run() { # PROGRAM ARGUMENT...
    "$cella" run --tee process -m m.json "$@" 2> errors
}

# ---- killed ----
last=0
kill=0
while [ "$kill" -lt "$kills" ]; do
    kill=$((kill + 1))
    : > said
    "$cella" run --tee process -m m.json ./sqlite_box write > said 2> errors &
    child=$!
    # the first kills come while the database is made; then after some commits, at any moment
    wanted=$((kill / 3 * 4))
    turns=0
    while [ "$(wc -l < said)" -lt "$wanted" ] && [ "$turns" -lt 600 ]; do
        sleep 0.02
        turns=$((turns + 1))
    done
    sleep "0.0$((kill * 7 % 10))$((kill * 3 % 10))"
    kill -9 "$child" || wrong "kill $kill: it had ended by itself: $(cat errors)"
    wait "$child" 2> /dev/null || true
    said=$(tail -n 1 said)
    run ./sqlite_box check > checked || wrong "kill $kill: $(cat errors)"
    [ "$(head -n 1 checked)" = ok ] || wrong "kill $kill: $(cat checked)"
    found=$(tail -n 1 checked)
    least=${said:-$last}
    # the one after what was said may have been committed when the kill came
    [ "$found" -eq "$least" ] || [ "$found" -eq $((least + 1)) ] ||
        wrong "kill $kill: $least was committed, $found is there"
    last=$found
done
[ "$last" -gt 0 ] || wrong "nothing was ever committed"
echo "killed $kills times: $last transactions, integrity_check ok"

# ---- altered ----
strings -n 8 boxes/bank.db > found || true
! grep -q "CREATE TABLE" found || wrong "the host's file holds plaintext"

refused() { # SENTENCE: reading all of bank.db fails, with it
    status=0
    run ./file_cat /boxes/bank.db > said || status=$?
    [ "$status" -eq 1 ] || wrong "status $status, not 1, where \"$1\" was wanted"
    grep -q "/boxes/bank.db: .*$1" errors || wrong "\"$1\" was wanted: $(cat errors)"
    cp good boxes/bank.db
}

cp boxes/bank.db good
size=$(wc -c < good)
printf X | dd of=boxes/bank.db bs=1 seek=$((4096 * 8 + 77)) conv=notrunc status=none
refused "block 4 fails authentication"
dd if=good of=boxes/bank.db bs=4096 skip=6 seek=7 count=1 conv=notrunc status=none
refused "block 3 fails authentication"
truncate -s $((size - 4096)) boxes/bank.db
refused "truncated: block"
printf x >> boxes/bank.db
refused "bytes were added"
printf X | dd of=boxes/bank.db bs=1 seek=900 conv=notrunc status=none
refused "malformed"
printf X | dd of=boxes/bank.db bs=1 seek=20 conv=notrunc status=none
refused "header was altered"
sed 's/00112233/99112233/' m.json > other.json
mv m.json first.json
mv other.json m.json
refused "wrong key"
mv first.json m.json
run ./file_cat /boxes/bank.db > said || wrong "$(cat errors)"
cp good boxes/elsewhere
status=0
run ./file_cat /boxes/elsewhere > said || status=$?
[ "$status" -eq 1 ] && grep -q "/boxes/elsewhere: it is a box of another name" errors ||
    wrong "a box under another's name: $(cat errors)"
echo "altered in 8 ways: each is told"
