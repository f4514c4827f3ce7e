/* SPDX-License-Identifier: Apache-2.0
 *
 * What Intel says of a platform in the extension of its PCK certificate (OID 1.2.840.113741.1.13.1;
 * Intel SGX PCK Certificate and CRL Profile Specification): a SEQUENCE of SEQUENCE { OID, value }.
 */
#ifndef ATTEST_SGX_PCK_H
#define ATTEST_SGX_PCK_H

#include "tcb.h"

#define PCK_OID         "1.2.840.113741.1.13.1"
#define PCK_COMMON_NAME "SGX PCK Certificate" /* in the subject's */

struct pck {
    uint8_t ppid[16];                   /* .1 */
    uint8_t components[TCB_COMPONENTS]; /* .2.1 to .2.16 */
    uint16_t pcesvn;                    /* .2.17 */
    uint8_t cpusvn[16];                 /* .2.18 */
    uint8_t pceid[2];                   /* .3 */
    uint8_t fmspc[6];                   /* .4 */
    uint8_t sgx_type;                   /* .5: 0 standard, 1 scalable, 2 scalable with integrity */
    bool has_platform_instance;         /* platforms of several packages alone have the rest */
    uint8_t platform_instance[16];      /* .6 */
    bool has_configuration;
    bool dynamic_platform, cached_keys, smt_enabled; /* .7.1 to .7.3 */
};

/* `bytes`: the extension's value. False: malformed, a field twice, unknown or missing. */
bool pck_read(const uint8_t *bytes, size_t size, struct pck *pck);

#endif
