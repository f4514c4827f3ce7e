/* SPDX-License-Identifier: Apache-2.0
 *
 * AMD SEV-SNP attestation reports, versions 2 to 5 (AMD 56860, SEV Secure Nested Paging Firmware
 * ABI Specification, table ATTESTATION_REPORT). Little-endian.
 */
#ifndef ATTEST_SNP_REPORT_H
#define ATTEST_SNP_REPORT_H

#include "attest/appraisal.h"

#define SNP_REPORT_SIZE 1184
#define SNP_SIGNED_SIZE 0x2a0 /* the signature covers all before it */

/* Where the fields are. */
enum snp_offset {
    SNP_VERSION = 0x000,            /* 4 */
    SNP_GUEST_SVN = 0x004,          /* 4 */
    SNP_POLICY = 0x008,             /* 8: SNP_POLICY_... */
    SNP_FAMILY_ID = 0x010,          /* 16 */
    SNP_IMAGE_ID = 0x020,           /* 16 */
    SNP_VMPL = 0x030,               /* 4: 0 to 3, or SNP_VMPL_HOST */
    SNP_ALGORITHM = 0x034,          /* 4: 1, ECDSA of P-384 with SHA-384 */
    SNP_CURRENT_TCB = 0x038,        /* 8 */
    SNP_PLATFORM_INFO = 0x040,      /* 8 */
    SNP_KEY_INFO = 0x048,           /* 4: AUTHOR_KEY_EN 0, MASK_CHIP_KEY 1, SIGNING_KEY 2 to 4 */
    SNP_REPORT_DATA = 0x050,        /* 64 */
    SNP_MEASUREMENT = 0x090,        /* 48 */
    SNP_HOST_DATA = 0x0c0,          /* 32 */
    SNP_ID_KEY_DIGEST = 0x0e0,      /* 48 */
    SNP_AUTHOR_KEY_DIGEST = 0x110,  /* 48 */
    SNP_REPORT_ID = 0x140,          /* 32 */
    SNP_REPORT_ID_MA = 0x160,       /* 32 */
    SNP_REPORTED_TCB = 0x180,       /* 8: of which the VEK is made */
    SNP_FAMILY = 0x188,             /* 1: CPUID, from version 3 on */
    SNP_MODEL = 0x189,              /* 1 */
    SNP_STEPPING = 0x18a,           /* 1 */
    SNP_CHIP_ID = 0x1a0,            /* 64; Turin: 8, and zeros; zeros where it is masked */
    SNP_COMMITTED_TCB = 0x1e0,      /* 8 */
    SNP_CURRENT_VERSION = 0x1e8,    /* 3: build, minor, major of the firmware */
    SNP_COMMITTED_VERSION = 0x1ec,  /* 3 */
    SNP_LAUNCH_TCB = 0x1f0,         /* 8 */
    SNP_LAUNCH_MITIGATION = 0x1f8,  /* 8: from version 5 on */
    SNP_CURRENT_MITIGATION = 0x200, /* 8 */
    SNP_SIGNATURE = 0x2a0,          /* r 72, s 72, zeros */
};

#define SNP_POLICY_SMT        (UINT64_C(1) << 16)
#define SNP_POLICY_ONE        (UINT64_C(1) << 17) /* must be one */
#define SNP_POLICY_MIGRATE_MA (UINT64_C(1) << 18)
#define SNP_POLICY_DEBUG      (UINT64_C(1) << 19)
#define SNP_POLICY_KNOWN      ((UINT64_C(1) << 26) - 1)
#define SNP_PLATFORM_KNOWN    ((UINT64_C(1) << 6) - 1)
#define SNP_VMPL_HOST         UINT32_MAX /* asked for by the host, not by the guest */

enum snp_signing_key { SNP_KEY_VCEK = 0, SNP_KEY_VLEK = 1, SNP_KEY_NONE = 7 };

struct snp_report {
    const uint8_t *bytes; /* SNP_REPORT_SIZE of the caller's */
    uint32_t version, vmpl;
    uint64_t policy, platform_info;
    enum snp_signing_key signing_key;
    uint8_t signature[96]; /* r and s, big-endian */
};

/* Reads the first SNP_REPORT_SIZE bytes, and records them as "report" in the evidence. Refuses what
 * is malformed (PARSE, MBZ) or unknown (UNSUPPORTED). */
cella_status snp_report_read(struct appraisal *appraisal, const uint8_t *bytes, size_t size,
                             struct snp_report *report);

/* ---- TCB versions: 8 bytes, of which each component has one ---- */

enum snp_product { SNP_MILAN, SNP_GENOA, SNP_TURIN, SNP_PRODUCTS };
extern const char *const snp_product_names[SNP_PRODUCTS];

/* By CPUID (Bergamo and Siena are Genoas); SNP_PRODUCTS: not in the report, or unknown. */
enum snp_product snp_report_product(const struct snp_report *report);

enum { SNP_COMPONENTS = 9 };
extern const struct snp_component {
    const char *name;
    uint8_t oid; /* the last arc of its OID in VEK certificates, below 1.3.6.1.4.1.3704.1.3 */
    int8_t offset, turin; /* in a TCB version, and in Turin's; -1: not there */
    const char *query;    /* in AMD's addresses of VCEKs; NULL: spare */
    const char *claim;
} snp_components[SNP_COMPONENTS];

bool snp_component_of(enum snp_product product, size_t component); /* the product has it */
/* The component in an 8-byte TCB version; 0 where the product has it not. */
uint8_t snp_tcb_component(const uint8_t *tcb, enum snp_product product, size_t component);

#endif
