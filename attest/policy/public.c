/* SPDX-License-Identifier: Apache-2.0
 *
 * <cella/policy.h>: the same with JSON as text. A cella_policy is a struct policy.
 */
#include <cella/policy.h>

#include "attest/strict.h"
#include "image/fail.h"
#include "policy.h"

cella_status cella_policy_read(const uint8_t *bytes, size_t size, const char *name,
                               cella_policy **policy, cella_error *error)
{
    struct policy *read;
    cella_status status = policy_read(bytes, size, name, &read, error);
    *policy = (cella_policy *)read;
    return status;
}

void cella_policy_free(cella_policy *policy)
{
    policy_free((struct policy *)policy);
}

cella_status cella_policy_check(const cella_policy *policy, cella_error *error)
{
    return policy_check((const struct policy *)policy, error);
}

cella_status cella_policy_evaluate(const cella_policy *policy, const char *claims, size_t size,
                                   char **trace, cella_error *error)
{
    json_t *object, *made = NULL;
    *trace = NULL;
    cella_status status = strict_object(claims, size, "claims", &object, error);
    if (status)
        return status;
    status = policy_evaluate((const struct policy *)policy, object, &made);
    json_decref(object);
    *trace = made ? json_dumps(made, JSON_COMPACT) : NULL;
    if (!*trace)
        status = fail(error, CELLA_MEMORY, "no memory to evaluate the policy");
    else if (status)
        fail(error, status, "%s: denied: %s", json_string_value(json_object_get(made, "policy")),
             json_string_value(json_object_get(made, "why")));
    json_decref(made);
    return status;
}
