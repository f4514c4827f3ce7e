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
try "$cella" platform && misused 'init or show is wanted'
try "$cella" platform make && misused 'init or show is wanted'
try "$cella" platform init show && misused 'init or show is wanted'
try "$cella" platform init --json && misused '--json goes with show'
try "$cella" platform init --folder && misused '--folder wants a value'
try "$cella" platform show --tpm && misused '--tpm and --tcti go with init'
try "$cella" platform init --tcti device:/dev/tpmrm0 && misused '--tcti goes with --tpm'
try "$cella" platform init --folder none --tpm --tcti nowhere
refuses 'names no TPM'
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
