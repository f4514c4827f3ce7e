/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys in a PKCS#11 module (version 2.40): they are wrapped inside, and never seen here. The module
 * is code that the operator names; it is loaded into this process.
 */
#ifndef KEYD_PKCS11_H
#define KEYD_PKCS11_H

#include <cella/error.h>

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

struct pkcs11;

/* Where a key is, as JSON text: {"module": PATH, "token": LABEL, "label": LABEL, "pin": TEXT};
 * "label" may be "id" instead, in hexadecimal. Opens a session and finds the key: exactly one
 * secret or private key must be meant. Thread-safe; *key is to be closed. `where` starts the
 * sentences. */
cella_status pkcs11_open(const char *reference, size_t size, const char *where, struct pkcs11 **key,
                         cella_error *error);
void pkcs11_close(struct pkcs11 *key); /* NULL is let pass */

/* CKM_RSA_AES_KEY_WRAP of the key under an RSA key, OAEP and MGF1 with this hash ("SHA1", "SHA256",
 * "SHA384"): by that mechanism, or where the module lacks it by CKM_RSA_PKCS_OAEP of an AES key of
 * its own and CKM_AES_KEY_WRAP_PAD. `to` takes `room` bytes. */
cella_status pkcs11_wrap(struct pkcs11 *key, EVP_PKEY *rsa, const char *hash, uint8_t *to,
                         size_t room, size_t *size, cella_error *error);

#endif
