/* SPDX-License-Identifier: Apache-2.0
 *
 * An Azure Attestation policy against the schema of claims. A condition may also ask for what a
 * rule before it made, or for a CustomClaim, of which nobody here knows the names.
 */
#include "maa.h"

#include "image/fail.h"
#include "schema.h"

#include <stdio.h>
#include <string.h>

static bool made_by(const struct maa_rule *rule, const char *type)
{
    return rule->type.literal && strcmp(json_string_value(rule->type.literal), type) == 0;
}

/* By a rule that stands before this section's `count`-th. */
static bool made_before(const struct maa *maa, size_t section, size_t count, const char *type)
{
    for (size_t i = 0; i <= section; i++)
        for (size_t k = 0; k < (i == section ? count : maa->sections[i].count); k++)
            if (made_by(&maa->sections[i].rules[k], type))
                return true;
    return false;
}

/* A test for exactly this type is one of every value that the condition tests. */
static bool judge_type(const struct maa_condition *condition, const struct maa_test *type,
                       char sentence[SCHEMA_SENTENCE])
{
    const char *name = json_string_value(type->operand.literal);
    const char *recommended = schema_recommended(name);
    if (recommended)
        name = recommended;
    if (!schema_judge(name, VALUE_EXISTS, NULL, sentence))
        return false;
    if (strcmp(schema_find(name)->name, name) != 0) {
        snprintf(sentence, SCHEMA_SENTENCE,
                 "\"%.80s\" is inside a claim, where only key release policies reach", name);
        return false;
    }
    for (size_t i = 0; type->relation == VALUE_EQUALS && i < condition->count; i++) {
        const struct maa_test *test = &condition->tests[i];
        if (test->property == MAA_VALUE && test->operand.literal &&
            !schema_judge(name, test->relation, test->operand.literal, sentence))
            return false;
    }
    return true;
}

static bool is_custom(const struct maa_condition *condition)
{
    for (size_t i = 0; i < condition->count; i++) {
        const struct maa_test *test = &condition->tests[i];
        if (test->property == MAA_ISSUER && test->relation == VALUE_EQUALS &&
            test->operand.literal &&
            strcmp(json_string_value(test->operand.literal), "CustomClaim") == 0)
            return true;
    }
    return false;
}

/* What maa_evaluate.c gives to claims, and nothing else. */
static bool judge_words(const struct maa_condition *condition, char sentence[SCHEMA_SENTENCE])
{
    static const char *const words[MAA_PROPERTIES][5] = {
        [MAA_VALUE_TYPE] = {"String", "Integer", "Boolean", "JSON"},
        [MAA_ISSUER] = {"AttestationService", "AttestationPolicy", "CustomClaim"},
    };
    for (size_t i = 0; i < condition->count; i++) {
        const struct maa_test *test = &condition->tests[i];
        const char *const *values = words[test->property];
        if (values[0] && test->operand.literal &&
            !schema_judge_word(maa_properties[test->property], values,
                               json_string_value(test->operand.literal), sentence))
            return false;
    }
    return true;
}

static bool judge(const struct maa *maa, size_t section, size_t rule,
                  const struct maa_condition *condition, char sentence[SCHEMA_SENTENCE])
{
    if (!judge_words(condition, sentence))
        return false;
    for (size_t i = 0; i < condition->count && !is_custom(condition); i++) {
        const struct maa_test *test = &condition->tests[i];
        if (test->property == MAA_TYPE && test->operand.literal &&
            !made_before(maa, section, rule, json_string_value(test->operand.literal)) &&
            !judge_type(condition, test, sentence))
            return false;
    }
    return true;
}

cella_status maa_check(const struct maa *maa, const char *name, cella_error *error)
{
    char sentence[SCHEMA_SENTENCE];
    for (size_t i = 0; i < MAA_SECTIONS; i++)
        for (size_t k = 0; k < maa->sections[i].count; k++) {
            const struct maa_rule *rule = &maa->sections[i].rules[k];
            for (size_t n = 0; n < rule->count; n++)
                if (!judge(maa, i, k, &rule->conditions[n], sentence))
                    return fail(error, CELLA_INVALID, "%s: line %zu: %s", name,
                                rule->conditions[n].line, sentence);
        }
    return CELLA_OK;
}
