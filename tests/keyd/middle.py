#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""middle.py FOLDER KEYD_PORT: a man in the middle between a program and its keyd, who has even the keyd's
TLS key (tls.pem and tls.key in FOLDER; stranger.pem, .key are another's; other.jwk is another's signing
key). FOLDER/mode says what it does to what it passes on:

  pass            nothing
  stranger        its own certificate
  keep            passes, and keeps the answers
  replay-release  the release that it kept
  replay-all      the challenge, too
  signing         says that another key signs
  flip            one letter of a release's payload is another
  busy N          the next N answers are 503
  control         a refusal with control characters
  huge, short     an answer of 100,000 bytes; one that is shorter than it says
  deaf            ends every connection
"""
import os, socket, ssl, sys

folder, port = sys.argv[1], int(sys.argv[2])
kept = {}

def context(name):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(f"{folder}/{name}.pem", f"{folder}/{name}.key")
    return made

contexts = {name: context(name) for name in ("tls", "stranger")}

def mode():
    with open(f"{folder}/mode") as at:
        return at.read().split()

def http(status, body, more="", length=None):
    return (f"HTTP/1.1 {status} X\r\n{more}Content-Length: {len(body) if length is None else length}"
            f"\r\n\r\n{body}").encode()

def receive(connection, request):
    """Until its end; a request ends where its Content-Length says."""
    data = b""
    while part := connection.recv(65536):
        data += part
        head, found, body = data.partition(b"\r\n\r\n")
        if request and found and len(body) >= int(head.lower().split(b"content-length:")[1].split()[0]):
            break
    return data

def ask(request):
    client = ssl.create_default_context()
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    with client.wrap_socket(socket.create_connection(("127.0.0.1", port))) as keyd:
        keyd.sendall(request)
        return receive(keyd, False)

def altered(answer, word):
    head, _, body = answer.partition(b"\r\n\r\n")
    body = body.decode()
    if word == "signing":
        with open(f"{folder}/other.jwk") as other:
            start = body.index('"signing_key":') + len('"signing_key":')
            body = body[:start] + other.read().strip() + body[body.index("}", start) + 1:]
    else:
        at = body.index(".") + 40
        body = body[:at] + ("A" if body[at] != "A" else "B") + body[at + 1:]
    return http(200, body)

def answer(request, words):
    path = request.split()[1].decode()
    word = words[0]
    if word == "busy" and int(words[1]) > 0:
        with open(f"{folder}/mode", "w") as to:
            to.write(f"busy {int(words[1]) - 1}")
        return http(503, '{"error":{"class":"BUSY","sentence":"wait"}}', "Retry-After: 1\r\n")
    if path == "/v1/release" and word.startswith("replay") or \
            path == "/v1/challenge" and word == "replay-all":
        return kept[path]
    if path == "/v1/challenge" and word in ("control", "huge", "short", "deaf"):
        return {"control": http(403, '{"error":{"class":"NO","sentence":"\\u001b[31mred\\n\\n"}}'),
                "huge": http(200, "x" * 100000), "short": http(200, "{}", length=3), "deaf": b""}[word]
    got = ask(request)
    if word == "keep":
        kept[path] = got
    if path == {"signing": "/v1/status", "flip": "/v1/release"}.get(word):
        return altered(got, word)
    return got

listener = socket.create_server(("127.0.0.1", 0))
print(f"listening=127.0.0.1:{listener.getsockname()[1]}", flush=True)
while True:
    plain, _ = listener.accept()
    try:
        words = mode()
        with contexts["stranger" if words[0] == "stranger" else "tls"].wrap_socket(plain, server_side=True) as client:
            client.sendall(answer(receive(client, True), words))
            client.unwrap()
    except (OSError, IndexError):
        plain.close() # whoever ended it: the next one is another
