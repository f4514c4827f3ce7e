/* SPDX-License-Identifier: Apache-2.0
 *
 * JWE (RFC 7516) in compact form, as far as keys are released by it: one recipient, content under
 * A256GCM, whose key is wrapped by RSA-OAEP-256 (RSA) or ECDH-ES+A256KW (EC, X25519: RFC 7518, RFC
 * 8037). No other algorithm, no compression, no extension.
 */
#ifndef KEYD_JWE_H
#define KEYD_JWE_H

#include "recipient.h"
#include "wrap.h"

/* Seals. `type` is the header's "cty". *text is NUL-terminated and the caller's to free(). */
cella_status jwe_seal(const struct recipient *recipient, const char *type, const uint8_t *content,
                      size_t size, char **text, cella_error *error);

/* Opens with a private key. *content is the caller's to wipe and free(). CELLA_INVALID: malformed;
 * CELLA_UNSUPPORTED: another algorithm; CELLA_REFUSED: not for this key, or altered. */
cella_status jwe_open(EVP_PKEY *key, const char *text, size_t length, uint8_t **content,
                      size_t *size, cella_error *error);

/* ---- its parts, for tests ---- */

/* Concat KDF (RFC 7518 4.6.2, NIST SP 800-56A) to at most 32 bytes, without private information. */
bool jwe_derive(const uint8_t *shared, size_t shared_size, const char *algorithm,
                const char *producer, const char *consumer, size_t size, uint8_t *key);
/* What two keys agree on; *size is the room in and the size out. */
bool jwe_agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t *shared, size_t *size);
/* The last three parts of a text, each with "." before it but the first. NULL: no memory. */
char *jwe_content(const char *header, const uint8_t key[32], const uint8_t nonce[12],
                  const uint8_t *content, size_t size);

#endif
