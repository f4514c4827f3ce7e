#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# pkcs11.sh CELLA SOURCE TEE: a key in a PKCS#11 module, released by the very lines of docs/keyd.md; then
# each way in which that must fail, with its sentence. The exit status is 1 when a check failed, 77 where
# SoftHSM or pkcs11-tool is missing.
set -u
real=$(readlink -f "$1")
source=$(readlink -f "$2")
tee=$3
. "$source/tests/cli/checks.sh"
for tool in softhsm2-util pkcs11-tool curl basenc; do
    command -v $tool >/dev/null || { echo "skipped: there is no $tool here (SoftHSM: softhsm2; pkcs11-tool: opensc)"; exit 77; }
done
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
export XDG_DATA_HOME=$folder/data CELLA_PLATFORM=$folder/platform

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
options=()
[ "$tee" != process ] || options=(--insecure_allow_process)
# The documents' command, in this TEE.
cella() {
    case "$1${2:+ $2}" in
    run*) "$real" run --tee "$tee" "${@:2}" ;;
    "keyd serve") exec "$real" "$@" "${options[@]}" ;; # it is in the background
    *) "$real" "$@" ;;
    esac
}

# ---- what a user copies
sed -n '/^## A key in a PKCS#11 module/,/^## The audit log/{/^```sh/,/^```$/p}' "$source/docs/keyd.md" |
    grep -v '^```' | sed "s/:8443/:$port/" >lines
[ "$(wc -l <lines)" -gt 60 ] || { echo "FAILED: docs/keyd.md has not the lines that are looked for"; exit 1; }
command="the lines of docs/keyd.md"
status=0
set -e
. ./lines >"$folder/all" 2>"$folder/all.err" || status=$?
set +e
cp "$folder/all" out
cp "$folder/all.err" err
exits 0
shows 'the same key'
shows 'granted=1'

# ---- the same again, for the failures: release KEY FORMAT
release() {
    nonce=$(curl -s --cacert keys/tls.pem -X POST "https://127.0.0.1:$port/v1/challenge" | sed 's/.*"nonce":"\([0-9a-f]*\)".*/\1/')
    { printf 'cella keyd release 1\0'; echo "$nonce" | tr a-f A-F | basenc -d --base16
      openssl dgst -sha256 -binary recipient.der; printf '%s' "$1"; } | openssl dgst -sha512 -binary >report_data
    cella run evidence.sgxs <report_data >evidence
    cat >request.json <<END
{"key": "$1", "nonce": "$nonce", "format": "$2", "evidence": "$(base64 -w0 evidence)",
 "recipient": {"kty": "RSA", "e": "AQAB", "n": "$(cat n)"}}
END
    try curl -s --cacert keys/tls.pem -d @request.json -o reply.json -w '%{http_code}' "https://127.0.0.1:$port/v1/release"
    command="a release of $1 by $2: $(cut -c-300 reply.json)"
}
given() { # FILE: the key is what this file has, perhaps with zeros behind it
    prints 200
    python3 - <<'END'
import base64, json
def plain(text): return base64.urlsafe_b64decode(text + "==")
payload = json.loads(plain(json.load(open("reply.json"))["value"].split(".")[1]))
open("wrapped", "wb").write(plain(json.loads(plain(payload["response"]["key"]["key"]["key_hsm"]))["ciphertext"]))
END
    head -c 384 wrapped | openssl pkeyutl -decrypt -inkey recipient.pem -pkeyopt rsa_padding_mode:oaep -out aes
    tail -c +385 wrapped | openssl enc -d -id-aes256-wrap-pad -K "$(basenc --base16 -w0 aes)" -iv A65959A6 -out opened
    checks=$((checks + 1))
    cmp -n "$(wc -c <"$1")" opened "$1" >differ 2>&1 || failed "the key should be that of $1: $(cat differ)"
}
denied() { # STATUS CLASS SENTENCE
    prints "$1"
    is_json reply.json "j['error']['class'] == '$2' and '$3' in j['error']['sentence'] and 'value' not in j"
}
serve() { # keyd, in the background
    : >serve.out
    cella keyd serve keys --listen "127.0.0.1:$port" --passphrase-fd 3 3<pass >serve.out 2>serve.err &
    keyd=$!
    for _ in $(seq 400); do
        grep -q listening serve.out && return
        sleep 0.05
    done
    failed "keyd should serve: $(cat serve.err)"
}
# add NAME LABEL [PIN [MODULE [TOKEN]]]
add() {
    echo "${3:-1234}" >pin
    try bash -c '"$0" keyd add keys "$1" --policy policy.json --pkcs11 "$2" --token "$3" --label "$4" \
        --pin-fd 4 4<pin --passphrase-fd 3 3<pass' "$real" "$1" "${4:-$module}" "${5:-ward}" "$2"
}
token() { pkcs11-tool --module "$module" --token-label ward --login --pin 1234 "$@" >token.out 2>&1; }
wait

head -c 32 /dev/urandom >known.key
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -outform DER -out ec.der 2>/dev/null
token --write-object known.key --type secrkey --key-type AES:32 --label known --id 02 --sensitive --extractable &&
    token --keygen --key-type AES:32 --label kept --id 03 --sensitive &&
    token --keygen --key-type AES:32 --label twice --id 04 --extractable &&
    token --keygen --key-type AES:32 --label twice --id 05 --extractable &&
    token --write-object ec.der --type privkey --label ec --id 06 --sensitive --extractable || { cat token.out; exit 1; }

# ---- what is no key of a token is none of the keyd
add none nobody
refuses 'the PKCS#11 token ward has no key of that label or id; one is wanted'
add none twice
refuses 'the PKCS#11 token ward has more than one key of that label or id'
add none kept
refuses 'the PKCS#11 token ward lets this key out to nobody: make one that may be wrapped'
add none known 4321
refuses 'the PKCS#11 token ward refuses the PIN'
add none known 12
refuses 'the PKCS#11 token ward refuses the PIN'
add none known 1234 "$folder/nowhere.so"
refuses 'the PKCS#11 module cannot be loaded'
add none known 1234 "$real"
refuses 'the PKCS#11 module cannot be loaded'
add none known 1234 "$module" elsewhere
refuses 'has no token labelled elsewhere'
try "$real" keyd list keys
prints "patients pkcs11 policy=$(sha256sum policy.json | cut -d' ' -f1)
"

# ---- keys that are known come as they are
add known known
exits 0
add ec ec
exits 0
checks=$((checks + 1))
! grep -rqF '"1234"' keys || failed "the PIN lies open"
serve
release known ckm_rsa_aes_key_wrap
given known.key
release ec ckm_rsa_aes_key_wrap
openssl pkey -inform DER -in ec.der -pubout >ec.pub
given /dev/null
command="the private key that came, in PKCS #8"
try openssl pkey -inform DER -in opened -pubout
prints "$(cat ec.pub)
"
release known rsa_aes_key_wrap_256
denied 400 FORMAT 'the PKCS#11 module cannot wrap in this format'
release known jwe
denied 400 FORMAT 'wraps by ckm_rsa_aes_key_wrap alone'

# ---- the token goes away: no key of it goes out, and it is said; then it is back
mv tokens away
release known ckm_rsa_aes_key_wrap
denied 500 SYSTEM 'has no token labelled ward; is it plugged in, or set up?'
release known ckm_rsa_aes_key_wrap
denied 500 SYSTEM 'has no token labelled ward'
kill -HUP $keyd
for _ in $(seq 400); do
    grep -q 'no token labelled ward' serve.err && break
    sleep 0.05
done
cp serve.err err
command="SIGHUP without the token"
says 'no token labelled ward'
kill $keyd
wait $keyd
try bash -c '"$0" keyd serve keys --listen 127.0.0.1:0 --passphrase-fd 3 3<pass' "$real"
refuses 'the PKCS#11 token ward fails: C_Initialize'
add other known
refuses 'the PKCS#11 token ward fails: C_Initialize'
try bash -c '"$0" keyd add keys own --policy policy.json --passphrase-fd 3 3<pass' "$real"
exits 0
mv away tokens
serve
release known ckm_rsa_aes_key_wrap
given known.key

# ---- another PIN than the one that was added
kill $keyd
wait $keyd
pkcs11-tool --module "$module" --token-label ward --login --pin 1234 --change-pin --new-pin 9876 >token.out 2>&1 || cat token.out
try bash -c '"$0" keyd serve keys --listen 127.0.0.1:0 --passphrase-fd 3 3<pass' "$real"
refuses 'the PKCS#11 token ward refuses the PIN'

try "$real" keyd log keys
shows 'granted=4'
shows 'refused=4'
echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
