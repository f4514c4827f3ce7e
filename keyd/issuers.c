/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens instead of evidence.
 */
#include "issuers.h"

#include "attest/token/ear.h"
#include "fields.h"
#include "image/fail.h"
#include "image/file.h"
#include "image/hex.h"
#include "keystore.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MOST    (1u << 20)
#define ISSUERS_MOST 64u
#define SKEW         60 /* s */

struct issuers {
    size_t count;
    struct issuer {
        char *name, *audience;
        struct jwks *keys;
    } all[ISSUERS_MOST];
};

/* ---- reading ---- */

static cella_status read_issuer(const json_t *object, const char *path, struct issuer *issuer,
                                cella_error *error)
{
    const json_t *name, *audience, *keys;
    const struct field fields[] = {{"issuer", JSON_STRING, false, &name},
                                   {"audience", JSON_STRING, true, &audience},
                                   {"jwks", JSON_OBJECT, false, &keys}};
    cella_status status = FIELDS_READ(object, path, fields, error);
    if (status)
        return status;
    char *text = json_dumps(keys, JSON_COMPACT);
    issuer->name = strdup(json_string_value(name));
    issuer->audience = audience ? strdup(json_string_value(audience)) : NULL;
    if (!text || !issuer->name || (audience && !issuer->audience))
        status = fail(error, CELLA_MEMORY, "%s: no memory to read it", path);
    else
        status = jwks_read(text, strlen(text), path, &issuer->keys, error);
    free(text);
    return status;
}

static const struct issuer *find(const struct issuers *issuers, const char *name)
{
    for (size_t i = 0; i < issuers->count; i++)
        if (issuers->all[i].name && strcmp(issuers->all[i].name, name) == 0)
            return &issuers->all[i];
    return NULL;
}

static cella_status add_file(const char *path, void *context, cella_error *error)
{
    struct issuers *issuers = context;
    struct issuer read = {0};
    uint8_t *bytes;
    size_t size;
    json_t *object = NULL;
    if (issuers->count == ISSUERS_MOST)
        return fail(error, CELLA_INVALID, "%s: more than %u issuers", path, ISSUERS_MOST);
    cella_status status = file_read(path, FILE_MOST, &bytes, &size, error);
    if (status)
        return status;
    status = fields_parse((char *)bytes, size, path, &object, error);
    if (status == CELLA_OK)
        status = read_issuer(object, path, &read, error);
    if (status == CELLA_OK && find(issuers, read.name))
        status = fail(error, CELLA_INVALID, "%s: this issuer is in another file, too", path);
    issuers->all[issuers->count++] = read;
    json_decref(object);
    free(bytes);
    return status;
}

cella_status issuers_read(const char *folder, struct issuers **made, cella_error *error)
{
    struct issuers *issuers = calloc(1, sizeof(*issuers));
    *made = NULL;
    if (!issuers)
        return fail(error, CELLA_MEMORY, "no memory for issuers");
    cella_status status = keystore_files(folder, "issuers", add_file, issuers, error);
    if (status)
        issuers_free(issuers);
    else
        *made = issuers;
    return status;
}

void issuers_free(struct issuers *issuers)
{
    for (size_t i = 0; issuers && i < issuers->count; i++) {
        free(issuers->all[i].name);
        free(issuers->all[i].audience);
        jwks_free(issuers->all[i].keys);
    }
    free(issuers);
}

/* ---- judging ---- */

static bool is_report_data(const json_t *value, const struct request *request)
{
    uint8_t bytes[64];
    const char *text = json_string_value(value);
    return text && hex_read(text, bytes, sizeof(bytes)) &&
           memcmp(bytes, request->binding.report_data, sizeof(bytes)) == 0;
}

/* Whether claims that only a TEE, or the issuer by looking at its evidence, can have made bind the
 * request; *found is one that does not. */
static bool claims_bind(const json_t *claims, const struct request *request, const json_t **found)
{
    const json_t *const values[] = {
        json_object_get(claims, "report_data"), json_object_get(claims, "x-ms-sgx-report-data"),
        json_object_get(claims, "tdx_report_data"),
        json_object_get(claims, "x-ms-sevsnpvm-reportdata"),
        json_object_get(json_object_get(claims, "x-ms-runtime"), "user-data")};
    *found = NULL;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (is_report_data(values[i], request))
            return true;
        if (!*found && json_is_string(values[i]))
            *found = values[i];
    }
    return false;
}

/* At the token's top, as Azure has them; or of the one thing that an EAR tells of. */
static bool token_binds(const json_t *claims, const struct request *request, const json_t **found)
{
    const json_t *parts = json_object_get(claims, "submods");
    const json_t *part = json_object_iter_value(json_object_iter((json_t *)(uintptr_t)parts));
    *found = NULL;
    if (!parts)
        return claims_bind(claims, request, found);
    return json_object_size(parts) == 1 &&
           claims_bind(json_object_get(part, EAR_EVIDENCE), request, found);
}

static cella_status verify(const struct issuers *issuers, struct appraisal *appraisal,
                           const struct request *request)
{
    json_t *claims;
    cella_status status =
        token_peek(request->token, request->size, "token", &claims, appraisal->error);
    if (status == CELLA_MEMORY)
        return status;
    if (status)
        return appraisal_malformed(appraisal, "token", "%s", appraisal->error->sentence);
    const char *name = json_string_value(json_object_get(claims, "iss"));
    const struct issuer *issuer = name ? find(issuers, name) : NULL;
    if (issuer) {
        const struct token_demands demands = {issuer->keys, issuer->name, issuer->audience, SKEW};
        status = token_verify(appraisal, request->token, request->size, &demands);
    } else {
        status = appraisal_refuse(appraisal, CLASS_ANCHOR, "iss", "an issuer in issuers/",
                                  name ? name : "none",
                                  "Name the issuer and its keys there, if you believe it.");
    }
    json_decref(claims);
    return status;
}

/* Whoever looked at the evidence says not to trust it: no policy has to know how. */
static cella_status judge_status(struct appraisal *appraisal)
{
    if (ear_status(appraisal->result->claims) != EAR_CONTRAINDICATED)
        return CELLA_OK;
    return appraisal_refuse(appraisal, CLASS_POLICY, "ear.status", "not contraindicated",
                            ear_tiers[EAR_CONTRAINDICATED],
                            "The token's trustworthiness vector says what is wrong with it.");
}

cella_status issuers_judge(const struct issuers *issuers, struct appraisal *appraisal,
                           const struct request *request)
{
    char expected[129];
    const json_t *found;
    cella_status status = verify(issuers, appraisal, request);
    if (status == CELLA_OK)
        status = judge_status(appraisal);
    if (status || token_binds(appraisal->result->claims, request, &found))
        return status;
    return appraisal_refuse(appraisal, CLASS_REPORT_DATA, "report_data",
                            hex_write(request->binding.report_data, 64, expected),
                            found ? json_string_value(found) : "no claim of report data",
                            "Have evidence made whose report data is the request's, and a token "
                            "of that.");
}
