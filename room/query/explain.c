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

/* ---- what a statement gives ---- */

static void say_model(struct explaining *explaining, const struct plan_statement *statement)
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
    text_put(text, words[model->kind]);
    if (model->outcome)
        expression_text(text, statement->sources, model->outcome);
    for (size_t i = 0; i < model->term_count; i++) {
        text_put(text, i ? ", " : " by ");
        expression_text(text, statement->sources, model->terms[i]);
    }
}

static void say_names(struct explaining *explaining, const struct plan_statement *statement)
{
    struct text *text = &explaining->text;
    for (size_t i = 0; i < statement->key_count; i++)
        text_add(text, "%s%s", i ? ", " : "for each ", statement->keys[i].name);
    text_put(text, statement->key_count && statement->aggregate_count ? ": " : "");
    for (size_t i = 0; i < statement->aggregate_count; i++)
        text_add(text, "%s%s", i ? ", " : "", statement->aggregates[i].name);
}

/* In a few words. */
static void say_result(struct explaining *explaining, const struct plan_statement *statement)
{
    if (statement->kind == PLAN_SQL)
        text_put(&explaining->text, "whatever free SQL gives (it is below)");
    else if (statement->kind == PLAN_MODEL)
        say_model(explaining, statement);
    else
        say_names(explaining, statement);
}

static void say_number(struct explaining *explaining, const char **before, const char *format,
                       uint64_t number)
{
    if (number == 0)
        return;
    text_put(&explaining->text, *before);
    text_put(&explaining->text, format);
    text_add(&explaining->text, " %llu", (unsigned long long)number);
    *before = "; ";
}

/* The rules that hold for an output: a line, where there are any. */
static void say_rules(struct explaining *explaining, const struct plan_output *output)
{
    const struct plan_statement *statement = &explaining->plan->statements[output->statement];
    const struct query_rules *rules = &output->rules;
    uint64_t individuals = statement->least_individuals > 1 ? statement->least_individuals : 0;
    const char *start = "    behind every row: ", *before = start;
    say_number(explaining, &before, "individuals at least", individuals);
    if (individuals) {
        text_put(&explaining->text, " of ");
        list_inputs(explaining, statement->watched);
    }
    say_number(explaining, &before, "rows at least", statement->least_rows);
    before = before == start ? "    " : before;
    say_number(explaining, &before, "counts to a multiple of", rules->round);
    say_number(explaining, &before, "digits of other numbers:", rules->digits);
    say_number(explaining, &before, "rows at most:", rules->most_rows);
    say_number(explaining, &before, "bytes at most:", rules->most_bytes);
    text_put(&explaining->text, *before == ';' ? "\n" : "");
}

/* ---- how it is computed ---- */

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

/* Columns that a branch gives under their own names are listed, others with what they are. */
static void list_branch(struct explaining *explaining, const struct plan_source *source,
                        const struct plan_branch *branch)
{
    struct text *text = &explaining->text;
    text_add(text, "    %s has the rows of %s, with\n", source->alias,
             explaining->plan->inputs[branch->input].name);
    const char *before = "      ";
    for (size_t i = 0; i + 1 < source->column_count; i++)
        if (branch->columns[i]->kind == EXPRESSION_COLUMN &&
            strcmp(branch->columns[i]->text, source->columns[i].name) == 0) {
            text_add(text, "%s%s", before, source->columns[i].name);
            before = ", ";
        }
    text_put(text, *before == ',' ? "\n" : "");
    for (size_t i = 0; i + 1 < source->column_count; i++)
        if (branch->columns[i]->kind != EXPRESSION_COLUMN ||
            strcmp(branch->columns[i]->text, source->columns[i].name) != 0) {
            text_add(text, "      %s: ", source->columns[i].name);
            expression_text(text, NULL, branch->columns[i]);
            text_put(text, "\n");
        }
}

static void list_source(struct explaining *explaining, const struct plan_statement *statement,
                        const struct plan_source *source)
{
    const struct query_plan *plan = explaining->plan;
    struct text *text = &explaining->text;
    for (size_t i = 0; i < source->branch_count; i++)
        list_branch(explaining, source, &source->branches[i]);
    if (source->kind == PLAN_STATEMENT)
        text_add(text, "    %s has the rows of %s that may leave\n", source->alias,
                 plan->statements[source->index].name);
    if (source->kind == PLAN_INPUT)
        text_add(text, "    %s has the rows of %s\n", source->alias,
                 plan->inputs[source->index].name);
    for (size_t i = 0; i < source->on_count; i++) {
        const struct plan_source *other = &statement->sources[source->on[i].source];
        text_add(text, "%s%s.%s = %s.%s", i ? " and " : "    joined where ", other->alias,
                 other->columns[source->on[i].column].name, source->alias,
                 source->columns[source->on[i].own].name);
    }
    if (source->on_count)
        text_put(text, source->left ? "; rows without a match stay\n" : "\n");
}

/* A name for a column of the same name says nothing. */
static bool says_something(const struct plan_let *let)
{
    return let->value->kind != EXPRESSION_COLUMN || strcmp(let->value->text, let->name) != 0;
}

static void list_statement(struct explaining *explaining, size_t index)
{
    const struct plan_statement *statement = &explaining->plan->statements[index];
    struct text *text = &explaining->text;
    text_add(text, "  %s, from ", statement->name);
    list_inputs(explaining, statement->inputs);
    text_put(text, "\n");
    for (size_t i = 0; i < statement->source_count; i++)
        list_source(explaining, statement, &statement->sources[i]);
    for (size_t i = 0; i < statement->where_count; i++) {
        text_put(text, i ? "    and where " : "    where ");
        expression_text(text, statement->sources, statement->where[i]);
        text_put(text, "\n");
    }
    for (size_t i = 0; i < statement->let_count; i++)
        if (says_something(&statement->lets[i])) {
            text_add(text, "    %s is ", statement->lets[i].name);
            expression_text(text, statement->sources, statement->lets[i].value);
            text_put(text, "\n");
        }
    if (statement->kind == PLAN_SQL) {
        text_add(text, "    %s\n", statement->sql);
    } else if (statement->kind == PLAN_MODEL) {
        text_put(text, "    ");
        say_model(explaining, statement);
        text_put(text, "\n");
    } else {
        list_selection(explaining, statement);
    }
}

static void say_json(struct explaining *explaining, const char *before, const json_t *value)
{
    char *written = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    explaining->text.failed |= !written;
    if (written)
        text_add(&explaining->text, "%s%s", before, written);
    free(written);
}

static void list_parameter(struct explaining *explaining, const json_t *parameter)
{
    struct text *text = &explaining->text;
    text_add(text, "  :%s is ", json_text(parameter, "name"));
    if (json_object_get(parameter, "value")) {
        say_json(explaining, "", json_object_get(parameter, "value"));
    } else {
        text_add(text, "given by %s: ", json_text(parameter, "from"));
        if (json_object_get(parameter, "one_of"))
            say_json(explaining, "one of ", json_object_get(parameter, "one_of"));
        else
            say_json(explaining, "", json_object_get(parameter, "least"));
        if (json_object_get(parameter, "most"))
            say_json(explaining, " to ", json_object_get(parameter, "most"));
    }
    text_put(text, "\n");
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
    const struct plan_statement *statement = &explaining->plan->statements[output->statement];
    text_add(text, "  %s: ", output->name);
    say_result(explaining, statement);
    text_put(text, "\n    from ");
    list_inputs(explaining, statement->inputs);
    text_put(text, "\n");
    say_rules(explaining, output);
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
    bool given = false;
    for (size_t i = 0; i < explaining->plan->parameter_count; i++)
        given |= explaining->plan->parameters[i].from[0] != 0;
    if (given && json_integer_value(json_object_get(contract, "runs")) > 1)
        text_put(text,
                 "  warning: it may run more than once, and a party that gives a parameter "
                 "anew chooses other groups each time, which are not compared\n");
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
    size_t index;
    const json_t *parameter;
    json_array_foreach(json_object_get(plan->contract, "parameters"), index, parameter)
        list_parameter(&explaining, parameter);
    text_put(&explaining.text, "\ncolumns\n");
    list_columns(&explaining);
    text_put(&explaining.text,
             "\nThe rules count who stands behind a number, and keep back rows and values of too "
             "few, and what\ndiffers from another by too few; identifiers and hidden columns "
             "leave in no case. What an expression\nmakes of one individual's value they do not "
             "weigh: read the expressions. Who receives an error learns\nwhich statement "
             "failed.\n");
    list_warnings(&explaining);
    if (explaining.text.failed) {
        free(explaining.text.bytes);
        return fail(error, CELLA_MEMORY, "the contract: no memory to explain it");
    }
    *text = explaining.text.bytes;
    return CELLA_OK;
}
