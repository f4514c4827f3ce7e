#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tls.sh CELLA INSIDE: attested TLS over real connections: whose key it is, and each way to be no such server.
set -u
cella=$(readlink -f "$1")
inside=$(readlink -f "$2") # of tests/attestation
here=$(dirname "$(readlink -f "$0")")
folder=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
. "$here/checks.sh"

# attested NAME KEY [NONCE]: NAME.pem, a key and its certificate, with evidence for the key of KEY.key.
attested() {
    python3 - "$2" "${3-}" >claims <<'PY'
import hashlib, subprocess, sys
key = subprocess.run(['openssl', 'pkey', '-in', sys.argv[1] + '.key', '-pubout', '-outform', 'DER'], capture_output=True).stdout
text = lambda name: bytes([0x60 + len(name)]) + name
claims = text(b'pubkey-hash') + b'\x58\x24\x82\x01\x58\x20' + hashlib.sha256(key).digest()
if sys.argv[2]:
    nonce = bytes.fromhex(sys.argv[2])
    claims += text(b'nonce') + bytes([0x40 + len(nonce)]) + nonce
sys.stdout.buffer.write(bytes([0xa2 if sys.argv[2] else 0xa1]) + claims)
PY
    echo "{\"cella\": 1, \"attestation\": true, \"arguments\": [\"inside\", \"quote\", \"$(sha256sum <claims | cut -d' ' -f1)\"]}" >"$1.json"
    try "$cella" run --tee process -m "$1.json" "$inside"
    exits 0
    tail -n +2 out >evidence
    extension=$(python3 - <<'PY'
text = lambda bytes: b'\x59' + len(bytes).to_bytes(2, 'big') + bytes
print((b'\xda\x63\x65\x6c\x6c\x82' + text(open('evidence', 'rb').read()) + text(open('claims', 'rb').read())).hex())
PY
)
    printf '[req]\ndistinguished_name=n\nx509_extensions=e\nprompt=no\n[n]\nCN=server\n[e]\n2.23.133.5.4.9=DER:%s\n' \
        "$extension" >"$1.cnf"
    try openssl req -x509 -key "$1.key" -days 2 -config "$1.cnf" -out "$1.crt"
    exits 0
    cat "$1.key" "$1.crt" >"$1.pem"
}

# serves MODE FAMILY [PEM]: sets port; what it says is in the file $port.
serves() {
    python3 "$here/tls_server.py" "$@" >server.out 2>server.err &
    servers+=($!)
    for _ in $(seq 100); do [ -s server.out ] && break || sleep 0.1; done
    port=$(head -1 server.out)
}

export CELLA_PLATFORM=$folder/platform
try "$cella" platform init
exits 0
connect=("$cella" tls-connect --at now --root "$CELLA_PLATFORM/root.pem")
for name in server other; do openssl ecparam -name prime256v1 -genkey -noout -out $name.key; done
key=$(openssl pkey -in server.key -pubout -outform DER | sha256sum | cut -d' ' -f1)
cp server.key fresh.key
attested server server
attested fresh server c0ffee
attested other server # the evidence of one key in the certificate of another

for version in 1.2 1.3; do
    serves $version 4 server.pem
    try "${connect[@]}" --insecure_any_nonce localhost:"$port"
    exits 0
    quiet
    shows 'accepted: ratls evidence'
    shows "$key"
    checks=$((checks + 1))
    grep -qx localhost server.out || failed "the server's name should be sent"
    try "${connect[@]}" --insecure_any_nonce --json 127.0.0.1:"$port"
    exits 0
    is_json out "j['claims']['tls_key_sha256'] == '$key' and j['claims']['tee'] == 'process'"
    checks=$((checks + 1))
    grep -qx 'no name' server.out || failed "an address is no server's name"
done
try "${connect[@]}" 127.0.0.1:"$port"
exits 1
shows 'NONCE'
try "${connect[@]}" --nonce c0ffee 127.0.0.1:"$port"
exits 1
shows 'NONCE'
try "$cella" tls-connect --at now --insecure_any_nonce 127.0.0.1:"$port"
exits 1
shows 'ANCHOR'
try "${connect[@]}" --insecure_any_nonce --report-data 00 127.0.0.1:"$port"
exits 1
try "${connect[@]}" --insecure_any_nonce --policy nowhere 127.0.0.1:"$port"
exits 2

serves 1.3 4 fresh.pem
try "${connect[@]}" --nonce c0ffee 127.0.0.1:"$port"
exits 0
quiet
try "${connect[@]}" --nonce c0ffef 127.0.0.1:"$port"
exits 1
shows 'NONCE'

serves 1.3 4 other.pem
try "${connect[@]}" --insecure_any_nonce 127.0.0.1:"$port"
exits 1
shows 'BINDING'

if python3 -c 'import socket; socket.socket(socket.AF_INET6).bind(("::1", 0))' 2>/dev/null; then
    serves 1.3 6 server.pem
    try "${connect[@]}" --insecure_any_nonce "[::1]:$port"
    exits 0
fi

# No certificate comes: 125, and why.
serves 1.1 4 server.pem
try "${connect[@]}" --insecure_any_nonce 127.0.0.1:"$port"
refuses "127.0.0.1:$port: no TLS handshake"
serves plain 4
try "${connect[@]}" --insecure_any_nonce 127.0.0.1:"$port"
refuses "127.0.0.1:$port: no TLS handshake"
for mode in silent drip; do
    serves $mode 4
    try "${connect[@]}" --insecure_any_nonce 127.0.0.1:"$port"
    refuses "127.0.0.1:$port: no TLS handshake: no answer within 15 s"
done
openssl req -x509 -key server.key -days 2 -subj /CN=plain -out plain.crt 2>/dev/null
cat server.key plain.crt >plain.pem
serves 1.3 4 plain.pem # a certificate without evidence
try "${connect[@]}" --insecure_any_nonce 127.0.0.1:"$port"
exits 2
for server in localhost :1 localhost: localhost:0 localhost:65536 localhost:99999 localhost:4294967739 localhost:x \
    localhost:-1 []:1; do
    try "${connect[@]}" --insecure_any_nonce "$server" && misused 'is not HOST:PORT'
done

echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
