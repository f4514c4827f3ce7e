/* SPDX-License-Identifier: Apache-2.0
 *
 * AMD's form of collateral that is neither PEM nor DER: the certificate table, alone or behind a
 * report.
 */
#include "attest/collateral.h"

#include "image/fail.h"
#include "report.h"
#include "table.h"

static cella_status add_certificates(cella_verifier *verifier, const struct snp_table *table,
                                     const char *name, cella_error *error)
{
    struct x509_pool all = {NULL, 0};
    cella_status status = CELLA_OK;
    if (!snp_table_certificates(table, &all))
        status = fail(error, CELLA_INVALID, "%s: a certificate of the table is malformed", name);
    for (size_t i = 0; status == CELLA_OK && i < all.count; i++)
        status = collateral_add_certificate(verifier, x509_keep(all.all[i]), name, error);
    x509_pool_clear(&all);
    return status;
}

static cella_status add_list(cella_verifier *verifier, const struct snp_table_entry *entry,
                             const char *name, cella_error *error)
{
    struct x509_list *list = x509_list_decode(entry->bytes, entry->size);
    if (list)
        return collateral_add_list(verifier, list, name, error);
    return fail(error, CELLA_INVALID, "%s: the revocation list of the table is malformed", name);
}

cella_status collateral_read_amd(cella_verifier *verifier, const uint8_t *bytes, size_t size,
                                 const char *name, cella_error *error)
{
    struct snp_table table;
    size_t before =
        size > SNP_REPORT_SIZE && !snp_table_recognise(bytes, size) ? SNP_REPORT_SIZE : 0;
    if (!snp_table_recognise(bytes + before, size - before))
        return fail(error, CELLA_UNSUPPORTED, "%s: not a certificate table of AMD's", name);
    if (!snp_table_read(bytes + before, size - before, &table))
        return fail(error, CELLA_INVALID,
                    "%s: a certificate table whose entries do not end or point outside of it",
                    name);
    cella_status status = add_certificates(verifier, &table, name, error);
    for (size_t i = 0; status == CELLA_OK && i < table.count; i++)
        if (table.entries[i].kind == SNP_TABLE_CRL)
            status = add_list(verifier, &table.entries[i], name, error);
    return status;
}
