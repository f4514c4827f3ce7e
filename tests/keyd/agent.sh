#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# agent.sh CELLA AGENT READER TEE: a program that knows nothing of keys gets them from a keyd before it
# starts, by cella-keyd-agent; and each way in which it must not, with its sentence. READER prints the
# file that is its argument. The exit status is 1 when a check failed.
set -u
cella=$(readlink -f "$1")
agent=$(readlink -f "$2")
reader=$(readlink -f "$3")
tee=$4
middle=$(readlink -f "$(dirname "$0")/middle.py")
. "$(dirname "$0")/../cli/checks.sh"
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export XDG_DATA_HOME=$folder/data CELLA_PLATFORM=$folder/platform

# soon COMMAND...: waits until it succeeds, for 20 s at most.
soon() {
    for _ in $(seq 400); do
        "$@" 2>/dev/null && return
        sleep 0.05
    done
    false
}
digest() { sha256sum | cut -d' ' -f1; }
port_of() {
    soon grep -q listening= "$1" || { cat "$1" "$1.err"; exit 1; }
    grep -o '[0-9]*$' "$1"
}

# ---- a keyd, whose TLS key the man in the middle has, too
for name in tls stranger; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=keyd -days 2 \
        -keyout $name.key -out $name.pem 2>/dev/null || exit 1
done
"$cella" platform init >/dev/null && "$cella" key new owner >/dev/null || exit 1
"$cella" keyd init keyd --passphrase-fd 3 3<<<"open sesame" || exit 1
"$cella" platform show --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["root"])' >keyd/roots/here
echo '{"kty":"EC","crv":"P-256","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY","y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}' >other.jwk
options=()
[ "$tee" != process ] || options=(--insecure_allow_process)
"$cella" keyd serve keyd --listen 127.0.0.1:0 --cert tls.pem --cert-key tls.key "${options[@]}" \
    --passphrase-fd 3 3<<<"open sesame" >serve 2>serve.err &
keyd=$!
direct=$(port_of serve)
echo pass >mode
"$middle" "$folder" "$direct" >middle 2>middle.err &
through=$(port_of middle)
tls=$(openssl x509 -in tls.pem -pubkey -noout | openssl pkey -pubin -outform DER | digest)
signing=$(openssl pkey -pubin -in keyd/signing.pem -outform DER | digest)

# ---- images: image NAME PORT KEYS [EXPRESSION]: a manifest, changed by a Python statement over `m`
image() {
    python3 - "$1.json" "$agent" "127.0.0.1:$2" "$tls" "$signing" "$3" "${4:-}" <<'END' || exit 1
import json, sys
path, agent, keyd, tls, signing, keys, change = sys.argv[1:]
m = {"cella": 1, "arguments": ["reader", "/note"], "attestation": True, "network": True,
     "heap_size": "256M", "threads": 4, "agent": agent,
     "agent_arguments": ["--keyd", keyd, "--tls-key", tls, "--signing-key", signing] + keys.split(),
     "files": [{"path": "/note", "kind": "box", "source": "note.txt.box", "key": "note"},
               {"path": "/second", "kind": "box", "source": "second.txt.box", "key": "second"}]}
exec(change)
json.dump(m, open(path, "w"))
END
    "$cella" pack -m "$1.json" -o "$1.sgxs" "$reader" >/dev/null || exit 1
}
image good "$direct" "note second=note.two"
image through "$through" "note"
image changed "$through" "note" 'm["heap_size"] = "128M"'
image offline "$direct" "note" 'm["network"] = False'
image taken "$direct" "note" 'm["insecure_keys"] = {"note": 64 * "0"}'
image unknown "$direct" "note nobody"
image bare "$direct" ""
image named localhost "note" 'm["agent_arguments"][1] = "localhost:443"'
image pinned "$direct" "note" 'm["agent_arguments"][3] = "00"'
permitted=$(for name in good through offline taken unknown; do
    printf '%s{"claim": "mrenclave", "equals": "%s"}' "${comma:-}" "$(digest <$name.sgxs)"
    comma=', '
done)
echo '{"version": "1.0.0", "anyOf": [{"authority": "cella", "anyOf": ['"$permitted"']}]}' >policy.json

# ---- keys of boxes
for name in note second; do
    echo "what $name says" >$name.txt
    "$cella" seal $name.txt --to owner || exit 1
done
command="cella keyd add, --box"
"$cella" keyd add keyd note --policy policy.json --box note.txt.box --passphrase-fd 3 3<<<"open sesame" \
    >out 2>err
status=$?
exits 0
"$cella" keyd add keyd note.two --policy policy.json --box second.txt.box --box-key owner \
    --passphrase-fd 3 3<<<"open sesame" >out 2>err
status=$?
exits 0
"$cella" key new stranger >/dev/null
"$cella" keyd add keyd third --policy policy.json --box note.txt.box --box-key stranger \
    --passphrase-fd 3 3<<<"open sesame" >out 2>err
status=$?
refuses "note.txt.box"
try "$cella" keyd add keyd third --policy policy.json --box note.txt.box --key note.txt
misused "--box stands for --key"
try "$cella" keyd add keyd third --policy policy.json --box-key owner
misused "--box-key is for a --box"
try "$cella" keyd list keyd
checks=$((checks + 1))
! grep -q third out || failed "a key whose box did not open should not be there"
kill -HUP $keyd
soon grep -q "read again" serve.err

# ---- the program reads its boxes
run() { try "$cella" run --tee "$tee" "$1.sgxs"; }
held() { # the agent ended with one sentence, and nothing of the box was seen
    exits 1
    prints ''
    says "cella-keyd-agent: $1"
    checks=$((checks + 1))
    [ "$(grep -c cella-keyd-agent err)" -eq 1 ] || failed "it should be one sentence"
}
# middle MODE...: what the man in the middle does to the next run
middle() {
    echo "$*" >mode
    run through
    command="through a man in the middle: $*"
}
run good
exits 0
prints 'what note says
'
middle keep
exits 0
prints 'what note says
'

# ---- what must not be
if [ "$tee" != process ]; then
    try "$cella" run --tee process good.sgxs
    held "keyd 127.0.0.1:$direct refuses the key note: POLICY: tee: expected one that protects, found process"
fi
echo pass >mode
run changed
held "keyd 127.0.0.1:$through refuses the key note: POLICY: "
middle stranger
held "keyd 127.0.0.1:$through: the certificate's key: expected $tls, found "
middle replay-release
held "keyd's answer: request: is of another request than this one; was it replayed?"
middle replay-all
held "keyd's answer: request: is of another request than this one; was it replayed?"
middle signing
held "keyd's answer: signing_key: expected the one with the SHA-256 $signing, found another"
middle flip
held "keyd's answer: is not signed by the key that was asked for"
middle control
held "keyd 127.0.0.1:$through refuses a challenge: NO: ?[31mred??"
middle huge
held "keyd 127.0.0.1:$through: an answer of more than 65535 bytes"
middle short
held "keyd's answer: has 2 bytes, not 3 as its header says"
middle deaf
held "keyd's answer: is none of HTTP/1.1"
run unknown
held "keyd 127.0.0.1:$direct refuses the key nobody: UNKNOWN_KEY: there is no key nobody here"
run offline
held "no socket: Permission denied; is the manifest's \"network\" true?"
run taken
held "the key note cannot be set: has the manifest it among its insecure_keys?"
run bare
held "wants --keyd ADDRESS:PORT"
run named
held "localhost:443: is no address of a keyd"
run pinned
held "--tls-key: must be 64 lower-case hexadecimal digits"
CELLA_PLATFORM=$folder/none run good
held "there is no evidence of this enclave"

# ---- a keyd that is busy is asked again, and not for ever
middle busy 2
exits 0
prints 'what note says
'
middle busy 9
held "keyd 127.0.0.1:$through refuses its status: BUSY: wait"
checks=$((checks + 1))
[ "$(cat mode)" = "busy 5" ] || failed "it should have asked 4 times, not $((9 - $(cut -d' ' -f2 mode)))"

# ---- keyd's log has it all; then it is down
kill $keyd
wait $keyd
run good
held "keyd 127.0.0.1:$direct: no connection: Connection refused"
try "$cella" keyd log keyd
exits 0
checks=$((checks + 1))
grep -q '"decision":"refused","key":"note".*POLICY' keyd/log || failed "the log should have the refusal"

echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
