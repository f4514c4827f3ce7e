#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# policy.sh CELLA SOURCE: policies read, checked and tried out; tokens verified and made.
set -u
cella=$(readlink -f "$1")
vectors=$(readlink -f "$2")/tests/vectors/attest
here=$(dirname "$(readlink -f "$0")")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
. "$here/checks.sh"

# Malformed: one sentence, 2.
malformed() {
    exits 2
    prints ''
    says "$1"
    checks=$((checks + 1))
    [ "$(wc -l <err)" -eq 1 ] || failed "stderr should be one line"
}

# ---- policy: the command line ----
try "$cella" policy --help && exits 0 && quiet && shows 'usage: cella policy check'
try "$cella" policy && misused 'check or test is wanted'
try "$cella" policy make && misused 'check or test is wanted'
try "$cella" policy check && misused 'check wants one policy'
try "$cella" policy check a b && misused 'check wants one policy'
try "$cella" policy test a && misused 'test wants a policy and claims'
try "$cella" policy --bogus && misused 'there is no option --bogus'

# ---- policy check ----
maa=$vectors/skr/maa-policy
release=$vectors/skr/caci_release_policy.json
for policy in "$maa/deny.all.txt" "$maa/add.custom.claim.txt"; do
    try "$cella" policy check "$policy" && exits 0 && quiet
    prints "good: $policy: attestation-1.0
"
done
try "$cella" policy check "$release"
malformed 'anyOf[0].allOf[2]: "x-ms-sevsnpvm-is-debuggable" is never met by a string: that claim is a boolean'
try "$cella" policy check --json "$release" && exits 2 && quiet
is_json out 'j["verdict"] == "malformed" and j["language"] == "release-1.0.0" and "write true or false" in j["error"]'
sed 's/"false"/false/' "$release" >good.json
try "$cella" policy check good.json && exits 0 && prints 'good: good.json: release-1.0.0
'
try "$cella" policy check --json good.json && exits 0
is_json out 'j == {"policy": "good.json", "language": "release-1.0.0", "verdict": "good", "error": ""}'
sed 's/hostdata/hostdat/' good.json >wrong.json
try "$cella" policy check wrong.json
malformed 'unknown claim "x-ms-sevsnpvm-hostdat"; did you mean "x-ms-sevsnpvm-hostdata"?'
echo 'version=1.0;authorizationrules{=>permt();};' >wrong.txt
try "$cella" policy check wrong.txt
malformed 'wrong.txt: line 1: an action is wanted, not "permt"; did you mean "permit"?'
printf '{"version":"1.0.0","anyOf":[{"authority":"a","anyOf":[{"claim":"x%s","exists":true}]}]}' \
    "$(printf 'ü%.0s' $(seq 100))" >long.json
try "$cella" policy check --json long.json && exits 2
is_json out '"unknown claim" in j["error"]'
try "$cella" policy check nowhere
malformed 'nowhere'

# ---- policy test: the vectors ----
token=$vectors/eat/maa-sevsnp/token.jwt
try "$cella" policy test good.json "$token" && exits 1 && quiet
try "$cella" policy test "$release" "$token"
exits 2
says '"x-ms-sevsnpvm-is-debuggable" is never met by a string'
shows '  warning: '"$release"': anyOf[0].allOf[2]: "x-ms-sevsnpvm-is-debuggable" is never met by a string'
shows 'deny: '
shows 'a token that was not verified'
shows '  iss authority "sharedneu.neu.attest.azure.net": found "https://sharedweu.weu.test.attest.azure.net"'
shows '  x-ms-compliance-status equals "azure-compliant-uvm": found nothing (the claim is not there)'
shows '  x-ms-sevsnpvm-is-debuggable equals "false": found false (types differ: the claim is a boolean, the policy has a string'
try "$cella" policy test --json "$release" "$token" && exits 2
is_json out 'j["verdict"] == "deny" and [c["met"] for c in j["conditions"]] == [False, True, False, False] and len(j["reasons"]) == 3 and "never met" in j["warnings"][0] and "not verified" in j["warnings"][1]'
try "$cella" policy test "$maa/deny.all.txt" "$token" && exits 1 && shows 'denied by this rule'
echo '{"secureBootEnabled": true}' >claims.json
try "$cella" policy test "$maa/add.custom.claim.txt" claims.json && exits 0 && quiet
shows 'permit: '
shows 'nobody proved them'
shows 'SecurityLevelValue 100'
try bash -c "'$cella' policy test --json '$maa/add.custom.claim.txt' - <claims.json" && exits 0
is_json out 'j["issued"] == {"SecurityLevelValue": 100} and j["reasons"] == []'
try bash -c "echo '{\"secureBootEnabled\": \"true\"}' | '$cella' policy test '$maa/add.custom.claim.txt' -" && exits 1
shows 'types differ'

# A deny() that nothing can meet: whoever would use the policy refuses it.
echo 'version=1.0;authorizationrules{[type=="x-ms-sgx-is-debugable",value==true]=>deny();=>permit();};' >typo.txt
echo '{"x-ms-sgx-is-debuggable": true}' >debug.json
try "$cella" policy test typo.txt debug.json
exits 2
says 'did you mean "x-ms-sgx-is-debuggable"?'
shows 'permit: '
shows '  warning: typo.txt: line 1: unknown claim "x-ms-sgx-is-debugable"; did you mean "x-ms-sgx-is-debuggable"?'
for use in "verify --at 2025-07-01 --insecure_any_report_data --collateral $vectors/sgx/dcap-qvl/sgx_quote_collateral.json $vectors/sgx/dcap-qvl/sgx_quote.bin" \
    "tls-connect --at now localhost:1"; do
    try "$cella" ${use%% *} --policy typo.txt ${use#* }
    malformed 'typo.txt: line 1: unknown claim "x-ms-sgx-is-debugable"; did you mean "x-ms-sgx-is-debuggable"?'
done
echo 'version=1.0;authorizationrules{[type=="x-ms-sgx-is-debuggable",value==false]=>permit();};' >sound.txt
try "$cella" policy test sound.txt debug.json && exits 1 && quiet

# ---- policy test: results ----
cat >result.json <<'END'
{"verdict": "accepted", "type": "snp", "evaluated_at": "2025-06-01T00:00:00Z", "refusal": null, "warnings": [],
 "claims": {"x-ms-attestation-type": "sevsnpvm", "x-ms-sevsnpvm-is-debuggable": false, "x-ms-sevsnpvm-vmpl": 0},
 "evidence": {}}
END
echo '{"version": "1.0.0", "anyOf": [{"authority": "cella", "allOf": [{"claim": "x-ms-sevsnpvm-vmpl", "less": 1}]}]}' >own.json
try "$cella" policy test own.json result.json && exits 0 && quiet && shows 'permit: own.json (release-1.0.0) on result.json'
checks=$((checks + 1))
grep -q warning out && failed "an accepted result needs no warning"
sed 's/"accepted"/"refused"/' result.json >refused.json
try "$cella" policy test own.json refused.json
malformed 'refused.json: a result of `cella verify` that was not accepted'
try "$cella" policy test own.json nowhere
malformed 'nowhere'
echo '[]' >list.json
try "$cella" policy test own.json list.json
malformed 'list.json: no token'
printf '{"a": "\033[31m", "iss": "cella"}' >control.json
try "$cella" policy test own.json control.json && exits 2
printf '{"x-ms-sevsnpvm-vmpl": "\\u001b[31m", "iss": "cella"}' >control.json
try "$cella" policy test own.json control.json && exits 1
checks=$((checks + 1))
grep -q $'\033' out && failed "control characters should not reach the terminal"

# ---- token: the command line ----
try "$cella" token --help && exits 0 && quiet && shows 'usage: cella token verify'
try "$cella" token && misused 'verify, make or jwks is wanted'
try "$cella" token verify && misused 'verify wants one token'
try "$cella" token verify t && misused '--issuer is wanted'
try "$cella" token verify --issuer i t && misused '--at is wanted'
try "$cella" token verify --issuer i --at yesterday t && misused '--at wants a time'
try "$cella" token verify --issuer i --at now t && misused 'one of --jwks and --root is wanted'
try "$cella" token verify --issuer i --at now --jwks a --root b t && misused 'one of --jwks and --root is wanted'
try "$cella" token verify --issuer i --at now --jwks a --skew x t && misused '--skew wants'
try "$cella" token verify --issuer i --at now --jwks a --key x t && misused '--key does not go with verify'
try "$cella" token make --issuer i --at now --jwks a t && misused '--jwks does not go with make'
try "$cella" token make --issuer i --at now t && misused '--key is wanted'
try "$cella" token make --issuer i --at now --key k t && misused '--profile wants maa or ear'
try "$cella" token make --issuer i --at now --key k --profile maa t && misused '--expires wants'
try "$cella" token make --issuer i --at now --key k --profile maa --expires 1 --json t && misused '--json does not go with make'
try "$cella" token jwks && misused '--key is wanted'
try "$cella" token jwks --key k file && misused 'jwks wants no file'
try "$cella" token jwks --key k --at now && misused '--at does not go with jwks'

# ---- token: made and verified ----
openssl ecparam -name prime256v1 -genkey -noout -out ec.pem
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem 2>/dev/null
openssl ecparam -name secp384r1 -genkey -noout -out p384.pem
openssl pkey -in ec.pem -aes256 -passout pass:x -out locked.pem
at=2025-06-01T00:00:00Z
for key in ec rsa; do
    try "$cella" token jwks --key $key.pem && exits 0 && quiet
    cp out $key.jwks
    is_json out 'len(j["keys"]) == 1 and j["keys"][0]["use"] == "sig" and "d" not in j["keys"][0]'
    for profile in maa ear; do
        try "$cella" token make --key $key.pem --profile $profile --issuer https://me --audience you --at $at --expires 60 result.json
        exits 0
        quiet
        cp out $key.$profile
        try "$cella" token verify --jwks $key.jwks --issuer https://me --audience you --at $at $key.$profile
        exits 0
        quiet
        shows 'accepted: '
        try "$cella" token verify --json --jwks $key.jwks --issuer https://me --audience you --at $at $key.$profile
        exits 0
        is_json out 'j["verdict"] == "accepted" and j["claims"]["iss"] == "https://me" and j["claims"]["exp"] - j["claims"]["iat"] == 60'
    done
done
is_json out 'j["claims"]["submods"]["snp"]["ear.status"] == "affirming"'
openssl_says() { # that the signature is one of RS256, by openssl's own means
    cut -d. -f1,2 rsa.maa | tr -d '\n' >signed
    cut -d. -f3 rsa.maa | tr '_-' '/+' | sed 's/$/==/' | base64 -d >signature 2>/dev/null
    openssl pkey -in rsa.pem -pubout -out rsa.pub
    openssl dgst -sha256 -verify rsa.pub -signature signature signed
}
export -f openssl_says
try bash -c openssl_says && exits 0
shows 'Verified OK'

verify=("$cella" token verify --at $at --issuer https://me --audience you)
try "${verify[@]}" --jwks rsa.jwks ec.maa && exits 1 && shows 'ANCHOR'
try "$cella" token verify --at $at --issuer https://you --audience you --jwks ec.jwks ec.maa && exits 1 && shows 'iss'
try "$cella" token verify --at $at --issuer https://me --jwks ec.jwks ec.maa && exits 1 && shows 'aud'
try "$cella" token verify --at 2025-06-01T00:01:00Z --issuer https://me --audience you --jwks ec.jwks ec.maa && exits 1 && shows 'TIME'
try "$cella" token verify --at 2025-06-01T00:01:00Z --skew 5 --issuer https://me --audience you --jwks ec.jwks ec.maa && exits 0
try "${verify[@]}" --root ec.pem ec.maa && exits 2 && says 'no root'
try bash -c "'$cella' token verify --at $at --issuer https://me --audience you --jwks ec.jwks - <ec.maa" && exits 0
sed 's/^./X/' ec.maa >changed
try "${verify[@]}" --jwks ec.jwks changed && exits 2 && shows 'malformed'
try "${verify[@]}" --jwks nowhere ec.maa
malformed 'nowhere'
try "${verify[@]}" --jwks result.json ec.maa
malformed '"keys" must be a list'
try "$cella" token verify --at $at --issuer cella --jwks ec.jwks ec.maa
malformed 'no token'"'"'s issuer may be "cella"'
make=(token make --profile maa --issuer https://me --at $at --expires 60)
try "$cella" "${make[@]}" --key ec.pem refused.json
malformed 'not accepted'
try "$cella" "${make[@]}" --key p384.pem result.json
malformed 'a key of P-256 or of RSA'
try "$cella" "${make[@]}" --key locked.pem result.json
malformed 'without a passphrase'
try "$cella" "${make[@]}" --key ec.jwks result.json
malformed 'no private key'

# ---- token: certificates, and their revocation lists ----
cat >ca.conf <<'END'
[ca]
default_ca = own
[own]
database = index
crlnumber = number
default_md = sha256
default_crl_days = 30
[ext]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
[leaf]
keyUsage = critical,digitalSignature
END
: >index
echo 01 >number
openssl ecparam -name prime256v1 -genkey -noout -out root.key
openssl req -new -x509 -key root.key -subj /CN=root -days 30 -config <(printf '[req]\ndistinguished_name=d\n[d]\n'; cat ca.conf) \
    -extensions ext -out root.pem
openssl req -new -key ec.pem -subj /CN=signer -config <(printf '[req]\ndistinguished_name=d\n[d]\n') -out signer.req
openssl x509 -req -in signer.req -CA root.pem -CAkey root.key -set_serial 7 -days 30 -extfile ca.conf -extensions leaf \
    -out signer.pem 2>/dev/null
list=(openssl ca -config ca.conf -keyfile root.key -cert root.pem)
"${list[@]}" -gencrl -out none.crl 2>/dev/null
"${list[@]}" -revoke signer.pem 2>/dev/null
"${list[@]}" -gencrl -out revoked.crl 2>/dev/null
try "$cella" token make --key ec.pem --certificates signer.pem --profile ear --issuer https://me --at now --expires 60 result.json
exits 0
cp out chained
by_root=("$cella" token verify --root root.pem --issuer https://me --at now)
try "${by_root[@]}" chained && exits 0 && quiet
shows 'warning                 no revocation list that could name the certificate "signer" was given'
try "${by_root[@]}" --collateral none.crl chained && exits 0
checks=$((checks + 1))
grep -q 'revocation' out && failed "a list was given"
try "${by_root[@]}" --collateral none.crl --collateral revoked.crl chained && exits 1 && shows 'REVOKED'
try "${by_root[@]}" --collateral result.json chained
malformed 'result.json'
try "${by_root[@]}" ec.maa && exits 1 && shows 'x5c'
try "$cella" token verify --jwks ec.jwks --collateral none.crl --issuer https://me --at now chained && misused '--collateral goes with --root'
try "$cella" token verify --jwks ec.jwks --issuer https://me --at now chained && exits 0
try "$cella" token make --key rsa.pem --certificates signer.pem --profile maa --issuer i --at now --expires 60 result.json
malformed 'of the key that signs it'
try "$cella" "${make[@]}" --collateral none.crl --key ec.pem result.json && misused '--collateral does not go with make'
# A signer that only vouches for itself.
openssl req -new -x509 -key ec.pem -subj /CN=self -days 30 -config <(printf '[req]\ndistinguished_name=d\n[d]\n'; cat ca.conf) \
    -extensions ext -out self.pem
"$cella" token make --key ec.pem --certificates self.pem --profile ear --issuer https://me --at now --expires 60 result.json >alone
for root in self.pem "$(openssl pkey -in ec.pem -pubout -outform DER | sha256sum | cut -d' ' -f1)"; do
    try "$cella" token verify --root "$root" --issuer https://me --at now alone && exits 1
    shows 'a certificate that a root issued'
    shows "give the issuer's keys with --jwks"
done
try "$cella" token verify --jwks ec.jwks --issuer https://me --at now alone && exits 0
sed 's/"claims": {/"claims": {"iss": "cella", /' result.json >issued.json
try "$cella" "${make[@]}" --key ec.pem issued.json
malformed 'the claim "iss" is the token'"'"'s own'

# A token's claims in a policy.
echo 'version=1.0;authorizationrules{[type=="iss",value=="https://me"]&&[type=="x-ms-sevsnpvm-vmpl",value==0]=>permit();};' >token.policy
try "$cella" policy test token.policy ec.maa && exits 0 && shows 'permit'
cat >ear.policy <<'END'
{"version": "1.0.0", "anyOf": [{"authority": "https://me", "allOf": [
  {"claim": "submods.snp.ear.status", "equals": "affirming"},
  {"claim": "submods.snp.ear.trustworthiness-vector.hardware", "lessOrEquals": 31},
  {"claim": "submods.snp.ear.veraison.annotated-evidence.x-ms-sevsnpvm-vmpl", "less": 1}]}]}
END
try "$cella" policy check ear.policy && exits 0
try "$cella" policy test ear.policy ec.ear && exits 0 && shows 'permit'
try bash -c "sed s/affirming/warning/ ear.policy >other.policy; '$cella' policy test other.policy ec.ear" && exits 1

# What a policy issued, on its way from evidence into a token.
sgx=$vectors/sgx/dcap-qvl
echo 'version=1.0;authorizationrules{=>permit();};issuancerules{c:[type=="x-ms-sgx-svn"]=>issue(type="svn",value=c.value);'\
'c:[type=="x-ms-attestation-type"]=>issue(type="tee",value=c.value);=>issue(type="level",value=7);};' >issue.txt
verified=("$cella" verify --json --at 2025-07-01 --insecure_any_report_data --collateral "$sgx/sgx_quote_collateral.json")
"${verified[@]}" --policy issue.txt "$sgx/sgx_quote.bin" >issued.json
try "$cella" "${make[@]}" --key ec.pem issued.json && exits 0 && quiet
cp out issued.jwt
try "$cella" token verify --json --jwks ec.jwks --issuer https://me --at $at issued.jwt && exits 0
is_json out 'j["claims"]["level"] == 7 and j["claims"]["tee"] == "sgx" and j["claims"]["svn"] == j["claims"]["x-ms-sgx-svn"]'
sed -i 's/type="level"/type="exp"/' issue.txt
"${verified[@]}" --policy issue.txt "$sgx/sgx_quote.bin" >issued.json
try "$cella" "${make[@]}" --key ec.pem issued.json
malformed 'result: its policy issues "exp"'

# What a token says is its issuer's word, and never what cella verified.
"$cella" token verify --json --jwks ec.jwks --issuer https://me --audience you --at $at ec.maa >judged.json
try "$cella" policy test own.json judged.json && exits 1
shows 'iss authority "cella": found "https://me"'
sed 's/"cella"/"me"/' own.json >theirs.json
try "$cella" policy test theirs.json judged.json && exits 0 && quiet && shows 'permit: '
checks=$((checks + 1))
grep -q warning out && failed "a token that was verified needs no warning"
for profile in maa ear; do
    try "$cella" token make --profile $profile --issuer https://me --at $at --expires 60 --key ec.pem judged.json
    malformed 'result: of a token, which its issuer signed'
done
sed 's|"iss":"https://me"|"iss":"https://cella/"|' judged.json >forged.json
try "$cella" policy test own.json forged.json
malformed 'of a token without an issuer of its own'
sed 's/"type":"token"/"type":""/' judged.json >forged.json
try "$cella" policy test own.json forged.json
malformed 'does not say of what it is'

echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
