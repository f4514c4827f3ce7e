/* SPDX-License-Identifier: Apache-2.0
 *
 * ECDSA quotes as bytes: version 3 (SGX), 4 and 5 (SGX and TDX). Source: Intel SGX ECDSA Quote
 * Library API and TDX DCAP Quoting Library API, "quote format" (numbers little-endian). Offsets are
 * in the table beside each structure.
 *
 * What always holds: a quote that quote_parse gave points into the caller's bytes, every part of it
 * inside them, every length agrees with what it encloses.
 */
#ifndef ATTEST_SGX_QUOTE_H
#define ATTEST_SGX_QUOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUOTE_HEADER         48
#define QUOTE_REPORT_BODY    384 /* of an enclave */
#define QUOTE_TD_10          584 /* body of a TD, TDX 1.0 */
#define QUOTE_TD_15          648 /* ... 1.5 */

#define QUOTE_TEE_SGX        0
#define QUOTE_TEE_TDX        0x81

#define QUOTE_KEY_ECDSA_P256 2

/* Of version 5: what the body is. */
#define QUOTE_BODY_SGX    1
#define QUOTE_BODY_TDX_10 2
#define QUOTE_BODY_TDX_15 3

/* Types of certification data. */
#define QUOTE_PPID          1 /* PPID, CPUSVN, PCESVN, PCEID */
#define QUOTE_PPID_RSA_2048 2 /* the same, PPID encrypted */
#define QUOTE_PPID_RSA_3072 3
#define QUOTE_PCK_LEAF      4
#define QUOTE_PCK_CHAIN     5
#define QUOTE_QE_REPORT     6 /* version 4 and 5: the quoting enclave's report and a type inside */
#define QUOTE_PLATFORM      7

#define QUOTE_DEBUG         2 /* of an enclave's attributes */

/* An enclave's report, 384 bytes: cpusvn 0, miscselect 16, isv_ext_prod_id 32, attributes 48 (flags
 * 8, xfrm 8), mrenclave 64, mrsigner 128, config_id 192, isv_prod_id 256, isv_svn 258, config_svn
 * 260, isv_family_id 304, report_data 320. */
struct quote_report {
    const uint8_t *bytes; /* all of it */
    const uint8_t *cpusvn, *miscselect, *isv_ext_prod_id, *attributes, *mrenclave, *mrsigner,
        *config_id, *isv_family_id, *report_data;
    uint16_t isv_prod_id, isv_svn, config_svn;
};

/* A TD's report, 584 bytes: tee_tcb_svn 0 (16), mrseam 16 (48), mrsignerseam 64 (48), seam
 * attributes 112 (8), TD attributes 120 (8), xfam 128 (8), mrtd 136, mrconfigid 184, mrowner 232,
 * mrownerconfig 280, rtmr 328 (4 x 48), report_data 520 (64); TDX 1.5 adds tee_tcb_svn2 584 (16)
 * and mrservicetd 600 (48). */
struct quote_td {
    const uint8_t *tee_tcb_svn, *mrseam, *mrsignerseam, *seam_attributes, *attributes, *xfam, *mrtd,
        *mrconfigid, *mrowner, *mrownerconfig, *rtmr[4], *report_data;
    const uint8_t *tee_tcb_svn2, *mrservicetd; /* NULL in TDX 1.0 */
};

struct quote {
    /* Header, 48 bytes: version 0 (2), key type 2 (2), TEE type 4 (4), reserved 8 (4; version 3:
     * QE SVN and PCE SVN), QE vendor 12 (16), user data 28 (20). */
    uint16_t version, key_type, body_type; /* body_type: 0 but in version 5 */
    uint32_t tee;
    const uint8_t *vendor;
    struct quote_report enclave; /* of SGX */
    struct quote_td td;          /* of TDX */
    const uint8_t *signed_bytes; /* header and body, in version 5 what is between them too */
    size_t signed_size;
    uint32_t signature_size;        /* of all that is below */
    const uint8_t *signature, *key; /* 64 bytes each: r and s, x and y, big-endian */
    struct quote_report qe;
    const uint8_t *qe_signature; /* 64 */
    const uint8_t *auth;
    size_t auth_size;
    uint16_t certification; /* its type: 1 to 5, 7 */
    const uint8_t *certification_bytes;
    size_t certification_size;
    size_t trailing; /* bytes behind the signature data */
};

enum quote_verdict {
    QUOTE_GOOD,
    QUOTE_MALFORMED,
    QUOTE_UNSUPPORTED,
    QUOTE_VENDOR, /* not Intel's quoting enclave */
};

/* Why it is not good: texts for people. */
struct quote_fault {
    const char *claim, *expected;
    char found[96];
};

enum quote_verdict quote_parse(const uint8_t *bytes, size_t size, struct quote *quote,
                               struct quote_fault *fault);

/* Certification data of types 1 to 3: PPID (plain only in type 1; encrypted 256 or 384 bytes),
 * CPUSVN 16, PCESVN 2, PCEID 2 (Intel's own sample leaves PCEID out of type 1). False: malformed,
 * or another type. */
struct quote_platform {
    const uint8_t *ppid; /* 16 bytes; NULL: encrypted */
    const uint8_t *cpusvn;
    uint16_t pcesvn;
    const uint8_t *pceid; /* NULL: left out */
};
bool quote_platform(const struct quote *quote, struct quote_platform *platform);

#endif
