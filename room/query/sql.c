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
    size_t watched[PLAN_INPUTS_MOST], watched_count;
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

static void find_feeds(struct making *making, struct sql_slot *slot, size_t only)
{
    for (size_t i = 0; i < making->statement->source_count; i++) {
        const struct plan_source *source = &making->statement->sources[i];
        if (only != PLAN_NONE && only != i)
            continue;
        if (source->kind == PLAN_INPUT && source->index == slot->input)
            add_feed(making, slot, i, PLAN_NONE);
        if (source->kind == PLAN_STATEMENT &&
            making->plan->statements[source->index].inputs >> slot->input & 1)
            add_feed(making, slot, i, PLAN_NONE);
        for (size_t k = 0; k < source->branch_count; k++)
            if (source->branches[k].input == slot->input)
                add_feed(making, slot, i, k);
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

/* A slot for the individuals of an input behind the rows of one source (PLAN_NONE: of any), or
 * NULL. */
static struct sql_slot *new_slot(struct making *making, size_t input, size_t only, bool keep)
{
    struct sql *sql = making->sql;
    struct sql_slot *slots = realloc(sql->slots, (sql->slot_count + 1) * sizeof(*slots));
    making->failed |= !slots;
    if (!slots)
        return NULL;
    sql->slots = slots;
    struct sql_slot *slot = &slots[sql->slot_count++];
    memset(slot, 0, sizeof(*slot));
    slot->input = input;
    slot->keep = keep;
    find_feeds(making, slot, only);
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

static void write_set(struct making *making, size_t input, size_t only, bool keep)
{
    const struct sql_slot *slot = new_slot(making, input, only, keep);
    if (!slot)
        return;
    text_add(&making->sql->text, "cella_set(%zu", making->sql->slot_count - 1);
    write_feeds(making, slot);
}

/* ---- aggregates ---- */

static void write_filter(struct making *making, const struct plan_aggregate *aggregate,
                         bool values_only)
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
            write_set(making, i, aggregate->source, false);
            write_filter(making, aggregate, false);
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
    write_filter(making, aggregate, false);
}

/* How many individuals are on the two sides of a quantile. A value at risk, and the shortfall
 * beyond it, are quantiles from below. */
static void write_sides(struct making *making, const struct plan_aggregate *aggregate, size_t input)
{
    struct text *text = &making->sql->text;
    const struct sql_slot *slot = new_slot(making, input, PLAN_NONE, false);
    if (!slot)
        return;
    bool risk =
        aggregate->function == PLAN_VALUE_AT_RISK || aggregate->function == PLAN_EXPECTED_SHORTFALL;
    text_add(text, ", cella_sides(%zu, ", making->sql->slot_count - 1);
    write_expression(making, aggregate->value);
    text_put(text, risk ? ", 1.0 - " : ", ");
    write_expression(making, aggregate->level);
    write_feeds(making, slot);
    write_filter(making, aggregate, false);
    making->sql->columns++;
}

static void write_own(struct making *making, size_t which)
{
    const struct plan_aggregate *aggregate = &making->statement->aggregates[which];
    struct sql *sql = making->sql;
    sql->own[which] = sql->sides[which] = PLAN_NONE;
    if (making->watched_count == 0)
        return;
    if (aggregate->where || aggregate->value) {
        sql->own[which] = sql->columns;
        for (size_t i = 0; i < making->watched_count; i++, sql->columns++) {
            text_put(&sql->text, ", ");
            write_set(making, making->watched[i], PLAN_NONE, true);
            write_filter(making, aggregate, true);
        }
    }
    if (plan_function_is_quantile(aggregate->function)) {
        sql->sides[which] = sql->columns;
        for (size_t i = 0; i < making->watched_count; i++)
            write_sides(making, aggregate, making->watched[i]);
    }
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
    for (size_t i = 0; i < making->watched_count; i++, sql->columns++) {
        text_put(&sql->text, ", ");
        write_set(making, making->watched[i], PLAN_NONE, true);
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
    for (size_t i = 0; i < making->watched_count; i++) {
        const struct sql_slot *slot = new_slot(making, making->watched[i], PLAN_NONE, true);
        for (size_t k = 0; slot && k < slot->feed_count; k++, sql->columns++) {
            text_put(&sql->text, ", ");
            write_feed(making, slot->feeds[k]);
        }
    }
}

/* ---- from, where, group ---- */

static void write_branch(struct making *making, const struct plan_source *source, size_t which)
{
    struct text *text = &making->sql->text;
    const struct plan_branch *branch = &source->branches[which];
    const char *name = making->plan->inputs[branch->input].name;
    text_put(text, which ? " UNION ALL SELECT " : "SELECT ");
    for (size_t i = 0; i + 1 < source->column_count; i++) {
        expression_sql(text, NULL, branch->columns[i]);
        text_add(text, " AS \"%s\", ", source->columns[i].name);
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
    sql->sides = calloc(statement->aggregate_count + 1, sizeof(*sql->sides));
    making.watched_count = plan_watched(statement, making.watched);
    text_put(&sql->text, "SELECT ");
    if (sql->own && sql->sides) {
        if (statement->kind == PLAN_MODEL)
            write_model(&making);
        else
            write_selection(&making);
        write_rest(&making);
    }
    if (sql->own && sql->sides && !sql->text.failed && !making.failed)
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
    free(sql->sides);
    *sql = (struct sql){0};
}
