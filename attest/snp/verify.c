/* SPDX-License-Identifier: Apache-2.0
 *
 * SEV-SNP reports as a kind of evidence: alone, or with the certificate table of an extended report
 * behind them.
 */
#include "attest/reader.h"
#include "image/fail.h"
#include "judge.h"
#include "table.h"

#include <string.h>

/* A table that says nothing begins with an entry of zeros. */
static bool has_table(const uint8_t *bytes, size_t size)
{
    static const uint8_t none[24];
    return snp_table_recognise(bytes, size) ||
           (size >= sizeof(none) && memcmp(bytes, none, sizeof(none)) == 0);
}

static bool recognise(const uint8_t *bytes, size_t size)
{
    if (size < SNP_REPORT_SIZE)
        return false;
    uint64_t version = little_endian(bytes + SNP_VERSION, 4);
    return version >= 1 && version <= 0xff &&
           (size == SNP_REPORT_SIZE || has_table(bytes + SNP_REPORT_SIZE, size - SNP_REPORT_SIZE));
}

/* What stands behind a report. */
static cella_status read_table(struct appraisal *appraisal, const uint8_t *bytes, size_t size,
                               struct x509_pool *pool)
{
    struct snp_table table;
    if (!snp_table_read(bytes, size, &table))
        return appraisal_malformed(appraisal, "certificate table",
                                   "its entries do not end, or point outside of it");
    if (!snp_table_certificates(&table, pool))
        return appraisal_malformed(appraisal, "certificate table",
                                   "a certificate in it is malformed");
    for (size_t i = 0; i < table.count; i++)
        if (table.entries[i].kind == SNP_TABLE_CRL)
            appraisal_warn(appraisal,
                           "the revocation list that came with the report is not "
                           "heeded; add it as collateral if you believe that it is new");
    return CELLA_OK;
}

/* In a report that the host asked for the firmware puts zeros as report data: no guest said them.
 */
static cella_status judge_asker(struct appraisal *appraisal, const struct snp_report *report)
{
    if (report->vmpl != SNP_VMPL_HOST)
        return CELLA_OK;
    if (!appraisal->demands->insecure_any_report_data)
        return appraisal_refuse(
            appraisal, CLASS_REPORT_DATA, "vmpl", "a report that the guest asked for (0 to 3)",
            "one that the host asked for", "Have the report made inside the guest.");
    appraisal_warn(appraisal,
                   "the host asked for this report: its report data are not the guest's");
    return CELLA_OK;
}

static cella_status judge_demands(struct appraisal *appraisal, const struct snp_report *report)
{
    cella_status status = appraisal_report_data(appraisal, report->bytes + SNP_REPORT_DATA);
    if (status == CELLA_OK)
        status = judge_asker(appraisal, report);
    if (status == CELLA_OK)
        status = appraisal_debug(appraisal, "x-ms-sevsnpvm-is-debuggable",
                                 report->policy & SNP_POLICY_DEBUG);
    return status ? status : appraisal_no_age(appraisal);
}

static cella_status verify(struct appraisal *appraisal, const uint8_t *bytes, size_t size)
{
    struct snp_judged judged;
    cella_status status = CELLA_OK;
    struct x509_pool pool = {NULL, 0};
    if (size > SNP_REPORT_SIZE)
        status = read_table(appraisal, bytes + SNP_REPORT_SIZE, size - SNP_REPORT_SIZE, &pool);
    if (status == CELLA_OK)
        status = snp_judge(appraisal, bytes, size, &pool, &judged);
    if (status == CELLA_OK)
        status = judge_demands(appraisal, &judged.report);
    if (status == CELLA_OK) {
        record_text(appraisal, appraisal->result->claims, "x-ms-attestation-type", "sevsnpvm");
        snp_claim(appraisal, &judged);
    }
    x509_pool_clear(&pool);
    return status;
}

const struct evidence_kind kind_snp = {"snp", recognise, verify, DEMAND_REPORT_DATA};
