/* SPDX-License-Identifier: Apache-2.0
 *
 * Whom a key is wrapped for: a public key as JWK (RFC 7517, 7518 section 6, 8037), read strictly.
 * Whoever asks is hostile: a key that would give the wrapped one away (small, not on its curve, of
 * small order) is refused.
 */
#ifndef KEYD_RECIPIENT_H
#define KEYD_RECIPIENT_H

#include <cella/error.h>

#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#define RECIPIENT_KID 128u /* bytes, at most */

enum recipient_kind {
    RECIPIENT_RSA,    /* "RSA": 2048 to 4096 bits */
    RECIPIENT_EC,     /* "EC": P-256, P-384 */
    RECIPIENT_X25519, /* "OKP": X25519 */
};

struct recipient {
    enum recipient_kind kind;
    EVP_PKEY *key;
    uint8_t raw[32];             /* of RECIPIENT_X25519 */
    uint8_t sha256[32];          /* of its SubjectPublicKeyInfo (DER): what evidence binds */
    char kid[RECIPIENT_KID + 1]; /* "": none given */
};

/* CELLA_INVALID: not such a key. The recipient is to be dropped in any case. */
cella_status recipient_read(const json_t *jwk, struct recipient *recipient, cella_error *error);
void recipient_drop(struct recipient *recipient);

/* The same for a key that is at hand: takes a reference to it. */
cella_status recipient_of(EVP_PKEY *key, struct recipient *recipient, cella_error *error);
/* A public key as JWK: only the members that make the key. NULL: no memory, or of no kind above. */
json_t *recipient_jwk(EVP_PKEY *key);

#endif
