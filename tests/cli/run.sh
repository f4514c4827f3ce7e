#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh CELLA PROBE DYNAMIC_PROBE [TEE]: the command line, from outside, with programs in the best
# TEE that there is here, or in TEE. Every check says what it looked for when it fails; the exit
# status is 1 when one did.
set -u
cella=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$2" "$folder/probe" && cp "$3" "$folder/dynamic" || exit 1
cd "$folder" || exit 1
. "$here/checks.sh"

"$cella" doctor >out 2>err </dev/null
case $? in
0) tee=vsm ;;
1) tee=process ;;
*)
    echo "no TEE works here:"
    cat out err
    exit 1
    ;;
esac
tee=${4:-$tee}
run() { try "$cella" run --tee "$tee" "$@"; }

# ---- without a verb ----
try "$cella" && exits 2 && says 'usage: cella VERB'
try "$cella" bogus && misused "there is no verb 'bogus'"
try "$cella" --bogus && misused "there is no option '--bogus'"
try "$cella" --version x && misused "'x' does not go with '--version'"
try "$cella" help bogus && misused "'bogus' does not go with 'help'"
try "$cella" --version && exits 0 && quiet && shows 'cella '
for help in --help -h help; do
    try "$cella" $help && exits 0 && quiet && shows 'usage: cella VERB'
done

# ---- what all verbs share ----
for verb in doctor pack identity inspect run; do
    try "$cella" $verb --help
    exits 0
    quiet
    shows "usage: cella $verb"
    cp out help
    try "$cella" $verb -h
    prints "$(cat help)
"
    try "$cella" help $verb
    prints "$(cat help)
"
    try "$cella" $verb --bogus
    misused "cella $verb: there is no option --bogus"
    try "$cella" $verb --bogus=3
    misused 'there is no option --bogus=3'
    try "$cella" $verb -xh
    misused 'there is no option -x'
    try "$cella" $verb --help=3
    misused '--help=3: that option takes no value'
    try bash -c "'$cella' $verb --help >/dev/full"
    exits 125
    says 'standard output: No space left on device'
done

printf '#!/bin/sh\n' >script
: >empty
mkdir folder
mkfifo fifo
head -c 20 probe >cut
for verb in pack identity inspect run; do
    try "$cella" $verb
    misused "cella $verb:"
    try "$cella" $verb missing
    refuses 'missing: cannot open: No such file or directory'
    try "$cella" $verb folder
    refuses 'folder: not a regular file'
    try "$cella" $verb fifo
    refuses 'fifo: not a regular file'
    try "$cella" $verb /dev/zero
    refuses '/dev/zero: not a regular file'
    try "$cella" $verb empty
    refuses 'empty: '
    try "$cella" $verb script
    refuses 'script: '
    try "$cella" $verb cut
    refuses 'cut: '
done
for verb in identity inspect; do
    try "$cella" $verb probe
    refuses 'probe: '
    try "$cella" $verb --json probe
    refuses 'probe: '
    try "$cella" $verb one two
    misused 'one image '
done

# ---- pack ----
for verb in pack run; do
    try "$cella" $verb dynamic
    refuses 'dynamic: dynamically linked'
    try "$cella" $verb -m
    misused '-m wants a value'
    try "$cella" $verb --manifest
    misused '--manifest wants a value'
    try "$cella" $verb -m missing.json probe
    refuses 'missing.json: cannot open'
    printf '{"cella":1,' >bad.json
    try "$cella" $verb -m bad.json probe
    refuses 'bad.json: line '
    printf '{"cella":1,"bogus":1}' >bad.json
    try "$cella" $verb -m bad.json probe
    refuses 'bad.json: bogus: unknown key'
    printf '{"cella":1,"threads":"many"}' >bad.json
    try "$cella" $verb -m bad.json probe
    refuses 'bad.json: threads'
    printf '{"cella":1,"files":[{"path":"/x","kind":"measured","source":"nowhere"}]}' >bad.json
    try "$cella" $verb -m bad.json probe
    refuses 'nowhere'
done
rm bad.json

try "$cella" pack probe exit 7
exits 0
quiet
prints "mrenclave=$(sha256sum <probe.sgxs | cut -d' ' -f1)
"
try "$cella" pack -o again.sgxs probe exit 7
exits 0
checks=$((checks + 1))
cmp -s probe.sgxs again.sgxs || failed 'the same input should give the same image'
try "$cella" pack -o again.sgxs probe exit 8
exits 0
checks=$((checks + 1))
cmp -s probe.sgxs again.sgxs && failed 'other arguments should give another image'
checks=$((checks + 1))
[ "$(stat -c %a again.sgxs)" = "$(printf '%o' $((0666 & ~0$(umask))))" ] ||
    failed 'the image should have the mode that umask says'

cp probe before
try "$cella" pack -o probe probe
misused 'the image would overwrite probe'
ln -s probe link
try "$cella" pack -o link probe
misused 'the image would overwrite link'
printf '{"cella":1}' >plain.json
try "$cella" pack -m plain.json -o plain.json probe
misused 'the image would overwrite plain.json'
checks=$((checks + 1))
cmp -s probe before || failed 'the program should be as it was'
try "$cella" pack -o folder probe
refuses 'folder: it is a folder'
try "$cella" pack -o nowhere/x probe
refuses 'nowhere/x: cannot write there'
mknod full c 1 7 2>/dev/null
if [ -c full ]; then
    try "$cella" pack -o full probe
    refuses 'full: it is not a regular file'
    checks=$((checks + 1))
    [ -c full ] || failed 'a device should stay a device'
fi
cp again.sgxs keep.sgxs
try "$cella" pack -o keep.sgxs dynamic
exits 125
checks=$((checks + 1))
cmp -s keep.sgxs again.sgxs || failed 'a failure should leave the old image as it was'
# No room: a limit on the size of files stands for a full disk.
try bash -c "trap '' XFSZ; ulimit -f 64; '$cella' pack -o big.sgxs probe"
refuses 'big.sgxs: File too large'
absent big.sgxs
try bash -c "'$cella' pack -o big.sgxs probe >/dev/full"
exits 125
says 'standard output: '
rm -f big.sgxs
# Killed at any moment: an image that is whole or none, and no other file.
ls >names
for after in 0.001 0.005 0.01 0.02 0.04; do
    for signal in INT TERM; do
        command="pack killed by $signal after $after s"
        timeout -s $signal $after "$cella" pack -o killed.sgxs probe exit 7 >out 2>err
        checks=$((checks + 1))
        if [ -e killed.sgxs ] && ! cmp -s killed.sgxs probe.sgxs; then failed 'half an image'; fi
        rm -f killed.sgxs
        checks=$((checks + 1))
        [ "$(ls | grep -v '^names$')" = "$(grep -v '^names$' names)" ] || failed 'files are left behind'
    done
done

# ---- identity, inspect ----
try "$cella" identity probe.sgxs
exits 0
quiet
shows "mrenclave=$(sha256sum <probe.sgxs | cut -d' ' -f1)"
shows "mrsigner=$(printf '0%.0s' {1..64})"
shows 'program=probe'
shows 'takes_arguments=no'
try "$cella" identity --json probe.sgxs
exits 0
is_json out 'j["mrenclave"] and j["threads"] > 0 and j["takes_arguments"] is False and j["program"] == "probe"'
try bash -c "'$cella' identity probe.sgxs >/dev/full"
exits 125
says 'standard output: '
try "$cella" inspect probe.sgxs
exits 0
quiet
shows "$(sha256sum <probe.sgxs | cut -d' ' -f1)"
shows 'R-X  trampoline'
shows 'thread 0: TCS'
shows '__libc_read'
try "$cella" inspect --json probe.sgxs
exits 0
quiet
is_json out 'j["boot"]["arguments"] == ["probe", "exit", "7"] and j["notes"]["manifest"]["cella"] == 1'
is_json out 'sum(p["size"] for p in j["pages"] if "not added" not in p["what"]) == 4096 * j["page_count"]'
is_json out 'len([s for f in j["notes"]["sites"]["functions"] for s in f["sites"]]) == j["notes"]["sites"]["calls"] + j["notes"]["sites"]["stubs"] > 0'
for size in 8 63 64 100 6000 1000000; do
    head -c $size probe.sgxs >short.sgxs
    for verb in identity inspect run; do
        try "$cella" $verb short.sgxs
        refuses 'short.sgxs: '
    done
done

# ---- run ----
for status_wanted in 0 1 7 124 125 255; do
    run probe exit $status_wanted
    exits $status_wanted
    prints ''
done
run probe.sgxs
exits 7
for signal in 1 2 6 9 15 19 20 34 64; do # also those that stop a process, and real-time ones
    run probe raise $signal
    exits $((128 + signal))
done
# As the parent sees it: ended by a signal, not exited with 128 + its number.
command='the signal as the parent sees it'
checks=$((checks + 1))
python3 -c 'import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode != -6)' \
    "$cella" run --tee "$tee" probe raise 6 2>err >out || failed 'it should be ended by SIGABRT'
run probe fault
exits 125
says 'cella: the enclave stopped'
run probe arguments 'a b' '' --help -m
exits 0
prints 'probe
arguments
a b

--help
-m
'
run probe environment
prints ''
run probe streams
exits 0
prints 'to stdout
'
says 'to stderr'
checks=$((checks + 1))
[ "$(grep -c stdout err)" -eq 0 ] || failed 'stdout should not come by stderr'
command='copy stdin'
head -c 300000 /dev/urandom >bytes
checks=$((checks + 1))
timeout 60 "$cella" run --tee "$tee" probe copy <bytes >out 2>err
status=$?
cmp -s bytes out || failed 'stdin should come back on stdout'
try bash -c "'$cella' run --tee $tee probe streams >/dev/full"
exits 9
try bash -c "'$cella' run --tee $tee probe copy <&-"
exits 0

printf '{"cella":1,"arguments":"host","environment":"host"}' >host.json
try "$cella" pack -m host.json -o host.sgxs probe
exits 0
try "$cella" identity host.sgxs
shows 'takes_arguments=yes'
shows 'takes_environment=yes'
run host.sgxs arguments one 'two three'
exits 0
prints 'host.sgxs
arguments
one
two three
'
try env -i A=1 B='2 3' "$cella" run --tee "$tee" host.sgxs environment
prints 'A=1
B=2 3
'
try env -i A=1 "$cella" run --tee "$tee" -m host.json probe environment
prints 'A=1
'
printf '{"cella":1,"arguments":["fixed","exit","3"]}' >fixed.json
run -m fixed.json probe
exits 3
run probe.sgxs exit 1
refuses 'the image fixes its arguments'
run -m host.json probe.sgxs
refuses '-m goes with a program'
printf '{"cella":1,"environment":{"A":"1"}}' >environment.json
run -m environment.json probe environment
prints 'A=1
'

try "$cella" run --tee
misused '--tee wants a value'
try "$cella" run --tee sgx9 probe
misused "--tee is auto, vsm or process, not 'sgx9'"
try "$cella" run --json probe
misused '--json goes with --stats'
try "$cella" run --stats=3 probe
misused '--stats=3: that option takes no value'

run --stats probe streams
exits 0
prints 'to stdout
'
says 'to stderr'
says "tee               $tee"
run --stats --json probe exit 4
exits 4
prints ''
tail -n 1 err >json
is_json json "j['tee'] == '$tee' and j['pages_added'] > 0 and j['syscalls']['brk']['inside'] > 0 and j['run_ns'] > 0"

# A signal to cella ends it as it would end the program, and leaves nothing behind.
ls >names
for signal in INT TERM; do
    command="run killed by $signal"
    : >out
    # In the background a shell's children ignore SIGINT, and so would cella: python starts it.
    checks=$((checks + 1))
    python3 - "$signal" "$cella" run --tee "$tee" probe sleep 2>err <<'PYTHON' || failed 'it should end by that signal'
import signal, subprocess, sys
number = getattr(signal, "SIG" + sys.argv[1])
child = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
ready = child.stdout.readline()
child.send_signal(number)
sys.exit(ready != b"ready\n" or child.wait(30) != -number)
PYTHON
    checks=$((checks + 1))
    [ "$(ls)" = "$(cat names)" ] || failed 'files are left behind'
done

# ---- doctor ----
try "$cella" doctor
quiet
checks=$((checks + 1))
[ "$status" -le 1 ] || failed 'a TEE worked above'
shows "The host's posture"
for row in vsm sgx process lockdown yama module_signatures kexec secure_boot tpm swap; do
    shows "$row "
done
text_status=$status
try "$cella" doctor --json
quiet
exits $text_status
is_json out '[t["name"] for t in j["tees"]] == ["vsm", "sgx", "process"]'
is_json out 'all(set(t) == {"name", "works", "sealed", "summary", "capabilities"} for t in j["tees"])'
is_json out 'all(set(c) == {"name", "works", "found", "remedy"} for t in j["tees"] for c in t["capabilities"])'
is_json out 'all(set(p) == {"name", "value", "class", "meaning"} and p["class"] in ("ok", "warn", "unknown") for p in j["posture"])'
is_json out "any(t['works'] and t['sealed'] for t in j['tees']) == ($text_status == 0)"
try "$cella" doctor x
misused "it takes no argument, not 'x'"
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
    chmod 755 "$folder"
    try setpriv --reuid 65534 --regid 65534 --clear-groups "$cella" doctor --json
    quiet
    checks=$((checks + 1))
    [ "$status" -le 125 ] || failed 'doctor should work without root'
    is_json out 'len(j["posture"]) > 15'
fi

echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
