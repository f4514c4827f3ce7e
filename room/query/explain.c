/* SPDX-License-Identifier: Apache-2.0
 *
 * What a contract would let whom learn, in plain words: per recipient the outputs, what each tells,
 * of whose data, under which rules; which columns are used for what; what nobody learns; and where
 * the contract is weak.
 */
#include "plan.h"

#include "image/fail.h"

#include <stdlib.h>
#include <string.h>

#define FEW 5 /* individuals behind a row, below which we warn */

struct explaining {
    const struct query_plan *plan;
    struct text text;
};

static const char *json_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* ---- statements ---- */

static void list_inputs(struct explaining *explaining, uint32_t inputs)
{
    const char *before = "";
    for (size_t i = 0; i < explaining->plan->input_count; i++)
        if (inputs >> i & 1) {
            const struct query_input *input = &explaining->plan->inputs[i];
            text_add(&explaining->text, "%s%s (of %s)", before, input->name, input->owner);
            before = ", ";
        }
}

static void list_aggregate(struct explaining *explaining, const struct plan_statement *statement,
                           const struct plan_aggregate *aggregate)
{
    struct text *text = &explaining->text;
    text_add(text, "      %s: ", aggregate->name);
    if (aggregate->function == PLAN_COUNT)
        text_put(text, "how many rows");
    else if (aggregate->function == PLAN_INDIVIDUALS)
        text_add(text, "how many individuals of %s", statement->sources[aggregate->source].alias);
    else
        text_add(text, "%s of ", plan_function_names[aggregate->function]);
    if (aggregate->value)
        expression_text(text, statement->sources, aggregate->value);
    if (aggregate->level) {
        text_put(text, " at ");
        expression_text(text, statement->sources, aggregate->level);
    }
    if (aggregate->where) {
        text_put(text, ", where ");
        expression_text(text, statement->sources, aggregate->where);
    }
    text_put(text, "\n");
}

static void list_selection(struct explaining *explaining, const struct plan_statement *statement)
{
    struct text *text = &explaining->text;
    text_put(text, statement->key_count ? "    one row for each " : "    one row in all");
    for (size_t i = 0; i < statement->key_count; i++) {
        text_put(text, i ? ", " : "");
        text_put(text, statement->keys[i].name);
    }
    text_put(text, statement->aggregate_count ? ", with\n" : "\n");
    for (size_t i = 0; i < statement->aggregate_count; i++)
        list_aggregate(explaining, statement, &statement->aggregates[i]);
}

static void list_model(struct explaining *explaining, const struct plan_statement *statement)
{
    static const char *const words[] = {
        [PLAN_LOGISTIC] = "a logistic regression of ",
        [PLAN_LINEAR] = "a linear regression of ",
        [PLAN_TREND] = "a trend test for each SNP, stratified by input",
        [PLAN_CHI_SQUARE] = "a chi-square test of ",
        [PLAN_T_TEST] = "a t-test of ",
    };
    const struct plan_model *model = &statement->model;
    struct text *text = &explaining->text;
    text_add(text, "    %s", words[model->kind]);
    if (model->outcome)
        expression_text(text, statement->sources, model->outcome);
    for (size_t i = 0; i < model->term_count; i++) {
        text_put(text, i ? ", " : " by ");
        expression_text(text, statement->sources, model->terms[i]);
    }
    text_put(text, "\n");
}

static void list_statement(struct explaining *explaining, size_t index)
{
    const struct plan_statement *statement = &explaining->plan->statements[index];
    struct text *text = &explaining->text;
    text_add(text, "  %s, from ", statement->name);
    list_inputs(explaining, statement->inputs);
    text_put(text, "\n");
    for (size_t i = 0; i < statement->source_count; i++)
        if (statement->sources[i].kind == PLAN_STATEMENT)
            text_add(text, "    over the rows of %s that may leave\n",
                     explaining->plan->statements[statement->sources[i].index].name);
    for (size_t i = 0; i < statement->where_count; i++) {
        text_put(text, i ? "    and where " : "    where ");
        expression_text(text, statement->sources, statement->where[i]);
        text_put(text, "\n");
    }
    for (size_t i = 0; i < statement->let_count; i++) {
        text_add(text, "    %s is ", statement->lets[i].name);
        expression_text(text, statement->sources, statement->lets[i].value);
        text_put(text, "\n");
    }
    if (statement->kind == PLAN_SQL)
        text_add(text, "    whatever this SQL gives: %s\n", statement->sql);
    else if (statement->kind == PLAN_MODEL)
        list_model(explaining, statement);
    else
        list_selection(explaining, statement);
    if (statement->least_individuals > 1) {
        text_add(text, "    only where %llu or more individuals stand behind it of each of: ",
                 (unsigned long long)statement->least_individuals);
        list_inputs(explaining, statement->watched);
        text_put(text, ";\n    nothing that differs from something else by fewer of them\n");
    }
    if (statement->least_rows > 1)
        text_add(text, "    only where %llu or more rows stand behind it\n",
                 (unsigned long long)statement->least_rows);
}

/* ---- outputs, by recipient ---- */

static bool receives(const struct plan_output *output, const char *party)
{
    size_t index;
    const json_t *recipient;
    json_array_foreach(output->recipients, index, recipient)
    {
        if (strcmp(json_string_value(recipient), party) == 0)
            return true;
    }
    return false;
}

static void list_output(struct explaining *explaining, const struct plan_output *output)
{
    struct text *text = &explaining->text;
    const struct query_rules *rules = &output->rules;
    text_add(text, "  %s: what %s gives", output->name,
             explaining->plan->statements[output->statement].name);
    if (rules->round > 1)
        text_add(text, "; counts to a multiple of %llu", (unsigned long long)rules->round);
    if (rules->digits)
        text_add(text, "; numbers to %u digits", rules->digits);
    if (rules->most_rows)
        text_add(text, "; the first %llu rows", (unsigned long long)rules->most_rows);
    if (rules->most_bytes)
        text_add(text, "; at most %llu bytes", (unsigned long long)rules->most_bytes);
    text_put(text, "\n");
}

static void list_recipients(struct explaining *explaining)
{
    const struct query_plan *plan = explaining->plan;
    size_t index;
    const json_t *party;
    json_array_foreach(json_object_get(plan->contract, "parties"), index, party)
    {
        const char *name = json_text(party, "name");
        bool any = false;
        for (size_t i = 0; i < plan->output_count; i++)
            if (receives(&plan->outputs[i], name)) {
                if (!any)
                    text_add(&explaining->text, "%s learns\n", name);
                any = true;
                list_output(explaining, &plan->outputs[i]);
            }
        if (!any)
            text_add(&explaining->text, "%s learns no result\n", name);
    }
}

/* ---- columns ---- */

/* How a column may be used, and whether it is: in expressions, as a key, joined on. */
static bool uses_node(const struct expression *node, size_t source, const char *column)
{
    if (!node)
        return false;
    if (node->kind == EXPRESSION_COLUMN)
        return node->source == source && strcmp(node->text, column) == 0;
    if (node->let && uses_node(node->let, source, column))
        return true;
    for (size_t i = 0; i < node->count; i++)
        if (uses_node(node->arguments[i], source, column))
            return true;
    return false;
}

static bool computes_with(const struct plan_statement *statement, size_t source, const char *column)
{
    bool used = uses_node(statement->model.outcome, source, column);
    for (size_t i = 0; i < statement->where_count; i++)
        used |= uses_node(statement->where[i], source, column);
    for (size_t i = 0; i < statement->key_count; i++)
        used |= uses_node(statement->keys[i].value, source, column);
    for (size_t i = 0; i < statement->aggregate_count; i++)
        used |= uses_node(statement->aggregates[i].value, source, column) ||
                uses_node(statement->aggregates[i].where, source, column);
    for (size_t i = 0; i < statement->model.term_count; i++)
        used |= uses_node(statement->model.terms[i], source, column);
    return used;
}

static bool joins_on(const struct plan_statement *statement, size_t source, size_t column)
{
    for (size_t i = 0; i < statement->source_count; i++)
        for (size_t k = 0; k < statement->sources[i].on_count; k++) {
            const struct plan_pair *pair = &statement->sources[i].on[k];
            if ((i == source && pair->own == column) ||
                (pair->source == source && pair->column == column))
                return true;
        }
    return false;
}

/* 1: computed with, 2: joined on. Of a union: any of its branches' expressions. */
static unsigned uses_of(const struct query_plan *plan, size_t input, size_t column)
{
    const char *name = plan->inputs[input].columns[column].name;
    unsigned uses = 0;
    for (size_t i = 0; i < plan->statement_count; i++)
        for (size_t s = 0; s < plan->statements[i].source_count; s++) {
            const struct plan_source *source = &plan->statements[i].sources[s];
            if (source->kind == PLAN_INPUT && source->index == input) {
                uses |= computes_with(&plan->statements[i], s, name) ? 1 : 0;
                uses |= joins_on(&plan->statements[i], s, column) ? 2 : 0;
            }
            for (size_t b = 0; b < source->branch_count; b++)
                for (size_t c = 0;
                     source->branches[b].input == input && c + 1 < source->column_count; c++)
                    if (uses_node(source->branches[b].columns[c], 0, name))
                        uses |= 1;
        }
    return uses;
}

static void list_columns(struct explaining *explaining)
{
    static const char *const roles[] = {[QUERY_IDENTIFIER] = "marks the individual",
                                        [QUERY_JOINABLE] = "may be joined on",
                                        [QUERY_DIMENSION] = "may be shown as a group",
                                        [QUERY_MEASURE] = "may be computed with, not shown",
                                        [QUERY_HIDDEN] = "hidden"};
    static const char *const used[] = {"not used", "computed with", "joined on",
                                       "computed with and joined on"};
    const struct query_plan *plan = explaining->plan;
    for (size_t i = 0; i < plan->input_count; i++) {
        const struct query_input *input = &plan->inputs[i];
        text_add(&explaining->text, "  %s (of %s)\n", input->name, input->owner);
        for (size_t k = 0; k < input->column_count; k++)
            text_add(&explaining->text, "    %-20s %s; %s\n", input->columns[k].name,
                     roles[input->columns[k].role], used[uses_of(plan, i, k)]);
    }
}

/* ---- where it is weak ---- */

static void warn_inputs(struct explaining *explaining)
{
    struct text *text = &explaining->text;
    size_t index;
    const json_t *json;
    for (size_t i = 0; i < explaining->plan->input_count; i++) {
        const struct query_input *input = &explaining->plan->inputs[i];
        if (plan_identifier(input) != PLAN_NONE && input->rules.least_individuals < FEW)
            text_add(text,
                     "  warning: a row may stand on fewer than %d individuals of %s "
                     "(least_individuals)\n",
                     FEW, input->name);
        if (input->rules.round > 1 && !input->rules.digits)
            text_add(text,
                     "  warning: %s rounds counts, but a mean of exact digits tells them again "
                     "(digits)\n",
                     input->name);
    }
    json_array_foreach(json_object_get(explaining->plan->contract, "inputs"), index, json)
    {
        if (strcmp(json_text(json, "box"), "any") == 0)
            text_add(text, "  warning: %s may be any box that %s releases\n",
                     json_text(json, "name"), json_text(json, "owner"));
    }
}

static void list_warnings(struct explaining *explaining)
{
    const json_t *contract = explaining->plan->contract, *tee;
    struct text *text = &explaining->text;
    size_t index;
    warn_inputs(explaining);
    for (size_t i = 0; i < explaining->plan->statement_count; i++) {
        const struct plan_statement *statement = &explaining->plan->statements[i];
        if (statement->kind == PLAN_SQL) {
            text_add(text, "  warning: %s is free SQL: it may show any row of ", statement->name);
            list_inputs(explaining, statement->inputs);
            text_put(text, "\n");
        }
    }
    json_array_foreach(json_object_get(contract, "tee"), index, tee)
    {
        if (json_is_string(tee) && strcmp(json_string_value(tee), "process") == 0)
            text_put(text,
                     "  warning: it may run as a plain process, which protects nothing from "
                     "the host\n");
    }
    if (json_object_size(json_object_get(contract, "posture")) == 0)
        text_put(text, "  warning: nothing is demanded of the host (posture)\n");
    if (json_integer_value(json_object_get(contract, "runs")) > 1)
        text_put(text,
                 "  warning: it may run more than once, and differences between runs over "
                 "changed data tell of single individuals\n");
}

cella_status query_plan_explain(const struct query_plan *plan, char **text, cella_error *error)
{
    struct explaining explaining = {.plan = plan};
    list_recipients(&explaining);
    text_put(&explaining.text, "\nstatements\n");
    for (size_t i = 0; i < plan->statement_count; i++)
        list_statement(&explaining, i);
    text_put(&explaining.text, "\ncolumns\n");
    list_columns(&explaining);
    text_put(&explaining.text,
             "\nNobody learns a single row, an identifier, or what is hidden, "
             "but where a warning says so; who receives an error learns which "
             "statement failed.\n");
    list_warnings(&explaining);
    if (explaining.text.failed) {
        free(explaining.text.bytes);
        return fail(error, CELLA_MEMORY, "the contract: no memory to explain it");
    }
    *text = explaining.text.bytes;
    return CELLA_OK;
}
