/* SPDX-License-Identifier: Apache-2.0
 *
 * Results of ours as EAR, and EARs of others.
 */
#include "ear.h"

#include <stdio.h>
#include <string.h>

const char *const ear_tiers[EAR_TIERS] = {"none", "affirming", "warning", "contraindicated"};

#define VECTOR "ear.trustworthiness-vector"

static const char *const vector_names[] = {
    "instance-identity", "configuration",  "executables",    "file-system",
    "hardware",          "runtime-opaque", "storage-opaque", "sourced-data",
};

#define COUNT_OF(x) (sizeof(x) / sizeof((x)[0]))

static enum ear_tier tier_of_value(json_int_t value)
{
    if (value >= -1 && value <= 1)
        return EAR_NONE;
    if (value >= -32 && value <= 31)
        return EAR_AFFIRMING;
    return value >= -96 && value <= 95 ? EAR_WARNING : EAR_CONTRAINDICATED;
}

static enum ear_tier worst_of(const json_t *vector)
{
    enum ear_tier worst = EAR_NONE;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)vector, name, value)
    {
        enum ear_tier tier = tier_of_value(json_integer_value(value));
        if (tier > worst)
            worst = tier;
    }
    return worst;
}

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool known(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* ---- of ours ---- */

/* AR4SI's values that are used here. */
enum {
    CONFIGURATION_VULNERABLE = 32, /* it has weaknesses that are known */
    HARDWARE_GENUINE = 2,
    HARDWARE_VULNERABLE = 32, /* genuine, with weaknesses that are known */
    RUNTIME_ENCRYPTED = 2,    /* encrypted memory, and nobody outside can look in */
    RUNTIME_ISOLATED = 32,    /* nobody beside it can look in; whoever is below it could */
    RUNTIME_VISIBLE = 96,
};

/* Intel says what a TCB is worth; a status that is not here says nothing. */
static const struct {
    const char *status;
    int hardware, configuration; /* 0: nothing is said */
} intel[] = {
    {"UpToDate", HARDWARE_GENUINE, 0},
    {"SWHardeningNeeded", HARDWARE_VULNERABLE, 0},
    {"ConfigurationNeeded", HARDWARE_GENUINE, CONFIGURATION_VULNERABLE},
    {"ConfigurationAndSWHardeningNeeded", HARDWARE_VULNERABLE, CONFIGURATION_VULNERABLE},
    {"TDRelaunchAdvised", HARDWARE_VULNERABLE, 0},
    {"TDRelaunchAdvisedConfigurationNeeded", HARDWARE_VULNERABLE, CONFIGURATION_VULNERABLE},
    {"OutOfDate", HARDWARE_VULNERABLE, 0},
    {"OutOfDateConfigurationNeeded", HARDWARE_VULNERABLE, CONFIGURATION_VULNERABLE},
};

/* Each kind by its x-ms-attestation-type. The claim `debug` has to say false: anything else counts
 * as true. */
static const struct kind {
    const char *type, *debug;
    int runtime;
    bool genuine; /* whoever made the hardware vouches for it, and says nothing of its weaknesses */
    bool intel;   /* attester_tcb_status says what it is worth */
} kinds[] = {
    {"sgx", "x-ms-sgx-is-debuggable", RUNTIME_ENCRYPTED, false, true},
    {"tdxvm", "tdx_td_attributes_debug", RUNTIME_ENCRYPTED, false, true},
    {"sevsnpvm", "x-ms-sevsnpvm-is-debuggable", RUNTIME_ENCRYPTED, true, false},
    {"nitro", "debug", RUNTIME_ISOLATED, true, false},
    {"vsm", "debug", RUNTIME_ISOLATED, false, false},
    {"process", "debug", RUNTIME_VISIBLE, false, false},
};

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static bool say(json_t *vector, const char *name, int value)
{
    return value == 0 || json_object_set_new(vector, name, json_integer(value)) == 0;
}

static bool fill(json_t *vector, const struct kind *kind, const json_t *claims)
{
    int hardware = kind->genuine ? HARDWARE_GENUINE : 0, configuration = 0;
    const char *status = kind->intel ? text_of(claims, "attester_tcb_status") : "";
    for (size_t i = 0; i < COUNT_OF(intel); i++)
        if (strcmp(intel[i].status, status) == 0) {
            hardware = intel[i].hardware;
            configuration = intel[i].configuration;
        }
    bool closed = json_is_false(json_object_get(claims, kind->debug));
    return say(vector, "configuration", configuration) && say(vector, "hardware", hardware) &&
           say(vector, "runtime-opaque", closed ? kind->runtime : RUNTIME_VISIBLE);
}

/* A virtual TPM of Azure's is as good as the processor's report that it is bound to. */
static const struct kind *kind_of(const json_t **claims)
{
    const json_t *inner = json_object_get(*claims, "x-ms-isolation-tee");
    if (strcmp(text_of(*claims, "x-ms-attestation-type"), "azurevm") == 0 && inner)
        *claims = inner;
    const char *type = text_of(*claims, "x-ms-attestation-type");
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strcmp(kinds[i].type, type) == 0)
            return &kinds[i];
    return NULL;
}

/* Adds it where it says anything. */
static bool put_said(json_t *to, const char *name, const char *inner, const json_t *value)
{
    json_t *said =
        inner ? json_pack("{s:O}", inner, (json_t *)value) : json_incref((json_t *)value);
    return json_object_set_new(to, name, said) == 0;
}

json_t *ear_appraisal(const json_t *claims, const json_t *warnings)
{
    const json_t *of = claims;
    const struct kind *kind = kind_of(&of);
    bool warned = json_array_size(warnings) > 0, good = false;
    json_t *vector = json_object();
    json_t *made = json_pack("{s:O}", EAR_EVIDENCE, (json_t *)claims);
    if (vector && made && (!kind || fill(vector, kind, of))) {
        enum ear_tier status = worst_of(vector);
        if (warned && status < EAR_WARNING)
            status = EAR_WARNING;
        good = json_object_set_new(made, "ear.status", json_string(ear_tiers[status])) == 0 &&
               (json_object_size(vector) == 0 || put_said(made, VECTOR, NULL, vector)) &&
               (!warned || put_said(made, "ear.veraison.policy-claims", EAR_WARNINGS, warnings));
    }
    json_decref(vector);
    if (good)
        return made;
    json_decref(made);
    return NULL;
}

/* ---- of others ---- */

static bool any_named_ear(const json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        if (has_prefix(name, "ear."))
            return true;
    }
    return false;
}

bool ear_is(const json_t *claims)
{
    const char *name;
    json_t *module;
    json_object_foreach(json_object_get(claims, "submods"), name, module)
    {
        if (any_named_ear(module))
            return true;
    }
    return any_named_ear(claims) || strcmp(text_of(claims, "eat_profile"), EAR_PROFILE) == 0;
}

/* Where it is wrong, and what. */
struct report {
    char *place, *wrong;
};

static bool report(const struct report *to, const char *place, const char *wrong)
{
    snprintf(to->place, EAR_TEXT, "%s", place);
    snprintf(to->wrong, EAR_TEXT, "%s", wrong);
    return false;
}

static bool tier_of_name(const char *name, enum ear_tier *tier)
{
    for (size_t i = 0; i < EAR_TIERS; i++)
        if (strcmp(ear_tiers[i], name) == 0) {
            *tier = (enum ear_tier)i;
            return true;
        }
    return false;
}

static bool check_vector(const struct report *to, const json_t *vector)
{
    const char *name;
    json_t *value;
    if (!json_is_object(vector) || json_object_size(vector) == 0)
        return report(to, VECTOR, "not an object of AR4SI's claims");
    json_object_foreach((json_t *)vector, name, value)
    {
        json_int_t number = json_integer_value(value);
        if (!known(name, vector_names, COUNT_OF(vector_names)))
            return report(to, VECTOR, "a claim that AR4SI does not have");
        if (!json_is_integer(value) || number < -128 || number > 127)
            return report(to, name, "not an integer of -128 to 127");
    }
    return true;
}

/* A member that may be missing. */
static bool is_or_none(const json_t *object, const char *name, json_type type)
{
    const json_t *member = json_object_get(object, name);
    return !member || json_typeof(member) == type;
}

static bool check_members(const struct report *to, const json_t *appraisal)
{
    static const char *const names[] = {"ear.status",
                                        VECTOR,
                                        "ear.appraisal-policy-id",
                                        EAR_EVIDENCE,
                                        "ear.veraison.policy-claims",
                                        "ear.veraison.key-attestation"};
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)appraisal, name, value)
    {
        if (!known(name, names, COUNT_OF(names)))
            return report(to, "submods", "a submodule has a claim that is not known");
    }
    if (!is_or_none(appraisal, "ear.appraisal-policy-id", JSON_STRING))
        return report(to, "ear.appraisal-policy-id", "not a string");
    for (size_t i = 3; i < COUNT_OF(names); i++)
        if (!is_or_none(appraisal, names[i], JSON_OBJECT))
            return report(to, names[i], "not an object");
    return true;
}

static bool check_appraisal(const struct report *to, const json_t *appraisal)
{
    enum ear_tier status;
    const json_t *vector = json_object_get(appraisal, VECTOR);
    if (!json_is_object(appraisal))
        return report(to, "submods", "a submodule that is no object");
    if (!check_members(to, appraisal) || (vector && !check_vector(to, vector)))
        return false;
    if (!tier_of_name(text_of(appraisal, "ear.status"), &status))
        return report(to, "ear.status", "not none, affirming, warning or contraindicated");
    return status >= worst_of(vector) ||
           report(to, "ear.status", "better than the worst of its trustworthiness vector");
}

static bool check_top(const struct report *to, const json_t *claims)
{
    static const char *const names[] = {"ear.verifier-id", "ear.raw-evidence"};
    const json_t *verifier = json_object_get(claims, "ear.verifier-id");
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)claims, name, value)
    {
        if (has_prefix(name, "ear.") && !known(name, names, COUNT_OF(names)))
            return report(to, "claims", "an EAR's claim that is not known");
    }
    if (!json_is_string(json_object_get(claims, "eat_profile")))
        return report(to, "eat_profile", "missing, or not a string");
    if (!json_is_number(json_object_get(claims, "iat")))
        return report(to, "iat", "missing, or not a number");
    if (json_object_size(verifier) != 2 ||
        !json_is_string(json_object_get(verifier, "developer")) ||
        !json_is_string(json_object_get(verifier, "build")))
        return report(to, "ear.verifier-id", "not an object of developer and build, both strings");
    return is_or_none(claims, "ear.raw-evidence", JSON_STRING) ||
           report(to, "ear.raw-evidence", "not a string");
}

bool ear_check(const json_t *claims, char place[EAR_TEXT], char wrong[EAR_TEXT])
{
    const struct report to = {place, wrong};
    json_t *modules = json_object_get(claims, "submods"), *appraisal;
    const char *name;
    if (!check_top(&to, claims))
        return false;
    if (json_object_size(modules) == 0)
        return report(&to, "submods", "missing, or not an object of what was appraised");
    json_object_foreach(modules, name, appraisal)
    {
        if (!check_appraisal(&to, appraisal))
            return false;
    }
    return true;
}

enum ear_tier ear_status(const json_t *claims)
{
    static const unsigned ranks[EAR_TIERS] = {
        [EAR_AFFIRMING] = 1, [EAR_NONE] = 2, [EAR_WARNING] = 3, [EAR_CONTRAINDICATED] = 4};
    enum ear_tier worst = EAR_NONE, status;
    unsigned rank = 0;
    const char *name;
    json_t *appraisal;
    json_object_foreach(json_object_get(claims, "submods"), name, appraisal)
    {
        if (tier_of_name(text_of(appraisal, "ear.status"), &status) && ranks[status] > rank) {
            worst = status;
            rank = ranks[status];
        }
    }
    return worst;
}

bool ear_is_founded(const json_t *claims)
{
    const char *name;
    json_t *appraisal;
    json_object_foreach(json_object_get(claims, "submods"), name, appraisal)
    {
        const json_t *vector = json_object_get(appraisal, VECTOR);
        if (vector && worst_of(vector) == EAR_NONE &&
            strcmp(text_of(appraisal, "ear.status"), ear_tiers[EAR_AFFIRMING]) == 0)
            return false;
    }
    return true;
}
