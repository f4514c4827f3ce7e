/* SPDX-License-Identifier: Apache-2.0
 *
 * COSE_Sign1 (RFC 9052, tag 18) as cella uses it: the payload inside, no external data, an empty
 * unprotected header; in the protected one alg, content type, and x5chain (RFC 9360) or none. ES256
 * goes with a P-256 key, EdDSA with an Ed25519 key (RFC 9053). Anything else is malformed.
 */
#ifndef ATTEST_COSE_H
#define ATTEST_COSE_H

#include "cbor.h"

#include <openssl/evp.h>

#define COSE_ES256     (-7)
#define COSE_EDDSA     (-8)
#define COSE_SIGNATURE 64 /* bytes of either; ES256: r, then s */
#define COSE_CHAIN     4  /* most certificates of a chain */

/* Certificates in DER, the signer's first. They are others' to free. */
struct cose_chain {
    size_t count; /* 0: no x5chain; else two or more */
    struct cose_certificate {
        const uint8_t *bytes;
        size_t size;
    } certificates[COSE_CHAIN];
};

/* A message that was read; everything points into its bytes. Nothing of it is true until
 * cose_verify has said so. */
struct cose {
    int64_t algorithm;
    struct cose_chain chain;
    const uint8_t *header; /* the protected one */
    size_t header_size;
    const uint8_t *payload;
    size_t payload_size;
    const uint8_t *signature;
    size_t signature_size;
};

/* Signs; *bytes are the caller's to free(). */
cella_status cose_sign(EVP_PKEY *key, const char *content_type, const struct cose_chain *chain,
                       const uint8_t *payload, size_t payload_size, uint8_t **bytes, size_t *size,
                       cella_error *error);
/* Reads a message of that content type. CELLA_INVALID: malformed; the sentence starts with `what`.
 */
cella_status cose_read(const uint8_t *bytes, size_t size, const char *content_type,
                       const char *what, struct cose *cose, cella_error *error);
/* True: this key signed the header and the payload. */
bool cose_verify(const struct cose *cose, EVP_PKEY *key);

#endif
