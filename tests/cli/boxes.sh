#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# boxes.sh CELLA: keys and boxes on the command line, from outside. The exit status is 1 when a check
# failed.
set -u
cella=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
. "$here/checks.sh"
export XDG_DATA_HOME=$folder/data
keys=$folder/data/cella/keys
umask 022

same() { # two files
    checks=$((checks + 1))
    cmp -s "$1" "$2" || failed "$1 and $2 should be the same"
}

mode() {
    checks=$((checks + 1))
    [ "$(stat -c %a "$1")" = "$2" ] || failed "$1 should have the mode $2"
}

# A passphrase by descriptor 3.
with() {
    local passphrase=$1
    shift
    try bash -c 'passphrase=$1; shift; exec "$@" 3<<<"$passphrase"' - "$passphrase" "$@"
}

# ---- what all verbs share ----
for verb in key seal open; do
    try "$cella" $verb --help
    exits 0
    quiet
    shows "usage: cella $verb"
    try "$cella" help $verb
    exits 0
    shows "usage: cella $verb"
    try "$cella" $verb
    misused "cella $verb:"
    try "$cella" $verb --bogus
    misused 'there is no option --bogus'
    try "$cella" $verb --passphrase-fd x y
    misused 'x is no descriptor'
    try "$cella" $verb --passphrase-fd -1 y
    misused '-1 is no descriptor'
    try "$cella" $verb --passphrase-fd
    misused '--passphrase-fd wants a value'
done

# ---- key ----
try "$cella" key new north
exits 0
quiet
shows 'name=north'
cp out made
mode "$keys/north.key" 600
mode "$keys/north.pub" 644
mode "$keys" 700
for name in north data/cella/keys/north.pub data/cella/keys/north.key; do
    try "$cella" key show $name
    exits 0
    same out made
done
try "$cella" key show north --json
is_json out 'sorted(j) == ["name", "receiving_key", "signing_key"] and all(len(j[k]) == 64 for k in ("receiving_key", "signing_key"))'
cp "$keys/north.key" before
try "$cella" key new north
refuses 'there is a key of that name'
same "$keys/north.key" before
for name in '' . .. a/b .hidden -- 'a b' "$(printf 'a%.0s' {1..64})"; do
    try "$cella" key new -- "$name"
    exits 125
    says "a key's name has letters"
done
try "$cella" key new
misused 'new NAME or show NAME'
try "$cella" key make x
misused "new or show is wanted, not 'make'"
try "$cella" key show --folder x north
misused 'go with new'
try "$cella" key show nobody
refuses 'nobody.pub: cannot open'
try "$cella" key new south --folder party/keys
exits 0
mode party/keys/south.key 600
with 'open sesame' "$cella" key new locked --passphrase-fd 3
exits 0
checks=$((checks + 1))
grep -q _secret "$keys/locked.key" && failed 'the secret should not be there'
with '' "$cella" key new empty --passphrase-fd 3
refuses 'the passphrase is empty'
absent "$keys/empty.key"
absent "$keys/empty.pub"
try setsid "$cella" key new asked --passphrase
refuses 'there is no terminal'

# ---- seal, open ----
head -c 1000000 /dev/urandom >plain
try "$cella" seal plain
misused 'to whom?'
try "$cella" seal --to north
misused 'which file?'
try "$cella" seal plain plain -o x --to north
misused '-o goes with one file'
try "$cella" seal plain --to nobody
refuses 'nobody.pub: cannot open'
try "$cella" seal plain --to 00
refuses '00.pub: cannot open'
try "$cella" seal plain --to "$(printf '0%.0s' {1..64})"
refuses 'nothing can be sealed to that receiving key'
absent plain.box
try "$cella" seal plain --to north --to party/keys/south.pub --to locked
exits 0
quiet
prints ''
try "$cella" seal plain --to north
refuses 'plain.box: it is there already'
try "$cella" open plain.box
refuses 'plain: it is there already'
try "$cella" open plain.box -f
exits 0
quiet
prints ''
mode plain 600
try "$cella" open plain.box -o by-north --key north
same by-north plain
try "$cella" open plain.box -o by-south --key party/keys/south.key
same by-south plain
with 'open sesame' "$cella" open plain.box -o by-locked --key locked --passphrase-fd 3
exits 0
same by-locked plain
with 'open sesamo' "$cella" open plain.box -o wrong --key locked --passphrase-fd 3
refuses 'this passphrase does not open it'
try "$cella" open plain.box -o wrong --key party/keys/south.pub
refuses 'it has public keys only'
try "$cella" key new other
try "$cella" open plain.box -o wrong --key other
refuses 'plain.box: wrong key: none of those given opens it; it is sealed to '
chmod 640 "$keys/north.key"
try "$cella" open plain.box -o wrong --key north
refuses "chmod 600 $keys/north.key"
chmod 600 "$keys/north.key"
try "$cella" open plain -o wrong
refuses 'plain: not a box'
try "$cella" open by-north
misused 'does not end in .box'
absent wrong
with 'a b c' "$cella" seal plain --passphrase-fd 3 -o secret.box
exits 0
with 'a b c' "$cella" open secret.box --passphrase-fd 3
exits 0
same secret plain
with 'a b' "$cella" open secret.box --passphrase-fd 3 -o wrong
refuses 'secret.box: wrong key or passphrase'
try "$cella" open secret.box -o wrong
refuses 'secret.box: wrong key or passphrase; it is sealed to a passphrase'
try bash -c "cat plain | '$cella' seal /dev/stdin --to north -o piped.box"
exits 0
try "$cella" open piped.box
same piped plain
printf 1 >one
printf 2 >two
try "$cella" seal one two --to north
exits 0
try "$cella" open one.box -o again
same again one

# ---- tampering ----
for at in 9000 13000 500000 1004000; do
    cp plain.box bad.box
    printf '\377\0\377' | dd of=bad.box bs=1 seek=$at conv=notrunc 2>/dev/null
    try "$cella" open bad.box
    refuses 'bad.box: '
    absent bad
done
head -c 600000 plain.box >bad.box
try "$cella" open bad.box
refuses 'bad.box: it is truncated: block '
cat plain.box one >bad.box
try "$cella" open bad.box
refuses 'bad.box: it is extended'
{ head -c 4096 one.box && tail -c +4097 plain.box; } >bad.box
try "$cella" open bad.box
refuses "another box's header"
absent bad

# ---- no room, and killed at any moment: whole or not at all ----
try bash -c "trap '' XFSZ; ulimit -f 64; '$cella' seal plain --to north -o full.box"
refuses 'full.box: cannot be written: File too large'
absent full.box
head -c 300M /dev/zero >large
ls >names
for after in 0.005 0.02 0.05 0.1; do
    for signal in INT TERM KILL; do
        command="seal killed by $signal after $after s"
        { timeout -s $signal $after "$cella" seal large --to north -o killed.box >out 2>err; } 2>/dev/null
        checks=$((checks + 1))
        if [ -e killed.box ] && ! "$cella" inspect killed.box --key north >out 2>err; then
            failed 'half a box'
        fi
        rm -f killed.box
        checks=$((checks + 1))
        [ "$(ls | grep -v '^names$')" = "$(grep -v '^names$' names)" ] || failed 'files are left behind'
    done
done
rm large

# ---- inspect ----
try "$cella" inspect plain.box
exits 0
quiet
shows 'size        1000000 bytes'
shows 'name        plain'
shows 'checked     nothing'
try "$cella" inspect --json plain.box
is_json out 'j["checked"] is False and j["size"] == 1000000 and len(j["recipients"]) == 3 and len(j["version"]) == 64'
try "$cella" inspect --json --key north plain.box
exits 0
is_json out 'j["checked"] is True'
with 'a b c' "$cella" inspect secret.box --passphrase-fd 3
shows 'checked     every byte'
shows 'sealed to   a passphrase'
try "$cella" inspect bad.box --key north
refuses "another box's header"
try "$cella" inspect plain --key north
misused 'a key goes with a box'
printf x >"$(printf 'na\033[31mme')"
try "$cella" seal na*me --to north -o odd.box
try "$cella" inspect odd.box
shows 'name        na\x1b[31mme'
try bash -c "'$cella' inspect plain.box >/dev/full"
exits 125
says 'standard output: '

echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
