/* SPDX-License-Identifier: Apache-2.0
 *
 * Confidential VMs of Azure with SEV-SNP or TDX. What vouches for the key of such a VM's virtual
 * TPM is the processor: the paravisor below the guest (at VMPL 0; in the trust domain itself, with
 * the guest nested in it) asks for a report over its own words, which name that key; the processor
 * signs the report, or Intel's quoting enclave does. So the report's measurement says which
 * paravisor it was, and whoever relies on the TPM has to demand one that they know: other software
 * in its place may name any key.
 */
#include "attest/collateral.h"
#include "attest/reader.h"
#include "attest/snp/judge.h"
#include "hcl.h"
#include "image/fail.h"
#include "image/hex.h"
#include "judge.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define USER_DATA 64 /* bytes */

static bool recognise(const uint8_t *bytes, size_t size)
{
    return document_is_azure(bytes, size);
}

/* ---- the paravisor's words ---- */

static void record_hcl(struct appraisal *appraisal, const struct hcl *hcl)
{
    json_t *to = record_json(appraisal, appraisal->result->evidence, "hcl", json_object());
    record_number(appraisal, to, "header_version", hcl->version);
    record_number(appraisal, to, "report_type", hcl->report_type);
    record_number(appraisal, to, "runtime_data_size", (int64_t)hcl->runtime_size);
    record_hex(appraisal, to, "runtime_data_sha256", hcl->runtime_hash, sizeof(hcl->runtime_hash));
    json_t *user = json_object_get(hcl->runtime, "user-data");
    json_t *machine = json_object_get(hcl->runtime, "vm-configuration");
    if (user)
        record_json(appraisal, to, "user_data", json_incref(user));
    if (machine)
        record_json(appraisal, to, "vm_configuration", json_incref(machine));
}

/* The processor's report is over exactly these words, and the paravisor asked for it. */
static cella_status judge_binding(struct appraisal *appraisal, const struct hcl *hcl)
{
    uint8_t expected[64] = {0};
    char texts[2][129];
    const uint8_t *found = hcl->report + SNP_REPORT_DATA;
    uint32_t vmpl = (uint32_t)little_endian(hcl->report + SNP_VMPL, 4);
    memcpy(expected, hcl->runtime_hash, sizeof(hcl->runtime_hash));
    if (memcmp(found, expected, sizeof(expected)) != 0)
        return appraisal_refuse(appraisal, CLASS_BINDING, "report_data",
                                hex_write(expected, 64, texts[0]), hex_write(found, 64, texts[1]),
                                "The processor's report is not of this runtime data, so the "
                                "attestation key in it may be anybody's.");
    if (vmpl == 0)
        return CELLA_OK;
    snprintf(texts[1], sizeof(texts[1]), "%u", vmpl);
    return appraisal_refuse(appraisal, CLASS_BINDING, "vmpl", "0, the paravisor's", texts[1],
                            "Not the paravisor but the guest or the host asked for this report.");
}

/* ---- the processor's report ---- */

static cella_status judge_snp(struct appraisal *appraisal, const struct tpm_judged *judged,
                              const struct hcl *hcl)
{
    struct snp_judged report;
    cella_status status = judge_binding(appraisal, hcl);
    if (!status)
        status = snp_judge(appraisal, hcl->report, HCL_REPORT_SIZE, &judged->document.certificates,
                           &report);
    if (!status)
        status = appraisal_debug(appraisal, "x-ms-sevsnpvm-is-debuggable",
                                 report.report.policy & SNP_POLICY_DEBUG);
    if (!status) {
        record_text(appraisal, appraisal->result->claims, "x-ms-attestation-type", "sevsnpvm");
        snp_claim(appraisal, &report);
    }
    return status;
}

/* The quote has to be of the paravisor's words, and says nothing of the nonce. */
static cella_status judge_tdx(struct appraisal *appraisal, const struct tpm_judged *judged,
                              const struct hcl *hcl)
{
    const struct document_bytes *quote = &judged->document.td_quote;
    cella_demands demands = *appraisal->demands;
    struct appraisal inner = *appraisal;
    uint8_t report_data[64] = {0};
    memcpy(report_data, hcl->runtime_hash, sizeof(hcl->runtime_hash));
    demands.report_data = report_data;
    demands.insecure_any_report_data = false;
    inner.demands = &demands;
    cella_status status = kind_tdx.verify(&inner, quote->bytes, quote->size);
    if (!status || strcmp(appraisal->result->class, CLASS_REPORT_DATA) != 0)
        return status;
    return appraisal_refuse(appraisal, CLASS_BINDING, "report_data",
                            result_text(appraisal->result->expected),
                            result_text(appraisal->result->found),
                            "The quote is not of this runtime data, so the attestation key in it "
                            "may be anybody's.");
}

/* As evidence of its own, inside an object: what is recorded and claimed of it goes there. */
static cella_status judge_report(struct appraisal *appraisal, const struct tpm_judged *judged,
                                 const struct hcl *hcl, json_t *claims)
{
    cella_result *result = appraisal->result;
    json_t *outer_evidence = result->evidence, *outer_claims = result->claims;
    json_t *inner = json_object();
    bool tdx = hcl->report_type == HCL_TDX;
    if (!inner || !claims) {
        json_decref(inner);
        return fail(appraisal->error, CELLA_MEMORY, "no memory to verify evidence");
    }
    result->evidence = inner;
    result->claims = claims;
    cella_status status =
        tdx ? judge_tdx(appraisal, judged, hcl) : judge_snp(appraisal, judged, hcl);
    result->evidence = outer_evidence;
    result->claims = outer_claims;
    json_t *fields = json_object_get(inner, "report");
    if (fields)
        record_json(appraisal, outer_evidence, tdx ? "td_report" : "snp_report",
                    json_incref(fields));
    json_object_del(inner, "report");
    if (json_object_update_missing(outer_evidence, inner))
        result->no_memory = true;
    json_decref(inner);
    return status;
}

/* What is beside the paravisor's words has to be of the processor that they name. */
static cella_status judge_kind(struct appraisal *appraisal, const struct tpm_judged *judged,
                               const struct hcl *hcl)
{
    bool tdx = hcl->report_type == HCL_TDX;
    if (tdx == !!judged->document.td_quote.bytes)
        return CELLA_OK;
    return appraisal_refuse(appraisal, CLASS_BINDING, "report_type",
                            tdx ? "a quote of the trust domain (\"td_quote\")"
                                : "the processor's certificate (\"vcek\")",
                            tdx ? "a certificate of SEV-SNP" : "a quote of TDX", NULL);
}

/* ---- what is proven ---- */

/* As the paravisor said it, but for bytes, which are lower-case everywhere. */
static void claim_runtime(struct appraisal *appraisal, const struct hcl *hcl)
{
    char text[2 * USER_DATA + 1];
    json_t *runtime = json_copy(hcl->runtime);
    const char *user = json_string_value(json_object_get(runtime, "user-data"));
    if (user && strlen(user) == sizeof(text) - 1) {
        for (size_t i = 0; i < sizeof(text); i++)
            text[i] = (char)tolower((unsigned char)user[i]);
        record_text(appraisal, runtime, "user-data", text);
    }
    record_json(appraisal, appraisal->result->claims, "x-ms-runtime", runtime);
}

static cella_status find_key(struct appraisal *appraisal, const struct hcl *hcl,
                             struct tpm_judged *judged)
{
    struct cache *cache = appraisal->verifier->cache;
    const uint8_t *hash = hcl->runtime_hash;
    judged->ak = tpm_ak_find(cache, TPM_AK_HCL, hash);
    if (!judged->ak)
        judged->ak = tpm_ak_add(cache, TPM_AK_HCL, hash, hcl->key, NULL, NULL);
    return judged->ak ? CELLA_OK : fail(appraisal->error, CELLA_MEMORY, "no memory for a key");
}

static cella_status judge(struct appraisal *appraisal, struct tpm_judged *judged,
                          const struct hcl *hcl)
{
    json_t *tee = json_object();
    record_hcl(appraisal, hcl);
    cella_status status = judge_kind(appraisal, judged, hcl);
    if (!status)
        status = find_key(appraisal, hcl, judged);
    if (!status)
        status = tpm_judge(appraisal, judged);
    if (!status)
        status = tpm_judge_pinned(appraisal, judged->ak);
    if (!status)
        status = judge_report(appraisal, judged, hcl, tee);
    if (status) {
        json_decref(tee);
        return status;
    }
    record_text(appraisal, appraisal->result->claims, "x-ms-attestation-type", "azurevm");
    record_json(appraisal, appraisal->result->claims, "x-ms-isolation-tee", tee);
    claim_runtime(appraisal, hcl);
    tpm_claim(appraisal, judged);
    return CELLA_OK;
}

static cella_status verify(struct appraisal *appraisal, const uint8_t *bytes, size_t size)
{
    struct tpm_judged judged;
    struct hcl hcl = {0};
    cella_error error;
    cella_status status = tpm_judge_read(appraisal, bytes, size, true, &judged);
    if (!status) {
        status = hcl_read(judged.document.hcl.bytes, judged.document.hcl.size, &hcl, &error);
        status = status ? tpm_refuse(appraisal, status, CLASS_PARSE, "hcl_report",
                                     "a report of Azure's paravisor", &error, NULL)
                        : judge(appraisal, &judged, &hcl);
    }
    hcl_free(&hcl);
    tpm_judge_free(&judged);
    return status;
}

const struct evidence_kind kind_azure = {"azure", recognise, verify, DEMAND_NONCE | DEMAND_KEY};
