/* SPDX-License-Identifier: Apache-2.0
 *
 * A quote in a document, judged in all but why its key is trusted.
 */
#ifndef TPM_JUDGE_H
#define TPM_JUDGE_H

#include "document.h"
#include "logs.h"

struct tpm_judged {
    struct document document;
    struct tpm_attest attest;
    struct tpm_signature signature;
    struct tpm_facts facts;
    EVP_PKEY *key;       /* the attestation key */
    bool has_attributes; /* its public area was given */
    uint32_t attributes;
};

/* Reads document and quote, and records them. `judged` is to be freed in any case. */
cella_status tpm_judge_read(struct appraisal *appraisal, const uint8_t *bytes, size_t size,
                            bool azure, struct tpm_judged *judged);
/* With its key known: signature, PCRs, logs (those of the document, else of the collateral), nonce.
 */
cella_status tpm_judge(struct appraisal *appraisal, struct tpm_judged *judged);
void tpm_claim(struct appraisal *appraisal, const struct tpm_judged *judged);
void tpm_judge_free(struct tpm_judged *judged);

/* SHA-256 of the key's SubjectPublicKeyInfo in DER. */
bool tpm_key_hash(EVP_PKEY *key, uint8_t sha256[32]);
/* Where a key was pinned: it has to be this one. */
cella_status tpm_judge_pinned(struct appraisal *appraisal, EVP_PKEY *key);

#endif
