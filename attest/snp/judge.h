/* SPDX-License-Identifier: Apache-2.0
 *
 * SEV-SNP reports, judged: also those inside other evidence (Azure's).
 */
#ifndef ATTEST_SNP_JUDGE_H
#define ATTEST_SNP_JUDGE_H

#include "attest/x509.h"
#include "certificate.h"

/* AMD's root key (ARK) of each product, for VCEKs and VLEKs. */
extern const struct x509_anchor snp_roots[SNP_PRODUCTS];

struct snp_judged {
    struct snp_report report;
    struct snp_certificate certificate; /* of the key that signed it */
    enum snp_product product;
};

/* Judges the first SNP_REPORT_SIZE bytes in all but what they were made for: report data, debug and
 * age are not looked at, and no claim is recorded. `pool`: certificates that came with the
 * evidence, or NULL. */
cella_status snp_judge(struct appraisal *appraisal, const uint8_t *bytes, size_t size,
                       const struct x509_pool *pool, struct snp_judged *judged);

/* Records what a judged report proves, but for x-ms-attestation-type. */
void snp_claim(struct appraisal *appraisal, const struct snp_judged *judged);

#endif
