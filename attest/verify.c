/* SPDX-License-Identifier: Apache-2.0
 *
 * The verifier: what it knows, which kind of evidence it is given, and what it answers.
 */
#include "appraisal.h"
#include "collateral.h"
#include "image/fail.h"
#include "refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_MOST    4096      /* signatures and chains that are remembered */
#define EVIDENCE_SIZE (4 << 20) /* most bytes of evidence, logs inside included */
#define ADDED_SIZE    (64 << 20)
#define ROOTS_MOST    16

static const struct evidence_kind *const kinds[] = {
    &kind_sgx, &kind_tdx, &kind_snp, &kind_nitro, &kind_tpm, &kind_azure, &kind_vsm, &kind_ratls,
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* In this order: the first that knows the form reads it. */
static collateral_form *const forms[] = {
    collateral_read_intel,
    collateral_read_x509,
    collateral_read_amd,
    collateral_read_log,
};

/* ---- the verifier ---- */

cella_status cella_verifier_new(cella_verifier **verifier, cella_error *error)
{
    *verifier = calloc(1, sizeof(**verifier));
    if (*verifier && ((*verifier)->cache = cache_new(CACHE_MOST)))
        return CELLA_OK;
    cella_verifier_free(*verifier);
    *verifier = NULL;
    return fail(error, CELLA_MEMORY, "no memory for a verifier");
}

void cella_verifier_free(cella_verifier *verifier)
{
    if (!verifier)
        return;
    collateral_free_all(verifier);
    free(verifier->roots);
    cache_free(verifier->cache);
    free(verifier);
}

cella_status cella_verifier_add(cella_verifier *verifier, const uint8_t *bytes, size_t size,
                                const char *name, cella_error *error)
{
    if (size > ADDED_SIZE)
        return fail(error, CELLA_INVALID, "%s: %zu bytes; collateral has at most %d", name, size,
                    ADDED_SIZE);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        cella_status status = forms[i](verifier, bytes, size, name, error);
        if (status != CELLA_UNSUPPORTED)
            return status;
    }
    return fail(error, CELLA_UNSUPPORTED,
                "%s: no certificate, revocation list, TCB information, identity or log in a form "
                "that is known here",
                name);
}

cella_status cella_verifier_add_root_key(cella_verifier *verifier, const uint8_t sha256[32],
                                         cella_error *error)
{
    struct x509_anchor *all = realloc(verifier->roots, (verifier->root_count + 1) * sizeof(*all));
    if (!all)
        return fail(error, CELLA_MEMORY, "no memory for a root");
    verifier->roots = all;
    all[verifier->root_count].name = "a root that was given";
    memcpy(all[verifier->root_count++].sha256, sha256, 32);
    return CELLA_OK;
}

/* Its certificate is kept as well: evidence need not carry it. */
static cella_status add_root(cella_verifier *verifier, struct x509 *root, const char *name,
                             cella_error *error)
{
    if (!root->key)
        return fail(error, CELLA_INVALID, "%s: a root without a usable key", name);
    cella_status status = collateral_add_certificate(verifier, x509_keep(root), name, error);
    return status ? status : cella_verifier_add_root_key(verifier, root->key_hash, error);
}

cella_status cella_verifier_add_root(cella_verifier *verifier, const uint8_t *bytes, size_t size,
                                     const char *name, cella_error *error)
{
    struct x509_pool roots = {NULL, 0};
    cella_status status =
        fail(error, CELLA_INVALID, "%s: no root: one or more certificates in PEM or DER are wanted",
             name);
    if (x509_read(verifier, bytes, size, &roots, ROOTS_MOST))
        status = CELLA_OK;
    for (size_t i = 0; status == CELLA_OK && i < roots.count; i++)
        status = add_root(verifier, roots.all[i], name, error);
    x509_pool_clear(&roots);
    return status;
}

/* ---- demands ---- */

void cella_demands_default(cella_demands *demands)
{
    memset(demands, 0, sizeof(*demands));
    demands->size = sizeof(*demands);
}

static cella_status check_demands(const cella_demands *demands, cella_error *error)
{
    if (demands->size != sizeof(*demands))
        return fail(error, CELLA_INVALID,
                    "the demands are of another version of cella (%zu bytes); start from "
                    "cella_demands_default",
                    demands->size);
    if (demands->at <= 0 || demands->most_age < 0)
        return fail(error, CELLA_INVALID, "verification wants the time to judge at");
    if (demands->report_data && demands->insecure_any_report_data)
        return fail(error, CELLA_INVALID,
                    "report data and insecure_any_report_data exclude each other");
    if (demands->nonce && (demands->insecure_any_nonce || demands->nonce_size == 0))
        return fail(error, CELLA_INVALID, "a nonce has a size, and excludes insecure_any_nonce");
    if (!demands->boot_images != !demands->boot_image_count)
        return fail(error, CELLA_INVALID, "boot images have a number");
    return CELLA_OK;
}

/* ---- the result ---- */

cella_result *appraisal_result(int64_t at)
{
    cella_result *result = calloc(1, sizeof(*result));
    if (!result)
        return NULL;
    /* Refused until the end. */
    snprintf(result->class, sizeof(result->class), "%s", CLASS_PARSE);
    result->type = "";
    result->at = at;
    result->claims = json_object();
    result->evidence = json_object();
    result->warnings = json_array();
    if (result->claims && result->evidence && result->warnings)
        return result;
    cella_result_free(result);
    return NULL;
}

void cella_result_free(cella_result *result)
{
    if (!result)
        return;
    json_decref(result->claims);
    json_decref(result->evidence);
    json_decref(result->warnings);
    free(result->expected);
    free(result->found);
    free(result->advice);
    free(result);
}

bool cella_result_accepted(const cella_result *result)
{
    return result->class[0] == 0;
}

const char *cella_result_class(const cella_result *result)
{
    return result->class;
}

static const char *verdict(const cella_result *result)
{
    if (cella_result_accepted(result))
        return "accepted";
    if (strcmp(result->class, CLASS_PARSE) == 0)
        return "malformed";
    return strcmp(result->class, CLASS_UNSUPPORTED) == 0 ? "unsupported" : "refused";
}

char *cella_result_json(const cella_result *result)
{
    char at[32], *text = NULL;
    json_t *all =
        json_pack("{s:s, s:s, s:s, s:O, s:O, s:O}", "verdict", verdict(result), "type",
                  result->type, "evaluated_at", time_text(result->at, at), "claims", result->claims,
                  "evidence", result->evidence, "warnings", result->warnings);
    json_t *refusal =
        cella_result_accepted(result)
            ? json_null()
            : json_pack("{s:s, s:s, s:s, s:s, s:s}", "class", result->class, "claim", result->claim,
                        "expected", result_text(result->expected), "found",
                        result_text(result->found), "advice", result_text(result->advice));
    if (all && json_object_set_new(all, "refusal", refusal) == 0)
        text = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    return text;
}

/* ---- judging ---- */

const struct evidence_kind *evidence_kind_find(const char *name, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < KINDS; i++)
        if (name ? strcmp(kinds[i]->name, name) == 0 : kinds[i]->recognise(bytes, size))
            return kinds[i];
    return NULL;
}

void evidence_kind_choose(const struct evidence_kind *kind, cella_demands *demands)
{
    unsigned judges = kind ? kind->judges & (DEMAND_REPORT_DATA | DEMAND_NONCE) : 0;
    if (judges == DEMAND_REPORT_DATA)
        demands->nonce = NULL;
    if (judges == DEMAND_NONCE)
        demands->report_data = NULL;
}

static cella_status judge_unheeded(struct appraisal *appraisal, const struct evidence_kind *kind)
{
    const cella_demands *demands = appraisal->demands;
    const struct {
        const void *demanded;
        unsigned demand;
        const char *class, *claim, *expected, *advice;
    } rows[] = {
        {demands->report_data, DEMAND_REPORT_DATA, CLASS_REPORT_DATA, "report_data",
         "evidence with the report data that were demanded",
         "Demand the nonce that it answers; report data are what this kind cannot show."},
        {demands->nonce, DEMAND_NONCE, CLASS_NONCE, "nonce",
         "evidence with the nonce that was demanded",
         "Demand the report data that it was made for; a nonce is what this kind cannot show."},
        {demands->attestation_key, DEMAND_KEY, CLASS_ANCHOR, "attestation key",
         "evidence by the TPM's key that was pinned",
         "Pin no key: the maker's certificates vouch for this kind of evidence."},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].demanded && !(kind->judges & rows[i].demand))
            return appraisal_refuse(appraisal, rows[i].class, rows[i].claim, rows[i].expected,
                                    "a kind that has none", rows[i].advice);
    return CELLA_OK;
}

cella_status evidence_kind_verify(struct appraisal *appraisal, const struct evidence_kind *kind,
                                  const uint8_t *bytes, size_t size)
{
    cella_status status = kind->verify(appraisal, bytes, size);
    return status ? status : judge_unheeded(appraisal, kind);
}

static cella_status judge(struct appraisal *appraisal, const uint8_t *evidence, size_t size)
{
    const char *type = appraisal->demands->type;
    if (size > EVIDENCE_SIZE)
        return appraisal_malformed(appraisal, "size", "%zu bytes; at most %d are judged", size,
                                   EVIDENCE_SIZE);
    const struct evidence_kind *kind = evidence_kind_find(type, evidence, size);
    if (!kind)
        return appraisal_refuse(
            appraisal, CLASS_UNSUPPORTED, "type", "evidence of a kind that is known here",
            type ? type : "nothing that is recognised",
            "Name its kind with --type, if it is one of those that --help lists.");
    appraisal->result->type = kind->name;
    cella_status status = evidence_kind_verify(appraisal, kind, evidence, size);
    if (status == CELLA_OK && appraisal->demands->boot_images &&
        !appraisal->result->boot_images_judged)
        return appraisal_refuse(appraisal, CLASS_POLICY, "boot_image", "reference values",
                                "evidence of a kind that does not show what was booted",
                                "Do without boot images, or ask for evidence of a TPM's.");
    if (appraisal->result->chains_judged)
        record_bool(appraisal, appraisal->result->claims, "revocation_checked",
                    !appraisal->result->revocation_unknown);
    return status;
}

cella_status appraisal_end(struct appraisal *appraisal, cella_status status, cella_result **result)
{
    *result = NULL;
    if (appraisal->result->no_memory)
        status = fail(appraisal->error, CELLA_MEMORY, "no memory to verify evidence");
    if (status == CELLA_MEMORY || status == CELLA_SYSTEM) {
        cella_result_free(appraisal->result);
        return status;
    }
    if (status == CELLA_OK)
        appraisal->result->class[0] = 0;
    else
        json_object_clear(appraisal->result->claims);
    *result = appraisal->result;
    return status;
}

cella_status cella_verify(cella_verifier *verifier, const uint8_t *evidence, size_t size,
                          const cella_demands *demands, cella_result **result, cella_error *error)
{
    *result = NULL;
    cella_error own;
    cella_status status = check_demands(demands, error);
    if (status)
        return status;
    struct appraisal appraisal = {verifier, demands, appraisal_result(demands->at),
                                  error ? error : &own};
    if (!appraisal.result)
        return fail(error, CELLA_MEMORY, "no memory to verify evidence");
    return appraisal_end(&appraisal, judge(&appraisal, evidence, size), result);
}
