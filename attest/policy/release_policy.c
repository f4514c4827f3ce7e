/* SPDX-License-Identifier: Apache-2.0
 *
 * The policy stays JSON: it is judged whole when it is read, and then walked. Three kinds of
 * objects are in it: the policy, authorities, and conditions, of which a condition may be a list of
 * conditions again.
 */
#include "release_policy.h"

#include "image/fail.h"
#include "image/nearest.h"
#include "schema.h"
#include "value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PLACE      320  /* bytes of a place's name */
#define NAME_MOST  250  /* bytes of a claim's name, of an authority */
#define VALUE_MOST 4096 /* bytes of a string to compare with */

struct reader {
    const char *name;
    bool schema;
    cella_error *error;
};

/* ---- reading ---- */

__attribute__((format(printf, 3, 4))) static cella_status
wrong(const struct reader *reader, const char *place, const char *format, ...)
{
    char sentence[SCHEMA_SENTENCE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    return fail(reader->error, CELLA_INVALID, "%s: %s%s%s", reader->name, place, *place ? ": " : "",
                sentence);
}

/* `known` ends with NULL. */
static cella_status check_keys(const struct reader *reader, const json_t *object, const char *place,
                               const char *const *known)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return wrong(reader, place, "must be an object");
    json_object_foreach((json_t *)object, key, value)
    {
        const char *nearest = NULL;
        unsigned distance = NEAREST_FAR;
        for (size_t i = 0; known[i] && distance > 0; i++) {
            unsigned here = strcasecmp(key, known[i]) == 0 ? 1 : nearest_distance(key, known[i]);
            if (strcmp(key, known[i]) == 0)
                here = 0;
            if (here < distance) {
                distance = here;
                nearest = known[i];
            }
        }
        if (distance > 0)
            return nearest
                       ? wrong(reader, place, "unknown key \"%.60s\"; did you mean \"%s\"?", key,
                               nearest)
                       : wrong(reader, place,
                               "unknown key \"%.60s\"; docs/policy.md lists the known ones", key);
    }
    return CELLA_OK;
}

/* The list of an object that has "anyOf" or "allOf", and which; NULL: neither or both. */
static const json_t *list_of(const json_t *object, const char **name)
{
    const json_t *any = json_object_get(object, "anyOf"), *all = json_object_get(object, "allOf");
    if (!any == !all)
        return NULL;
    *name = any ? "anyOf" : "allOf";
    return any ? any : all;
}

typedef cella_status read_entry(const struct reader *reader, const json_t *entry,
                                const char *place);

static cella_status read_list(const struct reader *reader, const json_t *object, const char *place,
                              read_entry *read)
{
    const char *name;
    const json_t *list = list_of(object, &name), *entry;
    size_t i;
    if (!list)
        return wrong(reader, place, "one of \"anyOf\" and \"allOf\" is wanted");
    if (!json_is_array(list) || json_array_size(list) == 0)
        return wrong(reader, place, "\"%s\" must be a list with at least one entry", name);
    json_array_foreach(list, i, entry)
    {
        char inner[PLACE];
        snprintf(inner, sizeof(inner), "%.280s%s%s[%zu]", place, *place ? "." : "", name, i);
        cella_status status = read(reader, entry, inner);
        if (status)
            return status;
    }
    return CELLA_OK;
}

static cella_status read_name(const struct reader *reader, const json_t *object, const char *place,
                              const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (!text || !*text || strlen(text) > NAME_MOST)
        return wrong(reader, place, "\"%s\" must be a string of 1 to %u bytes", key, NAME_MOST);
    return CELLA_OK;
}

/* The operator of a condition on a claim; VALUE_OPERATORS: none, or several. */
static enum value_operator operator_of(const json_t *condition, const json_t **expected)
{
    enum value_operator found = VALUE_OPERATORS;
    for (unsigned i = 0; i < VALUE_OPERATORS; i++) {
        const json_t *value = json_object_get(condition, value_operators[i].release);
        if (value && found != VALUE_OPERATORS)
            return VALUE_OPERATORS;
        if (value) {
            found = (enum value_operator)i;
            *expected = value;
        }
    }
    return found;
}

static cella_status read_claim(const struct reader *reader, const json_t *condition,
                               const char *place)
{
    static const char *const keys[] = {
        "claim",   "equals",          "notEquals", "less", "lessOrEquals",
        "greater", "greaterOrEquals", "exists",    NULL};
    char sentence[SCHEMA_SENTENCE];
    const json_t *expected = NULL;
    cella_status status = check_keys(reader, condition, place, keys);
    if (status == CELLA_OK)
        status = read_name(reader, condition, place, "claim");
    if (status)
        return status;
    enum value_operator relation = operator_of(condition, &expected);
    if (relation == VALUE_OPERATORS)
        return wrong(reader, place,
                     "exactly one operator is wanted: equals, notEquals, less, "
                     "lessOrEquals, greater, greaterOrEquals or exists");
    const char *operator_name = value_operators[relation].release;
    if (relation == VALUE_EXISTS && !json_is_boolean(expected))
        return wrong(reader, place, "\"exists\" must be true or false, without quotes");
    if (!value_compares(expected) || json_string_length(expected) > VALUE_MOST)
        return wrong(reader, place,
                     "\"%s\" must be a string of at most %u bytes, an integer or a boolean; it is "
                     "%s",
                     operator_name, VALUE_MOST, value_type(expected));
    if (relation >= VALUE_LESS && relation <= VALUE_GREATER_OR_EQUALS && !json_is_integer(expected))
        return wrong(reader, place, "\"%s\" must be an integer; it is %s", operator_name,
                     value_type(expected));
    const char *claim = json_string_value(json_object_get(condition, "claim"));
    if (reader->schema && !schema_judge(claim, relation, expected, sentence))
        return wrong(reader, place, "%s", sentence);
    return CELLA_OK;
}

static cella_status read_condition(const struct reader *reader, const json_t *condition,
                                   const char *place)
{
    static const char *const keys[] = {"anyOf", "allOf", "claim", NULL};
    if (json_object_get(condition, "claim"))
        return read_claim(reader, condition, place);
    cella_status status = check_keys(reader, condition, place, keys);
    return status ? status : read_list(reader, condition, place, read_condition);
}

static cella_status read_authority(const struct reader *reader, const json_t *authority,
                                   const char *place)
{
    static const char *const keys[] = {"authority", "anyOf", "allOf", NULL};
    cella_status status = check_keys(reader, authority, place, keys);
    if (status == CELLA_OK)
        status = read_name(reader, authority, place, "authority");
    return status ? status : read_list(reader, authority, place, read_condition);
}

cella_status release_policy_read(const json_t *policy, const char *name, bool schema,
                                 cella_error *error)
{
    static const char *const keys[] = {"version", "anyOf", "allOf", NULL};
    const struct reader reader = {name, schema, error};
    cella_status status = check_keys(&reader, policy, "", keys);
    if (status)
        return status;
    const char *version = json_string_value(json_object_get(policy, "version"));
    if (!version)
        return wrong(&reader, "version", "missing; must be \"1.0.0\"");
    if (strcmp(version, "1.0.0") != 0)
        return fail(error, CELLA_UNSUPPORTED,
                    "%s: version: \"%.40s\" is not known; this reads \"1.0.0\"", name, version);
    return read_list(&reader, policy, "", read_authority);
}

/* ---- evaluating ---- */

const json_t *release_policy_find(const json_t *claims, const char *name)
{
    const json_t *whole = json_object_get(claims, name);
    if (whole || !json_is_object(claims))
        return whole;
    for (size_t length = strlen(name); length > 0; length--) {
        char beginning[NAME_MOST + 1];
        if (name[length - 1] != '.' || length > sizeof(beginning))
            continue;
        memcpy(beginning, name, length - 1);
        beginning[length - 1] = 0;
        const json_t *inner = json_object_get(claims, beginning);
        if (json_is_object(inner))
            return release_policy_find(inner, name + length);
    }
    return NULL;
}

static bool claim_met(const json_t *condition, const json_t *claims, const char *place,
                      struct trace *trace)
{
    char note[VALUE_NOTE];
    const json_t *expected = NULL;
    enum value_operator relation = operator_of(condition, &expected);
    const char *claim = json_string_value(json_object_get(condition, "claim"));
    const json_t *found = release_policy_find(claims, claim);
    bool met = value_met(relation, found, expected, note);
    trace_condition(trace, place, claim, value_operators[relation].release, expected, found, met,
                    note);
    return met;
}

typedef bool entry_met(const json_t *entry, const json_t *claims, const char *place,
                       struct trace *trace);

/* Every entry is looked at, so that the trace has them all. */
static bool list_met(const json_t *object, const json_t *claims, const char *place,
                     struct trace *trace, entry_met *met)
{
    const char *name = "";
    const json_t *list = list_of(object, &name), *entry;
    size_t i, count = 0, before = json_array_size(trace->reasons);
    json_array_foreach(list, i, entry)
    {
        char inner[PLACE];
        snprintf(inner, sizeof(inner), "%.280s%s%s[%zu]", place, *place ? "." : "", name, i);
        count += met(entry, claims, inner, trace);
    }
    bool all = strcmp(name, "allOf") == 0 ? count == json_array_size(list) : count > 0;
    if (all)
        trace_forget(trace, before);
    return all;
}

static bool condition_met(const json_t *condition, const json_t *claims, const char *place,
                          struct trace *trace)
{
    return json_object_get(condition, "claim")
               ? claim_met(condition, claims, place, trace)
               : list_met(condition, claims, place, trace, condition_met);
}

/* An issuer is often written without its scheme. */
static const char *without_scheme(const char *issuer, size_t *length)
{
    static const char scheme[] = "https://";
    if (strncmp(issuer, scheme, sizeof(scheme) - 1) == 0)
        issuer += sizeof(scheme) - 1;
    *length = strlen(issuer);
    if (*length > 0 && issuer[*length - 1] == '/')
        (*length)--;
    return issuer;
}

bool release_policy_same_issuer(const char *one, const char *other)
{
    size_t one_length, other_length;
    one = without_scheme(one, &one_length);
    other = without_scheme(other, &other_length);
    return one_length > 0 && one_length == other_length && memcmp(one, other, one_length) == 0;
}

static bool is_issuer(const json_t *authority, const json_t *claims)
{
    const char *expected = json_string_value(json_object_get(authority, "authority"));
    const char *issuer = json_string_value(json_object_get(claims, "iss"));
    return issuer && release_policy_same_issuer(issuer, expected);
}

static bool authority_met(const json_t *authority, const json_t *claims, const char *place,
                          struct trace *trace)
{
    const json_t *expected = json_object_get(authority, "authority");
    const json_t *issuer = json_object_get(claims, "iss");
    size_t before = json_array_size(trace->reasons);
    bool met = is_issuer(authority, claims);
    trace_condition(trace, place, "iss", "authority", expected, issuer, met,
                    issuer ? "" : "the claims have no issuer");
    met = list_met(authority, claims, place, trace, condition_met) && met;
    if (met)
        trace_forget(trace, before);
    return met;
}

/* An alternative at the top: how near it came. What others would have to say is further than
 * anything that the issuer would. */
static bool alternative_met(const json_t *authority, const json_t *claims, const char *place,
                            struct trace *trace)
{
    size_t before = json_array_size(trace->reasons);
    bool met = authority_met(authority, claims, place, trace);
    size_t lacks = json_array_size(trace->reasons) - before;
    bool foreign = !is_issuer(authority, claims);
    bool nearer = foreign == trace->foreign ? lacks < trace->lacks : trace->foreign;
    if (trace->alternatives++ == 0 || nearer) {
        trace->nearest = before;
        trace->lacks = lacks;
        trace->foreign = foreign;
    }
    return met;
}

bool release_policy_met(const json_t *policy, const json_t *claims, struct trace *trace)
{
    bool any = json_object_get(policy, "anyOf") != NULL;
    return list_met(policy, claims, "", trace, any ? alternative_met : authority_met);
}
