/* SPDX-License-Identifier: Apache-2.0
 *
 * Comparing.
 */
#include "value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct value_operator_name value_operators[VALUE_OPERATORS] = {
    [VALUE_EQUALS] = {"equals", "=="},  [VALUE_NOT_EQUALS] = {"notEquals", "!="},
    [VALUE_LESS] = {"less", "<"},       [VALUE_LESS_OR_EQUALS] = {"lessOrEquals", "<="},
    [VALUE_GREATER] = {"greater", ">"}, [VALUE_GREATER_OR_EQUALS] = {"greaterOrEquals", ">="},
    [VALUE_EXISTS] = {"exists", ""},
};

const char *value_type(const json_t *value)
{
    if (!value || json_is_null(value))
        return "nothing";
    switch (json_typeof(value)) {
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_REAL:
        return "a fraction";
    case JSON_ARRAY:
        return "an array";
    default:
        return "an object";
    }
}

bool value_compares(const json_t *value)
{
    return json_is_string(value) || json_is_integer(value) || json_is_boolean(value);
}

static bool same_type(const json_t *one, const json_t *other)
{
    return json_typeof(one) == json_typeof(other) ||
           (json_is_boolean(one) && json_is_boolean(other));
}

static bool integers_met(enum value_operator relation, json_int_t found, json_int_t expected)
{
    switch (relation) {
    case VALUE_LESS:
        return found < expected;
    case VALUE_LESS_OR_EQUALS:
        return found <= expected;
    case VALUE_GREATER:
        return found > expected;
    case VALUE_GREATER_OR_EQUALS:
        return found >= expected;
    default:
        return false;
    }
}

/* What a person may do about a claim and a policy of different types. */
static const char *remedy(const json_t *found, const json_t *expected)
{
    const char *text = json_string_value(expected);
    if (json_is_boolean(found) && text && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0))
        return ": write true or false without quotes";
    if (json_is_integer(found) && text)
        return ": write the number without quotes";
    if (json_is_string(found))
        return ": write the value in quotes";
    return "";
}

bool value_met(enum value_operator relation, const json_t *found, const json_t *expected,
               char note[VALUE_NOTE])
{
    bool there = found && !json_is_null(found);
    note[0] = 0;
    if (relation == VALUE_EXISTS)
        return there == json_is_true(expected);
    if (!there) {
        snprintf(note, VALUE_NOTE, "the claim is not there");
        return false;
    }
    if (!value_compares(found)) {
        snprintf(note, VALUE_NOTE, "the claim is %s, which does not compare", value_type(found));
        return false;
    }
    if (!same_type(found, expected)) {
        snprintf(note, VALUE_NOTE, "types differ: the claim is %s, the policy has %s%s",
                 value_type(found), value_type(expected), remedy(found, expected));
        return false;
    }
    if (relation == VALUE_EQUALS || relation == VALUE_NOT_EQUALS)
        return (relation == VALUE_EQUALS) == (json_equal(found, expected) == 1);
    return json_is_integer(found) &&
           integers_met(relation, json_integer_value(found), json_integer_value(expected));
}

const char *value_text(const json_t *value, char text[VALUE_TEXT])
{
    if (!value || json_is_null(value)) {
        snprintf(text, VALUE_TEXT, "nothing");
        return text;
    }
    char *whole = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII);
    size_t length = whole ? strlen(whole) : 0;
    if (length < VALUE_TEXT)
        snprintf(text, VALUE_TEXT, "%s", whole ? whole : "?");
    else
        snprintf(text, VALUE_TEXT, "%.*s...", VALUE_TEXT - 4, whole);
    free(whole);
    return text;
}
