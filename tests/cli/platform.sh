#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# platform.sh CELLA INSIDE: who signs evidence here: made once, shown as openssl sees it, never overwritten.
set -u
cella=$(readlink -f "$1")
inside=$(readlink -f "$2") # of tests/attestation
here=$(dirname "$(readlink -f "$0")")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
. "$here/checks.sh"

try "$cella" platform --help && exits 0 && quiet && shows 'usage: cella platform init'
try "$cella" platform && misused 'init, show, request, certify or accept is wanted'
try "$cella" platform make && misused 'init, show, request, certify or accept is wanted'
try "$cella" platform init show && misused 'init takes no file'
try "$cella" platform init --json && misused '--json goes with show and certify'
try "$cella" platform init --folder && misused '--folder wants a value'
try "$cella" platform show --tpm && misused '--tpm and --tcti go with init'
try "$cella" platform init --tcti device:/dev/tpmrm0 && misused '--tcti goes with --tpm'
try "$cella" platform init --folder none --tpm --tcti nowhere
refuses 'names no TPM'
try "$cella" platform init --issuer --tpm && misused '--issuer and --tpm exclude each other'
try "$cella" platform show --issuer && misused '--issuer goes with init'
try "$cella" platform request && misused 'request wants a file to write'
try "$cella" platform request --at now one && misused '--at, --root and --collateral go with certify'
try "$cella" platform certify --at now one && misused 'certify wants a request, and a file to write'
try "$cella" platform certify one two && misused '--at is wanted'
try "$cella" platform certify --at then one two && misused '--at wants a time'
try "$cella" platform accept && misused 'accept wants a grant'
try "$cella" platform certify --at now one two
refuses 'one'
try "$cella" platform --bogus && misused 'there is no option --bogus'

export CELLA_PLATFORM=$folder/here/platform
try "$cella" platform show
refuses 'cella platform init'
try "$cella" platform init
exits 0
prints ''
quiet
checks=$((checks + 1))
[ "$(stat -c %a here/platform/root.key here/platform/platform.key | sort -u)" = 600 ] ||
    failed "keys should be their owner's alone"
cp -r here/platform before
try "$cella" platform init
refuses 'is there already'
try diff -r before here/platform
exits 0
try ls here
prints 'platform
'

root=$(openssl x509 -in here/platform/root.pem -noout -pubkey | openssl pkey -pubin -outform DER |
    sha256sum | cut -d' ' -f1)
subject=$(openssl x509 -in here/platform/platform.pem -noout -subject -nameopt RFC2253 | sed 's/subject=//')
try "$cella" platform show
exits 0
quiet
prints "folder=$folder/here/platform
subject=$subject
root=$root
"
try "$cella" platform show --folder before --json
exits 0
is_json out "j == {'folder': 'before', 'subject': '$subject', 'root': '$root'}"
try openssl verify -x509_strict -CAfile here/platform/root.pem here/platform/platform.pem
exits 0

# A program that asks for evidence: with a platform it gets some, without one it is told, and runs.
echo '{"cella": 1, "attestation": true, "arguments": ["inside", "quote"]}' >quote.json
echo '{"cella": 1, "attestation": true, "arguments": ["inside", "none"]}' >none.json
try "$cella" run --tee process -m quote.json "$inside"
exits 0
quiet
shows 'cella-process'
shows 'application/vnd.cella.evidence+cbor'
try env CELLA_PLATFORM=nowhere "$cella" run --tee process -m none.json "$inside"
exits 0
shows 'none'
checks=$((checks + 1))
[ "$(grep -c 'runs without evidence' err)" = 1 ] || failed "the absence of a platform is said once"

# A TPM whose maker certified its endorsement key, and an issuer that trusts that maker.
if command -v swtpm_setup >/dev/null && command -v swtpm >/dev/null; then
    mkdir ca tpm
    printf '%s = %s\n' create_certs_tool "$(command -v swtpm_localca)" create_certs_tool_config "$folder/ca.conf" \
        create_certs_tool_options /etc/swtpm-localca.options >setup.conf
    printf '%s = %s\n' statedir "$folder/ca" signingkey "$folder/ca/signkey.pem" \
        issuercert "$folder/ca/issuercert.pem" certserial "$folder/ca/certserial" >ca.conf
    try swtpm_setup --tpm2 --tpmstate "$folder/tpm" --config "$folder/setup.conf" --create-ek-cert \
        --pcr-banks sha256
    exits 0
    swtpm socket --tpm2 --tpmstate "dir=$folder/tpm" --server "type=unixio,path=$folder/tpm/server" \
        --ctrl "type=unixio,path=$folder/tpm/control" --flags not-need-init,startup-clear 2>/dev/null &
    for _ in $(seq 300); do [ -S tpm/control ] && break || sleep 0.1; done
    machine=(--folder "$folder/machine")
    maker=(--root ca/swtpm-localca-rootca-cert.pem --collateral ca/issuercert.pem)
    try "$cella" platform init "${machine[@]}" --tpm --tcti "swtpm:path=$folder/tpm/server"
    exits 0
    try "$cella" platform init --folder issuer --issuer && exits 0 && quiet
    try ls issuer
    prints 'root.key
root.pem
'
    try "$cella" platform request --folder issuer new.request
    refuses 'no platform with a TPM'
    try "$cella" platform request "${machine[@]}" new.request && exits 0 && quiet && prints ''
    try "$cella" platform request "${machine[@]}" new.request
    refuses 'new.request: cannot be written'
    try "$cella" platform certify --folder issuer --at now new.request new.grant && exits 1 && shows ANCHOR
    try "$cella" platform certify --folder issuer --at now --root issuer/root.pem new.request new.grant
    exits 1
    shows 'the certificate of swtpm-localca'
    try "$cella" platform certify --folder issuer --at 2001-01-01 "${maker[@]}" new.request new.grant
    exits 1
    shows TIME
    try "$cella" platform certify --folder issuer --at now "${maker[@]}" ca/issuercert.pem new.grant && exits 2
    try "$cella" platform certify --folder nobody --at now "${maker[@]}" new.request new.grant
    refuses 'nobody/root.pem'
    checks=$((checks + 1))
    [ ! -e new.grant ] || failed "nothing was granted"
    try "$cella" platform certify --folder issuer --at now "${maker[@]}" --json new.request new.grant
    exits 0
    quiet
    is_json out "j['verdict'] == 'accepted' and len(j['claims']['tpm_key']) == 64"
    try "$cella" platform certify --folder issuer --at now "${maker[@]}" new.request new.grant
    refuses 'new.grant: cannot be written'
    try "$cella" platform accept "${machine[@]}" new.request
    refuses 'cella_platform_grant'
    try "$cella" platform accept "${machine[@]}" new.grant && exits 0 && quiet && prints ''
    try "$cella" platform show "${machine[@]}"
    exits 0
    shows "root=$(openssl x509 -in issuer/root.pem -noout -pubkey | openssl pkey -pubin -outform DER |
        sha256sum | cut -d' ' -f1)"
    try openssl verify -x509_strict -CAfile issuer/root.pem machine/platform.pem
    exits 0
    # Evidence with a long log, through an enclave: more than a message between it and its host takes.
    python3 - tpm/server ima.log <<'END'
import hashlib, socket, struct, sys
tpm = socket.socket(socket.AF_UNIX)
tpm.connect(sys.argv[1])
def extend(digest): # TPM2_PCR_Extend of PCR 10
    command = (struct.pack(">IIIIIHBH", 0x182, 10, 9, 0x40000009, 0, 0, 0, 0)[:16] + bytes(5)
               + struct.pack(">IH", 1, 0x0b) + digest)
    tpm.sendall(struct.pack(">HI", 0x8002, 6 + len(command)) + command)
    assert tpm.recv(64)[6:10] == bytes(4)
field = lambda data: struct.pack("<I", len(data)) + data
with open(sys.argv[2], "wb") as log:
    for i in range(10000):
        data = field(b"sha256:\0" + bytes(32)) + field(b"/usr/bin/%d\0" % i)
        log.write(struct.pack("<I", 10) + hashlib.sha1(data).digest() + field(b"ima-ng") + field(data))
        extend(hashlib.sha256(data).digest())
END
    sed -i "s|\"ima\": .*|\"ima\": \"$folder/ima.log\",|" machine/tpm.json
    try env CELLA_PLATFORM="$folder/machine" "$cella" run --tee process -m quote.json "$inside"
    exits 0
    tail -n +2 out >long.evidence
    checks=$((checks + 1))
    [ "$(stat -c %s long.evidence)" -gt 320000 ] || failed "a digest of each of 10,000 entries is in the evidence"
    try "$cella" verify --at now --root issuer/root.pem --insecure_any_report_data --json long.evidence
    exits 0
    is_json out "j['claims']['tpm'] and j['claims']['posture']['tpm_key']"
    # The issuer takes it back, as docs/attestation-vsm.md says.
    cp machine/platform.pem host.pem
    sed -n '/^    # what the issuer takes back/,/^$/p' "$here/../../docs/attestation-vsm.md" >revoke.sh
    try bash -e revoke.sh && exits 0
    try "$cella" verify --at now --root issuer/root.pem --collateral revoked.pem --insecure_any_report_data long.evidence
    exits 1
    shows REVOKED
    try "$cella" platform init --folder other --issuer
    sed 's|issuer/root|other/root|g; s|revoked.pem|others.pem|' revoke.sh >other.sh
    rm index.txt* && try bash -e other.sh && exits 0 # a list of somebody else's
    try "$cella" verify --at now --root issuer/root.pem --collateral others.pem --insecure_any_report_data long.evidence
    exits 0
    head -c 300000 long.evidence >cut.evidence
    try "$cella" verify --at now --root issuer/root.pem --insecure_any_report_data cut.evidence
    exits 2

    try "$cella" platform init --folder second --tpm --tcti "swtpm:path=$folder/tpm/server"
    try "$cella" platform accept --folder second new.grant
    refuses 'another attestation key'
    kill %1
else
    echo 'swtpm_setup is not installed (apt-get install swtpm-tools): certifying is not tested here'
fi

unset CELLA_PLATFORM
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
    mkdir user && chown 65534 user && chmod 755 "$folder"
    cp "$cella" "$(dirname "$cella")/cella-tools" . # the build folder may be in a home of root's
    user=(setpriv --reuid 65534 --regid 65534 --clear-groups env -u XDG_DATA_HOME)
    try "${user[@]}" HOME="$folder/user" ./cella platform init
    exits 0
    try "${user[@]}" HOME="$folder/user" ./cella platform show
    shows "folder=$folder/user/.local/share/cella/platform"
    try "${user[@]}" XDG_DATA_HOME="$folder/user/data" ./cella platform show
    refuses "$folder/user/data/cella/platform/platform.key"
    try "${user[@]}" HOME= ./cella platform show
    exits 125
fi

echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
