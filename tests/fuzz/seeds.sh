#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes seeds for the fuzz targets in FOLDER/TARGET: small programs in many shapes, rather than files
# kept in the repository.
# Usage: seeds.sh FOLDER
set -eu
folder=$1
mkdir -p "$folder/box" "$folder/elf" "$folder/sgxs" "$folder/manifest"

source=$(mktemp --suffix=.S)
trap 'rm -f "$source"' EXIT
cat > "$source" <<'END'
    .text
    .globl _start
    .type _start, @function
_start:
    mov $39, %eax
    syscall
    mov %eax, -8(%rsp)
    mov $39, %eax
    syscall
    cmp $-4096, %rax
    ja 1f
    push %rbp
    mov %rsp, %rbp
    and $-32, %rsp
    sub %rax, %rsp
    leave
1:  jmp *table(,%rax,8)
2:  mov $60, %eax
    syscall
    ret
    .size _start, . - _start
    .section .rodata
table:
    .quad 1b, 2b
    .section .note.GNU-stack,"",@progbits
END
gcc -nostdlib -static -no-pie "$source" -o "$folder/elf/small"
gcc -nostdlib -static -no-pie -s "$source" -o "$folder/elf/stripped"
gcc -nostdlib -static -no-pie -Wl,-z,noseparate-code "$source" -o "$folder/elf/together"
printf 'int main(void){return 0;}' | musl-gcc -static -Os -x c - -o "$folder/elf/musl"
strip -o "$folder/elf/musl-stripped" "$folder/elf/musl"

printf '\000\020\000\000\001\000\000\000' > "$folder/sgxs/change"
printf 'ECREATE\000\001\000\000\000' > "$folder/sgxs/start"

# the superblock's size, journal page, journal count and flags; the header's stanzas
printf '\054\040\000\000\001\000\000\000\124\040\000\000\001\000\000\000' > "$folder/box/super"
printf '\060\000\000\000\001\000\000\000' > "$folder/box/stanzas"

printf '{"cella":1}' > "$folder/manifest/least"
cat > "$folder/manifest/most" <<'END'
{"cella": 1, "arguments": ["program", "-x"], "environment": {"NAME": "VALUE"},
 "working_directory": "/work", "heap_size": "1G", "threads": 16, "clock": true,
 "network": false, "statistics": true,
 "files": [{"path": "/etc/x", "kind": "measured", "source": "x"},
           {"path": "/big", "kind": "measured", "source": "/big", "carry": false},
           {"path": "/work", "kind": "memory", "size": "256M"},
           {"path": "/data", "kind": "plain", "source": "dir", "directory": true,
            "writable": true}]}
END
printf '{"cella":1,"arguments":"host","environment":"host","files":[]}' > "$folder/manifest/host"

mkdir -p "$folder/csv" "$folder/plink" "$folder/sqlite_input"
printf 'i,r,t,b,d,h,more\r\n1,-2.5e3,"a ""b""\n",true,2000-02-29,x,y\r\n,,,,,,\n' > "$folder/csv/all"
python3 - "$folder" <<'END'
import io, sqlite3, sys, tarfile
folder = sys.argv[1]
with tarfile.open(folder + "/plink/all", "w", format=tarfile.USTAR_FORMAT) as archive:
    for name, content in (("n.bed", b"\x6c\x1b\x01\xe4\x03"), ("n.bim", b"1 rs1 0 100 A G\n"),
                          ("n.fam", b"".join(b"f i%d 0 0 1 %d\n" % (i, i % 3) for i in range(5)))):
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
database = sqlite3.connect(folder + "/sqlite_input/all")
database.executescript("PRAGMA page_size=512; CREATE TABLE IF NOT EXISTS t(i, r, t, d, more); DELETE FROM t;"
                       "INSERT INTO t VALUES(1, 2.5, 'text', '2000-01-01', x'00'), (NULL, 1, NULL, NULL, 2)")
END

# CBOR: of each type one; what a platform signs; what a party seals, and a statement.
mkdir -p "$folder/cbor" "$folder/evidence" "$folder/release"
printf '\245\001\030\144\040\071\001\000\141a\202A\000\301\371\074\000\141b\240\142ab\365' >"$folder/cbor/all"
# ... and as others make it: of indefinite length, not sorted, longer than needed.
mkdir -p "$folder/cbor_foreign"
printf '\277\141b\237\001\377\030\001\331\352\140\200\101a\370\377\377' >"$folder/cbor_foreign/all"
zeros() { head -c "$1" /dev/zero; }
{
    printf '\001\246cteecvsmdtime\032\153\111\322\000freport\131\001\200'
    zeros 48 && printf '\005' && zeros 335
    printf 'gposture\241fkernelc6.1gversion\001hlauncher\130\040' && zeros 32
} >"$folder/evidence/payload"
{
    printf '\003\243dkeys\241alX\040' && zeros 32
    printf 'eboxes\241alX\040' && zeros 32
    printf 'jparameters\243aa\001ab\371\074\000acaz'
} >"$folder/release/contents"
{
    printf '\000\246dhpkeX\040' && zeros 32
    printf 'dtypelcella room 1enonceX\040' && zeros 32
    printf 'epartyenorthgsigningX\040' && zeros 32
    printf 'hcontractX\040' && zeros 32
} >"$folder/release/statement"

# A header with a recipient of each kind (a name before a rename, too), and key files.
mkdir -p "$folder/box_header" "$folder/key_file"
python3 - "$folder" <<'END'
import struct, sys
folder = sys.argv[1]
stanzas = [(1, bytes(112)), (2, bytes(16) + struct.pack("<III", 3, 65536, 4) + bytes(60)), (3, bytes(76)), (4, b"former")]
body = b"".join(struct.pack("<HH", kind, len(content)) + content for kind, content in stanzas)
for name, kept, count in (("all", body, 4), ("none", b"", 0)):
    header = b"CELLABOX" + struct.pack("<HHHH", 1, 1, 1, count) + bytes(32) + struct.pack("<IH", len(kept), 4) + bytes(10)
    with open(f"{folder}/box_header/{name}", "wb") as file:
        file.write((header + b"name".ljust(256, b"\0") + kept).ljust(4096, b"\0"))
public = f'{{"cella_key": 1, "name": "n", "receiving_key": "{"00" * 32}", "signing_key": "{"00" * 32}"'
for name, rest in (("public", ""), ("open", f', "receiving_secret": "{"00" * 32}", "signing_secret": "{"00" * 32}"'),
                   ("locked", f', "passphrase": {{"salt": "{"00" * 16}", "passes": 3, "memory_kib": 65536, "lanes": 4, '
                              f'"nonce": "{"00" * 12}", "tag": "{"00" * 16}", "sealed": "{"00" * 64}"}}')):
    with open(f"{folder}/key_file/{name}", "w") as file:
        file.write(public + rest + "}")
END

# Whole contracts, for the plan that is made of them.
mkdir -p "$folder/contract_plan"
for room in finance genome hospitals program; do
    cp "$(dirname "$0")/../../examples/$room/contract.json" "$folder/contract_plan/$room"
done

# A contract, a log's first line, a seal's payload.
mkdir -p "$folder/contract" "$folder/room_log" "$folder/seal"
python3 - "$folder" <<'END'
import json, sys
folder = sys.argv[1]
contract = {
    "cella_contract": 1, "title": "T", "purpose": "P", "program": {"mrenclave": ["a" * 64]}, "tee": ["vsm"],
    "platform_roots": ["b" * 64], "posture": {"lockdown": "x", "secure_boot": True},
    "parties": [{"name": "n", "role": "owner", "signing_key": "c" * 64, "receiving_key": "d" * 64}],
    "inputs": [{"name": "i", "owner": "n", "format": "csv", "box": "any", "columns": [], "rules": {}}],
    "parameters": [{"name": "p", "type": "real", "from": "n"}], "statements": [],
    "outputs": [{"name": "o", "statement": "s", "format": "csv", "recipients": ["n"], "rules": {}}],
    "runs": 1, "not_before": "2026-01-01T00:00:00Z", "not_after": "2027-01-01T00:00:00Z", "log": ["n"]}
with open(f"{folder}/contract/one", "w") as file:
    json.dump(contract, file)
def text(value):
    return bytes([0x60 + len(value)]) + value.encode()
def digest(byte):
    return b"\x58\x20" + bytes([byte]) * 32
with open(f"{folder}/seal/one", "wb") as file:
    file.write(b"\xa5" + text("log") + digest(1) + text("run") + text("0123456789abcdef") + text("type")
               + text("cella result 1") + text("outputs") + b"\xa1" + text("a.csv") + digest(2) + text("contract") + digest(3))
with open(f"{folder}/room_log/one", "w") as file:
    file.write(json.dumps({"sequence": 0, "time": "2026-01-01T00:00:00Z", "event": "started", "previous": "0" * 64}) + "\n")
END

# Policies in both languages, tokens.
vectors=$(dirname "$0")/../vectors/attest
mkdir -p "$folder/policy"
cp "$vectors/skr/caci_release_policy.json" "$vectors"/skr/maa-policy/*.txt "$folder/policy"
printf '%s' '{"version":"1.0.0","anyOf":[{"authority":"a","anyOf":[{"claim":"svn","greaterOrEquals":7},' \
    '{"allOf":[{"claim":"debug","notEquals":true},{"claim":"x-ms-isolation-tee.b.c","exists":true}]}]}]}' \
    >"$folder/policy/release"
printf '%s' 'version=1.1;configurationrules{=>issueproperty(type="p",value=15);};authorizationrules{' \
    'f:[type=="svn",value>=7]&&[type!="debug",value!=f.value]=>permit();=>add(type="n",value=1);};' \
    'issuancerules{c:[issuer=="AttestationService"]=>issue(claim=c);};' >"$folder/policy/attestation"
mkdir -p "$folder/token"
cp "$vectors/eat/maa-sevsnp/token.jwt" "$folder/token"
printf '{"alg":"ES256","typ":"JWT"}\000{"iss":"i","exp":1795457926,"nbf":1,"iat":1}' >"$folder/token/signed"
printf '%s' '{"keys":[{"kty":"EC","crv":"P-256","kid":"a","use":"sig","alg":"ES256",' \
    '"x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},' \
    '{"kty":"RSA","n":"AQAB","e":"AQAB"}]}' >"$folder/token/keys"

python3 - "$folder" "$vectors" <<'END'
import json, re, sys
folder, vectors = sys.argv[1:]
with open(f"{vectors}/tpm/cella/ecdsa.json") as file:
    chain = json.load(file)["certificates"]
with open(f"{vectors}/tpm/cella/root.pem") as file:
    chain.append(file.read())
x5c = ["".join(re.findall("^[A-Za-z0-9+/=]+$", pem, re.M)) for pem in chain]
def write(name, text):
    with open(f"{folder}/token/{name}", "w") as file:
        file.write(text)
claims = '\0{"iss":"i","exp":1795457926,"nbf":1,"iat":1,"aud":["a"]}   '
for name, header in (("chain", {"x5c": x5c}), ("crit", {"crit": ["b"]}), ("cty", {"cty": "JWT"}), ("type", {"typ": "application/eat+jwt"})):
    for space in range(4):
        write(f"{name}{space}", json.dumps({"alg": "ES256", "typ": "JWT", **header}) + claims[:len(claims) - space])
with open(f"{vectors}/eat/trustee-ear/example.token.json") as file:
    ear = {**json.load(file), "iss": "i", "exp": 1795457926, "nbf": 1}
write("ear", '{"alg":"ES256"}\0' + json.dumps(ear))
part = {"ear.status": "warning", "ear.trustworthiness-vector": {"hardware": 2, "configuration": 33}, "ear.appraisal-policy-id": "p"}
write("ear-small", '{"alg":"ES256"}\0' + json.dumps({**ear, "ear.raw-evidence": "AA", "submods": {"a": part}}))
n = "w" + "v" * 341
rsa, of_certificate = {"kty": "RSA", "n": n, "e": "AQAB", "kid": "b"}, {"kty": "EC", "x5c": x5c[:1], "kid": "c"}
write("jwks", json.dumps({"keys": [rsa, of_certificate, {"kty": "EC", "use": "enc"}, {"kty": "EC", "key_ops": ["verify"], "kid": "d"}]}))
write("jwks-rsa", json.dumps({"keys": [rsa]}))
write("jwks-x5c", json.dumps({"keys": [of_certificate]}))
write("jwks-secret", json.dumps({"keys": [{"kty": "oct", "k": "AA"}]}))
END

# Reports of SEV-SNP, alone and with a table behind them, the table, an extension; Nitro's document
# and its payload.
mkdir -p "$folder/snp_report" "$folder/nitro_document"
python3 - "$folder" "$vectors" <<'END'
import struct, sys
folder, vectors = sys.argv[1:]
def read(path):
    with open(f"{vectors}/{path}", "rb") as file:
        return file.read()
def write(path, content):
    with open(f"{folder}/{path}", "wb") as file:
        file.write(content)
vek = read("snp/trustee/test-vcek.der")
table = bytes.fromhex("63da758de6644564adc5f4b93be8accd") + struct.pack("<II", 48, len(vek)) + bytes(24) + vek
for name in ("go-sev-guest/attestation", "trustee/test-report", "trustee/test-vlek-report"):
    report = read(f"snp/{name}.bin")
    write("snp_report/" + name.replace("/", "-"), b"\0" + report)
    write("snp_report/extended-" + name.replace("/", "-"), b"\1" + report + table)
    for choice in (4, 8, 12, 24, 29):
        write(f"snp_report/{choice}-" + name.replace("/", "-"), bytes([choice]) + report + table * (choice & 1))
write("snp_report/table", b"\2" + table)
crl = read("tdx/go-tdx-guest-v4/root_crl.der")
write("snp_report/list", b"\2" + bytes.fromhex("92f81bc358114d3d97ffd19f88dc67ea") + struct.pack("<II", 48, len(crl)) + bytes(24) + crl)
for choice in (36, 40, 44):
    write(f"snp_report/vlek-{choice}", bytes([choice]) + read("snp/trustee/test-vlek-report.bin"))
for choice in (2, 10, 14):
    write(f"snp_report/vek-{choice}", bytes([choice]) + read("snp/go-sev-guest/vcek.der"))
for arc, value in enumerate((b"\2\1\0", b"\x16\5Milan", b"\2\2\0\xd9", b"\2\1\0", b"\2\1\1", b"\4\x40" + bytes(64), b"\x16\3N/A")):
    write(f"snp_report/extension-{arc}", bytes([3, arc]) + value)
document = read("nitro/fortanix/request_proper.bin")
write("nitro_document/whole", b"\0" + document)
write("nitro_document/payload", b"\1" + document[10:-98])
for choice in (2, 4, 8, 16):
    write(f"nitro_document/whole-{choice}", bytes([choice]) + document)
write("nitro_document/tagged", b"\0\xd2" + document)
write("nitro_document/key", b"\1" + document[10:-98].replace(b"public_key\xf6", b"public_key\x44key!"))
END

# What TPMs make, logs, the report of Azure's paravisor.
mkdir -p "$folder/event_log" "$folder/ima_log" "$folder/tpm_quote" "$folder/hcl"
cp "$vectors"/eventlog/*/* "$vectors/tpm/cella/event_log" "$folder/event_log"
head -c 18200 "$vectors/tdx/gcp-cos113/ccel_data.bin" >"$folder/event_log/ccel"
cp "$vectors"/ima/keylime/* "$vectors/tpm/cella/ima_log" "$folder/ima_log"
cp "$vectors"/tpm/*/*.json "$folder/tpm_quote"
python3 - "$folder" "$vectors" <<'END'
import base64, hashlib, json, struct, sys
folder, vectors = sys.argv[1:]
with open(f"{vectors}/tpm/trustee/evidence-v1.json") as file:
    report = base64.urlsafe_b64decode(json.load(file)["hcl_report"])
with open(f"{folder}/hcl/snp", "wb") as file:
    file.write(report)
# The same of a TDX guest: another type, and a quote whose report data are the hash of the words.
with open(f"{vectors}/tdx/dcap-qvl/tdx_quote.bin", "rb") as file:
    quote = bytearray(file.read())
words = report[0x4d4:0x4d4 + struct.unpack_from("<I", report, 0x4d0)[0]]
quote[568:632] = hashlib.sha256(words).digest() + bytes(32)
report = report[:0x4c8] + struct.pack("<I", 4) + report[0x4cc:]
with open(f"{folder}/hcl/tdx", "wb") as file:
    file.write(report)
with open(f"{vectors}/tpm/trustee/evidence-v1.json") as file:
    evidence = json.load(file)
del evidence["vcek"]
evidence["hcl_report"] = base64.urlsafe_b64encode(report).decode().rstrip("=")
evidence["td_quote"] = base64.urlsafe_b64encode(quote).decode().rstrip("=")
for space in range(4):
    with open(f"{folder}/tpm_quote/tdx{space}", "w") as file:
        file.write(json.dumps(evidence) + space * " ")
for name in ("ecdsa", "rsapss"):
    with open(f"{vectors}/tpm/cella/{name}.json") as file:
        evidence = json.load(file)
    for kind, field in (("q", "attest"), ("s", "signature"), ("p", "public")):
        with open(f"{folder}/tpm_quote/{name}-{field}", "wb") as file:
            file.write(kind.encode() + base64.b64decode(evidence[field]))
def field(data):
    return struct.pack("<I", len(data)) + data
def entry(template, data):
    head = struct.pack("<I", 10) + hashlib.sha1(data).digest() + field(template)
    return head + (data if template == b"ima" else field(data))
digest = field(b"sha256:\0" + bytes(range(32)))
with open(f"{folder}/ima_log/binary", "wb") as file:
    file.write(entry(b"ima-ng", digest + field(b"/a\0")) + entry(b"ima", bytes(20) + field(b"/b"))
               + entry(b"ima-sig", digest + field(b"/c\0") + field(bytes.fromhex("0302040102030400020a0b")))
               + entry(b"ima-buf", digest + field(b"d\0") + field(b"buffer"))
               + entry(b"ima-ngv2", field(b"verity:sha256:\0" + bytes(32)) + field(b"/e\0")))
END

# A program that firmware starts, as small as they come: headers, a section, signatures.
mkdir -p "$folder/pe"
python3 - "$folder" <<'END'
import struct, sys
head = b"MZ".ljust(0x3c, b"\0") + struct.pack("<I", 0x40)
for name, magic, directories in (("pe32", 0x10b, 96), ("pe32+", 0x20b, 112)):
    optional = bytearray(directories + 16 * 8)
    struct.pack_into("<H", optional, 0, magic)
    struct.pack_into("<II", optional, 60, 0x200, 7)
    struct.pack_into("<I", optional, directories - 4, 16)
    struct.pack_into("<II", optional, directories + 32, 0x240, 0x40)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, len(optional), 2)
    section = struct.pack("<8sIIII16x", b".text", 64, 0x1000, 0x40, 0x200)
    with open(f"{sys.argv[1]}/pe/{name}", "wb") as file:
        file.write((head + coff + bytes(optional) + section).ljust(0x200, b"\0") + bytes(range(64)) + bytes(64))
END

# What a machine and an issuer carry to each other; the certificate is of something else.
mkdir -p "$folder/platform_exchange"
python3 - "$folder" "$vectors" <<'END'
import base64, json, re, sys
folder, vectors = sys.argv[1:]
with open(f"{vectors}/tpm/cella/ecdsa.json") as file:
    key = json.load(file)["public"]
pem = open(f"{vectors}/vsm-tpm/root.pem").read()
certificate = re.sub(r"-----[A-Z ]+-----|\s", "", pem)
text = lambda size: base64.b64encode(bytes(range(size))).decode()
for name, document in (
        ("request", {"cella_platform_request": 1, "endorsement": [certificate], "key": key}),
        ("grant", {"cella_platform_grant": 1, "endorsement": "ecc-p256", "credential": text(68),
                   "secret": text(68), "sealed": text(200)})):
    with open(f"{folder}/platform_exchange/{name}", "w") as file:
        json.dump(document, file)
END

# The logs of a machine that was measured, its firmware's size before them.
mkdir -p "$folder/vsm_tpm"
python3 - "$folder" "$vectors" <<'END'
import struct, sys
folder, vectors = sys.argv[1:]
evidence = open(f"{vectors}/vsm-tpm/first.evidence", "rb").read()
def value(name):
    at = evidence.index(bytes([0x60 + len(name)]) + name + b"\x59") + len(name) + 2
    size = int.from_bytes(evidence[at:at + 2], "big")
    return evidence[at + 2:at + 2 + size]
events = value(b"events")
with open(f"{folder}/vsm_tpm/machine", "wb") as file:
    file.write(struct.pack(">H", len(events)) + events + value(b"ima"))
END

for name in first second; do
    { printf '\002' && cat "$vectors/vsm-tpm/$name.evidence"; } >"$folder/evidence/$name"
    { printf 'B' && cat "$vectors/vsm-tpm/$name.evidence"; } >"$folder/evidence/$name-kind"
done

# Quotes of SGX and TDX, whole and in the JSON of Azure's samples; a PCK certificate's extension;
# Intel's collateral in all of its forms.
mkdir -p "$folder/quote" "$folder/intel"
python3 - "$folder" "$vectors" <<'END'
import base64, glob, json, re, sys
folder, vectors = sys.argv[1:]
def read(path):
    with open(path, "rb") as file:
        return file.read()
def write(path, content):
    with open(f"{folder}/{path}", "wb") as file:
        file.write(content)
for path in glob.glob(f"{vectors}/[st][gd]x/*/*"):
    name = "-".join(path.split("/")[-3:])
    if re.search("quote.*bin$|quote.dat$", name):
        for choice in (0, 4, 8, 12, 0x14, 0x24, 0x34):
            write(f"quote/judged-{choice}-{name}", bytes([name.startswith("tdx") + choice]) + read(path))
        write(f"quote/parsed-{name}", b"\2" + read(path))
    elif "enclave.info" in name:
        write(f"quote/judged-{name}", b"\0" + read(path))
    elif re.search("json$|tcb$|id$|crl$", name):
        content = read(path)
        write(f"intel/{name}", (b"\3" if name.startswith("tdx") else b"\0") + content)
        if b'"tcbInfo":{' in content or b'"enclaveIdentity":{' in content:
            inside = re.search(rb':(\{.*\}),"signature"', content, re.S)[1]
            write(f"intel/inside-{name}", (b"\1" if b'"tcbInfo"' in content else b"\2") + inside)
bundle = json.load(open(f"{vectors}/tdx/dcap-qvl/tdx_quote_collateral.json"))
for name in ("tcb_info", "qe_identity"):
    write(f"intel/{name}-object", b"\3" + json.dumps({{"tcb_info": "tcbInfo", "qe_identity": "enclaveIdentity"}[name]:
          json.loads(bundle[name]), "signature": bundle[f"{name}_signature"]}).encode())
write("intel/inside-tdx", b"\1" + bundle["tcb_info"].encode())
chain = bundle["tcb_info_issuer_chain"].replace("\n", "%0A").replace(" ", "%20")
write("intel/http", b"\0HTTP/1.1 200 OK\r\nTCB-Info-Issuer-Chain: " + chain.encode() + b"\r\n\r\n"
      + read(f"{vectors}/tdx/go-tdx-guest-v5/tcb_info_90c06f000000.json"))
for choice in (65, 69):
    write(f"quote/log-{choice}", bytes([choice]) + read(f"{vectors}/tdx/gcp-cos113/cos-113-tdx-quote.bin"))
# A list of revoked certificates with the one that signed the quote's key.
bundle = json.load(open(f"{vectors}/sgx/dcap-qvl/sgx_quote_collateral.json"))
crl = bytes.fromhex(bundle["pck_crl"])
write("intel/crl", b"\0" + crl)
quote = read(f"{vectors}/sgx/dcap-qvl/sgx_quote.bin")
pem = re.search(b"-----BEGIN CERTIFICATE-----(.*?)-----END", quote, re.S)[1]
leaf = base64.b64decode(b"".join(pem.split()))
at = leaf.index(b"\xa0\x03\x02\x01\x02\x02") + 6
serial = leaf[at - 1:at + 1 + leaf[at]]
def parts(der):
    while der:
        head, size = (2, der[1]) if der[1] < 128 else (2 + (der[1] & 127), int.from_bytes(der[2:2 + (der[1] & 127)], "big"))
        yield der[:head + size], der[head:head + size]
        der = der[head + size:]
def sequence(body):
    return b"\x30\x82" + len(body).to_bytes(2, "big") + body
signed, *rest = parts(next(parts(crl))[1])
fields = [whole for whole, body in parts(signed[1])]
# ... and one that is only what changed since another (deltaCRLIndicator, critical).
extensions = next(parts(next(parts(fields[-1]))[1]))[1] + bytes.fromhex("300d0603551d1b0101ff0403020101")
delta = fields[:-1] + [b"\xa0\x82" + (len(extensions) + 4).to_bytes(2, "big") + sequence(extensions)]
write("intel/delta", b"\0" + sequence(sequence(b"".join(delta)) + b"".join(whole for whole, body in rest)))
fields.insert(-1, sequence(sequence(serial + b"\x17\x0d250101000000Z")))
write("intel/revoked", b"\0" + sequence(sequence(b"".join(fields)) + b"".join(whole for whole, body in rest)))
quote = read(f"{vectors}/tdx/intel-qvl-sample/quote.dat")
at = quote.rindex(bytes.fromhex("06092a864886f84d010d01")) + 11
head, size = (4, int.from_bytes(quote[at + 2:at + 4], "big")) if quote[at + 1] == 0x82 else (3, quote[at + 2])
write("quote/extension", b"\3" + quote[at + head:at + head + size])
END

# A keyd's requests, recipients, a sealed file; a JWE of each kind, and headers.
mkdir -p "$folder/keyd_request" "$folder/keyd_jwe"
python3 - "$folder" <<'END'
import base64, json, sys
folder = sys.argv[1]
def url(content):
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
def write(name, content):
    with open(f"{folder}/{name}", "wb") as file:
        file.write(content)
keys = {"rsa": {"kty": "RSA", "n": url(b"\xff" * 256), "e": "AQAB"},
        "ec": {"kty": "EC", "crv": "P-256", "x": "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
               "y": "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"},
        "okp": {"kty": "OKP", "crv": "X25519", "x": url(b"\t" + bytes(31)), "kid": "k", "use": "enc"}}
for name, key in keys.items():
    write(f"keyd_request/recipient-{name}", b"\1" + json.dumps(key).encode())
    for form in ("hpke", "jwe", "ckm_rsa_aes_key_wrap", "rsa_aes_key_wrap_256"):
        request = {"key": "k", "nonce": "00" * 32, "recipient": key, "format": form}
        write(f"keyd_request/{name}-{form}", b"\0" + json.dumps({**request, "evidence": "AAEC"}).encode())
        write(f"keyd_request/{name}-{form}-token", b"\0" + json.dumps({**request, "token": "e30.e30.AA"}).encode())
sealed = {"cella_keyd_secret": 1, "for": "key", "name": "k", "type": "oct", "policy": "{}", "nonce": "00" * 12,
          "tag": "00" * 16, "sealed": "00" * 32}
write("keyd_request/sealed", b"\2" + json.dumps(sealed).encode())
for number, header in enumerate(({"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": "k", "cty": "pkcs8"},
                                 {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "epk": keys["ec"]},
                                 {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "epk": keys["okp"]})):
    text = json.dumps(header).encode()
    write(f"keyd_jwe/header{number}", bytes([(0x81, 0x82, 0x83)[number]]) + text)
    wrapped = bytes(256 if number == 0 else 40)
    write(f"keyd_jwe/rest{number}", bytes([0x40 + (2, 0, 1)[number]]) + ".".join(
        (url(bytes(12)), url(bytes(32)), url(bytes(16)))).encode())
    write(f"keyd_jwe/whole{number}", bytes([number]) + ".".join(
        (url(text), url(wrapped), url(bytes(12)), url(bytes(32)), url(bytes(16)))).encode())
END

# A keyd's answers: a challenge, a refusal, a status, and what a release says.
mkdir -p "$folder/keyd_reply"
python3 - "$folder/keyd_reply" <<'END'
import json, sys
digits, text = "00" * 32, "A" * 43
bodies = {
    "challenge": {"nonce": digits, "expires": "2026-11-23T00:00:00Z"},
    "refusal": {"error": {"class": "POLICY", "sentence": "no", "trace": []}},
    "status": {"cella_keyd": 1, "signing_key": {"kty": "EC", "crv": "P-256", "x": text, "y": text}},
    "release": {"value": text + "." + text + "." + 2 * text},
}
for name, body in bodies.items():
    text = json.dumps(body)
    with open(f"{sys.argv[1]}/{name}", "w") as to:
        to.write(f"HTTP/1.1 200 OK\r\nRetry-After: 1\r\nContent-Length: {len(text)}\r\n\r\n{text}")
with open(f"{sys.argv[1]}/payload", "w") as to:
    json.dump({"decision": "granted", "request": {"key": "note", "nonce": digits, "recipient": digits, "enc": "hpke"},
               "evidence": digits, "policy": digits, "log": {"sequence": 1, "sha256": digits}, "iat": 1,
               "response": {"hpke": {"enc": "A" * 43, "sealed": "A" * 64}}}, to)
END

# Attested certificates, the evidence in them, certificates and lists in every form.
mkdir -p "$folder/certificate"
python3 - "$folder/certificate" "$vectors" <<'END'
import base64, glob, re, sys
folder, vectors = sys.argv[1:]
def read(path):
    with open(f"{vectors}/{path}", "rb") as file:
        return file.read()
def write(name, content):
    with open(f"{folder}/{name}", "wb") as file:
        file.write(content)
def inside(pem):
    return base64.b64decode(b"".join(re.findall(b"^[A-Za-z0-9+/=]+$", pem, re.M)))
for name in ("gramine", "rats-tls"):
    pem = read(f"ratls/{name}-cert.pem")
    der = inside(pem)
    at = der.index(bytes.fromhex("0606678105050409")) + 8
    at += 3 if der[at] == 1 else 0
    width = der[at + 1] & 127 if der[at + 1] & 128 else 0
    inner = int.from_bytes(der[at + 2:at + 2 + width], "big") if width else der[at + 1]
    write(f"{name}-pem", b"\0" + pem)
    write(f"{name}-any", b"\4" + pem)
    write(f"{name}-carried", b"\x0c" + pem)
    write(f"{name}-der", b"\0" + der)
    write(f"{name}-evidence", b"\1" + der[at + 2 + width:at + 2 + width + inner])
crl, root = read("tdx/go-tdx-guest-v4/root_crl.der"), read("sgx/intel-qvl-sample/trustedRootCaCert.pem")
def text(value):
    return bytes([0x60 + len(value)]) + value.encode()
pair = b"\x82\1\x58\x20" + bytes(32)
claims = b"\xa2" + text("nonce") + b"\x43abc" + text("pubkey-hash") + b"\x58" + bytes([len(pair)]) + pair
write("evidence", b"\1\xd9\xea\x60\x82\x44quot\x58" + bytes([len(claims)]) + claims)
for name, content in (("crl-der", crl), ("crl-hex", crl.hex().encode()), ("root-pem", root), ("root-der", inside(root)),
                      ("chain", read("sgx/intel-qvl-sample/pckSignChain.pem")), ("vek", read("snp/trustee/test-vcek.der")),
                      ("root-url", root.replace(b"\n", b"%0A").replace(b" ", b"%20").replace(b"+", b"%2B"))):
    write(f"{name}", b"\2" + content)
    write(f"{name}-root", b"\3" + content)
END

# Certificates and lists, alone and as PEM: those of the vectors, and some of each kind of key that signed
# themselves.
mkdir -p "$folder/x509"
made=$(mktemp -d)
trap 'rm -rf "$source" "$made"' EXIT
cat >"$made/config" <<'END'
[req]
distinguished_name = name
[name]
[all]
basicConstraints = critical,CA:TRUE,pathlen:1
keyUsage = critical,keyCertSign,cRLSign,decipherOnly
extendedKeyUsage = serverAuth,1.2.3.4
subjectAltName = DNS:a
certificatePolicies = 1.2.3
nameConstraints = permitted;DNS:a
crlDistributionPoints = URI:a
END
for key in rsa:2048 rsa-pss:2048 ec:P-256 ec:P-384 ec:P-521 ed25519: ed448:; do
    kind=${key%:*} size=${key#*:}
    [ ! -f "$folder/x509/made-$kind-$size" ] || continue
    case $kind in
    ec) set -- -pkeyopt "ec_paramgen_curve:$size" ;;
    rsa*) set -- -pkeyopt "rsa_keygen_bits:$size" ;;
    *) set -- ;;
    esac
    openssl genpkey -quiet -algorithm "$kind" "$@" -out "$made/key"
    openssl req -x509 -new -key "$made/key" -subj "/C=XX/O=fuzz/CN=$kind" -days 9000 -outform DER -out "$made/one" \
        -config "$made/config" -extensions all
    { printf '\000' && cat "$made/one"; } >"$folder/x509/made-$kind-$size"
done
python3 - "$folder/x509" "$vectors" <<'END'
import base64, glob, os, re, sys
folder, vectors = sys.argv[1:]
def write(name, content):
    with open(f"{folder}/{name}", "wb") as file:
        file.write(content)
found = set()
for path in filter(os.path.isfile, glob.glob(f"{vectors}/**/*", recursive=True)):
    with open(path, "rb") as file:
        content = file.read().replace(b"\\n", b"\n")
    for text in re.findall(rb"-----BEGIN (?:CERTIFICATE|X509 CRL)-----([A-Za-z0-9+/=\s]*)-----END", content):
        found.add(base64.b64decode(text))
    if content.startswith(b"-----BEGIN") and len(content) < 8192:
        write(path.replace(vectors, "").replace("/", "-"), b"\2" + content)
    if re.search("der$|crl$|cert$|crt$", path) and content[:1] == b"\x30":
        found.add(content)
for number, der in enumerate(sorted(der for der in found if len(der) < 16384)):
    write(f"certificate-{number}", b"\0" + der)
    write(f"list-{number}", b"\1" + der)
END

# Evidence with its collateral beside it, for made certificates.
mkdir -p "$folder/ratls_carried"
python3 - "$folder/ratls_carried" "$vectors" <<'END'
import struct, sys
folder, vectors = sys.argv[1:]
def read(path):
    with open(f"{vectors}/{path}", "rb") as file:
        return file.read()
def array(*pieces):
    return bytes([0x80 + len(pieces)]) + b"".join(b"\x5a" + struct.pack(">I", len(one)) + one for one in pieces)
for kind in ("sgx", "tdx"):
    quote, bundle = read(f"{kind}/dcap-qvl/{kind}_quote.bin"), read(f"{kind}/dcap-qvl/{kind}_quote_collateral.json")
    forms = {"alone": b"", "array": array(bundle), "tagged": b"\xd9\xea\x60" + array(bundle, bundle + b"\0"),
             "list": array(read("tdx/go-tdx-guest-v4/root_crl.der")), "no-collateral": array(b"x\0")}
    for name, beside in forms.items():
        with open(f"{folder}/{kind}-{name}", "wb") as file:
            file.write(struct.pack("<H", len(quote)) + quote + beside)
END

# What a platform reads of its machine.
mkdir -p "$folder/platform"
for log in "$folder"/event_log/*; do
    [ ! -f "$log" ] || { printf '\000' && cat "$log"; } >"$folder/platform/events-$(basename "$log")"
done
for log in "$folder/ima_log/binary" "$folder/ima_log/ima_log"; do
    { printf '\001' && cat "$log"; } >"$folder/platform/$(basename "$log")"
done
python3 - "$folder/platform" <<'END'
import struct, sys
def write(name, content):
    with open(f"{sys.argv[1]}/{name}", "wb") as file:
        file.write(content)
def answer(tag, body, code=0):
    return struct.pack(">HII", tag, 10 + len(body), code) + body
def sized(body):
    return struct.pack(">H", len(body)) + body
busy = answer(0x8001, b"", 0x922)
made = answer(0x8002, struct.pack(">I", 0x80000000) + bytes(60))
handles = answer(0x8001, b"\0" + struct.pack(">IIII", 1, 2, 0x81010100, 0x81010101))
write("make", b"\2" + busy + made + handles + answer(0x8002, bytes(5)) + answer(0x8001, b""))
write("key", b"\6" + answer(0x8001, sized(bytes(90)) + sized(bytes(34)) + sized(bytes(34))))
pcrs = b""
for first in (0, 8, 16):
    chosen = [i for i in range(first, first + 8) if i < 11 or i == 14]
    mask = sum(1 << i for i in chosen)
    pcrs += answer(0x8001, struct.pack(">IIHB", 7, 1, 11, 3) + mask.to_bytes(3, "little")
                   + struct.pack(">I", len(chosen)) + sized(bytes(32)) * len(chosen)) if mask else b""
write("pcrs", b"\12" + pcrs)
write("has", b"\36" + handles)
write("endorsement", b"\26" + answer(0x8002, struct.pack(">II", 0x80000000, 92) + sized(bytes(90)) + bytes(5)))
write("nv", b"\22" + answer(0x8001, sized(bytes(10) + struct.pack(">H", 64)) + sized(bytes(34)))
      + answer(0x8002, struct.pack(">I", 66) + sized(bytes(64)) + bytes(5)))
write("activate", b"\32" + answer(0x8001, struct.pack(">I", 0x3000000) + sized(bytes(16)))
      + answer(0x8002, struct.pack(">I", 34) + sized(bytes(32)) + bytes(5)) * 3)
parameters = sized(bytes(145)) + struct.pack(">HH", 0x18, 11) + sized(bytes(32)) * 2
write("quote", b"\16" + answer(0x8002, struct.pack(">I", len(parameters)) + parameters + bytes(5)))
write("place", b'\3{"tcti":"device:/dev/tpmrm0","events":"/a","ima":"/b","handle":"0x81010100"}')
END

# The files of a keyd.
mkdir -p "$folder/keyd_files"
python3 - "$folder/keyd_files" <<'END'
import hashlib, json, sys
def write(name, content):
    with open(f"{sys.argv[1]}/{name}", "wb") as file:
        file.write(content)
lines, previous = b"", "0" * 64
for sequence in range(3):
    line = json.dumps({"sequence": sequence, "time": "2026-01-01T00:00:00Z", "event": "started", "previous": previous}).encode()
    lines, previous = lines + line + b"\n", hashlib.sha256(line).hexdigest()
write("log", b"\0" + lines)
write("log-torn", b"\0" + lines + b'{"seq')
write("log-continued", b"\0" + json.dumps({"sequence": 3, "time": "2026-01-01T00:00:00Z", "event": "continue",
      "previous": previous}).encode() + b"\n")
key = {"kty": "EC", "crv": "P-256", "x": "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
       "y": "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}
write("issuer", b"\1" + json.dumps({"issuer": "j", "audience": "k", "jwks": {"keys": [key]}}).encode())
write("master", b"\2" + json.dumps({"cella_keyd": 1, "salt": "00" * 16, "passes": 3, "memory_kib": 65536, "lanes": 4,
      "nonce": "00" * 12, "tag": "00" * 16, "sealed": "00" * 32}).encode())
for name, what in (("key", "oct"), ("key", "ec"), ("key", "pkcs11"), ("signing key", "pem")):
    write(f"sealed-{what}", b"\3" + json.dumps({"cella_keyd_secret": 1, "for": name, "name": "k" if name == "key" else "",
          "type": what, "policy": "{}" if name == "key" else "", "nonce": "00" * 12, "tag": "00" * 16,
          "sealed": "00" * 32}).encode())
digits = "0" * 128
for number, claims in enumerate(({"report_data": digits}, {"x-ms-runtime": {"user-data": digits}},
                                 {"eat_profile": "tag:github.com,2023:veraison/ear", "ear.verifier-id": {"developer": "d", "build": "b"},
                                  "submods": {"a": {"ear.status": "affirming",
                                                    "ear.veraison.annotated-evidence": {"tdx_report_data": digits}}}})):
    write(f"claims{number}", b"\4" + json.dumps({"iss": "i", "exp": 1700000001, "nbf": 1, "iat": 1, **claims}).encode())
END
