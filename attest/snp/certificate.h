/* SPDX-License-Identifier: Apache-2.0
 *
 * What AMD says of a chip and its TCB in the certificate of the key that signs reports (VCEK,
 * VLEK): extensions below 1.3.6.1.4.1.3704.1 (AMD 57230, VCEK Certificate and KDS Interface
 * Specification).
 */
#ifndef ATTEST_SNP_CERTIFICATE_H
#define ATTEST_SNP_CERTIFICATE_H

#include "attest/x509.h"
#include "report.h"

struct snp_certificate {
    bool has_version, has[SNP_COMPONENTS];
    uint8_t version;
    uint8_t components[SNP_COMPONENTS]; /* as in snp_components; 0 where they are not there */
    char product[32];                   /* "Milan-B0", "Genoa" */
    uint8_t hwid[64];                   /* a VCEK's */
    size_t hwid_size;                   /* 64; Turin: 8; 0: none */
    char csp[128];                      /* a VLEK's: the cloud that it was leased to; or "" */
};

/* CELLA_UNSUPPORTED: the certificate has none of these extensions. CELLA_INVALID: they are
 * malformed, incomplete or unknown, and *problem says how. */
cella_status snp_certificate_read(const struct der *extensions, struct snp_certificate *certificate,
                                  const char **problem);

/* SNP_PRODUCTS: unknown. */
enum snp_product snp_certificate_product(const struct snp_certificate *certificate);

/* As "endorsement_key_ext" in the evidence. */
void snp_certificate_record(struct appraisal *appraisal, const struct snp_certificate *certificate);

#endif
