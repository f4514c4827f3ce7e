/* SPDX-License-Identifier: Apache-2.0
 *
 * Three forms of claims.
 */
#include "claims.h"

#include "evidence.h"

#include "attest/policy/policy.h"
#include "attest/strict.h"
#include "attest/token/token.h"
#include "image/fail.h"

#include <stdlib.h>
#include <string.h>

/* An object with a verdict is a result: only what was accepted has claims. */
static cella_status take_result(json_t **claims, const char *path, cella_error *error)
{
    json_t *result = *claims, *proven = json_object_get(result, "claims");
    const char *verdict = json_string_value(json_object_get(result, "verdict"));
    cella_status status = CELLA_OK;
    if (!verdict || strcmp(verdict, "accepted") != 0 || !json_is_object(proven))
        status =
            fail(error, CELLA_INVALID,
                 "%s: a result of `cella verify` that was not accepted: nothing is proven", path);
    else if (json_object_set_new(proven, "iss", json_string(POLICY_ISSUER)))
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
