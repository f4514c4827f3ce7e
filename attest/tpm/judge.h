/* SPDX-License-Identifier: Apache-2.0
 *
 * A quote in a document, judged in all but why its key is trusted.
 */
#ifndef TPM_JUDGE_H
#define TPM_JUDGE_H

#include "ak.h"
#include "document.h"
#include "logs.h"

struct tpm_judged {
    struct document document;
    struct tpm_attest attest;
    struct tpm_signature signature;
    struct tpm_facts facts;
    struct tpm_ak *ak; /* the attestation key */
};

/* Reads document and quote, and records them. `judged` is to be freed in any case. */
cella_status tpm_judge_read(struct appraisal *appraisal, const uint8_t *bytes, size_t size,
                            bool azure, struct tpm_judged *judged);
/* With its key known: signature, PCRs, logs (those of the document, else of the collateral), nonce.
 */
cella_status tpm_judge(struct appraisal *appraisal, struct tpm_judged *judged);
void tpm_claim(struct appraisal *appraisal, const struct tpm_judged *judged);
void tpm_judge_free(struct tpm_judged *judged);

/* Where a key was pinned: it has to be this one. */
cella_status tpm_judge_pinned(struct appraisal *appraisal, const struct tpm_ak *ak);

#endif
