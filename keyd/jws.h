/* SPDX-License-Identifier: Apache-2.0
 *
 * What a keyd signs: JWS (RFC 7515) in compact form, ES256.
 */
#ifndef KEYD_JWS_H
#define KEYD_JWS_H

#include <openssl/evp.h>

/* Signs a payload with a P-256 key; `kid` and `type` are the header's "kid" and "typ" (letters that
 * JSON does not escape). NUL-terminated, the caller's to free(). NULL: OpenSSL failed. */
char *jws_sign(EVP_PKEY *key, const char *kid, const char *type, const char *payload);

#endif
