/* SPDX-License-Identifier: Apache-2.0
 *
 * Claims that tell of debuggers, by name: what they have to say.
 */
#include "exposed.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct demand {
    const char *name;
    json_type wanted;
} demands[] = {
    {"debug", JSON_FALSE},
    {"x-ms-sgx-is-debuggable", JSON_FALSE},
    {"is-debuggable", JSON_FALSE}, /* Azure Attestation's older names */
    {"$is-debuggable", JSON_FALSE},
    {"tdx_td_attributes_debug", JSON_FALSE},
    {"x-ms-sevsnpvm-is-debuggable", JSON_FALSE},
    {"sgx_is_debuggable", JSON_FALSE}, /* Intel Trust Authority's */
    {"tdx_is_debuggable", JSON_FALSE},
    {"x-ms-azurevm-bootdebug-enabled", JSON_FALSE},
    {"x-ms-azurevm-hypervisordebug-enabled", JSON_FALSE},
    {"x-ms-azurevm-kerneldebug-enabled", JSON_FALSE},
    {"x-ms-azurevm-debuggersdisabled", JSON_TRUE},
    {"bootDebuggingDisabled", JSON_TRUE},
};

/* RFC 9711, section 4.2.9: all but "enabled". */
static const char *const disabled[] = {"disabled", "disabled-since-boot", "disabled-permanently",
                                       "disabled-fully-and-permanently"};

/* What the guest itself said to the issuer: it may say what it likes. */
static const char *const own_words[] = {"x-ms-runtime", "x-ms-inittime"};

static bool is_among(const char *text, const char *const *all, size_t count)
{
    for (size_t i = 0; text && i < count; i++)
        if (strcmp(all[i], text) == 0)
            return true;
    return false;
}

/* What it has to say, where it says something else; NULL: it may say that. */
static const char *debug_wanted(const char *name, const json_t *value)
{
    if (strcmp(name, "dbgstat") == 0)
        return is_among(json_string_value(value), disabled, COUNT_OF(disabled)) ? NULL : "disabled";
    for (size_t i = 0; i < COUNT_OF(demands); i++)
        if (strcmp(demands[i].name, name) == 0 && json_typeof(value) != demands[i].wanted)
            return demands[i].wanted == JSON_TRUE ? "true" : "false";
    return NULL;
}

static const char *process_wanted(const char *name, const json_t *value)
{
    const char *text = json_string_value(value);
    bool tells = strcmp(name, "tee") == 0 || strcmp(name, "x-ms-attestation-type") == 0;
    return tells && text && strcmp(text, "process") == 0 ? "one that protects" : NULL;
}

typedef const char *(*judge_claim)(const char *name, const json_t *value);

static const char *search(const json_t *value, judge_claim judge, const json_t **found,
                          const char **expected)
{
    const char *name, *at = NULL;
    json_t *inside;
    size_t i;
    json_array_foreach(value, i, inside)
    {
        if ((at = search(inside, judge, found, expected)))
            return at;
    }
    json_object_foreach((json_t *)(uintptr_t)value, name, inside)
    {
        if ((*expected = judge(name, inside))) {
            *found = inside;
            return name;
        }
        if (!is_among(name, own_words, COUNT_OF(own_words)) &&
            (at = search(inside, judge, found, expected)))
            return at;
    }
    return NULL;
}

const char *exposed_debug(const json_t *claims, const json_t **found, const char **expected)
{
    return search(claims, debug_wanted, found, expected);
}

bool exposed_process(const json_t *claims)
{
    const json_t *found;
    const char *expected;
    return search(claims, process_wanted, &found, &expected) != NULL;
}
