/* SPDX-License-Identifier: Apache-2.0
 *
 * Judges many policies through <cella/policy.h>: standard input has, again and again, the size of a
 * policy, the policy, the size of its claims, the claims (sizes: 4 bytes, little-endian). For each
 * there is a line of JSON: "read", "check", "evaluate" (statuses; those that were not come to are
 * absent), "error" (the last sentence), "trace".
 */
#include <cella/policy.h>

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST (4u << 20)

/* Exactly so many bytes, so that a sanitizer sees what is read behind them. False: the end. */
static bool take(uint8_t **bytes, uint32_t *size)
{
    *bytes = NULL;
    if (fread(size, sizeof(*size), 1, stdin) != 1 || *size > MOST)
        return false;
    *bytes = malloc(*size ? *size : 1);
    return *bytes && fread(*bytes, 1, *size, stdin) == *size;
}

static void put(json_t *answer, const char *name, cella_status status)
{
    json_object_set_new(answer, name, json_integer(status));
}

static void judge(const uint8_t *bytes, uint32_t size, const char *claims, uint32_t claims_size)
{
    cella_policy *policy = NULL;
    cella_error error = {0};
    char *trace = NULL;
    json_t *answer = json_object();
    cella_status status = cella_policy_read(bytes, size, "p", &policy, &error);
    put(answer, "read", status);
    if (status == CELLA_OK) {
        put(answer, "check", cella_policy_check(policy, &error));
        put(answer, "evaluate", cella_policy_evaluate(policy, claims, claims_size, &trace, &error));
    }
    if (trace)
        json_object_set_new(answer, "trace", json_loads(trace, 0, NULL));
    json_object_set_new(answer, "error", json_string(error.sentence));
    json_dumpf(answer, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(answer);
    free(trace);
    cella_policy_free(policy);
}

int main(void)
{
    uint8_t *policy, *claims;
    uint32_t size, claims_size;
    while (take(&policy, &size)) {
        if (!take(&claims, &claims_size))
            return 1;
        judge(policy, size, (const char *)claims, claims_size);
        free(claims);
        free(policy);
    }
    free(policy);
    return ferror(stdout) || fflush(stdout) != 0;
}
