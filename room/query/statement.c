/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads one statement of a contract: sources, joins, conditions, groups, aggregates, models, free
 * SQL; each name found, each expression typed, each column's role held to.
 */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACE 200 /* bytes of a place in the contract */

const char *const plan_function_names[PLAN_FUNCTIONS] = {
    "count", "individuals", "sum",    "mean",     "variance",      "stddev",
    "min",   "max",         "median", "quantile", "value_at_risk", "expected_shortfall"};

bool plan_function_is_quantile(enum plan_function function)
{
    return function >= PLAN_MEDIAN;
}

struct building {
    const struct plan_reader *reader;
    struct query_plan *plan;
    struct plan_statement *statement;
    char place[40]; /* "statements[2]" */
};

#define ENTRY(building, where, ...)                                                                \
    (plan_place(where, sizeof(where), "%s.", (building)->place),                                   \
     plan_place(where + strlen(where), sizeof(where) - strlen(where), __VA_ARGS__))

static struct expression_scope scope_of(const struct building *building)
{
    return (struct expression_scope){
        .arena = &building->plan->arena,
        .sources = building->statement->sources,
        .source_count = building->statement->source_count,
        .lets = building->statement->lets,
        .let_count = building->statement->let_count,
        .parameters = building->plan->parameters,
        .parameter_count = building->plan->parameter_count,
    };
}

static cella_status parse_text(const struct building *building, const char *where, const char *text,
                               struct expression **result)
{
    struct expression_scope scope = scope_of(building);
    if (!text)
        return plan_wrong(building->reader, where, "must be an expression in a string");
    return expression_parse(&scope, where, text, result, building->reader->error);
}

static cella_status parse(const struct building *building, const char *where, const json_t *value,
                          struct expression **result)
{
    return parse_text(building, where, json_string_value(value), result);
}

static cella_status parse_number(const struct building *building, const char *where,
                                 const json_t *value, struct expression **result)
{
    cella_status status = parse(building, where, value, result);
    if (status == CELLA_OK && !expression_is_number(*result))
        return plan_wrong(building->reader, where, "must be a number, or true or false");
    return status;
}

/* Memory for the entries of a list in JSON. */
static cella_status new_list(const struct building *building, const char *where,
                             const json_t *value, size_t size, void *list, size_t *count)
{
    cella_status status = plan_list(building->reader, where, value, PLAN_LIST_MOST, count);
    if (status != CELLA_OK)
        return status;
    void *memory = plan_allocate(&building->plan->arena, *count, size);
    if (!memory)
        return plan_no_memory(building->reader);
    memcpy(list, &memory, sizeof(memory));
    return CELLA_OK;
}

typedef cella_status read_entry(struct building *building, const char *where, const json_t *value);

/* Reads a list of the statement, entry by entry, into `list`, which gets memory for them. */
static cella_status read_list(struct building *building, const json_t *statement, const char *name,
                              size_t size, void *list, read_entry *each)
{
    const json_t *value = json_object_get(statement, name);
    char where[PLACE];
    size_t count = 0;
    ENTRY(building, where, "%s", name);
    cella_status status = new_list(building, where, value, size, list, &count);
    for (size_t i = 0; status == CELLA_OK && i < count; i++) {
        ENTRY(building, where, "%s[%zu]", name, i);
        status = each(building, where, json_array_get(value, i));
    }
    return status;
}

/* ---- sources ---- */

static size_t find_input(const struct query_plan *plan, const json_t *name)
{
    const char *text = json_string_value(name);
    for (size_t i = 0; text && i < plan->input_count; i++)
        if (strcmp(plan->inputs[i].name, text) == 0)
            return i;
    return PLAN_NONE;
}

static cella_status need_input(const struct building *building, const char *where,
                               const json_t *name, size_t *index)
{
    *index = find_input(building->plan, name);
    return *index == PLAN_NONE ? plan_wrong(building->reader, where, "there is no such input")
                               : CELLA_OK;
}

static void take_part(struct building *building, size_t input)
{
    const struct query_rules *rules = &building->plan->inputs[input].rules;
    building->statement->inputs |= UINT32_C(1) << input;
    if (rules->least_individuals > 1)
        building->statement->watched |= UINT32_C(1) << input;
    plan_strictest(&building->statement->rules, rules);
}

static cella_status copy_columns(const struct building *building, const struct query_input *input,
                                 struct plan_source *source)
{
    source->columns =
        plan_allocate(&building->plan->arena, input->column_count, sizeof(*source->columns));
    if (!source->columns)
        return plan_no_memory(building->reader);
    source->column_count = input->column_count;
    for (size_t i = 0; i < input->column_count; i++) {
        memcpy(source->columns[i].name, input->columns[i].name, sizeof(input->columns[i].name));
        source->columns[i].type = input->columns[i].type;
        source->columns[i].role = input->columns[i].role;
    }
    return CELLA_OK;
}

static cella_status read_statement_source(struct building *building, const char *where,
                                          const json_t *name, struct plan_source *source)
{
    const struct query_plan *plan = building->plan;
    const char *text = json_string_value(name);
    size_t i = 0;
    while (text && i < plan->statement_count && strcmp(plan->statements[i].name, text) != 0)
        i++;
    if (!text || i == plan->statement_count)
        return plan_wrong(building->reader, where, "there is no such statement before this one");
    const struct plan_statement *below = &plan->statements[i];
    if (below->column_count == 0)
        return plan_wrong(building->reader, where,
                          "the result of \"%s\" cannot be read by a statement: it is a model's, "
                          "or SQL without \"columns\"",
                          text);
    source->kind = PLAN_STATEMENT;
    source->index = i;
    source->columns = below->columns;
    source->column_count = below->column_count;
    for (size_t k = 0; k < plan->input_count; k++)
        if (below->inputs >> k & 1)
            take_part(building, k);
    return CELLA_OK;
}

static cella_status read_input_source(struct building *building, const char *where,
                                      const json_t *name, struct plan_source *source)
{
    cella_status status = need_input(building, where, name, &source->index);
    if (status != CELLA_OK)
        return status;
    source->kind = PLAN_INPUT;
    take_part(building, source->index);
    return copy_columns(building, &building->plan->inputs[source->index], source);
}

/* ---- unions ---- */

/* A branch's expression of its own columns. That of an identifier or a joinable column is this
 * column alone, and stays one. */
static cella_status read_branch_column(const struct building *building, const char *where,
                                       const struct plan_source *own, const json_t *value,
                                       struct expression **result, enum query_role *role)
{
    const char *text = json_string_value(value);
    for (size_t i = 0; text && i < own->column_count; i++) {
        const struct plan_column *column = &own->columns[i];
        if (strcmp(column->name, text) != 0 ||
            (column->role != QUERY_IDENTIFIER && column->role != QUERY_JOINABLE))
            continue;
        struct expression *node = plan_allocate(&building->plan->arena, 1, sizeof(*node));
        if (!node)
            return plan_no_memory(building->reader);
        *node = (struct expression){
            .kind = EXPRESSION_COLUMN, .type = column->type, .text = column->name, .column = i};
        *role = column->role;
        *result = node;
        return CELLA_OK;
    }
    if (!text)
        return plan_wrong(building->reader, where, "must be an expression in a string");
    struct expression_scope scope = scope_of(building);
    scope.sources = own;
    scope.source_count = 1;
    scope.bare = true;
    cella_status status = expression_parse(&scope, where, text, result, building->reader->error);
    if (status == CELLA_OK)
        *role = (*result)->dimension ? QUERY_DIMENSION : QUERY_MEASURE;
    return status;
}

/* What a column of a union is, given what it is in one more branch. */
static cella_status merge_column(const struct building *building, const char *where,
                                 struct plan_column *column, enum query_type type,
                                 enum query_role role)
{
    bool numbers = expression_same_family(column->type, type);
    bool keys = column->role == QUERY_IDENTIFIER || column->role == QUERY_JOINABLE ||
                role == QUERY_IDENTIFIER || role == QUERY_JOINABLE;
    if (!numbers || (keys && (column->role != role || column->type != type)))
        return plan_wrong(building->reader, where,
                          "its type or role is not that of the branches before");
    if (column->type != type)
        column->type = expression_same_family(type, QUERY_TEXT)           ? QUERY_TEXT
                       : type == QUERY_REAL || column->type == QUERY_REAL ? QUERY_REAL
                                                                          : QUERY_INTEGER;
    if (role == QUERY_MEASURE)
        column->role = role;
    return CELLA_OK;
}

static cella_status read_branch(struct building *building, const char *where, const json_t *value,
                                const json_t *names, struct plan_source *source)
{
    size_t position = source->branch_count, i = 0;
    struct plan_branch *branch = &source->branches[position];
    struct plan_source own = {0};
    const char *name;
    json_t *ignored;
    cella_status status = plan_keys(building->reader, where, value, "input! columns!");
    if (status == CELLA_OK)
        status = read_input_source(building, where, json_object_get(value, "input"), &own);
    if (status != CELLA_OK)
        return status;
    const json_t *columns = json_object_get(value, "columns");
    branch->input = own.index;
    snprintf(own.alias, sizeof(own.alias), "%s", building->plan->inputs[own.index].name);
    branch->columns =
        plan_allocate(&building->plan->arena, source->column_count, sizeof(*branch->columns));
    if (!branch->columns)
        return plan_no_memory(building->reader);
    if (!json_is_object(columns) || json_object_size(columns) != json_object_size(names))
        return plan_wrong(building->reader, where, "each branch gives the same columns");
    json_object_foreach((json_t *)names, name, ignored)
    {
        char column[PLACE];
        enum query_role role = 0;
        const json_t *text = json_object_get(columns, name);
        plan_place(column, sizeof(column), "%s.columns.%.64s", where, name);
        if (!text)
            return plan_wrong(building->reader, column, "each branch gives the same columns");
        status = read_branch_column(building, column, &own, text, &branch->columns[i], &role);
        if (status != CELLA_OK)
            return status;
        if (position == 0) {
            source->columns[i].type = branch->columns[i]->type;
            source->columns[i].role = role;
        }
        status =
            merge_column(building, column, &source->columns[i], branch->columns[i]->type, role);
        if (status != CELLA_OK)
            return status;
        i++;
    }
    source->branch_count++;
    return CELLA_OK;
}

static cella_status read_union(struct building *building, const char *where, const json_t *value,
                               struct plan_source *source)
{
    size_t count = 0, i = 0;
    const char *name;
    json_t *ignored;
    cella_status status =
        new_list(building, where, value, sizeof(*source->branches), &source->branches, &count);
    if (status != CELLA_OK)
        return status;
    json_t *names = json_object_get(json_array_get(value, 0), "columns");
    if (count == 0 || !json_is_object(names) || json_object_size(names) == 0 ||
        json_object_size(names) > PLAN_LIST_MOST)
        return plan_wrong(building->reader, where, "needs a branch with \"columns\"");
    source->kind = PLAN_UNION;
    source->column_count = json_object_size(names) + 1;
    source->columns =
        plan_allocate(&building->plan->arena, source->column_count, sizeof(*source->columns));
    if (!source->columns)
        return plan_no_memory(building->reader);
    json_object_foreach(names, name, ignored)
    {
        json_t *text = json_string(name);
        status = text ? plan_name(building->reader, where, text, source->columns[i++].name)
                      : plan_no_memory(building->reader);
        json_decref(text);
        if (status != CELLA_OK)
            return status;
        if (strcmp(name, "input") == 0)
            return plan_wrong(building->reader, where, "\"input\" is the name of the input there");
    }
    source->columns[i] =
        (struct plan_column){.name = "input", .type = QUERY_TEXT, .role = QUERY_DIMENSION};
    for (i = 0; status == CELLA_OK && i < count; i++) {
        char branch[PLACE];
        plan_place(branch, sizeof(branch), "%.80s[%zu]", where, i);
        status = read_branch(building, branch, json_array_get(value, i), names, source);
    }
    return status;
}

static cella_status read_source(struct building *building, const char *where, const json_t *value,
                                struct plan_source *source)
{
    const json_t *input = json_object_get(value, "input"),
                 *below = json_object_get(value, "statement"),
                 *branches = json_object_get(value, "union");
    char inside[PLACE];
    if (!!input + !!below + !!branches != 1)
        return plan_wrong(building->reader, where,
                          "needs one of \"input\", \"statement\" and \"union\"");
    plan_place(inside, sizeof(inside), "%.100s.as", where);
    cella_status status =
        plan_name(building->reader, inside, json_object_get(value, "as"), source->alias);
    if (status != CELLA_OK)
        return status;
    for (const struct plan_source *other = building->statement->sources; other < source; other++)
        if (strcmp(other->alias, source->alias) == 0)
            return plan_wrong(building->reader, inside, "a second \"%s\"", source->alias);
    plan_place(inside, sizeof(inside), "%.100s.%s", where,
               input   ? "input"
               : below ? "statement"
                       : "union");
    if (input)
        return read_input_source(building, inside, input, source);
    return below ? read_statement_source(building, inside, below, source)
                 : read_union(building, inside, branches, source);
}

/* ---- joins ---- */

/* "alias.column" of what may be joined on. */
static cella_status find_pair_side(const struct building *building, const char *where,
                                   const json_t *value, size_t *source, size_t *column)
{
    const struct plan_statement *statement = building->statement;
    const char *text = json_string_value(value), *dot = text ? strchr(text, '.') : NULL;
    if (!dot)
        return plan_wrong(building->reader, where, "must be pairs of \"ALIAS.COLUMN\"");
    for (size_t i = 0; i < statement->source_count; i++) {
        const struct plan_source *from = &statement->sources[i];
        if (strlen(from->alias) != (size_t)(dot - text) ||
            strncmp(from->alias, text, (size_t)(dot - text)) != 0)
            continue;
        for (size_t k = 0; k < from->column_count; k++)
            if (strcmp(from->columns[k].name, dot + 1) == 0) {
                enum query_role role = from->columns[k].role;
                *source = i;
                *column = k;
                if (role == QUERY_MEASURE || role == QUERY_HIDDEN)
                    return plan_wrong(building->reader, where, "\"%.130s\" is %s: not joined on",
                                      text, role == QUERY_MEASURE ? "a measure" : "hidden");
                return CELLA_OK;
            }
    }
    return plan_wrong(building->reader, where, "there is no \"%.130s\" here", text);
}

static cella_status read_pair(const struct building *building, const char *where,
                              const json_t *value, size_t own, struct plan_pair *pair)
{
    size_t sides[2] = {0}, columns[2] = {0};
    if (json_array_size(value) != 2)
        return plan_wrong(building->reader, where, "must be pairs of \"ALIAS.COLUMN\"");
    for (size_t i = 0; i < 2; i++) {
        cella_status status =
            find_pair_side(building, where, json_array_get(value, i), &sides[i], &columns[i]);
        if (status != CELLA_OK)
            return status;
    }
    if ((sides[0] == own) == (sides[1] == own))
        return plan_wrong(building->reader, where,
                          "a pair is a column of this input and one of those before");
    size_t other = sides[0] == own;
    *pair = (struct plan_pair){
        .source = sides[other], .column = columns[other], .own = columns[!other]};
    const struct plan_source *sources = building->statement->sources;
    if (sources[own].columns[pair->own].type != sources[pair->source].columns[pair->column].type)
        return plan_wrong(building->reader, where, "the two are of different types");
    return CELLA_OK;
}

static cella_status read_join(struct building *building, const char *where, const json_t *value)
{
    static const char *const kinds[] = {"inner", "left"};
    struct plan_statement *statement = building->statement;
    struct plan_source *source = &statement->sources[statement->source_count];
    char inside[PLACE];
    size_t kind = 0, count = 0;
    cella_status status =
        plan_keys(building->reader, where, value, "input statement union as! kind! on!");
    if (status == CELLA_OK)
        status = read_source(building, where, value, source);
    plan_place(inside, sizeof(inside), "%.100s.kind", where);
    if (status == CELLA_OK)
        status =
            plan_word(building->reader, inside, json_object_get(value, "kind"), kinds, 2, &kind);
    plan_place(inside, sizeof(inside), "%.100s.on", where);
    if (status == CELLA_OK)
        status = new_list(building, inside, json_object_get(value, "on"), sizeof(*source->on),
                          &source->on, &count);
    if (status == CELLA_OK && count == 0)
        status = plan_wrong(building->reader, inside, "a join needs a pair of columns");
    source->left = kind == 1;
    statement->source_count++;
    for (; status == CELLA_OK && source->on_count < count; source->on_count++)
        status = read_pair(building, inside,
                           json_array_get(json_object_get(value, "on"), source->on_count),
                           statement->source_count - 1, &source->on[source->on_count]);
    return status;
}

static cella_status read_sources(struct building *building, const json_t *value)
{
    struct plan_statement *statement = building->statement;
    const json_t *from = json_object_get(value, "from"), *joins = json_object_get(value, "join");
    char where[PLACE];
    size_t count = 0;
    ENTRY(building, where, "join");
    cella_status status = plan_list(building->reader, where, joins, PLAN_SOURCES_MOST - 1, &count);
    if (status != CELLA_OK)
        return status;
    statement->sources =
        plan_allocate(&building->plan->arena, count + 1, sizeof(*statement->sources));
    if (!statement->sources)
        return plan_no_memory(building->reader);
    ENTRY(building, where, "from");
    status = plan_keys(building->reader, where, from, "input statement union as!");
    if (status == CELLA_OK)
        status = read_source(building, where, from, &statement->sources[0]);
    statement->source_count = 1;
    for (size_t i = 0; status == CELLA_OK && i < count; i++) {
        ENTRY(building, where, "join[%zu]", i);
        status = read_join(building, where, json_array_get(joins, i));
    }
    return status;
}

/* ---- let, where, group, select, order ---- */

static bool name_taken(const struct plan_statement *statement, const char *name)
{
    for (size_t i = 0; i < statement->let_count; i++)
        if (strcmp(statement->lets[i].name, name) == 0)
            return true;
    return false;
}

static cella_status read_let(struct building *building, const char *where, const json_t *value)
{
    struct plan_statement *statement = building->statement;
    struct plan_let *let = &statement->lets[statement->let_count];
    char inside[PLACE + 10];
    cella_status status = plan_keys(building->reader, where, value, "name! value!");
    plan_place(inside, sizeof(inside), "%s.name", where);
    if (status == CELLA_OK)
        status = plan_name(building->reader, inside, json_object_get(value, "name"), let->name);
    if (status == CELLA_OK && name_taken(statement, let->name))
        status = plan_wrong(building->reader, inside, "a second \"%s\"", let->name);
    plan_place(inside, sizeof(inside), "%s.value", where);
    if (status == CELLA_OK)
        status = parse(building, inside, json_object_get(value, "value"), &let->value);
    statement->let_count += status == CELLA_OK;
    return status;
}

static cella_status read_condition(struct building *building, const char *where,
                                   const json_t *value)
{
    struct plan_statement *statement = building->statement;
    cella_status status =
        parse_number(building, where, value, &statement->where[statement->where_count]);
    statement->where_count += status == CELLA_OK;
    return status;
}

static cella_status result_column(const struct building *building, const char *where,
                                  const char *name, enum query_type type)
{
    struct plan_statement *statement = building->statement;
    for (size_t i = 0; i < statement->column_count; i++)
        if (strcmp(statement->columns[i].name, name) == 0)
            return plan_wrong(building->reader, where, "a second column \"%s\" of the result",
                              name);
    struct plan_column *column = &statement->columns[statement->column_count++];
    snprintf(column->name, sizeof(column->name), "%s", name);
    column->type = type;
    column->role = QUERY_DIMENSION; /* it may leave the room: it has been held to the rules */
    return CELLA_OK;
}

static cella_status read_key(struct building *building, const char *where, const json_t *value)
{
    struct plan_let *key = &building->statement->keys[building->statement->key_count];
    cella_status status = parse(building, where, value, &key->value);
    if (status != CELLA_OK)
        return status;
    if (key->value->kind != EXPRESSION_COLUMN && key->value->kind != EXPRESSION_LET)
        return plan_wrong(building->reader, where, "must be ALIAS.COLUMN or a name of let");
    if (!key->value->dimension)
        return plan_wrong(building->reader, where,
                          "\"%s\" depends on a measure: it cannot be a group's key",
                          key->value->text);
    snprintf(key->name, sizeof(key->name), "%s", key->value->text);
    building->statement->key_count++;
    return result_column(building, where, key->name, key->value->type);
}

/* The alias whose individuals are counted: an input's, a union's, or a statement's that stands on
 * one input with an identifier. */
static cella_status find_counted(const struct building *building, const char *where,
                                 const json_t *value, size_t *source)
{
    const struct query_plan *plan = building->plan;
    const struct plan_statement *statement = building->statement;
    const char *alias = json_string_value(value);
    size_t i = 0, identified = 0, all = 0;
    while (alias && i < statement->source_count && strcmp(statement->sources[i].alias, alias) != 0)
        i++;
    if (!alias || i == statement->source_count)
        return plan_wrong(building->reader, where, "must be an alias of this statement");
    const struct plan_source *from = &statement->sources[i];
    uint32_t inputs = from->kind == PLAN_INPUT ? UINT32_C(1) << from->index : 0;
    for (size_t k = 0; k < from->branch_count; k++)
        inputs |= UINT32_C(1) << from->branches[k].input;
    for (size_t k = 0; k < plan->input_count; k++)
        if (inputs >> k & 1) {
            all++;
            identified += plan_identifier(&plan->inputs[k]) != PLAN_NONE;
        }
    if (all == 0 || all != identified)
        return plan_wrong(building->reader, where, "\"%s\" %s", alias,
                          all ? "has an input without an identifier to count"
                              : "is a statement; individuals are counted where the input is read");
    *source = i;
    return CELLA_OK;
}

static cella_status read_level(const struct building *building, const char *where,
                               const json_t *value, const char *key,
                               struct plan_aggregate *aggregate)
{
    const json_t *level = json_object_get(value, key);
    char number[40], place[PLACE];
    plan_place(place, sizeof(place), "%.100s.%s", where, key);
    if (json_is_string(level) && json_string_value(level)[0] == ':')
        return parse_number(building, place, level, &aggregate->level);
    double fixed = json_number_value(level);
    if (!json_is_number(level) || fixed <= 0 || fixed >= 1)
        return plan_wrong(building->reader, place,
                          "must be a number between 0 and 1, or a \":parameter\"");
    /* The shortest digits that are read as the same number, for people. */
    for (int digits = 1; digits == 1 || (digits <= 17 && strtod(number, NULL) != fixed); digits++)
        snprintf(number, sizeof(number), "%.*g", digits, fixed);
    return parse_text(building, place, number, &aggregate->level);
}

static const char *level_key(enum plan_function function)
{
    switch (function) {
    case PLAN_QUANTILE:
        return "q";
    case PLAN_VALUE_AT_RISK:
    case PLAN_EXPECTED_SHORTFALL:
        return "level";
    default:
        return NULL;
    }
}

static bool counts(const struct plan_aggregate *aggregate)
{
    if (aggregate->function == PLAN_COUNT || aggregate->function == PLAN_INDIVIDUALS)
        return true;
    /* A sum of what was computed as 0 or 1 counts. */
    return aggregate->function == PLAN_SUM && aggregate->value->type != QUERY_REAL &&
           (aggregate->value->type == QUERY_BOOLEAN || !expression_plain(aggregate->value));
}

static enum query_type aggregate_type(const struct plan_aggregate *aggregate)
{
    switch (aggregate->function) {
    case PLAN_COUNT:
    case PLAN_INDIVIDUALS:
        return QUERY_INTEGER;
    case PLAN_SUM: /* of integers: real where it overflows */
        return aggregate->value->type == QUERY_REAL ? QUERY_REAL : QUERY_INTEGER;
    case PLAN_MIN:
    case PLAN_MAX:
        return aggregate->value->type;
    default:
        return QUERY_REAL;
    }
}

static cella_status read_what(struct building *building, const char *where, const json_t *value,
                              struct plan_aggregate *aggregate)
{
    enum plan_function function = aggregate->function;
    const char *name = plan_function_names[function];
    const json_t *argument = json_object_get(value, name);
    char inside[PLACE];
    plan_place(inside, sizeof(inside), "%.100s.%s", where, name);
    if (function == PLAN_COUNT)
        return json_is_true(argument) ? CELLA_OK
                                      : plan_wrong(building->reader, inside, "must be true");
    if (function == PLAN_INDIVIDUALS)
        return find_counted(building, inside, argument, &aggregate->source);
    if (function == PLAN_MIN || function == PLAN_MAX)
        return parse(building, inside, argument, &aggregate->value);
    return parse_number(building, inside, argument, &aggregate->value);
}

static cella_status read_aggregate(struct building *building, const char *where,
                                   const json_t *value)
{
    struct plan_statement *statement = building->statement;
    struct plan_aggregate *aggregate = &statement->aggregates[statement->aggregate_count];
    size_t functions = 0;
    char inside[PLACE], keys[100];
    for (unsigned i = 0; i < PLAN_FUNCTIONS; i++)
        if (json_object_get(value, plan_function_names[i])) {
            aggregate->function = i;
            functions++;
        }
    if (functions != 1)
        return plan_wrong(building->reader, where, "needs one aggregate, such as \"mean\"");
    const char *level = level_key(aggregate->function);
    snprintf(keys, sizeof(keys), "name! where %s! %s%s", plan_function_names[aggregate->function],
             level ? level : "", level ? "!" : "");
    cella_status status = plan_keys(building->reader, where, value, keys);
    plan_place(inside, sizeof(inside), "%.100s.name", where);
    if (status == CELLA_OK)
        status =
            plan_name(building->reader, inside, json_object_get(value, "name"), aggregate->name);
    if (status == CELLA_OK)
        status = read_what(building, where, value, aggregate);
    if (status == CELLA_OK && level)
        status = read_level(building, where, value, level, aggregate);
    if (status == CELLA_OK && aggregate->function == PLAN_MEDIAN)
        status = parse_text(building, where, "0.5", &aggregate->level);
    const json_t *filter = json_object_get(value, "where");
    plan_place(inside, sizeof(inside), "%.100s.where", where);
    if (status == CELLA_OK && filter)
        status = parse_number(building, inside, filter, &aggregate->where);
    if (status != CELLA_OK)
        return status;
    aggregate->is_count = counts(aggregate);
    statement->aggregate_count++;
    return result_column(building, where, aggregate->name, aggregate_type(aggregate));
}

static cella_status read_order(struct building *building, const char *where, const json_t *value)
{
    struct plan_statement *statement = building->statement;
    struct plan_order *order = &statement->orders[statement->order_count];
    const json_t *descending = json_object_get(value, "descending");
    const char *words[2 * PLAN_LIST_MOST];
    cella_status status = plan_keys(building->reader, where, value, "by! descending");
    for (size_t k = 0; k < statement->column_count; k++)
        words[k] = statement->columns[k].name;
    if (status == CELLA_OK)
        status = plan_word(building->reader, where, json_object_get(value, "by"), words,
                           statement->column_count, &order->column);
    if (status == CELLA_OK && descending && !json_is_boolean(descending))
        status = plan_wrong(building->reader, where, "descending must be true or false");
    order->descending = json_is_true(descending);
    statement->order_count += status == CELLA_OK;
    return status;
}

static cella_status read_selection(struct building *building, const json_t *value)
{
    struct plan_statement *statement = building->statement;
    statement->columns =
        plan_allocate(&building->plan->arena, 2 * PLAN_LIST_MOST, sizeof(*statement->columns));
    if (!statement->columns)
        return plan_no_memory(building->reader);
    char where[PLACE];
    cella_status status =
        read_list(building, value, "group", sizeof(*statement->keys), &statement->keys, read_key);
    if (status == CELLA_OK)
        status = read_list(building, value, "select", sizeof(*statement->aggregates),
                           &statement->aggregates, read_aggregate);
    ENTRY(building, where, "select");
    if (status == CELLA_OK && statement->column_count == 0)
        status = plan_wrong(building->reader, where, "a statement needs a group or an aggregate");
    return status == CELLA_OK ? read_list(building, value, "order", sizeof(*statement->orders),
                                          &statement->orders, read_order)
                              : status;
}

/* ---- models ---- */

static cella_status read_genotypes(struct building *building, const char *where,
                                   const json_t *value)
{
    struct plan_model *model = &building->statement->model;
    const json_t *list = json_object_get(value, "genotypes"),
                 *phenotype = json_object_get(value, "phenotype");
    char inside[PLACE];
    size_t count = 0;
    cella_status status = plan_keys(building->reader, where, value, "kind! genotypes! phenotype!");
    plan_place(inside, sizeof(inside), "%.100s.phenotype", where);
    if (status == CELLA_OK &&
        (!json_is_string(phenotype) || strcmp(json_string_value(phenotype), "phenotype") != 0))
        status = plan_wrong(building->reader, inside,
                            "must be \"phenotype\", the column of a PLINK input");
    plan_place(inside, sizeof(inside), "%.100s.genotypes", where);
    if (status == CELLA_OK)
        status =
            new_list(building, inside, list, sizeof(*model->genotypes), &model->genotypes, &count);
    if (status == CELLA_OK && count == 0)
        status = plan_wrong(building->reader, inside, "needs an input");
    if (status == CELLA_OK) {
        model->strata = plan_allocate(&building->plan->arena, count, sizeof(*model->strata));
        status = model->strata ? CELLA_OK : plan_no_memory(building->reader);
    }
    for (size_t i = 0; status == CELLA_OK && i < count; i++) {
        const json_t *one = json_array_get(list, i);
        plan_place(inside, sizeof(inside), "%.100s.genotypes[%zu]", where, i);
        status = plan_keys(building->reader, inside, one, "input! stratum!");
        if (status == CELLA_OK)
            status =
                need_input(building, inside, json_object_get(one, "input"), &model->genotypes[i]);
        if (status == CELLA_OK)
            status = plan_name(building->reader, inside, json_object_get(one, "stratum"),
                               model->strata[i]);
        if (status != CELLA_OK)
            return status;
        const struct query_input *input = &building->plan->inputs[model->genotypes[i]];
        bool listed = false;
        for (size_t k = 0; k < input->column_count; k++)
            listed |= strcmp(input->columns[k].name, "phenotype") == 0 &&
                      (input->columns[k].role == QUERY_DIMENSION ||
                       input->columns[k].role == QUERY_MEASURE);
        if (input->format != QUERY_PLINK || !listed)
            return plan_wrong(building->reader, inside,
                              "must be a PLINK input whose phenotype may be computed with");
        if (building->statement->inputs >> model->genotypes[i] & 1)
            return plan_wrong(building->reader, inside, "stands there twice");
        take_part(building, model->genotypes[i]);
        model->genotype_count++;
    }
    return status;
}

static cella_status read_terms(struct building *building, const char *where, const json_t *list)
{
    struct plan_model *model = &building->statement->model;
    char inside[PLACE];
    size_t count = 0;
    cella_status status =
        new_list(building, where, list, sizeof(*model->terms), &model->terms, &count);
    if (status == CELLA_OK && count == 0)
        status = plan_wrong(building->reader, where, "a model needs a term");
    for (; status == CELLA_OK && model->term_count < count; model->term_count++) {
        plan_place(inside, sizeof(inside), "%.100s[%zu]", where, model->term_count);
        status = parse_number(building, inside, json_array_get(list, model->term_count),
                              &model->terms[model->term_count]);
    }
    return status;
}

/* The second of a test's two expressions is its one term. */
static cella_status read_one_term(struct building *building, const char *where, const json_t *value)
{
    struct plan_model *model = &building->statement->model;
    model->terms = plan_allocate(&building->plan->arena, 1, sizeof(*model->terms));
    model->term_count = 1;
    return model->terms ? parse(building, where, value, &model->terms[0])
                        : plan_no_memory(building->reader);
}

static cella_status read_model(struct building *building, const char *where, const json_t *value)
{
    static const struct {
        const char *keys, *first, *second;
    } forms[] = {
        [PLAN_LOGISTIC] = {"kind! outcome! terms!", "outcome", "terms"},
        [PLAN_LINEAR] = {"kind! outcome! terms!", "outcome", "terms"},
        [PLAN_CHI_SQUARE] = {"kind! rows! columns!", "rows", "columns"},
        [PLAN_T_TEST] = {"kind! value! by!", "value", "by"},
    };
    struct plan_model *model = &building->statement->model;
    enum plan_model_kind kind = model->kind;
    char first[PLACE], second[PLACE];
    cella_status status = plan_keys(building->reader, where, value, forms[kind].keys);
    plan_place(first, sizeof(first), "%.100s.%s", where, forms[kind].first);
    plan_place(second, sizeof(second), "%.100s.%s", where, forms[kind].second);
    const json_t *outcome = json_object_get(value, forms[kind].first);
    if (status == CELLA_OK)
        status = kind == PLAN_CHI_SQUARE ? parse(building, first, outcome, &model->outcome)
                                         : parse_number(building, first, outcome, &model->outcome);
    if (status != CELLA_OK)
        return status;
    const json_t *terms = json_object_get(value, forms[kind].second);
    return kind == PLAN_LOGISTIC || kind == PLAN_LINEAR ? read_terms(building, second, terms)
                                                        : read_one_term(building, second, terms);
}

/* ---- the three kinds ---- */

static cella_status model_kind(const struct building *building, const json_t *model)
{
    static const char *const words[] = {[PLAN_LOGISTIC] = "logistic",
                                        [PLAN_LINEAR] = "linear",
                                        [PLAN_TREND] = "trend",
                                        [PLAN_CHI_SQUARE] = "chi_square",
                                        [PLAN_T_TEST] = "t_test"};
    char where[PLACE];
    size_t kind = 0;
    ENTRY(building, where, "model.kind");
    cella_status status = plan_word(building->reader, where, json_object_get(model, "kind"), words,
                                    sizeof(words) / sizeof(*words), &kind);
    building->statement->model.kind = (enum plan_model_kind)kind;
    return status;
}

static cella_status read_structured(struct building *building, const json_t *value)
{
    struct plan_statement *statement = building->statement;
    const json_t *model = json_object_get(value, "model");
    char where[PLACE];
    ENTRY(building, where, "model");
    statement->kind = model ? PLAN_MODEL : PLAN_SELECT;
    cella_status status = model ? model_kind(building, model) : CELLA_OK;
    if (status != CELLA_OK)
        return status;
    if (statement->model.kind == PLAN_TREND) {
        status = plan_keys(building->reader, building->place, value, "name! model!");
        return status == CELLA_OK ? read_genotypes(building, where, model) : status;
    }
    status = plan_keys(building->reader, building->place, value,
                       model ? "name! from! join where let model!"
                             : "name! from! join where let group select order");
    if (status == CELLA_OK)
        status = read_sources(building, value);
    if (status == CELLA_OK)
        status =
            read_list(building, value, "let", sizeof(*statement->lets), &statement->lets, read_let);
    if (status == CELLA_OK)
        status = read_list(building, value, "where", sizeof(*statement->where), &statement->where,
                           read_condition);
    if (status != CELLA_OK)
        return status;
    return model ? read_model(building, where, model) : read_selection(building, value);
}

/* May free SQL read it? */
static bool is_free(const struct query_input *input)
{
    static const struct query_rules none;
    bool open = input->format != QUERY_PLINK && memcmp(&input->rules, &none, sizeof(none)) == 0;
    for (size_t i = 0; i < input->column_count; i++)
        open &=
            input->columns[i].role == QUERY_DIMENSION || input->columns[i].role == QUERY_MEASURE;
    return open;
}

static cella_status read_sql(struct building *building, const json_t *value)
{
    struct plan_statement *statement = building->statement;
    const json_t *list = json_object_get(value, "columns");
    char where[PLACE], inside[PLACE + 10];
    size_t count = 0;
    statement->kind = PLAN_SQL;
    cella_status status = plan_keys(building->reader, building->place, value, "name! sql! columns");
    statement->sql = json_string_value(json_object_get(value, "sql"));
    ENTRY(building, where, "sql");
    if (status == CELLA_OK && (!statement->sql || strlen(statement->sql) > 10000))
        status = plan_wrong(building->reader, where, "must be a string of at most 10000 bytes");
    for (size_t i = 0; i < building->plan->input_count; i++)
        if (is_free(&building->plan->inputs[i]))
            take_part(building, i);
    if (status == CELLA_OK && !statement->inputs)
        status = plan_wrong(building->reader, where,
                            "free SQL reads inputs without any rule, whose columns are all "
                            "dimensions or measures, and there is none");
    ENTRY(building, where, "columns");
    if (status == CELLA_OK)
        status = new_list(building, where, list, sizeof(*statement->columns), &statement->columns,
                          &count);
    for (size_t i = 0; status == CELLA_OK && i < count; i++) {
        const json_t *one = json_array_get(list, i);
        char name[QUERY_NAME + 1];
        enum query_type type = 0;
        ENTRY(building, where, "columns[%zu]", i);
        status = plan_keys(building->reader, where, one, "name! type!");
        plan_place(inside, sizeof(inside), "%s.name", where);
        if (status == CELLA_OK)
            status = plan_name(building->reader, inside, json_object_get(one, "name"), name);
        plan_place(inside, sizeof(inside), "%s.type", where);
        if (status == CELLA_OK)
            status = plan_type(building->reader, inside, json_object_get(one, "type"), &type);
        if (status == CELLA_OK)
            status = result_column(building, where, name, type);
    }
    return status;
}

/* ---- weights ---- */

static cella_status hold_weights(const struct building *building, const char *where,
                                 const struct expression *value)
{
    const char *why = value ? plan_weighs(building->plan, building->statement, value) : NULL;
    return why ? plan_wrong(building->reader, where,
                            "%s: a number may not weigh people, which could single one out", why)
               : CELLA_OK;
}

static cella_status check_weights(struct building *building)
{
    const struct plan_statement *statement = building->statement;
    const struct plan_model *model = &statement->model;
    char where[PLACE];
    ENTRY(building, where, "model");
    cella_status status = hold_weights(building, where, model->outcome);
    for (size_t i = 0; status == CELLA_OK && i < model->term_count; i++)
        status = hold_weights(building, where, model->terms[i]);
    for (size_t i = 0; status == CELLA_OK && i < statement->aggregate_count; i++) {
        ENTRY(building, where, "select[%zu]", i);
        status = hold_weights(building, where, statement->aggregates[i].value);
    }
    return status;
}

cella_status plan_statement_read(const struct plan_reader *reader, size_t index,
                                 const json_t *value)
{
    struct query_plan *plan = reader->plan;
    struct plan_statement *statement = &plan->statements[index];
    struct building building = {.reader = reader, .plan = plan, .statement = statement};
    char where[PLACE];
    plan_place(building.place, sizeof(building.place), "statements[%zu]", index);
    if (!json_is_object(value))
        return plan_wrong(reader, building.place, "must be an object");
    ENTRY(&building, where, "name");
    cella_status status = plan_name(reader, where, json_object_get(value, "name"), statement->name);
    if (status != CELLA_OK)
        return status;
    for (size_t i = 0; i < index; i++)
        if (strcmp(plan->statements[i].name, statement->name) == 0)
            return plan_wrong(reader, where, "a second statement \"%s\"", statement->name);
    status = json_object_get(value, "sql") ? read_sql(&building, value)
                                           : read_structured(&building, value);
    if (status == CELLA_OK)
        status = check_weights(&building);
    statement->least_individuals = statement->rules.least_individuals;
    statement->least_rows = statement->rules.least_rows;
    return status;
}
