#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tls_server.py MODE FAMILY [PEM]: a server for tests of `cella tls-connect`. Prints its port; then, a line each
connection, the name that the client asked for. MODE: 1.1, 1.2 or 1.3, the TLS it speaks; silent, drip (a byte each
second), plain (HTTP)."""
import socket
import ssl
import sys
import time

mode, family = sys.argv[1], {'4': socket.AF_INET, '6': socket.AF_INET6}[sys.argv[2]]
server = socket.socket(family)
server.bind(('::1' if family == socket.AF_INET6 else '127.0.0.1', 0))
server.listen()
print(server.getsockname()[1], flush=True)


def named(_, name, __):
    print(name or 'no name', flush=True)


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(sys.argv[3])
    made.sni_callback = named
    version = {'1.1': ssl.TLSVersion.TLSv1_1, '1.2': ssl.TLSVersion.TLSv1_2, '1.3': ssl.TLSVersion.TLSv1_3}[mode]
    made.set_ciphers('ALL:@SECLEVEL=0')
    made.minimum_version = made.maximum_version = version
    return made


def serve(peer):
    if mode == 'plain':
        peer.sendall(b'HTTP/1.1 400 Bad Request\r\n\r\n')
    elif mode == 'silent':
        time.sleep(60)
    elif mode == 'drip':
        for byte in b'\x16\x03\x03\x10\x00' + bytes(100):
            peer.sendall(bytes([byte]))
            time.sleep(1)
    else:
        context().wrap_socket(peer, server_side=True).close()


while True:
    connection, _ = server.accept()
    try:
        serve(connection)
    except OSError:
        pass
    connection.close()
