/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence against a contract, claim by claim.
 */
#include "verdict.h"

#include "../image/fail.h"
#include "../image/hex.h"

#include <cella/attest.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void verdict_add(struct verdict *verdict, const char *claim, bool good, const char *expected,
                 const char *found)
{
    if (verdict->count == VERDICT_CLAIMS) { /* then it never becomes complete */
        verdict->claims[VERDICT_CLAIMS - 1].good = false;
        return;
    }
    struct verdict_claim *entry = &verdict->claims[verdict->count++];
    snprintf(entry->claim, sizeof(entry->claim), "%.63s", claim);
    snprintf(entry->expected, sizeof(entry->expected), "%.255s", expected);
    snprintf(entry->found, sizeof(entry->found), "%.255s", found);
    entry->good = good;
}

void verdict_dates(struct verdict *verdict, const struct contract *contract, int64_t at)
{
    char from[21], to[21], now[21], expected[64];
    contract_time_text(contract->not_before, from);
    contract_time_text(contract->not_after, to);
    contract_time_text(at, now);
    snprintf(expected, sizeof(expected), "%s to %s", from, to);
    verdict_add(verdict, "dates", contract_check_time(contract, at, NULL) == CELLA_OK, expected,
                now);
}

static void judge_tee(struct verdict *verdict, const struct contract *contract,
                      const cella_claims *claims)
{
    static const char *const names[] = {"", "vsm", "process", "vsm or process"};
    unsigned found = strcmp(claims->tee, "vsm") == 0       ? CONTRACT_TEE_VSM
                     : strcmp(claims->tee, "process") == 0 ? CONTRACT_TEE_PROCESS
                                                           : 0;
    verdict_add(verdict, "tee", found & contract->tees, names[contract->tees & 3], claims->tee);
}

static void judge_measurement(struct verdict *verdict, const struct contract *contract,
                              const cella_claims *claims)
{
    char found[65], expected[256];
    bool good = false;
    for (size_t i = 0; i < contract->mrenclave_count; i++)
        good |= memcmp(contract->mrenclaves[i], claims->mrenclave, 32) == 0;
    hex_write(claims->mrenclave, 32, found);
    hex_write(good ? claims->mrenclave : contract->mrenclaves[0], 32, expected);
    if (!good && contract->mrenclave_count > 1)
        snprintf(expected + 64, sizeof(expected) - 64, " or %zu others",
                 contract->mrenclave_count - 1);
    verdict_add(verdict, "mrenclave", good, expected, found);
}

static void judge_signer(struct verdict *verdict, const struct contract *contract,
                         const cella_claims *claims)
{
    char mrsigner[65], expected[256], found[256];
    const struct contract_signer *wanted = contract->signers;
    bool good = false;
    for (size_t i = 0; i < contract->signer_count && !good; i++) {
        wanted = &contract->signers[i];
        good = memcmp(wanted->mrsigner, claims->mrsigner, 32) == 0 &&
               wanted->isv_prod_id == claims->isv_prod_id &&
               claims->isv_svn >= wanted->least_isv_svn;
    }
    snprintf(expected, sizeof(expected), "%s, product %u, version %u or later",
             hex_write(wanted->mrsigner, 32, mrsigner), wanted->isv_prod_id, wanted->least_isv_svn);
    snprintf(found, sizeof(found), "%s, product %u, version %u",
             hex_write(claims->mrsigner, 32, mrsigner), claims->isv_prod_id, claims->isv_svn);
    verdict_add(verdict, "mrsigner", good, expected, found);
}

static void judge_posture(struct verdict *verdict, const struct contract *contract,
                          const cella_claims *claims)
{
    const char *claim;
    json_t *wanted;
    json_object_foreach(contract->posture, claim, wanted)
    {
        char name[CONTRACT_NAME + 16], found[256];
        const char *expected = json_is_string(wanted) ? json_string_value(wanted)
                               : json_is_true(wanted) ? "true"
                                                      : "false";
        snprintf(name, sizeof(name), "posture.%s", claim);
        if (!cella_claims_get(claims, name, found))
            snprintf(found, sizeof(found), "nothing");
        verdict_add(verdict, name,
                    cella_claims_demand(claims, name, expected, NULL, NULL) == CELLA_OK, expected,
                    found);
    }
}

static void judge_claims(struct verdict *verdict, const struct contract *contract,
                         const cella_claims *claims)
{
    char root[65], time[21];
    contract_time_text(claims->time, time);
    hex_write(claims->root, 32, root);
    verdict_add(verdict, "root", true, root, root);
    verdict_add(verdict, "signature", true, "the platform's, made now", time);
    verdict_add(verdict, "report_data", true, "this party's nonce, this contract", "the same");
    verdict_add(verdict, "debug", true, "false", "false");
    judge_tee(verdict, contract, claims);
    if (contract->mrenclave_count)
        judge_measurement(verdict, contract, claims);
    else
        judge_signer(verdict, contract, claims);
    judge_posture(verdict, contract, claims);
}

void verdict_evidence(struct verdict *verdict, const struct contract *contract,
                      const uint8_t *evidence, size_t size, const uint8_t report_data[64],
                      int64_t at, int64_t most_age)
{
    cella_verify_options options;
    cella_claims *claims = calloc(1, sizeof(*claims));
    cella_refusal refusal = {0};
    cella_error error = {0};
    cella_verify_options_default(&options);
    options.at = at;
    options.most_age = most_age;
    options.roots = (const uint8_t(*)[32])contract->platform_roots;
    options.root_count = contract->platform_root_count;
    options.report_data = report_data;
    if (!claims)
        return;
    cella_status status = cella_evidence_verify(evidence, size, &options, claims, &refusal, &error);
    if (status == CELLA_OK)
        judge_claims(verdict, contract, claims);
    else if (status == CELLA_REFUSED)
        verdict_add(verdict, refusal.claim, false, refusal.expected, refusal.found);
    else
        verdict_add(verdict, "evidence", false, "well-formed evidence", error.sentence);
    verdict->complete = status == CELLA_OK;
    free(claims);
}

bool verdict_good(const struct verdict *verdict)
{
    bool good = verdict->complete;
    for (size_t i = 0; i < verdict->count; i++)
        good &= verdict->claims[i].good;
    return good;
}

cella_status verdict_status(const struct verdict *verdict, cella_error *error)
{
    if (verdict_good(verdict))
        return CELLA_OK;
    for (size_t i = 0; i < verdict->count; i++) {
        const struct verdict_claim *claim = &verdict->claims[i];
        if (!claim->good)
            return fail(error, CELLA_REFUSED,
                        "%s: expected %s, found %.200s: nothing was released; ask the host",
                        claim->claim, claim->expected, claim->found);
    }
    return fail(
        error, CELLA_REFUSED,
        "evidence: expected to be judged to the end, found a failure: nothing was released");
}
