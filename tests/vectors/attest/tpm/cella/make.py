#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Makes the files beside it anew: quotes of a software TPM, with an event log and an IMA log whose
# digests were extended to its PCRs, and a certificate for each attestation key.
# Needs swtpm, swtpm-tools, tpm2-tools and openssl. Usage: make.py [FOLDER]
import base64, hashlib, json, os, shutil, socket, struct, subprocess, sys, tempfile, time

folder = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(__file__))
work = tempfile.mkdtemp(prefix="cella-swtpm-")
NONCE = hashlib.sha256(b"cella").hexdigest()
BANKS = ("sha1", "sha256")
IDS = {"sha1": 4, "sha256": 0xB}
KEYS = {  # name: algorithm, scheme, hash
    "ecdsa": ("ecc", "ecdsa", "sha256"),
    "ecdsa384": ("ecc384", "ecdsa", "sha384"),
    "rsassa": ("rsa", "rsassa", "sha256"),
    "rsapss": ("rsa", "rsapss", "sha256"),
}


def run(*command, **options):
    subprocess.run(command, check=True, cwd=work, stdout=subprocess.DEVNULL, **options)


def read(name):
    with open(os.path.join(work, name), "rb") as file:
        return file.read()


def text(data):
    return base64.b64encode(data).decode()


# ---- the TPM ----

def start():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    control = port + 1  # where tpm2-tools look for it
    run("swtpm_setup", "--tpm2", "--tpmstate", work, "--pcr-banks", "sha1,sha256", "--overwrite")
    run("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={work}", "--ctrl",
        f"type=tcp,bindaddr=127.0.0.1,port={control}", "--server", f"type=tcp,bindaddr=127.0.0.1,port={port}",
        "--flags", "not-need-init,startup-clear", "--daemon", "--pid", f"file={work}/pid")
    os.environ["TPM2TOOLS_TCTI"] = f"swtpm:host=127.0.0.1,port={port}"


def extend(pcr, digests):
    run("tpm2_pcrextend", f"{pcr}:" + ",".join(f"{bank}={digest.hex()}" for bank, digest in digests.items()))


def digests_of(data):
    return {bank: hashlib.new(bank, data).digest() for bank in BANKS}


# ---- logs ----

def spec_id():
    data = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, len(BANKS))
    data += b"".join(struct.pack("<HH", IDS[bank], hashlib.new(bank).digest_size) for bank in BANKS) + b"\0"
    return struct.pack("<II20sI", 0, 3, bytes(20), len(data)) + data


def event(pcr, kind, measured, data):
    extend(pcr, digests_of(measured))
    head = struct.pack("<III", pcr, kind, len(BANKS))
    for bank, digest in digests_of(measured).items():
        head += struct.pack("<H", IDS[bank]) + digest
    return head + struct.pack("<I", len(data)) + data


def variable(name, value):
    guid = bytes.fromhex("61dfe48bca93d211aa0d00e098032b8c")
    return guid + struct.pack("<QQ", len(name), len(value)) + name.encode("utf-16le") + value


def event_log():
    line = b"/vmlinuz root=/dev/vda1 ro lockdown=confidentiality ima_policy=tcb"
    secure = variable("SecureBoot", b"\1")
    log = spec_id() + event(0, 8, b"cella\0", b"cella\0") + event(7, 0x80000001, secure, secure)
    for pcr in range(8):
        log += event(pcr, 4, bytes(4), bytes(4))
    for prefix, said in ((b"grub_cmd: ", b"linux " + line), (b"kernel_cmdline: ", line)):
        log += event(8, 0xD, said, prefix + said + b"\0")
    return log + event(9, 0xD, b"the kernel", b"/vmlinuz\0")


def field(data):
    return struct.pack("<I", len(data)) + data


def ima_entry(digest, path):
    data = field(b"sha256:\0" + digest) + field(path.encode() + b"\0")
    extend(10, digests_of(data))
    return f"10 {hashlib.sha1(data).hexdigest()} ima-ng sha256:{digest.hex()} {path}\n"


def pcrs(selection):
    run("tpm2_pcrread", selection, "-o", "values")
    values, at, result = read("values"), 0, {}
    for part in selection.split("+"):
        bank, indices = part.split(":")
        size = hashlib.new(bank).digest_size
        result[bank] = {}
        for index in indices.split(","):
            result[bank][index] = values[at:at + size].hex()
            at += size
    return result


def ima_log():
    boot = pcrs("sha256:" + ",".join(map(str, range(10))))["sha256"]
    digest = hashlib.sha256(b"".join(bytes.fromhex(boot[str(i)]) for i in range(10))).digest()
    log = ima_entry(digest, "boot_aggregate")
    for path in ("/usr/lib/systemd/systemd", "/usr/bin/cella"):
        log += ima_entry(hashlib.sha256(path.encode()).digest(), path)
    return log


# ---- keys, certificates, quotes ----

def make_root():
    run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "root.key")
    run("openssl", "req", "-x509", "-key", "root.key", "-subj", "/CN=cella test TPM root", "-days", "36500",
        "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", "root.pem")


def certify(name, usage):
    with open(os.path.join(work, "extensions"), "w") as file:
        file.write(f"basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n{usage}")
    run("openssl", "req", "-new", "-key", "root.key", "-subj", f"/CN={name}", "-out", "request")
    run("openssl", "x509", "-req", "-in", "request", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
        "-force_pubkey", f"{name}.pem.pub", "-days", "36499", "-extfile", "extensions", "-out", f"{name}.crt",
        stderr=subprocess.DEVNULL)
    return read(f"{name}.crt").decode()


def quote(name, selection, hash, **more):
    run("tpm2_quote", "-c", f"{name}.ctx", "-l", selection, "-q", NONCE, "-g", hash, "-m", "attest", "-s", "signature",
        "--scheme", KEYS.get(name, KEYS["ecdsa"])[1])
    run("tpm2_flushcontext", "-t")
    return {"attest": text(read("attest")), "signature": text(read("signature")), "pcrs": pcrs(selection), **more}


def write(name, evidence):
    with open(os.path.join(folder, name), "w") as file:
        json.dump(evidence, file, indent=1)
        file.write("\n")


def make():
    start()
    events = event_log()
    ima = ima_log()
    logs = {"event_log": text(events), "ima_log": text(ima.encode())}
    make_root()
    run("tpm2_createek", "-c", "ek.ctx", "-G", "ecc", "-u", "ek.pub")
    run("tpm2_flushcontext", "-t")
    all256 = "sha256:" + ",".join(map(str, range(17)))
    for name, (algorithm, scheme, hash) in KEYS.items():
        run("tpm2_createak", "-C", "ek.ctx", "-c", f"{name}.ctx", "-G", algorithm, "-g", hash, "-s", scheme,
            "-u", f"{name}.pub", "-n", f"{name}.name")
        run("tpm2_flushcontext", "-t")
        run("tpm2_readpublic", "-c", f"{name}.ctx", "-f", "pem", "-o", f"{name}.pem.pub")
        run("tpm2_flushcontext", "-t")
        public = text(read(f"{name}.pub"))
        evidence = quote(name, all256, hash, public=public, certificates=[certify(
            name, "extendedKeyUsage=2.23.133.8.3\n")])
        write(f"{name}.json", {**evidence, **logs})
        if name in ("ecdsa", "rsassa"):
            write(f"{name}-bare.json", evidence)
    public = text(read("ecdsa.pub"))
    write("pinned.json", quote("ecdsa", all256, "sha256", public=read("ecdsa.pem.pub").decode()))
    write("both-banks.json", quote("ecdsa", "sha1:0,7,10+sha256:0,7,8,10,12", "sha256", public=public, **logs))
    write("sha1.json", quote("ecdsa", "sha1:0,1,2,3,4,5,6,7", "sha256", public=public, event_log=logs["event_log"]))
    write("ek-usage.json", quote("ecdsa", "sha256:0", "sha256", certificates=[certify(
        "ecdsa", "extendedKeyUsage=2.23.133.8.1\n")]))
    # a key that signs anything
    run("tpm2_createprimary", "-C", "o", "-G", "ecc", "-c", "primary.ctx")
    run("tpm2_create", "-C", "primary.ctx", "-G", "ecc:ecdsa-sha256", "-u", "free.pub", "-r", "free.priv", "-a",
        "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign")
    run("tpm2_flushcontext", "-t")
    run("tpm2_load", "-C", "primary.ctx", "-u", "free.pub", "-r", "free.priv", "-c", "free.ctx")
    run("tpm2_flushcontext", "-t")
    write("unrestricted.json", quote("free", "sha256:0", "sha256", public=text(read("free.pub"))))
    # a PCR that the boot_aggregate is of is another since; then PCR 10 goes on after the log
    extend(9, digests_of(b"more"))
    write("reset.json", quote("ecdsa", all256, "sha256", public=public, ima_log=logs["ima_log"]))
    extend(10, digests_of(b"more"))
    write("after.json", quote("ecdsa", all256, "sha256", public=public, ima_log=logs["ima_log"]))
    shutil.copy(os.path.join(work, "root.pem"), folder)
    with open(os.path.join(folder, "event_log"), "wb") as file:
        file.write(events)
    with open(os.path.join(folder, "ima_log"), "w") as file:
        file.write(ima)
    write("facts.json", {"at": int(time.time()) + 60, "nonce": NONCE, "names": {
        name: read(f"{name}.name").hex() for name in KEYS}, "keys": {name: hashlib.sha256(subprocess.run(
            ["openssl", "pkey", "-pubin", "-in", f"{name}.pem.pub", "-outform", "der"], cwd=work, check=True,
            capture_output=True).stdout).hexdigest() for name in KEYS}})


try:
    make()
finally:
    try:
        os.kill(int(read("pid")), 15)
    except OSError:
        pass
    time.sleep(0.2)
    shutil.rmtree(work, ignore_errors=True)
