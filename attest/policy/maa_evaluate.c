/* SPDX-License-Identifier: Apache-2.0
 *
 * Evaluates an Azure Attestation policy (docs/policy.md says what follows from Microsoft's text and
 * what we chose): rules in order; a rule acts for each choice of claims that meets all its
 * conditions, of the claims that were there before the rule. Permitted: a permit() acted, and no
 * deny().
 */
#include "maa.h"

#include "schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLAIMS_MOST 4096
#define STEPS_MOST  200000 /* claims looked at: bounds what a policy may cost */

struct claim {
    json_t *properties[MAA_PROPERTIES]; /* owned */
};

struct run {
    struct claim *claims; /* CLAIMS_MOST of them */
    size_t count;
    size_t steps;
    const char *stopped; /* why it ended too early: nothing is permitted */
    bool permitted, denied;
    struct trace *trace;
    struct maa_outcome *outcome;
    json_t *unmet; /* reasons why no permit() acted */
};

static void stop(struct run *run, const char *why)
{
    if (!run->stopped)
        run->stopped = why;
}

/* Before a claim is looked at: false where it is too much. */
static bool step(struct run *run)
{
    if (++run->steps > STEPS_MOST)
        stop(run, "it takes too many steps");
    return !run->stopped;
}

/* ---- claims ---- */

static const char *type_name(const json_t *value)
{
    return json_is_string(value)    ? "String"
           : json_is_integer(value) ? "Integer"
           : json_is_boolean(value) ? "Boolean"
                                    : "JSON";
}

static bool same_claim(const struct claim *one, const struct claim *other)
{
    for (size_t i = 0; i < MAA_PROPERTIES; i++)
        if (!json_equal(one->properties[i], other->properties[i]))
            return false;
    return true;
}

static void drop_claim(struct claim *claim)
{
    for (size_t i = 0; i < MAA_PROPERTIES; i++)
        json_decref(claim->properties[i]);
}

/* A claim that is there already is not added again. */
static void add_claim(struct run *run, const char *type, json_t *value, const char *issuer)
{
    struct claim claim = {{json_string(type), json_incref(value), json_string(type_name(value)),
                           json_string(issuer)}};
    bool known = false;
    for (size_t i = 0; i < MAA_PROPERTIES; i++)
        run->trace->no_memory |= claim.properties[i] == NULL;
    for (size_t i = 0; i < run->count && !run->trace->no_memory && !known; i++)
        known = same_claim(&run->claims[i], &claim);
    if (run->count == CLAIMS_MOST && !known)
        stop(run, "too many claims");
    if (known || run->stopped || run->trace->no_memory)
        drop_claim(&claim);
    else
        run->claims[run->count++] = claim;
}

/* Every name has a list of its values until the end, each of them once. */
static void put(struct run *run, json_t *object, const char *name, json_t *value)
{
    json_t *list = json_object_get(object, name), *there;
    size_t i;
    if (!list && json_object_set_new(object, name, list = json_array()))
        list = NULL;
    json_array_foreach(list, i, there)
    {
        if (json_equal(there, value))
            return;
    }
    run->trace->no_memory |= !list || json_array_append(list, value) != 0;
}

/* A list of one value becomes that value. */
static void simplify(struct run *run, json_t *object)
{
    const char *name;
    json_t *list;
    json_object_foreach(object, name, list)
    {
        if (json_array_size(list) == 1 && json_object_set(object, name, json_array_get(list, 0)))
            run->trace->no_memory = true;
    }
}

/* ---- conditions ---- */

static const json_t *operand_value(const struct run *run, const struct maa_operand *operand,
                                   const size_t *bound)
{
    return operand->literal ? operand->literal
                            : run->claims[bound[operand->variable]].properties[operand->property];
}

static bool test_met(const struct run *run, const struct maa_test *test, const struct claim *claim,
                     const size_t *bound)
{
    char note[VALUE_NOTE];
    const json_t *found = claim->properties[test->property];
    const json_t *expected = operand_value(run, &test->operand, bound);
    if (value_met(test->relation, found, expected, note))
        return true;
    if (test->property != MAA_TYPE || test->relation != VALUE_EQUALS || !json_is_string(expected))
        return false;
    const char *recommended = schema_recommended(json_string_value(expected));
    return recommended && strcmp(recommended, json_string_value(found)) == 0;
}

static bool condition_met(const struct run *run, const struct maa_condition *condition,
                          const struct claim *claim, const size_t *bound)
{
    for (size_t i = 0; i < condition->count; i++)
        if (!test_met(run, &condition->tests[i], claim, bound))
            return false;
    return true;
}

/* ---- actions ---- */

static void act(struct run *run, const struct maa_rule *rule, const size_t *bound)
{
    const struct claim *whole = rule->whole ? &run->claims[bound[rule->variable]] : NULL;
    if (rule->action == MAA_PERMIT)
        run->permitted = true;
    if (rule->action == MAA_DENY)
        run->denied = true;
    if (rule->action == MAA_PERMIT || rule->action == MAA_DENY)
        return;
    const json_t *type =
        whole ? whole->properties[MAA_TYPE] : operand_value(run, &rule->type, bound);
    json_t *value =
        whole ? whole->properties[MAA_VALUE] : (json_t *)operand_value(run, &rule->value, bound);
    if (!json_is_string(type)) {
        stop(run, "a claim's type that is no string");
        return;
    }
    if (rule->action == MAA_ISSUE)
        put(run, run->outcome->issued, json_string_value(type), value);
    if (rule->action == MAA_ISSUE_PROPERTY)
        put(run, run->outcome->properties, json_string_value(type), value);
    add_claim(run, json_string_value(type), value, "AttestationPolicy");
}

/* ---- rules ---- */

struct search {
    const struct maa_rule *rule;
    size_t claims; /* that were there before it */
    size_t bound[MAA_CONDITIONS];
    bool met[MAA_CONDITIONS]; /* by some claim, at least once */
    bool acted;
};

/* Binds condition after condition. One that has no name is bound once: nothing can refer to it. */
static void search(struct run *run, struct search *state, size_t depth)
{
    const struct maa_rule *rule = state->rule;
    bool once = rule->action == MAA_PERMIT || rule->action == MAA_DENY;
    if (depth == rule->count) {
        state->acted = true;
        act(run, rule, state->bound);
        return;
    }
    const struct maa_condition *condition = &rule->conditions[depth];
    for (size_t i = 0; i < state->claims && !(once && state->acted) && step(run); i++) {
        if (!condition_met(run, condition, &run->claims[i], state->bound))
            continue;
        state->met[depth] = true;
        state->bound[depth] = i;
        search(run, state, depth + 1);
        if (!condition->name[0])
            return;
    }
}

static bool refers(const struct maa_condition *condition)
{
    for (size_t i = 0; i < condition->count; i++)
        if (!condition->tests[i].operand.literal)
            return true;
    return false;
}

/* Conditions that the search did not come to are judged for the trace all the same. */
static void look_at_rest(struct run *run, struct search *state)
{
    for (size_t k = 0; k < state->rule->count; k++)
        for (size_t i = 0; i < state->claims && !state->met[k] && step(run); i++)
            state->met[k] =
                !refers(&state->rule->conditions[k]) &&
                condition_met(run, &state->rule->conditions[k], &run->claims[i], state->bound);
}

/* ---- the trace ---- */

static const struct maa_test *test_of(const struct maa_condition *condition,
                                      enum maa_property property)
{
    for (size_t i = 0; i < condition->count; i++)
        if (condition->tests[i].property == property)
            return &condition->tests[i];
    return NULL;
}

/* The claim that a condition speaks of: one that meets it, else one of its type. */
static const struct claim *spoken_of(struct run *run, const struct maa_condition *condition,
                                     const struct search *state)
{
    const struct maa_test *type = test_of(condition, MAA_TYPE);
    const struct claim *near = NULL;
    bool judged = !refers(condition);
    for (size_t i = 0; i < state->claims && step(run); i++) {
        if (judged && condition_met(run, condition, &run->claims[i], state->bound))
            return &run->claims[i];
        if (!near && type && type->operand.literal &&
            test_met(run, type, &run->claims[i], state->bound))
            near = &run->claims[i];
    }
    return near;
}

/* What a value is compared with, where that is another condition's. */
static json_t *reference_text(const struct maa_rule *rule, const struct maa_operand *operand)
{
    return json_sprintf("%s.%s", rule->conditions[operand->variable].name,
                        maa_properties[operand->property]);
}

static void trace_one(struct run *run, const struct search *state, size_t k, const char *place)
{
    const struct maa_condition *condition = &state->rule->conditions[k];
    const struct maa_test *type = test_of(condition, MAA_TYPE),
                          *value = test_of(condition, MAA_VALUE);
    const struct claim *claim = spoken_of(run, condition, state);
    const json_t *found = claim ? claim->properties[MAA_VALUE] : NULL;
    char note[VALUE_NOTE] = "";
    json_t *expected = !value                   ? json_true()
                       : value->operand.literal ? json_incref(value->operand.literal)
                                                : reference_text(state->rule, &value->operand);
    if (!state->met[k] && !found)
        snprintf(note, sizeof(note), "the claim is not there");
    else if (!state->met[k] && (!value || !value->operand.literal ||
                                value_met(value->relation, found, value->operand.literal, note)))
        snprintf(note, sizeof(note), "no claim meets all of the condition's tests at once");
    if (!expected)
        run->trace->no_memory = true;
    else
        trace_condition(run->trace, place,
                        type && type->operand.literal ? json_string_value(type->operand.literal)
                                                      : "any claim",
                        value ? value_operators[value->relation].attestation : "exists", expected,
                        found, state->met[k], note);
    json_decref(expected);
}

static void trace_rule(struct run *run, struct search *state, enum maa_section_kind section)
{
    char place[80];
    size_t reasons = json_array_size(run->trace->reasons);
    const struct maa_rule *rule = state->rule;
    snprintf(place, sizeof(place), "%s line %zu: %s()", maa_sections[section], rule->line,
             maa_actions[rule->action]);
    look_at_rest(run, state);
    for (size_t k = 0; k < rule->count; k++)
        trace_one(run, state, k, place);
    for (size_t i = reasons; i < json_array_size(run->trace->reasons); i++)
        if (rule->action == MAA_PERMIT && !state->acted &&
            json_array_append(run->unmet, json_array_get(run->trace->reasons, i)))
            run->trace->no_memory = true;
    trace_forget(run->trace, reasons); /* what else was not met does not deny */
    if (rule->action == MAA_DENY && state->acted)
        trace_reason(run->trace, "%s: denied by this rule", place);
}

static void run_section(struct run *run, const struct maa *maa, enum maa_section_kind kind)
{
    const struct maa_section *section = &maa->sections[kind];
    for (size_t i = 0; i < section->count && !run->stopped; i++) {
        struct search state = {.rule = &section->rules[i], .claims = run->count};
        search(run, &state, 0);
        trace_rule(run, &state, kind);
    }
}

/* Configuration tells the service how to judge evidence. Here that was done before. */
static void warn_of_configuration(struct run *run, const struct maa *maa)
{
    if (maa->sections[MAA_CONFIGURATION].count &&
        json_array_append_new(
            run->outcome->warnings,
            json_string("configurationrules are recorded under \"properties\" and "
                        "change nothing here: evidence is judged by cella "
                        "verify's own demands")))
        run->trace->no_memory = true;
}

/* Why it denies, where no deny() has said so. */
static void give_reasons(struct run *run)
{
    if (run->stopped) {
        trace_forget(run->trace, 0);
        trace_reason(run->trace, "the policy was not evaluated to its end: %s", run->stopped);
    } else if (!run->permitted) {
        trace_reason(run->trace, "no permit() has all its conditions met");
        run->trace->no_memory |= json_array_extend(run->trace->reasons, run->unmet) != 0;
    }
}

bool maa_met(const struct maa *maa, const json_t *claims, struct trace *trace,
             struct maa_outcome *outcome)
{
    struct run run = {.trace = trace, .outcome = outcome, .unmet = json_array()};
    const char *name;
    json_t *value;
    run.claims = calloc(CLAIMS_MOST, sizeof(*run.claims));
    trace->no_memory |= !run.claims || !run.unmet;
    if (!trace->no_memory)
        json_object_foreach((json_t *)claims, name, value)
        {
            if (!json_is_null(value)) /* which is nothing */
                add_claim(&run, name, value, "AttestationService");
        }
    run_section(&run, maa, MAA_CONFIGURATION);
    run_section(&run, maa, MAA_AUTHORIZATION);
    warn_of_configuration(&run, maa);
    if (run.permitted && !run.denied && !run.stopped)
        run_section(&run, maa, MAA_ISSUANCE);
    give_reasons(&run);
    simplify(&run, outcome->issued);
    simplify(&run, outcome->properties);
    bool permitted = run.permitted && !run.denied && !run.stopped && !trace->no_memory;
    if (!permitted)
        json_object_clear(outcome->issued);
    for (size_t i = 0; i < run.count; i++)
        drop_claim(&run.claims[i]);
    free(run.claims);
    json_decref(run.unmet);
    return permitted;
}
