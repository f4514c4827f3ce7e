/* SPDX-License-Identifier: Apache-2.0
 *
 * A statement as SQL, together with the enclave's own counts. Every name is quoted, every value is
 * a parameter or written by expression.c.
 */
#include "run.h"

#include "image/fail.h"

#include <stdlib.h>
#include <string.h>

struct making {
    const struct query_plan *plan;
    const struct plan_statement *statement;
    struct sql *sql;
    bool failed;
};

size_t plan_watched(const struct plan_statement *statement, size_t inputs[PLAN_INPUTS_MOST])
{
    size_t count = 0;
    for (size_t i = 0; i < PLAN_INPUTS_MOST; i++)
        if (statement->watched >> i & 1)
            inputs[count++] = i;
    return count;
}

static void write_expression(struct making *making, const struct expression *expression)
{
    expression_sql(&making->sql->text, making->statement->sources, expression);
}

/* ---- individuals ---- */

static void add_feed(struct making *making, struct sql_slot *slot, size_t source, size_t branch)
{
    if (slot->feed_count == SQL_FEEDS_MOST)
        making->failed = true;
    else
        slot->feeds[slot->feed_count++] = (struct sql_feed){source, branch};
}

static void find_feeds(struct making *making, struct sql_slot *slot, size_t which)
{
    const struct plan_source *source = &making->statement->sources[which];
    if (source->kind == PLAN_INPUT && source->index == slot->input)
        add_feed(making, slot, which, PLAN_NONE);
    if (source->kind == PLAN_STATEMENT &&
        making->plan->statements[source->index].inputs >> slot->input & 1)
        add_feed(making, slot, which, PLAN_NONE);
    for (size_t k = 0; k < source->branch_count; k++)
        if (source->branches[k].input == slot->input)
            add_feed(making, slot, which, k);
}

static bool tells_of(const struct making *making, size_t which, size_t input)
{
    const struct plan_source *source = &making->statement->sources[which];
    bool tells = source->kind == PLAN_INPUT && source->index == input;
    if (source->kind == PLAN_STATEMENT)
        tells = making->plan->statements[source->index].inputs >> input & 1;
    for (size_t k = 0; k < source->branch_count; k++)
        tells |= source->branches[k].input == input;
    return tells;
}

static void find_watches(struct making *making)
{
    struct sql *sql = making->sql;
    size_t inputs[PLAN_INPUTS_MOST], count = plan_watched(making->statement, inputs);
    for (size_t i = 0; i < count; i++)
        for (size_t source = 0; source < making->statement->source_count; source++)
            if (tells_of(making, source, inputs[i])) {
                sql->inputs[sql->watch_count] = inputs[i];
                sql->watches[sql->watch_count++] = (struct sql_watch){inputs[i], source};
            }
}

static void write_feed(struct making *making, struct sql_feed feed)
{
    struct text *text = &making->sql->text;
    const char *alias = making->statement->sources[feed.source].alias;
    if (feed.branch == PLAN_NONE)
        text_add(text, "\"%s\"._rowid_", alias);
    else
        text_add(text, "CASE WHEN \"%s\".\"~branch\" = %zu THEN \"%s\".\"~row\" END", alias,
                 feed.branch, alias);
}

/* A slot for the individuals of a watch, or NULL. */
static struct sql_slot *new_slot(struct making *making, const struct sql_watch *watch, bool keep)
{
    struct sql *sql = making->sql;
    struct sql_slot *slots = realloc(sql->slots, (sql->slot_count + 1) * sizeof(*slots));
    making->failed |= !slots;
    if (!slots)
        return NULL;
    sql->slots = slots;
    struct sql_slot *slot = &slots[sql->slot_count++];
    memset(slot, 0, sizeof(*slot));
    slot->input = watch->input;
    slot->keep = keep;
    find_feeds(making, slot, watch->source);
    return slot;
}

static void write_feeds(struct making *making, const struct sql_slot *slot)
{
    for (size_t i = 0; i < slot->feed_count; i++) {
        text_put(&making->sql->text, ", ");
        write_feed(making, slot->feeds[i]);
    }
    text_put(&making->sql->text, ")");
}

static void write_set(struct making *making, const struct sql_watch *watch, bool keep)
{
    const struct sql_slot *slot = new_slot(making, watch, keep);
    if (!slot)
        return;
    text_add(&making->sql->text, "cella_set(%zu", making->sql->slot_count - 1);
    write_feeds(making, slot);
}

/* ---- choices ---- */

/* Conditions, in SQL, that say for which rows a value is what: case, comparisons, booleans. */
struct choices {
    struct text *conditions;
    size_t count;
    bool failed;
};

static void choices_free(struct choices *choices)
{
    for (size_t i = 0; i < choices->count; i++)
        free(choices->conditions[i].bytes);
    free(choices->conditions);
}

static struct text *new_choice(struct choices *choices)
{
    struct text *conditions =
        realloc(choices->conditions, (choices->count + 1) * sizeof(*conditions));
    choices->failed |= !conditions;
    if (!conditions)
        return NULL;
    choices->conditions = conditions;
    conditions[choices->count] = (struct text){0};
    return &conditions[choices->count++];
}

/* Of a case, that `when` holds and none before it does; the last: none does. */
static void add_when(struct choices *choices, const struct plan_source *sources,
                     const struct expression *node, size_t when)
{
    struct text *text = new_choice(choices);
    for (size_t i = 0; text && i < when; i += 2) {
        text_put(text, i ? " AND coalesce(NOT " : "coalesce(NOT ");
        expression_sql(text, sources, node->arguments[i]);
        text_put(text, ", 1)");
    }
    if (text && when + 1 < node->count) {
        text_put(text, when ? " AND " : "");
        expression_sql(text, sources, node->arguments[when]);
    }
}

/* Of a column of a union: what its branches choose by. */
static size_t choices_of_column(const struct plan_source *source, size_t column);

static void add_choices(struct choices *choices, const struct plan_source *sources,
                        const struct expression *node)
{
    const struct plan_source *source =
        sources && node->kind == EXPRESSION_COLUMN ? &sources[node->source] : NULL;
    struct text *text;
    if (node->kind == EXPRESSION_LET) {
        add_choices(choices, sources, node->let);
    } else if (source && source->kind == PLAN_UNION) {
        for (size_t i = 0; i < choices_of_column(source, node->column); i++)
            if ((text = new_choice(choices)))
                text_add(text, "\"%s\".\"~%s~%zu\"", source->alias, node->text, i);
    } else if (node->type == QUERY_BOOLEAN && node->kind != EXPRESSION_CASE) {
        if ((text = new_choice(choices)))
            expression_sql(text, sources, node);
    } else {
        bool cases = node->kind == EXPRESSION_CASE;
        for (size_t i = 0; cases && i < node->count; i += 2)
            add_when(choices, sources, node, i);
        for (size_t i = 0; expression_is_coalesce(node) && i + 1 < node->count; i++)
            if (!expression_plain(node->arguments[i]) && (text = new_choice(choices))) {
                expression_sql(text, sources, node->arguments[i]);
                text_put(text, " IS NOT NULL");
            }
        for (size_t i = 0; i < node->count; i++)
            if (!cases || i % 2 || i + 1 == node->count)
                add_choices(choices, sources, node->arguments[i]);
    }
}

static bool choices_of(struct choices *choices, const struct plan_source *sources,
                       const struct expression *value)
{
    add_choices(choices, sources, value);
    for (size_t i = 0; i < choices->count; i++)
        choices->failed |= choices->conditions[i].failed;
    return !choices->failed;
}

static size_t choices_of_column(const struct plan_source *source, size_t column)
{
    size_t most = 0;
    for (size_t i = 0; i < source->branch_count && column + 1 < source->column_count; i++) {
        struct choices choices = {0};
        choices_of(&choices, NULL, source->branches[i].columns[column]);
        most = choices.count > most ? choices.count : most;
        choices_free(&choices);
    }
    return most;
}

/* ---- aggregates ---- */

/* `choice`: a condition in SQL, or NULL. */
static void write_filter(struct making *making, const struct plan_aggregate *aggregate,
                         bool values_only, const char *choice)
{
    struct text *text = &making->sql->text;
    bool values = values_only && aggregate->value;
    if (!aggregate->where && !values)
        return;
    text_put(text, " FILTER (WHERE ");
    if (aggregate->where)
        write_expression(making, aggregate->where);
    text_put(text, aggregate->where && values ? " AND " : "");
    if (values) {
        write_expression(making, aggregate->value);
        text_put(text, " IS NOT NULL");
    }
    if (choice)
        text_add(text, " AND (%s)", choice);
    text_put(text, ")");
}

static void write_individuals(struct making *making, const struct plan_aggregate *aggregate)
{
    const struct plan_source *source = &making->statement->sources[aggregate->source];
    uint32_t inputs = source->kind == PLAN_INPUT ? UINT32_C(1) << source->index : 0;
    for (size_t i = 0; i < source->branch_count; i++)
        inputs |= UINT32_C(1) << source->branches[i].input;
    const char *plus = "";
    for (size_t i = 0; i < making->plan->input_count; i++)
        if (inputs >> i & 1) {
            text_put(&making->sql->text, plus);
            write_set(making, &(struct sql_watch){i, aggregate->source}, false);
            write_filter(making, aggregate, false, NULL);
            plus = " + ";
        }
}

static const char *function_sql(const struct plan_aggregate *aggregate)
{
    switch (aggregate->function) {
    case PLAN_SUM:
        return aggregate->value->type == QUERY_REAL ? "sum" : "cella_sum";
    case PLAN_MEAN:
        return "avg";
    case PLAN_MEDIAN:
        return "quantile";
    default:
        return plan_function_names[aggregate->function];
    }
}

static void write_aggregate(struct making *making, const struct plan_aggregate *aggregate)
{
    struct text *text = &making->sql->text;
    if (aggregate->function == PLAN_INDIVIDUALS) {
        write_individuals(making, aggregate);
        return;
    }
    text_add(text, "%s(", function_sql(aggregate));
    if (aggregate->value)
        write_expression(making, aggregate->value);
    else
        text_put(text, "*");
    if (aggregate->level) {
        text_put(text, ", ");
        write_expression(making, aggregate->level);
    }
    text_put(text, ")");
    write_filter(making, aggregate, false, NULL);
}

/* How many individuals are on the two sides of a quantile. A value at risk, and the shortfall
 * beyond it, are quantiles from below. */
static void write_sides(struct making *making, const struct plan_aggregate *aggregate,
                        const struct sql_watch *watch)
{
    struct text *text = &making->sql->text;
    const struct sql_slot *slot = new_slot(making, watch, false);
    if (!slot)
        return;
    bool risk =
        aggregate->function == PLAN_VALUE_AT_RISK || aggregate->function == PLAN_EXPECTED_SHORTFALL;
    text_add(text, ", cella_sides(%zu, ", making->sql->slot_count - 1);
    write_expression(making, aggregate->value);
    text_put(text, risk ? ", 1.0 - " : ", ");
    write_expression(making, aggregate->level);
    write_feeds(making, slot);
    write_filter(making, aggregate, false, NULL);
    making->sql->columns++;
}

static void write_sets(struct making *making, const struct plan_aggregate *aggregate,
                       const char *choice)
{
    struct sql *sql = making->sql;
    for (size_t i = 0; i < sql->watch_count; i++, sql->columns++) {
        text_put(&sql->text, ", ");
        write_set(making, &sql->watches[i], true);
        write_filter(making, aggregate, true, choice);
    }
}

static void write_choices(struct making *making, const struct plan_aggregate *aggregate,
                          size_t which)
{
    struct sql *sql = making->sql;
    struct choices choices = {0};
    bool right = choices_of(&choices, making->statement->sources, aggregate->value);
    sql->own[which].choices = sql->columns;
    sql->own[which].choice_count = choices.count;
    for (size_t i = 0; right && i < choices.count; i++)
        write_sets(making, aggregate, choices.conditions[i].bytes);
    making->failed |= !right;
    choices_free(&choices);
}

static void write_own(struct making *making, size_t which)
{
    const struct plan_aggregate *aggregate = &making->statement->aggregates[which];
    struct sql *sql = making->sql;
    struct sql_own *own = &sql->own[which];
    *own = (struct sql_own){.rows = PLAN_NONE, .sets = PLAN_NONE, .sides = PLAN_NONE};
    if (!aggregate->where && !aggregate->value)
        return;
    if (making->statement->least_rows > 1) {
        own->rows = sql->columns++;
        text_put(&sql->text, ", count(*)");
        write_filter(making, aggregate, true, NULL);
    }
    if (sql->watch_count == 0)
        return;
    own->sets = sql->columns;
    write_sets(making, aggregate, NULL);
    if (plan_function_is_quantile(aggregate->function)) {
        own->sides = sql->columns;
        for (size_t i = 0; i < sql->watch_count; i++)
            write_sides(making, aggregate, &sql->watches[i]);
    }
    if (aggregate->value)
        write_choices(making, aggregate, which);
}

static void write_selection(struct making *making)
{
    const struct plan_statement *statement = making->statement;
    struct sql *sql = making->sql;
    for (size_t i = 0; i < statement->key_count; i++) {
        write_expression(making, statement->keys[i].value);
        text_put(&sql->text, ", ");
    }
    for (size_t i = 0; i < statement->aggregate_count; i++) {
        write_aggregate(making, &statement->aggregates[i]);
        text_put(&sql->text, ", ");
    }
    text_put(&sql->text, "count(*)");
    sql->columns = statement->column_count + 1;
    for (size_t i = 0; i < sql->watch_count; i++, sql->columns++) {
        text_put(&sql->text, ", ");
        write_set(making, &sql->watches[i], true);
    }
    for (size_t i = 0; i < statement->aggregate_count; i++)
        write_own(making, i);
}

static void write_model(struct making *making)
{
    const struct plan_model *model = &making->statement->model;
    struct sql *sql = making->sql;
    write_expression(making, model->outcome);
    for (size_t i = 0; i < model->term_count; i++) {
        text_put(&sql->text, ", ");
        write_expression(making, model->terms[i]);
    }
    sql->columns = 1 + model->term_count;
    for (size_t i = 0; i < sql->watch_count; i++) {
        const struct sql_slot *slot = new_slot(making, &sql->watches[i], true);
        for (size_t k = 0; slot && k < slot->feed_count; k++, sql->columns++) {
            text_put(&sql->text, ", ");
            write_feed(making, slot->feeds[k]);
        }
    }
}

/* ---- from, where, group ---- */

/* What a branch's column chooses by, for whoever computes with it: as many as any branch's. */
static void write_branch_choices(struct making *making, const struct plan_source *source,
                                 size_t which, size_t column)
{
    struct text *text = &making->sql->text;
    struct choices choices = {0};
    making->failed |= !choices_of(&choices, NULL, source->branches[which].columns[column]);
    for (size_t i = 0; i < choices_of_column(source, column); i++)
        text_add(text, "%s AS \"~%s~%zu\", ",
                 i < choices.count ? choices.conditions[i].bytes : "NULL",
                 source->columns[column].name, i);
    choices_free(&choices);
}

static void write_branch(struct making *making, const struct plan_source *source, size_t which)
{
    struct text *text = &making->sql->text;
    const struct plan_branch *branch = &source->branches[which];
    const char *name = making->plan->inputs[branch->input].name;
    text_put(text, which ? " UNION ALL SELECT " : "SELECT ");
    for (size_t i = 0; i + 1 < source->column_count; i++) {
        expression_sql(text, NULL, branch->columns[i]);
        text_add(text, " AS \"%s\", ", source->columns[i].name);
        write_branch_choices(making, source, which, i);
    }
    text_add(text, "'%s' AS \"input\", %zu AS \"~branch\", _rowid_ AS \"~row\" FROM \"%s\"", name,
             which, name);
}

static void write_source(struct making *making, const struct plan_source *source)
{
    struct text *text = &making->sql->text;
    if (source->kind == PLAN_INPUT)
        text_add(text, "\"%s\"", making->plan->inputs[source->index].name);
    if (source->kind == PLAN_STATEMENT)
        text_add(text, "\"~%s\"", making->plan->statements[source->index].name);
    if (source->kind == PLAN_UNION) {
        text_put(text, "(");
        for (size_t i = 0; i < source->branch_count; i++)
            write_branch(making, source, i);
        text_put(text, ")");
    }
    text_add(text, " AS \"%s\"", source->alias);
    for (size_t i = 0; i < source->on_count; i++) {
        const struct plan_source *other = &making->statement->sources[source->on[i].source];
        text_add(text, "%s \"%s\".\"%s\" = \"%s\".\"%s\"", i ? " AND" : " ON", other->alias,
                 other->columns[source->on[i].column].name, source->alias,
                 source->columns[source->on[i].own].name);
    }
}

static void write_rest(struct making *making)
{
    const struct plan_statement *statement = making->statement;
    struct text *text = &making->sql->text;
    for (size_t i = 0; i < statement->source_count; i++) {
        text_put(text, i == 0 ? " FROM " : statement->sources[i].left ? " LEFT JOIN " : " JOIN ");
        write_source(making, &statement->sources[i]);
    }
    for (size_t i = 0; i < statement->where_count; i++) {
        text_put(text, i ? " AND " : " WHERE ");
        write_expression(making, statement->where[i]);
    }
    for (size_t i = 0; i < statement->key_count; i++)
        text_add(text, "%s%zu", i ? ", " : " GROUP BY ", i + 1);
}

cella_status sql_make(const struct query_plan *plan, const struct plan_statement *statement,
                      struct sql *sql, cella_error *error)
{
    struct making making = {.plan = plan, .statement = statement, .sql = sql};
    *sql = (struct sql){0};
    sql->own = calloc(statement->aggregate_count + 1, sizeof(*sql->own));
    find_watches(&making);
    text_put(&sql->text, "SELECT ");
    if (sql->own) {
        if (statement->kind == PLAN_MODEL)
            write_model(&making);
        else
            write_selection(&making);
        write_rest(&making);
    }
    if (sql->own && !sql->text.failed && !making.failed)
        return CELLA_OK;
    sql_free(sql);
    return fail(error, CELLA_MEMORY, "statement %s: no memory, or too many sources of one input",
                statement->name);
}

void sql_free(struct sql *sql)
{
    free(sql->text.bytes);
    free(sql->slots);
    free(sql->own);
    *sql = (struct sql){0};
}
