#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# keyd.sh CELLA: a keyd from the command line: its folder, its keys, a server that is asked, told to read
# again, killed and stopped, and its log.
set -u
cella=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")
folder=$(mktemp -d)
server=
authority=keys/tls.pem
trap '[ -z "$server" ] || kill -9 "$server"; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
. "$here/checks.sh"

printf 'open sesame\n' >pass
printf 'open sesamo\n' >wrong
for name in pass wrong; do # ./with-pass VERB...: with that passphrase
    printf '#!/bin/sh\nexec "%s" keyd "$@" --passphrase-fd 3 3<%s\n' "$cella" "$name" >"with-$name"
    chmod +x "with-$name"
done

try "$cella" keyd --help && exits 0 && quiet && shows 'usage: cella keyd init'
try "$cella" keyd && misused 'is wanted'
try "$cella" keyd open && misused 'is wanted'
try "$cella" keyd init && misused 'is wanted'
try "$cella" keyd add keys first && misused '--policy says'
try "$cella" keyd add keys first --policy p --pkcs11 m && misused 'go together'
try "$cella" keyd add keys first --policy p --token t && misused 'go together'
try "$cella" keyd serve keys && misused '--listen says where'
try "$cella" keyd serve keys --listen x --cert y && misused 'go together'
try "$cella" keyd serve keys --listen x --rate 0 && misused '0 is no number'
try "$cella" keyd serve keys --listen x --rate 1x && misused '1x is no number'
try "$cella" keyd add keys zz --policy p --dry-run --rate 7 && misused '--rate goes with serve'
try "$cella" keyd policy keys zz --policy p --key k && misused '--key goes with add'
try "$cella" keyd policy keys zz && misused '--policy says'
try "$cella" keyd serve keys --listen x --policy p && misused '--policy goes with add, policy'
try "$cella" keyd list keys --passphrase-fd 3 && misused '--passphrase-fd goes with init, add, policy, serve'
try "$cella" keyd init keys --after x && misused '--after goes with log'
try "$cella" keyd log keys --json && misused '--json goes with list'
try "$cella" keyd list nodir && refuses 'nodir/keyd.json: cannot be opened'
try "$cella" keyd log nodir && refuses 'nodir/log'
try "$cella" keyd --bogus && misused 'there is no option --bogus'

try ./with-pass init keys
exits 0
prints ''
quiet
cp -r keys before
try ./with-pass init keys
refuses 'is there already'
try diff -r before keys
exits 0
checks=$((checks + 1))
[ "$(stat -c %a keys keys/keys keys/keyd.json keys/signing.json keys/tls.json | tr '\n' ' ')" = '700 700 600 600 600 ' ] ||
    failed "the folder and its secrets should be their owner's alone"

cat >policy.json <<'END'
{"version": "1.0.0", "anyOf": [{"authority": "cella", "allOf": [{"claim": "tee", "equals": "vsm"}]}]}
END
sed 's/tee/teee/' policy.json >misspelt.json
head -c 32 /dev/urandom >raw
openssl ecparam -name prime256v1 -genkey -noout -out ec.pem
try ./with-pass add keys first --policy policy.json
exits 0
quiet
try ./with-pass add keys second --policy policy.json --key raw
exits 0
try ./with-pass add keys third --policy policy.json --key ec.pem
exits 0
try ./with-pass add keys first --policy policy.json
refuses 'there is a key of that name'
try ./with-pass add keys fourth --policy misspelt.json
refuses 'teee'
try ./with-pass add keys fourth --policy nowhere.json
refuses 'nowhere.json'
try ./with-pass add keys fourth --policy policy.json --key policy.json
refuses 'a key is 32 bytes'
try ./with-wrong add keys fourth --policy policy.json
refuses 'does not open it'
digest=$(sha256sum policy.json | cut -d' ' -f1)
try "$cella" keyd list keys
exits 0
prints "first oct policy=$digest
second oct policy=$digest
third ec policy=$digest
"
try "$cella" keyd list keys --json
is_json out "[k['type'] for k in j] == ['oct', 'oct', 'ec'] and j[0]['policy'] == '$digest'"
checks=$((checks + 1))
grep -rqF "$(od -An -v -tx1 raw | tr -d ' \n')" keys && failed "a key lies open"

# Another policy for a key that is there: the key stays, and the file is one that opens.
sed 's/vsm/sgx/' policy.json >other.json
cp keys/keys/second.json second
try ./with-pass policy keys second --policy misspelt.json
refuses 'teee'
try ./with-pass policy keys nothing --policy other.json
refuses 'there is no key of that name'
try ./with-wrong policy keys second --policy other.json
refuses 'does not open it'
try diff second keys/keys/second.json
exits 0
try ./with-pass policy keys second --policy other.json
exits 0
quiet
try "$cella" keyd list keys
shows "second oct policy=$(sha256sum other.json | cut -d' ' -f1)"
checks=$((checks + 1))
[ "$(stat -c %a keys/keys/second.json)" = 600 ] || failed "a key's file should be its owner's alone"

# A folder that others may write to decides nothing.
for part in . keys issuers; do
    chmod g+w keys/$part
    try ./with-pass serve keys --listen 127.0.0.1:0
    refuses 'others than its owner may change it'
    chmod g-w keys/$part
done

try "$cella" keyd log keys
refuses 'keys/log'
try ./with-wrong serve keys --listen 127.0.0.1:0
refuses 'does not open it'
try ./with-pass serve keys --listen nowhere
refuses 'no address to listen on'
try ./with-pass serve keys --listen 127.0.0.1:0 --cert policy.json --cert-key ec.pem
refuses 'the server does not start'

# start OPTION...: serves in the background; `port` is where.
start() {
    "$cella" keyd serve keys --listen 127.0.0.1:0 --passphrase-fd 3 "$@" 3<pass >out 2>err </dev/null &
    server=$!
    for _ in $(seq 600); do
        grep -q listening out && break
        sleep 0.1
    done
    port=$(sed -n 's/^listening=127.0.0.1://p' out)
    checks=$((checks + 1))
    [ -n "$port" ] || failed "the server should say where it listens"
}
stop() { # SIGNAL
    kill "-$1" "$server"
    wait "$server" 2>/dev/null
    status=$?
    server=
}
# ask METHOD PATH [BODY]: status and reply in `answer`
ask() {
    try python3 -c '
import sys, urllib.request, urllib.error, ssl
port, method, path, body, authority = sys.argv[1:6]
context = ssl.create_default_context(cafile=authority)
request = urllib.request.Request(f"https://127.0.0.1:{port}{path}", body.encode() if method == "POST" else None)
try:
    reply = urllib.request.urlopen(request, context=context, timeout=30)
except urllib.error.HTTPError as error:
    reply = error
open("answer", "w").write("{\"status\": %d, \"reply\": %s}" % (reply.status, reply.read().decode()))
' "$port" "$1" "$2" "${3:-}" "$authority"
    exits 0
}

start
ask GET /v1/status
is_json answer "j['status'] == 200 and j['reply']['mode'] == 'serving' and j['reply']['keys'] == 3"
ask POST /v1/challenge
is_json answer "j['status'] == 200 and len(j['reply']['nonce']) == 64"
ask POST /v1/release '{}'
is_json answer "j['status'] == 400 and j['reply']['error']['class'] == 'MALFORMED'"
try ./with-pass serve keys --listen 127.0.0.1:0
refuses 'another keyd has it'
try ./with-pass add keys fourth --policy policy.json
exits 0
kill -HUP "$server"
for _ in $(seq 600); do
    grep -q 'read again' err && break
    sleep 0.1
done
ask GET /v1/status
is_json answer "j['reply']['keys'] == 4"
stop TERM
exits 0
try "$cella" keyd log keys
exits 0
shows 'granted=0'

# Killed, with a line that is half there.
start --dry-run --insecure_allow_debug
says 'dry run'
says 'insecure_allow_debug'
ask GET /v1/status
is_json answer "j['reply']['mode'] == 'dry-run'"
stop KILL
printf '{"sequence":9,"ti' >>keys/log
try "$cella" keyd log keys
exits 0
shows 'torn=17'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own.key -out own.pem \
    -subj /CN=own -addext subjectAltName=IP:127.0.0.1 2>openssl.err
authority=own.pem
start --cert own.pem --cert-key own.key
says '17 bytes were cut off'
ask GET /v1/status
is_json answer "j['reply']['mode'] == 'serving'"
stop INT
exits 0
try "$cella" keyd log keys
exits 0
checks=$((checks + 1))
grep -q '"event":"cut","torn_bytes":17' keys/log || failed "the log should say that a line was cut"

# Moved away, as logrotate does it: the chain goes on, and is checked with what was moved.
authority=keys/tls.pem
start
mv keys/log moved
kill -HUP "$server"
for _ in $(seq 600); do
    grep -q 'read again' err && break
    sleep 0.1
done
ask POST /v1/release '{}'
is_json answer "j['status'] == 400"
stop TERM
exits 0
try "$cella" keyd log keys
refuses 'give the files that have the lines before, or --after'
try "$cella" keyd log keys moved
exits 0
shows 'files=2'
last=$(sha256sum <(tail -n 1 moved | tr -d '\n') | cut -d' ' -f1)
try "$cella" keyd log keys --after "$last"
exits 0
shows "first=$(($(wc -l <moved) + 1))"
shows 'files=1'
try "$cella" keyd log keys --after "$(echo "$last" | tr 0-9a-f 1-9a-f0)"
refuses 'does not follow'
try "$cella" keyd log keys --after 12 && misused '--after is the SHA-256'
try "$cella" keyd list keys --after "$last" && misused '--after goes with log'
try "$cella" keyd serve keys --listen x --log-size 0 && misused '0 is no number'
try "$cella" keyd log keys moved moved
refuses 'which another file has, too'
mv moved keys/log.0
try "$cella" keyd log keys
exits 0
shows 'files=2'
checks=$((checks + 1))
head -n 1 keys/log | grep -q "\"event\":\"continue\".*\"previous\":\"$last\"" ||
    failed "a new file should begin with the hash of the former's last line"

sed -i '2s/"event"/"Event"/' keys/log.0
try "$cella" keyd log keys
refuses 'line 2 does not follow'

echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
