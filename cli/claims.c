/* SPDX-License-Identifier: Apache-2.0
 *
 * Three forms of claims.
 */
#include "claims.h"

#include "evidence.h"

#include "attest/policy/policy.h"
#include "attest/policy/release_policy.h"
#include "attest/strict.h"
#include "attest/token/token.h"
#include "image/fail.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

/* Who says what an accepted result does: of evidence, cella; of a token, whoever issued it, who is
 * never cella. NULL: no verifier writes such a result. */
static const char *issuer_of(const json_t *result)
{
    const char *type = text_of(result, "type");
    const char *issuer = text_of(json_object_get(result, "claims"), "iss");
    if (strcmp(type, TOKEN_TYPE) != 0)
        return *type ? POLICY_ISSUER : NULL;
    return *issuer && !release_policy_same_issuer(issuer, POLICY_ISSUER) ? issuer : NULL;
}

/* An object with a verdict is a result: only what was accepted has claims. */
static cella_status take_result(json_t **claims, const char *path, cella_error *error)
{
    json_t *result = *claims, *proven = json_object_get(result, "claims");
    const char *issuer = issuer_of(result);
    cella_status status = CELLA_OK;
    if (strcmp(text_of(result, "verdict"), "accepted") != 0 || !json_is_object(proven))
        status =
            fail(error, CELLA_INVALID,
                 "%s: a result of `cella verify` that was not accepted: nothing is proven", path);
    else if (!issuer)
        status = fail(error, CELLA_INVALID,
                      "%s: a result that does not say of what it is, or of a token without an "
                      "issuer of its own: give one of `cella verify` or `cella token verify`",
                      path);
    else if (json_object_set_new(proven, "iss", json_string(issuer)))
        status = fail(error, CELLA_MEMORY, "%s: no memory to read it", path);
    *claims = status ? NULL : json_incref(proven);
    json_decref(result);
    return status;
}

static cella_status take_object(const uint8_t *bytes, size_t size, const char *path,
                                json_t **claims, const char **warning, cella_error *error)
{
    cella_status status = strict_object(bytes, size, path, claims, error);
    if (status)
        return status;
    if (json_object_get(*claims, "verdict"))
        return take_result(claims, path, error);
    *warning = "the claims are taken as they stand in the file: nobody proved them";
    return CELLA_OK;
}

cella_status cli_claims_read(const char *path, json_t **claims, const char **warning,
                             cella_error *error)
{
    uint8_t *bytes = NULL;
    size_t size, start = 0;
    *claims = NULL;
    *warning = NULL;
    cella_status status = cli_input(path, STRICT_MOST, &bytes, &size, error);
    if (status)
        return status;
    while (size > 0 && strchr(" \t\r\n", bytes[size - 1]) && bytes[size - 1])
        size--;
    while (start < size && strchr(" \t\r\n", bytes[start]) && bytes[start])
        start++;
    if (start < size && bytes[start] == '{') {
        status = take_object(bytes, size, path, claims, warning, error);
    } else {
        *warning = "the claims are of a token that was not verified: `cella token verify` does";
        status = token_peek((const char *)bytes + start, size - start, path, claims, error);
    }
    free(bytes);
    return status;
}
