/* SPDX-License-Identifier: Apache-2.0
 *
 * Attested TLS certificates in the interoperable form (CCC, "Interoperable RA-TLS"; TCG DICE
 * Attestation Architecture 1.1, 6.1): extension 2.23.133.5.4.9 holds CBOR [evidence, claims buffer]
 * under a tag, the claims buffer a map with "pubkey-hash", the hash of the certificate's own
 * SubjectPublicKeyInfo, and perhaps "nonce"; the evidence's report data is SHA-256(claims buffer),
 * then zeros. So whoever has the certificate's key is what the evidence says. The certificate signs
 * itself: its names and dates are nobody's word.
 */
#ifndef ATTEST_RATLS_H
#define ATTEST_RATLS_H

#include "appraisal.h"

#include "x509.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RATLS_OID              "2.23.133.5.4.9"
#define RATLS_ENDORSEMENTS_OID "2.23.133.5.4.2" /* CBOR: an array of pieces of collateral */
#define RATLS_LEGACY_OID       "0.6.9.42.840.113741.1337.6" /* Gramine's, as its encoder mangles it */
#define RATLS_TAG_QUOTE        60000                        /* an Intel quote */
#define RATLS_TAG_CELLA        1667591276                   /* "cell": cella's own evidence */
#define RATLS_NONCE_MOST       64

/* What the extension holds; points into it. */
struct ratls {
    uint64_t tag;
    const uint8_t *evidence, *claims;
    size_t evidence_size, claims_size;
    const uint8_t *key_hash; /* of hash_algorithm, a COSE number: 1 SHA-256, 7 SHA-384, 8 SHA-512 */
    size_t key_hash_size;
    uint64_t hash_algorithm;
    const uint8_t *nonce; /* NULL: none */
    size_t nonce_size;
};

/* NULL: read. Else what is wrong, for a sentence. */
const char *ratls_read(const struct der *extension, struct ratls *ratls);

/* What a certificate carries beside its evidence, and the caller's verifier's collateral. */
struct ratls_carried {
    cella_verifier *verifier; /* NULL: nothing is carried, or it must not be used */
    size_t own;
};
/* Refuses what is malformed. Ends with ratls_carried_drop in any case. */
cella_status ratls_carried_read(struct appraisal *appraisal, const struct x509 *certificate,
                                struct ratls_carried *carried);
void ratls_carried_drop(struct ratls_carried *carried);

/* The claims buffer for this key, and the report data that evidence has to have. The buffer is the
 * caller's to free(). False: no memory. */
bool ratls_claims(EVP_PKEY *key, const uint8_t *nonce, size_t nonce_size, uint8_t **claims,
                  size_t *claims_size, uint8_t report_data[64]);

#endif
