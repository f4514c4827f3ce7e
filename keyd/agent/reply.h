/* SPDX-License-Identifier: Apache-2.0
 *
 * What a keyd answers, as the agent reads it: strictly, and of a release every word that has to be
 * the request's.
 */
#ifndef KEYD_AGENT_REPLY_H
#define KEYD_AGENT_REPLY_H

#include "../binding.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLY_KEY 32u /* bytes of a key that opens boxes */

/* ---- HTTP ---- */

struct reply {
    unsigned status;
    unsigned retry_after; /* s; 0: not said */
    const char *body;     /* inside what was read */
    size_t size;
};

/* A whole answer of HTTP/1.1: with one Content-Length, and exactly that body. */
cella_status reply_read(const uint8_t *bytes, size_t size, struct reply *reply, cella_error *error);

/* What keyd said in place of an answer: "CLASS: sentence", in printable ASCII. */
void reply_refusal(const struct reply *reply, char *text, size_t room);

/* ---- bodies ---- */

/* The key that signs replies, which /v1/status has: the one whose SubjectPublicKeyInfo (DER) has
 * this SHA-256. CELLA_REFUSED: it is another one. *key is the caller's. */
cella_status reply_signing_key(const char *body, size_t size, const uint8_t sha256[32],
                               EVP_PKEY **key, cella_error *error);

cella_status reply_challenge(const char *body, size_t size, uint8_t nonce[CHALLENGE_SIZE],
                             cella_error *error);

/* What was asked for. */
struct reply_asked {
    const char *key; /* its name in the keyd */
    uint8_t nonce[CHALLENGE_SIZE];
    uint8_t secret[32];    /* the recipient's, X25519 */
    uint8_t recipient[32]; /* SHA-256 of its SubjectPublicKeyInfo */
    uint8_t evidence[32];  /* SHA-256 of the evidence */
    struct binding binding;
    EVP_PKEY *signing; /* who has to have signed it ... */
    uint8_t kid[32];   /* ... and its SHA-256 */
};

/* CELLA_INVALID: malformed; CELLA_REFUSED: not signed by that key, not the answer to this request,
 * or it does not open. `key` is to be wiped. */
cella_status reply_release(const char *body, size_t size, const struct reply_asked *asked,
                           uint8_t key[REPLY_KEY], cella_error *error);

#endif
