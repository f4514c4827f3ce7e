/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificate table that a host hands to a guest beside a report (AMD 56421, SEV-ES
 * Guest-Hypervisor Communication Block, section "SNP Extended Guest Request"): entries of a GUID
 * (16 bytes, in the order of its text), an offset and a length (4 bytes each, little-endian; the
 * offset from the table's start), and one of zeros; behind them what they point at. The host says
 * it: nothing of it is true before its signature is verified.
 */
#ifndef ATTEST_SNP_TABLE_H
#define ATTEST_SNP_TABLE_H

#include "attest/x509.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SNP_TABLE_MOST 16 /* entries */

enum snp_table_kind { SNP_TABLE_OTHER, SNP_TABLE_CERTIFICATE, SNP_TABLE_CRL };

struct snp_table {
    size_t count;
    struct snp_table_entry {
        enum snp_table_kind kind;
        const uint8_t *bytes;
        size_t size;
    } entries[SNP_TABLE_MOST];
};

/* Whether the bytes begin with an entry of AMD's. */
bool snp_table_recognise(const uint8_t *bytes, size_t size);
/* False: malformed. */
bool snp_table_read(const uint8_t *bytes, size_t size, struct snp_table *table);
/* Every certificate of it onto `to`, the caller's to free also where it fails. */
bool snp_table_certificates(const struct snp_table *table, struct x509_pool *to);

#endif
