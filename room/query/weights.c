/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights. The engine counts the individuals behind a number, not what each of them adds to it: a
 * factor that is 0 for all but one of them would make a sum that one's own value. So of columns
 * whose individuals are counted a sum, a mean or a model takes linear combinations, ln, log10, sqrt
 * and abs of those, and choices (comparisons, case), which run.c holds to the rules one by one;
 * not products of two of them, nor functions that are as good as a choice.
 *
 * Columns of a statement below are free: its rows have been held to the rules.
 */
#include "plan.h"

struct weighing {
    const struct query_plan *plan;
    const struct plan_statement *statement;
    const struct plan_branch *branch; /* the expression is one of its columns; or NULL */
};

static bool input_counts(const struct weighing *weighing, size_t input)
{
    return weighing->plan->inputs[input].rules.least_individuals > 1;
}

static const struct plan_source *source_of(const struct weighing *weighing,
                                           const struct expression *column)
{
    return &weighing->statement->sources[column->source];
}

/* Of an individual that is counted. */
static bool column_counts(const struct weighing *weighing, const struct expression *column)
{
    if (weighing->branch)
        return input_counts(weighing, weighing->branch->input);
    const struct plan_source *source = source_of(weighing, column);
    bool any = source->kind == PLAN_INPUT && input_counts(weighing, source->index);
    for (size_t i = 0; i < source->branch_count; i++)
        any |= input_counts(weighing, source->branches[i].input);
    return any;
}

static bool is_condition(const struct expression *node)
{
    return node->kind == EXPRESSION_OPERATOR && node->which < OPERATOR_ADD;
}

/* What a node is made of: its parts whose value goes into its own. A case's conditions do not. */
static bool is_part(const struct expression *node, size_t argument)
{
    return node->kind != EXPRESSION_CASE || argument % 2 || argument + 1 == node->count;
}

/* Does its value move with a column of counted individuals, other than by a choice? */
static bool moves(const struct weighing *weighing, const struct expression *node)
{
    if (node->kind == EXPRESSION_LET)
        return moves(weighing, node->let);
    if (node->kind == EXPRESSION_COLUMN)
        return column_counts(weighing, node);
    bool any = false;
    for (size_t i = 0; !is_condition(node) && i < node->count; i++)
        any |= is_part(node, i) && moves(weighing, node->arguments[i]);
    return any;
}

/* Does a column of counted individuals stand anywhere in it? */
static bool names(const struct weighing *weighing, const struct expression *node)
{
    if (node->kind == EXPRESSION_LET)
        return names(weighing, node->let);
    if (node->kind == EXPRESSION_COLUMN)
        return column_counts(weighing, node);
    bool any = false;
    for (size_t i = 0; i < node->count; i++)
        any |= names(weighing, node->arguments[i]);
    return any;
}

/* Does it choose by such a column? */
static bool chooses(const struct weighing *weighing, const struct expression *node)
{
    if (node->kind == EXPRESSION_LET)
        return chooses(weighing, node->let);
    if (node->kind == EXPRESSION_COLUMN) {
        bool any = node->type == QUERY_BOOLEAN && column_counts(weighing, node);
        const struct plan_source *source = weighing->branch ? NULL : source_of(weighing, node);
        for (size_t i = 0; source && i < source->branch_count; i++) {
            const struct plan_branch *branch = &source->branches[i];
            const struct weighing inside = {weighing->plan, weighing->statement, branch};
            if (node->column + 1 < source->column_count)
                any |= chooses(&inside, branch->columns[node->column]);
        }
        return any;
    }
    bool choice =
        is_condition(node) || node->kind == EXPRESSION_CASE || expression_is_coalesce(node);
    bool any = choice && names(weighing, node);
    for (size_t i = 0; i < node->count; i++)
        any |= chooses(weighing, node->arguments[i]);
    return any;
}

static const char *weighs_operator(const struct weighing *weighing, const struct expression *node)
{
    const struct expression *first = node->arguments[0], *second = node->arguments[1];
    if (node->which == OPERATOR_MULTIPLY && moves(weighing, first) && moves(weighing, second))
        return "multiplies two values of individuals that are counted";
    if (node->which == OPERATOR_MULTIPLY && chooses(weighing, first) && chooses(weighing, second))
        return "multiplies two choices; write one, with \"and\"";
    if (node->which == OPERATOR_DIVIDE && (moves(weighing, second) || chooses(weighing, second)))
        return "divides by a value of individuals that are counted";
    return NULL;
}

static const char *weighs(const struct weighing *weighing, const struct expression *node)
{
    const char *why = NULL;
    if (node->kind == EXPRESSION_LET)
        return weighs(weighing, node->let);
    if (is_condition(node))
        return NULL;
    if (node->kind == EXPRESSION_COLUMN) {
        const struct plan_source *source = weighing->branch ? NULL : source_of(weighing, node);
        for (size_t i = 0; source && !why && i < source->branch_count; i++) {
            const struct plan_branch *branch = &source->branches[i];
            const struct weighing inside = {weighing->plan, weighing->statement, branch};
            if (node->column + 1 < source->column_count)
                why = weighs(&inside, branch->columns[node->column]);
        }
        return why;
    }
    if (node->kind == EXPRESSION_OPERATOR && node->count == 2)
        why = weighs_operator(weighing, node);
    if (node->kind == EXPRESSION_CALL && expression_is_steep(node) &&
        moves(weighing, node->arguments[0]))
        why = "takes exp, round, floor or ceil of a value of individuals that are counted";
    for (size_t i = 0; !why && i < node->count; i++) {
        if (!is_part(node, i))
            continue;
        if (node->kind == EXPRESSION_CASE && chooses(weighing, node->arguments[i]))
            why = "has a choice within a choice; write one, with \"and\"";
        else
            why = weighs(weighing, node->arguments[i]);
    }
    return why;
}

const char *plan_weighs(const struct query_plan *plan, const struct plan_statement *statement,
                        const struct expression *value)
{
    const struct weighing weighing = {plan, statement, NULL};
    return weighs(&weighing, value);
}
