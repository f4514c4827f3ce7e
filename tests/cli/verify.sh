#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# verify.sh CELLA SOURCE: evidence of every kind is judged, the answer is one that a person and a program
# can read, and whatever file is given is told what it is.
set -u
cella=$(readlink -f "$1")
vectors=$(readlink -f "$2")/tests/vectors/attest
here=$(dirname "$(readlink -f "$0")")
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
. "$here/checks.sh"

any=--insecure_any_report_data

# accepted AT TYPE ARGUMENT...: and a program reads the same.
accepted() {
    at=$1 type=$2
    shift 2
    try "$cella" verify --at "$at" "$@" && exits 0 && quiet && shows "accepted: $type evidence, judged at $at"
    shows 'vouched for by'
    try "$cella" verify --json --at "$at" "$@"
    exits 0
    is_json out "j['verdict'] == 'accepted' and j['type'] == '$type' and j['claims'] and j['refusal'] is None"
}
# refused CLASS AT ARGUMENT...
refused() {
    class=$1
    shift
    try "$cella" verify --at "$@" && exits 1 && quiet && shows "$class" && shows 'what to do'
    try "$cella" verify --json --at "$@"
    exits 1
    is_json out "j['verdict'] == 'refused' and j['claims'] == {} and j['refusal']['class'] == '$class'"
}
# malformed AT ARGUMENT...
malformed() {
    try "$cella" verify --json --at "$@"
    exits 2
    is_json out "j['verdict'] in ('malformed', 'unsupported') and j['claims'] == {}"
}

for verb in verify tls-connect; do
    try "$cella" $verb --help && exits 0 && quiet && shows "usage: cella $verb [options] --at TIME"
    try "$cella" $verb --at now && misused 'is wanted'
    try "$cella" $verb x:1 && misused '--at is wanted'
    try "$cella" $verb --at yesterday x:1 && misused '--at wants a time'
    try "$cella" $verb --at now --nonce XY x:1 && misused '--nonce wants'
    try "$cella" $verb --at now --report-data 123 x:1 && misused '--report-data wants'
    try "$cella" $verb --at now --max-age -1 x:1 && misused '--max-age wants'
    try "$cella" $verb --at now --bogus x:1 && misused 'there is no option --bogus'
done
try "$cella" tls-connect --at now nowhere && misused 'is not HOST:PORT'
try "$cella" tls-connect --at now localhost:1
refuses 'localhost:1'
try "$cella" verify --at now nowhere
exits 2
says 'nowhere'
try "$cella" verify --at now --collateral nowhere x
exits 2
says 'nowhere'
try "$cella" verify --at now --root "$vectors/nitro/fortanix/tampered_root_cert.crt" x
exits 2
says 'tampered_root_cert.crt'

# SGX and TDX.
sgx=$vectors/sgx/dcap-qvl
accepted 2025-07-01T00:00:00Z sgx $any --collateral "$sgx" "$sgx/sgx_quote.bin"
shows '"ConfigurationAndSWHardeningNeeded"'
try "$cella" verify --at 2025-07-01 $any --collateral "$sgx" "$sgx/sgx_quote.bin"
shows 'TCB status              ConfigurationAndSWHardeningNeeded, of 2024-03-13'
shows 'component 7: has 0, needs 12'
shows 'quoting enclave         has 10, needs 8: UpToDate'
shows 'INTEL-SA-00289, INTEL-SA-00615'
try "$cella" verify --at 2025-07-01 $any --collateral "$sgx" - <"$sgx/sgx_quote.bin"
hello=48656c6c6f2c20776f726c6421 # "Hello, world!"
accepted 2025-07-01T00:00:00Z sgx --report-data $hello --collateral "$sgx" "$sgx/sgx_quote.bin"
refused REPORT_DATA 2025-07-01 --report-data 48656c6c6f --collateral "$sgx" "$sgx/sgx_quote.bin"
refused REPORT_DATA 2025-07-01 --collateral "$sgx" "$sgx/sgx_quote.bin"
refused COLLATERAL 2025-07-01 $any "$sgx/sgx_quote.bin"
refused TIME 2025-07-20 $any --collateral "$sgx" "$sgx/sgx_quote.bin"
refused TIME 2025-06-19 $any --collateral "$sgx" "$sgx/sgx_quote.bin"
refused QUOTE_SIG 2020-06-05 $any "$vectors/sgx/fortanix-dcap-ql/quote_pck_cert_chain_corrupted.bin"
refused COLLATERAL 2020-06-05 $any "$vectors/sgx/fortanix-dcap-ql/quote_raw_tcb.bin"
head -c 1000 "$sgx/sgx_quote.bin" >cut
malformed 2025-07-01 $any cut
sample=$vectors/sgx/intel-qvl-sample
refused ANCHOR 2020-01-01 $any --collateral "$sample" "$sample/quote.dat"
accepted 2020-01-01T00:00:00Z sgx $any --root "$sample/trustedRootCaCert.pem" --collateral "$sample" "$sample/quote.dat"
tdx=$vectors/tdx
accepted 2025-07-01T00:00:00Z tdx $any --collateral "$tdx/dcap-qvl" "$tdx/dcap-qvl/tdx_quote.bin"
try "$cella" verify --at 2025-07-01 $any --collateral "$tdx/dcap-qvl" "$tdx/dcap-qvl/tdx_quote.bin"
shows 'TDX module              has 6, needs 4: UpToDate'
refused TCB_STATUS 2023-07-01T01:00:00Z $any --collateral "$tdx/go-tdx-guest-v4" "$tdx/go-tdx-guest-v4/tdx_prod_quote_SPR_E4.bin"
try "$cella" verify --at 2023-07-01T01:00:00Z $any --collateral "$tdx/go-tdx-guest-v4" "$tdx/go-tdx-guest-v4/tdx_prod_quote_SPR_E4.bin"
shows 'component 3 (TDX Late Microcode Update): has 4, needs 5'

# A TD's event log has to be its own.
log="$any --insecure_no_collateral --collateral $tdx/gcp-cos113/ccel_data.bin"
# shellcheck disable=SC2086
accepted 2024-08-01T00:00:00Z tdx $log "$tdx/gcp-cos113/cos-113-tdx-quote.bin"
is_json out "'module.sig_enforce=1' in j['claims']['kernel_command_lines'][0]"
# shellcheck disable=SC2086
refused LOG 2023-06-01 $log "$tdx/openenclave-v4/tdx_quote.bin"

# SEV-SNP.
snp=$vectors/snp
accepted 2025-06-01T00:00:00Z snp $any --collateral "$snp/roots" --collateral "$snp/trustee/test-vcek.der" "$snp/trustee/test-report.bin"
accepted 2025-06-01T00:00:00Z snp $any --collateral "$snp/roots" --collateral "$snp/trustee/test-vlek.der" "$snp/trustee/test-vlek-report.bin"
refused DEBUG 2023-01-01 $any --collateral "$snp/roots" --collateral "$snp/go-sev-guest/vcek.der" "$snp/go-sev-guest/attestation.bin"
refused COLLATERAL 2025-06-01 $any --collateral "$snp/roots" "$snp/trustee/test-report.bin"

# Nitro.
nitro=$vectors/nitro/fortanix
nonce=8013cf2d252821a740e526102b9cd3d0
refused DEBUG 2021-09-09T12:00:00Z --nonce $nonce "$nitro/request_proper.bin"
accepted 2021-09-09T12:00:00Z nitro --nonce $nonce --insecure_allow_debug "$nitro/request_proper.bin"
refused NONCE 2021-09-09T12:00:00Z --nonce 00 --insecure_allow_debug "$nitro/request_proper.bin"
refused TIME 2021-09-10T12:00:00Z --nonce $nonce --insecure_allow_debug "$nitro/request_proper.bin"
refused TIME 2021-09-09T12:00:00Z --max-age 60 --nonce $nonce --insecure_allow_debug "$nitro/request_proper.bin"
refused SIG 2021-09-09T12:00:00Z --nonce $nonce --insecure_allow_debug "$nitro/tampered_signature.bin"
refused ANCHOR 2021-09-09T12:00:00Z --root "$nitro/unknown_ca.crt" --nonce $nonce --insecure_allow_debug "$nitro/request_proper.bin"

# TPMs: Azure's, which the processor vouches for, and a key that was pinned or not.
tpm=$vectors/tpm/trustee
challenge=6368616c6c656e6765 # "challenge"
accepted 2025-06-01T00:00:00Z azure --nonce $challenge --collateral "$snp/roots" "$tpm/evidence-v1.json"
refused NONCE 2025-06-01 --nonce 00 --collateral "$snp/roots" "$tpm/evidence-v1.json"
refused CHAIN 2025-06-01 --nonce $challenge "$tpm/evidence-v1.json"
refused ANCHOR 2025-06-01 --insecure_any_nonce "$tpm/tpm_evidence.json"

# What was booted, program by program.
vsm=$vectors/vsm-tpm
made=$(cat "$vsm/time")
purpose=666f722077686f6d206974206973 # "for whom it is"
booted=(80a66d53a945d2286fcadd780fae1c225aa732079cd67b5225dc78aaab4e2ff8
    a68f6d71ebddaa19751ff8d729f67d11b0df8e4c49400c3e7e90de16119e1265
    cbe752231bd88709d9750332fc116f055ea3568204744ab47b2af15c1c83b25e)
pinned=(--root "$vsm/root.pem" --report-data $purpose --boot-image "${booted[0]}" --boot-image "${booted[1]}")
try "$cella" verify --at "$made" --root "$vsm/root.pem" --report-data $purpose "$vsm/first.evidence"
exits 0
shows 'were not compared'
try "$cella" verify --at "$made" "${pinned[@]}" --boot-image "${booted[2]}" "$vsm/first.evidence" && exits 0 && quiet
shows 'accepted'
checks=$((checks + 1))
! grep -q 'were not compared' out || failed "they were compared"
refused POLICY "$made" "${pinned[@]}" "$vsm/first.evidence"
refused POLICY "$made" "${pinned[@]}" --boot-image "${booted[0]}" "$vsm/first.evidence"
refused POLICY 2021-09-09T12:00:00Z --nonce $nonce --insecure_allow_debug --boot-image "${booted[0]}" "$nitro/request_proper.bin"
try "$cella" verify --at now --boot-image "$nitro/request_proper.bin" x && exits 2 && says 'request_proper.bin: a program that firmware starts'
try "$cella" verify --at now --boot-image nowhere x && exits 2 && says 'nowhere'
many=()
for _ in $(seq 17); do many+=(--boot-image "${booted[0]}"); done
try "$cella" verify --at now "${many[@]}" x && misused '16 times'

# What is no evidence is told what it is.
while read -r file answer; do
    try "$cella" verify --at 2025-07-01 "$vectors/$file"
    exits 2
    shows "$answer"
done <<'END'
sgx/intel-qvl-sample/tcbInfo.json It vouches for evidence, and is none
sgx/openenclave-json/tcb_info/tcbInfoNegativeFloat.json It looks like collateral, and is malformed
skr/caci_release_policy.json It is a policy
eat/maa-sevsnp/token.jwt It is a token, an attestation result
eat/trustee-ear/example.token.json without its signature
tdx/gcp-cos113/ccel_table.bin It is the ACPI table that says where the log is
tdx/gcp-cos113/nonce.bin Name its kind with --type
END

# A policy has its say, once all else is proven.
cat >measured.json <<'END'
{"version": "1.0.0", "anyOf": [{"authority": "cella", "allOf": [
  {"claim": "x-ms-sgx-mrenclave", "equals": "33d8736db756ed4997e04ba358d27833188f1932ff7b1d156904d3f560452fbb"},
  {"claim": "x-ms-sgx-is-debuggable", "equals": false}]}]}
END
sed 's/33d8736d/43d8736d/' measured.json >other.json
accepted 2025-07-01T00:00:00Z sgx $any --policy measured.json --collateral "$sgx" "$sgx/sgx_quote.bin"
# ... and its authority is no claim of the evidence.
try "$cella" verify --json --at 2025-07-01 $any --collateral "$sgx" "$sgx/sgx_quote.bin" && exits 0
cp out without.json
try "$cella" verify --json --at 2025-07-01 $any --policy measured.json --collateral "$sgx" "$sgx/sgx_quote.bin"
exits 0
is_json out "j['claims'] == json.load(open('without.json'))['claims'] and 'iss' not in j['claims'] and j['policy']['issuer'] == 'cella'"
is_json out "j['policy']['conditions'][0] == {'place': 'anyOf[0]', 'claim': 'iss', 'operator': 'authority', 'expected': 'cella', 'found': 'cella', 'met': True}"
try "$cella" verify --json --at 2025-07-01 $any --policy other.json --collateral "$sgx" "$sgx/sgx_quote.bin"
exits 1
is_json out "j['verdict'] == 'refused' and j['refusal']['class'] == 'POLICY' and 'x-ms-sgx-mrenclave' in j['refusal']['found']"
try "$cella" verify --at 2025-07-01 $any --policy cut --collateral "$sgx" "$sgx/sgx_quote.bin"
exits 2
says 'cut'

# Collateral.
try "$cella" collateral --help && exits 0 && quiet && shows 'usage: cella collateral check'
try "$cella" collateral && misused 'check is wanted'
try "$cella" collateral check && misused 'check is wanted'
try "$cella" collateral check --at soon "$sgx" && misused '--at wants a time'
try "$cella" collateral check --at 2025-07-01 "$sgx" && exits 0 && shows 'TCB information of SGX, FMSPC 00a067110000, evaluation 17' &&
    shows '7 good, 0 not' && shows 'sgx_quote.bin'
try "$cella" collateral check --at 2026-07-01 --json "$sgx" && exits 1
is_json out "len(j) == 7 and any(p['state'] == 'expired' for p in j) and all(p['signed_by'] for p in j)"
try "$cella" collateral check "$sgx/sgx_quote.bin" && exits 2 && says 'sgx_quote.bin'
try "$cella" collateral check "$vectors/sgx/openenclave-json/tcb_info/tcbInfoNegativeFloat.json" && exits 2 && says 'tcbInfoNegativeFloat.json'

# Whatever the file: an exit status of three, and a sentence.
find "$vectors" -type f | while read -r file; do
    try "$cella" verify --at 2025-06-25 "$file"
    if [ "$status" -gt 2 ] || ! grep -q "judged at" out; then
        failed "any file has a verdict"
    fi
done >every
cat every
checks=$((checks + 1))
[ ! -s every ] || failures=$((failures + 1))

echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
