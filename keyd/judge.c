/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence, or a token, and then the policy.
 */
#include "judge.h"

#include "attest/appraisal.h"
#include "attest/policy/policy.h"
#include "exposed.h"
#include "image/fail.h"
#include "image/file.h"
#include "image/hex.h"
#include "issuers.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MOST (64u << 20)

struct judge {
    cella_verifier *verifier;
    struct issuers *issuers;
    struct judge_options options;
};

/* ---- what it judges by ---- */

/* "roots/NAME": what sentences, which go to whoever asks, too, may say. */
static const char *short_name(const char *path)
{
    const char *name = file_name(path);
    for (name -= name > path; name > path && name[-1] != '/'; name--)
        ;
    return name;
}

/* A root: certificates, or the SHA-256 of a root's key as `cella platform show` prints it. */
static cella_status add_root(const char *path, void *context, cella_error *error)
{
    struct judge *judge = context;
    uint8_t *bytes, sha256[32];
    size_t size;
    cella_status status = file_read(path, FILE_MOST, &bytes, &size, error);
    if (status)
        return status;
    if (size == 65 && bytes[64] == '\n')
        bytes[64] = 0;
    if (hex_read((char *)bytes, sha256, 32))
        status = cella_verifier_add_root_key(judge->verifier, sha256, error);
    else
        status = cella_verifier_add_root(judge->verifier, bytes, size, short_name(path), error);
    free(bytes);
    return status;
}

static cella_status add_collateral(const char *path, void *context, cella_error *error)
{
    struct judge *judge = context;
    uint8_t *bytes;
    size_t size;
    cella_status status = file_read(path, FILE_MOST, &bytes, &size, error);
    if (status)
        return status;
    status = cella_verifier_add(judge->verifier, bytes, size, short_name(path), error);
    free(bytes);
    return status;
}

cella_status judge_new(const char *folder, const struct judge_options *options, struct judge **made,
                       cella_error *error)
{
    struct judge *judge = calloc(1, sizeof(*judge));
    *made = NULL;
    if (!judge)
        return fail(error, CELLA_MEMORY, "no memory for a verifier");
    judge->options = *options;
    cella_status status = cella_verifier_new(&judge->verifier, error);
    if (status == CELLA_OK)
        status = keystore_files(folder, "roots", add_root, judge, error);
    if (status == CELLA_OK)
        status = keystore_files(folder, "collateral", add_collateral, judge, error);
    if (status == CELLA_OK)
        status = issuers_read(folder, &judge->issuers, error);
    if (status)
        judge_free(judge);
    else
        *made = judge;
    return status;
}

void judge_free(struct judge *judge)
{
    if (!judge)
        return;
    issuers_free(judge->issuers);
    cella_verifier_free(judge->verifier);
    free(judge);
}

/* ---- judging ---- */

static json_t *refusal_of(const cella_result *result, const char *sentence)
{
    const char *advice = result_text(result->advice);
    if (strcmp(result->claim, "type") == 0) /* whoever asks over the network has no --type */
        advice = "Send evidence as the TEE made it, in base64.";
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "class", result->class, "claim",
                     result->claim, "expected", result_text(result->expected), "found",
                     result_text(result->found), "advice", advice, "sentence", sentence);
}

static cella_status judge_evidence(struct judge *judge, const struct request *request, int64_t at,
                                   json_t **claims, json_t **refusal, cella_error *error)
{
    cella_demands demands;
    cella_result *result;
    cella_demands_default(&demands);
    demands.at = at;
    demands.report_data = request->binding.report_data;
    demands.nonce = request->binding.nonce;
    demands.nonce_size = sizeof(request->binding.nonce);
    evidence_kind_choose(evidence_kind_find(NULL, request->evidence, request->size), &demands);
    demands.insecure_allow_debug = judge->options.insecure_allow_debug;
    demands.insecure_no_collateral = judge->options.insecure_no_collateral;
    demands.insecure_allow_outdated = judge->options.insecure_allow_outdated;
    cella_status status =
        cella_verify(judge->verifier, request->evidence, request->size, &demands, &result, error);
    if (status == CELLA_OK)
        *claims = json_incref(result->claims);
    else if (result)
        *refusal = refusal_of(result, error->sentence);
    cella_result_free(result);
    if (status == CELLA_OK && json_object_set_new(*claims, "iss", json_string(POLICY_ISSUER)))
        status = fail(error, CELLA_MEMORY, "no memory to judge claims");
    return status;
}

static cella_status judge_token(struct judge *judge, const struct request *request, int64_t at,
                                json_t **claims, json_t **refusal, cella_error *error)
{
    cella_demands demands;
    cella_demands_default(&demands);
    demands.at = at;
    struct appraisal appraisal = {judge->verifier, &demands, appraisal_result(at), error};
    if (!appraisal.result)
        return fail(error, CELLA_MEMORY, "no memory to judge a token");
    cella_status status = issuers_judge(judge->issuers, &appraisal, request);
    if (appraisal.result->no_memory)
        status = fail(error, CELLA_MEMORY, "no memory to judge a token");
    if (status == CELLA_OK)
        *claims = json_incref(appraisal.result->claims);
    else if (status != CELLA_MEMORY && status != CELLA_SYSTEM)
        *refusal = refusal_of(appraisal.result, error->sentence);
    cella_result_free(appraisal.result);
    return status;
}

static cella_status refuse_claim(const char *class, const char *claim, const char *expected,
                                 const char *found, const char *why, const char *advice,
                                 json_t **refusal, cella_error *error)
{
    fail(error, CELLA_REFUSED, "%s: expected %s, found %.40s%s", claim, expected, found, why);
    *refusal =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "class", class, "claim", claim, "expected",
                  expected, "found", found, "advice", advice, "sentence", error->sentence);
    return CELLA_REFUSED;
}

/* No policy lets the TEE in that protects nothing, unless the operator says so. */
static cella_status judge_tee(const struct judge *judge, const json_t *claims, json_t **refusal,
                              cella_error *error)
{
    if (judge->options.insecure_allow_process || !exposed_process(claims))
        return CELLA_OK;
    return refuse_claim(CLASS_POLICY, "tee", "one that protects", "process",
                        ", which is for development: whoever runs it sees all that it has",
                        "Run it on vsm; or, for trying out, serve with --insecure_allow_process.",
                        refusal, error);
}

/* The same for what a debugger may look into. */
static cella_status judge_debug(const struct judge *judge, const json_t *claims, json_t **refusal,
                                cella_error *error)
{
    const json_t *found;
    const char *expected;
    const char *claim =
        judge->options.insecure_allow_debug ? NULL : exposed_debug(claims, &found, &expected);
    if (!claim)
        return CELLA_OK;
    char *text = json_dumps(found, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    cella_status status =
        text
            ? refuse_claim(CLASS_DEBUG, claim, expected, text, "",
                           "Whoever runs it may look in: run it without debugging.", refusal, error)
            : fail(error, CELLA_MEMORY, "no memory to judge claims");
    free(text);
    return status;
}

static cella_status judge_policy(const struct keystore_key *key, json_t *claims, json_t **refusal,
                                 cella_error *error)
{
    char *trace = NULL;
    char *text = json_dumps(claims, JSON_COMPACT);
    cella_status status =
        text ? cella_policy_evaluate(key->policy, text, strlen(text), &trace, error)
             : fail(error, CELLA_MEMORY, "no memory to judge claims");
    if (status == CELLA_REFUSED)
        *refusal = json_pack("{s:s, s:s, s:o}", "class", CLASS_POLICY, "sentence", error->sentence,
                             "trace", json_loads(trace, 0, NULL));
    free(trace);
    free(text);
    return status;
}

cella_status judge_request(struct judge *judge, const struct keystore_key *key,
                           const struct request *request, int64_t at, json_t **refusal,
                           cella_error *error)
{
    json_t *claims = NULL;
    *refusal = NULL;
    cella_status status = request->token
                              ? judge_token(judge, request, at, &claims, refusal, error)
                              : judge_evidence(judge, request, at, &claims, refusal, error);
    if (status == CELLA_OK)
        status = judge_tee(judge, claims, refusal, error);
    if (status == CELLA_OK)
        status = judge_debug(judge, claims, refusal, error);
    if (status == CELLA_OK)
        status = judge_policy(key, claims, refusal, error);
    json_decref(claims);
    return status;
}
