#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Makes FOLDER/TARGET, libFuzzer's dictionary of each target that has one: the words of its parser's sources
# (names of JSON, CBOR, claims; OIDs also as DER), and the numbers that its format has as bytes.
# Usage: dictionaries.py FOLDER
import glob, os, re, struct, sys

JSON = "{} [] {\"\":} true false null 0 -1 1e9 \\u0000 \\ud800".split()
DER = [bytes.fromhex(text) for text in ("3000 3080 3082 0400 0408 0420 0500 0201 02020100 0a0101 0101ff a003020102 1700 "
                                        "180f 301d0603551d0e 300a06082a8648ce3d040302 06082a8648ce3d030107 ff").split()]
CBOR = [bytes.fromhex(text) for text in ("a0 bf ff 80 9f 40 5f 5820 5830 5900 5a 60 78 7f 00 18 19 1a 1b 20 3822 d2 d818 f4 "
                                         "f5 f6 f7 f90000 fb 1bffffffffffffffff").split()]
TPM = [struct.pack(form, number) for form in (">H", "<H") for number in (
    0x0001, 0x0004, 0x000b, 0x000c, 0x000d, 0x0014, 0x0016, 0x0018, 0x0023, 0x8018, 0x0003, 0x0004, 0x0010, 0x0006, 0x0043)] \
    + [b"\xffTCG", b"\xffTCG\x80\x18", b"Spec ID Event03\0", b"StartupLocality\0\3", b"\x80\0\0\1"]
EVENTS = [struct.pack("<I", number) for number in (
    0, 1, 3, 4, 5, 7, 8, 9, 11, 13, 0x80000001, 0x80000002, 0x80000003, 0x80000006, 0x80000008, 0x800000e0, 0x80000010,
    0xffffffff, 0xffff)] + [text.encode("utf-16-le") for text in ("SecureBoot", "PK", "KEK", "db", "dbx")] + [
    b"kernel_cmdline: ", b"grub_cmd: ", b"module_cmdline: ", b"\0\0\0\0"]
NUMBERS = [struct.pack("<H", number) for number in (1, 2, 3, 4, 5, 6, 7, 0x81)] + [
    struct.pack("<I", number) for number in (0, 0x81, 384, 584, 648, 0xffffffff)] + [
    bytes.fromhex("939a7233f79c4ca9940a0db3957f0607"), b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"]
JOSE = [b"eyJhbGciOiJFUzI1NiJ9", b"..", b"AQAB", b"e30"]
# Extensions of RFC 5280's and some values, the OIDs of keys and signatures, lines of PEM.
X509 = [bytes([6, 3, 0x55, 0x1d, number]) for number in (14, 15, 17, 18, 19, 20, 21, 23, 27, 28, 29, 30, 31, 32, 35, 36, 37)] + [
    bytes.fromhex(text) for text in (
        "0101ff 010100 30030101ff 30060101ff020100 0302078004 03020106 0303070680 06082a8648ce3d040303 06092a864886f70d01010b "
        "06092a864886f70d01010a 06092a864886f70d010101 06072a8648ce3d0201 06032b6570 06052b81040022 06052b81040023 0500 8101 "
        "170d3235303130313030303030305a").split()] + [
    b"-----BEGIN X509 CRL-----\n", b"-----END X509 CRL-----\n", b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n",
    b"-----BEGIN PUBLIC KEY-----\n", b"Proc-Type: 4,ENCRYPTED\n", b"=", b"==", b"\n\n", b"\r\n", b"AAAA"]

# Of each target: the sources that its words are of, and more.
TARGETS = {
    "quote": ("attest/sgx/*.c attest/x509.c", NUMBERS + DER + JSON),
    "intel": ("attest/sgx/*.c attest/collateral.c", JSON + DER + NUMBERS),
    "snp_report": ("attest/snp/*.c attest/x509.c", NUMBERS + DER),
    "nitro_document": ("attest/nitro/*.c attest/cbor.c", CBOR + DER),
    "cbor_foreign": ("attest/cbor.c", CBOR),
    "tpm_quote": ("attest/tpm/*.c", TPM + JSON + DER),
    "event_log": ("attest/tpm/eventlog*.c attest/tpm/ccel.c", TPM + EVENTS),
    "ima_log": ("attest/tpm/ima*.c", TPM),
    "hcl": ("attest/tpm/hcl.c attest/tpm/key.c", JSON + [b"HCLA", b"AQAB"]),
    "policy": ("attest/policy/*.c", JSON),
    "token": ("attest/token/*.c attest/strict.c attest/policy/schema.c", JSON + JOSE + DER),
    "vsm_tpm": ("attest/vsm*.c attest/tpm/eventlog*.c attest/tpm/ima*.c", TPM + EVENTS + CBOR),
    "evidence": ("attest/evidence.c attest/cose.c attest/claims.c attest/vsm*.c attest/certificate.c", CBOR + DER),
    "keyd_request": ("keyd/request.c keyd/recipient.c keyd/sealed.c keyd/wrap.c keyd/fields.c", JSON + JOSE),
    "keyd_jwe": ("keyd/jwe.c keyd/recipient.c", JSON + JOSE),
    "keyd_reply": ("keyd/agent/reply.c keyd/jws.c attest/token/*.c", JSON + JOSE),
    "keyd_files": ("keyd/audit.c keyd/issuers.c keyd/keystore*.c keyd/sealed.c keyd/http.c room/log.c cli/keyd*.c", JSON),
    "certificate": ("attest/x509.c attest/ratls*.c attest/certificate.c attest/collateral.c", CBOR + DER),
    "x509": ("attest/x509*.c attest/pem.c", DER + X509),
}

def oid(text):
    first, second, *rest = map(int, text.split("."))
    body = b""
    for number in [40 * first + second, *rest]:
        part = bytes([number & 127])
        while number := number >> 7:
            part = bytes([128 | number & 127]) + part
        body += part
    return bytes([6, len(body)]) + body

def words(patterns):
    found = set()
    for path in (path for pattern in patterns.split() for path in glob.glob(pattern)):
        with open(path) as file:
            text = "".join(line for line in file if not line.startswith("#include"))
        for word in re.findall(r'"([A-Za-z0-9_.:+/=-]{2,40})"', text):
            found.add(word.encode())
            if re.fullmatch(r"[0-2]\.\d+(\.\d+)+", word):
                found.add(oid(word))
    return found

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
for target, (patterns, more) in TARGETS.items():
    entries = words(patterns) | {entry if isinstance(entry, bytes) else entry.encode() for entry in more}
    with open(f"{folder}/{target}", "w") as file:
        for entry in sorted(entries):
            file.write('"' + "".join(f"\\x{byte:02x}" for byte in entry) + '"\n')
