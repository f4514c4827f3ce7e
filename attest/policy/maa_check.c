/* SPDX-License-Identifier: Apache-2.0
 *
 * An Azure Attestation policy against the schema of claims. A condition may also ask for what a
 * rule before it made, or for a CustomClaim, of which nobody here knows the names.
 */
#include "maa.h"

#include "image/fail.h"
#include "schema.h"

#include <string.h>

static const struct maa_test *test_of(const struct maa_condition *condition,
                                      enum maa_property property)
{
    for (size_t i = 0; i < condition->count; i++)
        if (condition->tests[i].property == property && condition->tests[i].operand.literal)
            return &condition->tests[i];
    return NULL;
}

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

static bool judge(const struct maa *maa, size_t section, size_t rule,
                  const struct maa_condition *condition, char sentence[SCHEMA_SENTENCE])
{
    const struct maa_test *type = test_of(condition, MAA_TYPE);
    const struct maa_test *value = test_of(condition, MAA_VALUE);
    const struct maa_test *issuer = test_of(condition, MAA_ISSUER);
    if (!type || (issuer && strcmp(json_string_value(issuer->operand.literal), "CustomClaim") == 0))
        return true;
    const char *name = json_string_value(type->operand.literal);
    const char *recommended = schema_recommended(name);
    if (made_before(maa, section, rule, name))
        return true;
    return schema_judge(recommended ? recommended : name, value ? value->relation : VALUE_EXISTS,
                        value ? value->operand.literal : NULL, sentence);
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
