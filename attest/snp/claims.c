/* SPDX-License-Identifier: Apache-2.0
 *
 * What a judged report proves: by Microsoft Azure Attestation's names where it has them
 * (x-ms-sevsnpvm-...), else by ours (snp_...).
 */
#include "attest/reader.h"
#include "judge.h"

#include <stdio.h>

static const struct {
    const char *name;
    uint16_t offset, size;
    bool number;
} claims[] = {
    {"x-ms-sevsnpvm-launchmeasurement", SNP_MEASUREMENT, 48, false},
    {"x-ms-sevsnpvm-hostdata", SNP_HOST_DATA, 32, false},
    {"x-ms-sevsnpvm-reportdata", SNP_REPORT_DATA, 64, false},
    {"x-ms-sevsnpvm-reportid", SNP_REPORT_ID, 32, false},
    {"x-ms-sevsnpvm-idkeydigest", SNP_ID_KEY_DIGEST, 48, false},
    {"x-ms-sevsnpvm-authorkeydigest", SNP_AUTHOR_KEY_DIGEST, 48, false},
    {"x-ms-sevsnpvm-familyId", SNP_FAMILY_ID, 16, false},
    {"x-ms-sevsnpvm-imageId", SNP_IMAGE_ID, 16, false},
    {"x-ms-sevsnpvm-guestsvn", SNP_GUEST_SVN, 4, true},
    {"x-ms-sevsnpvm-vmpl", SNP_VMPL, 4, true},
    {"snp_report_version", SNP_VERSION, 4, true},
    {"snp_policy", SNP_POLICY, 8, true},
    {"snp_platform_info", SNP_PLATFORM_INFO, 8, true},
};

static const struct {
    const char *name;
    uint64_t bit;
} policies[] = {
    {"x-ms-sevsnpvm-is-debuggable", SNP_POLICY_DEBUG},
    {"x-ms-sevsnpvm-migration-allowed", SNP_POLICY_MIGRATE_MA},
    {"x-ms-sevsnpvm-smt-allowed", SNP_POLICY_SMT},
};

/* Of the TCB that the key vouches for, Microsoft's names; of the others an object each. */
static const struct {
    const char *name;
    uint16_t offset;
} tcbs[] = {
    {"snp_current_tcb", SNP_CURRENT_TCB},
    {"snp_committed_tcb", SNP_COMMITTED_TCB},
    {"snp_launch_tcb", SNP_LAUNCH_TCB},
};

static void claim_tcbs(struct appraisal *appraisal, const struct snp_judged *judged)
{
    const uint8_t *bytes = judged->report.bytes;
    json_t *to = appraisal->result->claims;
    for (size_t i = 0; i < SNP_COMPONENTS; i++)
        if (snp_components[i].claim && snp_component_of(judged->product, i))
            record_number(appraisal, to, snp_components[i].claim,
                          snp_tcb_component(bytes + SNP_REPORTED_TCB, judged->product, i));
    for (size_t i = 0; i < sizeof(tcbs) / sizeof(tcbs[0]); i++) {
        json_t *tcb = record_json(appraisal, to, tcbs[i].name, json_object());
        for (size_t k = 0; tcb && k < SNP_COMPONENTS; k++)
            if (snp_components[k].claim && snp_component_of(judged->product, k))
                record_number(appraisal, tcb, snp_components[k].name,
                              snp_tcb_component(bytes + tcbs[i].offset, judged->product, k));
    }
}

/* "1.55.29" */
static void claim_version(struct appraisal *appraisal, const char *name, const uint8_t *version)
{
    char text[16];
    snprintf(text, sizeof(text), "%u.%u.%u", version[2], version[1], version[0]);
    record_text(appraisal, appraisal->result->claims, name, text);
}

void snp_claim(struct appraisal *appraisal, const struct snp_judged *judged)
{
    const struct snp_report *report = &judged->report;
    json_t *to = appraisal->result->claims;
    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        const uint8_t *at = report->bytes + claims[i].offset;
        if (claims[i].number)
            record_number(appraisal, to, claims[i].name,
                          (int64_t)little_endian(at, claims[i].size));
        else
            record_hex(appraisal, to, claims[i].name, at, claims[i].size);
    }
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
        record_bool(appraisal, to, policies[i].name, report->policy & policies[i].bit);
    claim_tcbs(appraisal, judged);
    claim_version(appraisal, "snp_current_version", report->bytes + SNP_CURRENT_VERSION);
    claim_version(appraisal, "snp_committed_version", report->bytes + SNP_COMMITTED_VERSION);
    record_text(appraisal, to, "snp_product", snp_product_names[judged->product]);
    bool vlek = report->signing_key == SNP_KEY_VLEK;
    record_text(appraisal, to, "snp_signing_key", vlek ? "vlek" : "vcek");
    if (vlek)
        record_text(appraisal, to, "snp_csp_id", judged->certificate.csp);
    else
        record_hex(appraisal, to, "snp_chip_id", judged->certificate.hwid,
                   judged->certificate.hwid_size);
}
