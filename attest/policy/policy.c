/* SPDX-License-Identifier: Apache-2.0
 *
 * One of two languages behind one interface.
 */
#include "policy.h"

#include "attest/strict.h"
#include "image/fail.h"
#include "image/utf8.h"
#include "maa.h"
#include "release_policy.h"

#include <stdlib.h>
#include <string.h>

struct policy {
    char *name;
    json_t *release; /* one of these two */
    struct maa *maa;
};

static bool is_json(const uint8_t *bytes, size_t size)
{
    size_t i = 0;
    while (i < size && strchr(" \t\r\n", bytes[i]) && bytes[i])
        i++;
    return i < size && bytes[i] == '{';
}

static cella_status read_release(struct policy *policy, const uint8_t *bytes, size_t size,
                                 cella_error *error)
{
    cella_status status = strict_object(bytes, size, policy->name, &policy->release, error);
    return status ? status : release_policy_read(policy->release, policy->name, false, error);
}

cella_status policy_read(const uint8_t *bytes, size_t size, const char *name,
                         struct policy **policy, cella_error *error)
{
    *policy = NULL;
    if (size > POLICY_MOST)
        return fail(error, CELLA_INVALID, "%s: %zu bytes; a policy has at most %u", name, size,
                    POLICY_MOST);
    struct policy *read = calloc(1, sizeof(*read));
    cella_status status;
    if (!read ||
        !(read->name = strdup(utf8_prefix(name, strlen(name)) == strlen(name) ? name : "policy")))
        status = fail(error, CELLA_MEMORY, "%s: no memory to read it", name);
    else if (is_json(bytes, size))
        status = read_release(read, bytes, size, error);
    else
        status = maa_read((const char *)bytes, size, read->name, &read->maa, error);
    if (status)
        policy_free(read);
    else
        *policy = read;
    return status;
}

void policy_free(struct policy *policy)
{
    if (!policy)
        return;
    json_decref(policy->release);
    maa_free(policy->maa);
    free(policy->name);
    free(policy);
}

const char *policy_language(const struct policy *policy)
{
    return policy->release           ? "release-1.0.0"
           : policy->maa->minor == 0 ? "attestation-1.0"
                                     : "attestation-1.1";
}

cella_status policy_check(const struct policy *policy, cella_error *error)
{
    return policy->release ? release_policy_read(policy->release, policy->name, true, error)
                           : maa_check(policy->maa, policy->name, error);
}

/* One sentence of a denial: which of a release policy's alternatives came nearest, and what kept it
 * from being met. */
static json_t *why_denied(const struct trace *trace)
{
    char more[48] = "";
    const json_t *reason = json_array_get(trace->reasons, trace->nearest);
    const char *text = reason ? json_string_value(reason) : "no condition is met";
    if (trace->lacks > 1)
        snprintf(more, sizeof(more), " (%zu conditions not met)", trace->lacks);
    if (trace->alternatives > 1)
        return json_sprintf("none of %zu alternatives is met; the nearest%s: %s",
                            trace->alternatives, more, text);
    return json_string(text);
}

cella_status policy_evaluate(const struct policy *policy, const json_t *claims, json_t **trace)
{
    struct trace recorded = {.conditions = json_array(), .reasons = json_array()};
    struct maa_outcome outcome = {json_object(), json_object(), json_array()};
    bool met = false;
    *trace = NULL;
    recorded.no_memory = !recorded.conditions || !recorded.reasons || !outcome.issued ||
                         !outcome.properties || !outcome.warnings;
    if (!recorded.no_memory)
        met = policy->release ? release_policy_met(policy->release, claims, &recorded)
                              : maa_met(policy->maa, claims, &recorded, &outcome);
    /* Takes all of them over, whether it succeeds or not. */
    json_t *made =
        json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "policy", policy->name, "language",
                  policy_language(policy), "verdict", met ? "permit" : "deny", "conditions",
                  recorded.conditions, "reasons", recorded.reasons, "issued", outcome.issued,
                  "properties", outcome.properties, "warnings", outcome.warnings);
    if (made && !met && json_object_set_new(made, "why", why_denied(&recorded)))
        recorded.no_memory = true;
    if (!made || recorded.no_memory) {
        json_decref(made);
        return CELLA_MEMORY;
    }
    *trace = made;
    return met ? CELLA_OK : CELLA_REFUSED;
}
