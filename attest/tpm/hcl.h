/* SPDX-License-Identifier: Apache-2.0
 *
 * The report of Azure's paravisor (HCL, Host Compatibility Layer), which a confidential VM has in
 * NV index 0x01400001 of its virtual TPM: the hardware's report and the paravisor's own words, the
 * TPM's attestation key among them, which that report covers.
 *
 *   0x000 "HCLA", version (4), size (4), request type (4), status (4), zeros (12)
 *   0x020 the hardware's report: of SEV-SNP 1184 bytes; TDX: what only its own machine can check,
 *         so that a quote over the same report data stands beside it
 *   0x4c0 size from here on (4), version (4), type of the report (4: 2 SNP, 4 TDX), hash (4: 1
 *         SHA-256), size of the JSON (4)
 *   0x4d4 JSON; SHA-256 of it are the first 32 bytes of the report's data. Zeros to the end.
 * Little-endian (learn.microsoft.com, "Guest attestation for confidential VMs"; the vectors).
 */
#ifndef TPM_HCL_H
#define TPM_HCL_H

#include "structures.h"

#include <jansson.h>

#define HCL_REPORT_SIZE 1184
#define HCL_SNP         2
#define HCL_TDX         4

struct hcl {
    uint32_t version, report_type;
    const uint8_t *report; /* HCL_REPORT_SIZE of the caller's bytes */
    size_t runtime_size;
    uint8_t runtime_hash[32];
    json_t *runtime; /* what the paravisor said */
    EVP_PKEY *key;   /* HCLAkPub: the attestation key of the virtual TPM */
};

/* CELLA_INVALID: malformed. CELLA_UNSUPPORTED: a version, hardware or hash that is not known here.
 */
cella_status hcl_read(const uint8_t *bytes, size_t size, struct hcl *hcl, cella_error *error);
void hcl_free(struct hcl *hcl);

#endif
