/* SPDX-License-Identifier: Apache-2.0
 *
 * A room's run: inputs are loaded, statements carried out once, in the order in which outputs ask
 * for them, each held to the rules before anything reads its result.
 *
 * A sentence of an error tells which statement or input; never what SQLite or the data said.
 */
#include "run.h"

#include "image/fail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_OF_FREE_SQL 10000 /* of a million of SQLite's instructions each */

/* ---- beginning and end ---- */

static cella_status open_database(struct query_run *run, cella_error *error)
{
    static const struct {
        int limit, value;
    } limits[] = {
        {SQLITE_LIMIT_LENGTH, 1 << 26},           {SQLITE_LIMIT_SQL_LENGTH, 1 << 22},
        {SQLITE_LIMIT_EXPR_DEPTH, 1000},          {SQLITE_LIMIT_COMPOUND_SELECT, 500},
        {SQLITE_LIMIT_VDBE_OP, 25000000},         {SQLITE_LIMIT_ATTACHED, 0},
        {SQLITE_LIMIT_WORKER_THREADS, 0},         {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
        {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000},
    };
    int result =
        sqlite3_open_v2(":memory:", &run->database,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, NULL);
    for (size_t i = 0; result == SQLITE_OK && i < sizeof(limits) / sizeof(*limits); i++)
        sqlite3_limit(run->database, limits[i].limit, limits[i].value);
    const int on[] = {SQLITE_DBCONFIG_DEFENSIVE};
    const int off[] = {SQLITE_DBCONFIG_TRUSTED_SCHEMA, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION,
                       SQLITE_DBCONFIG_DQS_DML, SQLITE_DBCONFIG_DQS_DDL};
    if (result == SQLITE_OK)
        result = sqlite3_db_config(run->database, on[0], 1, NULL);
    for (size_t i = 0; result == SQLITE_OK && i < sizeof(off) / sizeof(*off); i++)
        result = sqlite3_db_config(run->database, off[i], 0, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_exec(run->database, "PRAGMA temp_store=MEMORY; PRAGMA journal_mode=OFF;",
                              NULL, NULL, NULL);
    if (result == SQLITE_OK)
        result = query_functions(run->database);
    if (result == SQLITE_OK)
        result = individuals_functions(run->database, &run->individuals);
    return result == SQLITE_OK ? CELLA_OK
                               : fail(error, CELLA_SYSTEM, "SQLite could not be started");
}

cella_status query_run_new(struct query_plan *plan, struct query_run **run, cella_error *error)
{
    struct query_run *made = calloc(1, sizeof(*made));
    if (made)
        made->results = calloc(plan->statement_count + 1, sizeof(*made->results));
    if (!made || !made->results) {
        free(made);
        return fail(error, CELLA_MEMORY, "no memory to run the contract");
    }
    made->plan = plan;
    cella_status status = open_database(made, error);
    if (status == CELLA_OK)
        *run = made;
    else
        query_run_free(made);
    return status;
}

static void free_sets(const struct query_run *run, size_t statement)
{
    struct result *result = &run->results[statement];
    size_t inputs[PLAN_INPUTS_MOST];
    size_t count = result->table.rows * plan_watched(&run->plan->statements[statement], inputs);
    for (size_t i = 0; result->sets && i < count; i++)
        free(result->sets[i].ids);
    free(result->sets);
}

void query_run_free(struct query_run *run)
{
    if (!run)
        return;
    sqlite3_close(run->database);
    individuals_clear(&run->individuals);
    for (size_t i = 0; i < run->plan->statement_count; i++) {
        free_sets(run, i);
        query_table_free(&run->results[i].table);
    }
    for (size_t i = 0; i < run->plan->input_count; i++) {
        people_free(&run->people[i]);
        query_genotypes_free(&run->genotypes[i]);
        released_free(&run->released[i]);
    }
    free(run->results);
    free(run);
}

cella_status query_run_load(struct query_run *run, const char *input, const void *bytes,
                            size_t size, uint64_t *rows, cella_error *error)
{
    const struct query_plan *plan = run->plan;
    size_t i = 0;
    while (i < plan->input_count && strcmp(plan->inputs[i].name, input) != 0)
        i++;
    if (i == plan->input_count || run->loaded[i])
        return fail(error, CELLA_INVALID, "input %.64s: %s", input,
                    i == plan->input_count ? "the contract has none of that name"
                                           : "is there already");
    cella_status status = query_load(run->database, &plan->inputs[i], bytes, size, rows, error);
    if (status == CELLA_OK && plan->inputs[i].format == QUERY_PLINK)
        status = query_genotypes_read(&plan->inputs[i], bytes, size, &run->genotypes[i], error);
    run->loaded[i] = status == CELLA_OK;
    return status;
}

/* ---- what a statement needs ---- */

cella_status run_failed(struct query_run *run, const struct plan_statement *statement,
                        cella_error *error)
{
    bool memory = sqlite3_errcode(run->database) == SQLITE_NOMEM;
    return fail(error, memory ? CELLA_MEMORY : CELLA_INVALID, "statement %s: %s", statement->name,
                memory ? "there was not enough memory" : "could not be run");
}

static cella_status need_people(struct query_run *run, size_t input, cella_error *error)
{
    return run->people[input].of_row
               ? CELLA_OK
               : people_read(run->database, &run->plan->inputs[input], &run->people[input], error);
}

static struct feed feed_of(const struct query_run *run, const struct plan_source *source,
                           const struct sql_slot *slot)
{
    size_t inputs[PLAN_INPUTS_MOST], place = 0;
    const struct people *people = &run->people[slot->input];
    if (source->kind != PLAN_STATEMENT)
        return (struct feed){.people = people, .rows = people->rows};
    const struct result *below = &run->results[source->index];
    size_t count = plan_watched(&run->plan->statements[source->index], inputs);
    while (place < count && inputs[place] != slot->input)
        place++;
    return (struct feed){.sets = below->sets + place, .rows = below->table.rows, .stride = count};
}

static cella_status make_slots(struct query_run *run, const struct plan_statement *statement,
                               const struct sql *sql, cella_error *error)
{
    struct individuals *individuals = &run->individuals;
    struct id_set *sets = calloc(1, sizeof(*sets));
    individuals_clear(individuals);
    individuals->sets = sets;
    individuals->set_count = individuals->set_room = sets != NULL;
    individuals->slots = calloc(sql->slot_count + 1, sizeof(*individuals->slots));
    if (!sets || !individuals->slots)
        return fail(error, CELLA_MEMORY, "statement %s: no memory", statement->name);
    for (size_t i = 0; i < sql->slot_count; i++) {
        const struct sql_slot *plan = &sql->slots[i];
        struct slot *slot = &individuals->slots[i];
        cella_status status = need_people(run, plan->input, error);
        if (status != CELLA_OK)
            return status;
        individuals->slot_count++;
        slot->keep = plan->keep;
        slot->people = run->people[plan->input].count;
        slot->feed_count = plan->feed_count;
        slot->feeds = calloc(plan->feed_count + 1, sizeof(*slot->feeds));
        slot->stamps = calloc(slot->people + 1, sizeof(*slot->stamps));
        if (!slot->feeds || !slot->stamps)
            return fail(error, CELLA_MEMORY, "statement %s: no memory", statement->name);
        for (size_t k = 0; k < plan->feed_count; k++)
            slot->feeds[k] = feed_of(run, &statement->sources[plan->feeds[k].source], plan);
    }
    return CELLA_OK;
}

static int bind(sqlite3_stmt *prepared, int place, const struct query_value *value)
{
    switch (value->kind) {
    case QUERY_VALUE_INTEGER:
        return sqlite3_bind_int64(prepared, place, value->integer);
    case QUERY_VALUE_REAL:
        return sqlite3_bind_double(prepared, place, value->real);
    case QUERY_VALUE_TEXT:
        return sqlite3_bind_text(prepared, place, value->text, -1, SQLITE_STATIC);
    default:
        return sqlite3_bind_null(prepared, place);
    }
}

static cella_status bind_parameters(const struct query_run *run, sqlite3_stmt *prepared,
                                    cella_error *error)
{
    for (int place = 1; place <= sqlite3_bind_parameter_count(prepared); place++) {
        const char *name = sqlite3_bind_parameter_name(prepared, place);
        const struct plan_parameter *found = NULL;
        for (size_t i = 0; name && i < run->plan->parameter_count; i++)
            if (strcmp(run->plan->parameters[i].name, name + 1) == 0)
                found = &run->plan->parameters[i];
        if (!found || !found->given)
            return fail(error, CELLA_INVALID, "parameter %.64s: %s", name ? name + 1 : "?",
                        found ? "nobody has given it" : "the contract has none of that name");
        if (bind(prepared, place, &found->value) != SQLITE_OK)
            return fail(error, CELLA_MEMORY, "parameter %s: no memory", found->name);
    }
    return CELLA_OK;
}

cella_status run_prepare(struct query_run *run, const struct plan_statement *statement,
                         const struct sql *sql, sqlite3_stmt **prepared, cella_error *error)
{
    cella_status status = make_slots(run, statement, sql, error);
    if (status != CELLA_OK)
        return status;
    if (sqlite3_prepare_v2(run->database, sql->text.bytes, -1, prepared, NULL) != SQLITE_OK)
        return run_failed(run, statement, error);
    status = bind_parameters(run, *prepared, error);
    if (status != CELLA_OK) {
        sqlite3_finalize(*prepared);
        *prepared = NULL;
    }
    return status;
}

/* ---- groups ---- */

struct gathering {
    struct query_run *run;
    const struct plan_statement *statement;
    const struct sql *sql;
    struct result *result;
    uint64_t *rows; /* of each row of the result */
    int64_t *own;   /* of each, the columns of sets and sides */
    size_t own_count, room;
    bool *suppressed;
    cella_error *error;
};

static cella_status no_memory(const struct gathering *gathering)
{
    return fail(gathering->error, CELLA_MEMORY, "statement %s: there was not enough memory",
                gathering->statement->name);
}

static bool read_value(sqlite3_stmt *prepared, int column, struct query_value *value)
{
    const char *text;
    switch (sqlite3_column_type(prepared, column)) {
    case SQLITE_INTEGER:
        *value = (struct query_value){.kind = QUERY_VALUE_INTEGER,
                                      .integer = sqlite3_column_int64(prepared, column)};
        return true;
    case SQLITE_FLOAT:
        *value = (struct query_value){.kind = QUERY_VALUE_REAL,
                                      .real = sqlite3_column_double(prepared, column)};
        return true;
    case SQLITE_TEXT:
        text = (const char *)sqlite3_column_text(prepared, column);
        value->text = text ? strdup(text) : NULL;
        value->kind = value->text ? QUERY_VALUE_TEXT : QUERY_VALUE_NULL;
        return value->text != NULL;
    case SQLITE_NULL:
        return true;
    default:
        return false; /* a blob */
    }
}

static bool make_room(struct gathering *gathering)
{
    size_t row = gathering->result->table.rows;
    if (row < gathering->room)
        return true;
    size_t room = gathering->room * 2 + 64;
    uint64_t *rows = realloc(gathering->rows, room * sizeof(*rows));
    if (rows)
        gathering->rows = rows;
    int64_t *own = realloc(gathering->own, (room * gathering->own_count + 1) * sizeof(*own));
    if (own)
        gathering->own = own;
    if (!rows || !own)
        return false;
    gathering->room = room;
    return true;
}

static bool gather_row(struct gathering *gathering, sqlite3_stmt *prepared)
{
    size_t columns = gathering->statement->column_count, row = gathering->result->table.rows;
    struct query_value *values;
    if (!make_room(gathering) || query_table_row(&gathering->result->table, &values) != CELLA_OK)
        return false;
    for (size_t i = 0; i < columns; i++)
        if (!read_value(prepared, (int)i, &values[i]))
            return false;
    gathering->rows[row] = (uint64_t)sqlite3_column_int64(prepared, (int)columns);
    for (size_t i = 0; i < gathering->own_count; i++)
        gathering->own[row * gathering->own_count + i] =
            sqlite3_column_int64(prepared, (int)(columns + 1 + i));
    return true;
}

static cella_status gather(struct gathering *gathering)
{
    sqlite3_stmt *prepared = NULL;
    const struct plan_statement *statement = gathering->statement;
    struct query_table *table = &gathering->result->table;
    cella_status status =
        run_prepare(gathering->run, statement, gathering->sql, &prepared, gathering->error);
    if (status != CELLA_OK)
        return status;
    for (size_t i = 0; status == CELLA_OK && i < statement->column_count; i++) {
        bool key = i < statement->key_count;
        bool is_count = !key && statement->aggregates[i - statement->key_count].is_count;
        status = query_table_column(table, statement->columns[i].name, is_count);
    }
    int step = SQLITE_DONE;
    while (status == CELLA_OK && (step = sqlite3_step(prepared)) == SQLITE_ROW)
        if (!gather_row(gathering, prepared))
            status = no_memory(gathering);
    if (status == CELLA_OK && step != SQLITE_DONE)
        status = run_failed(gathering->run, statement, gathering->error);
    sqlite3_finalize(prepared);
    return status;
}

static int64_t own_of(const struct gathering *gathering, size_t row, size_t column)
{
    return gathering
        ->own[row * gathering->own_count + column - (gathering->statement->column_count + 1)];
}

/* ---- held to the rules ---- */

/* The class of a value's sets: those of one column are compared with each other. Of a union: that
 * column of the input, where all its branches agree. */
static unsigned class_of(const struct plan_statement *statement, size_t input,
                         const struct plan_aggregate *aggregate)
{
    if (!aggregate->value)
        return CLASS_ROWS;
    const struct expression *plain = expression_plain(aggregate->value);
    const struct plan_source *source = plain ? &statement->sources[plain->source] : NULL;
    if (!plain || source->kind == PLAN_STATEMENT || !plan_is_column(statement, plain))
        return CLASS_ANY;
    if (source->kind == PLAN_INPUT)
        return 2 + (unsigned)(source->index * QUERY_COLUMNS_MOST + plain->column);
    unsigned class = CLASS_ANY;
    for (size_t i = 0; i < source->branch_count; i++) {
        if (source->branches[i].input != input || plain->column + 1 == source->column_count)
            continue;
        size_t column = expression_plain(source->branches[i].columns[plain->column])->column;
        unsigned one = 2 + (unsigned)(input * QUERY_COLUMNS_MOST + column);
        if (class != CLASS_ANY && class != one)
            return CLASS_ANY;
        class = one;
    }
    return class;
}

/* Holds the groups whose sets stand in columns from `first`, and says in `suppressed` which may not
 * leave. */
static cella_status hold_family(struct gathering *gathering, size_t first, const unsigned *classes,
                                bool *suppressed)
{
    const struct query_table *table = &gathering->result->table;
    const struct individuals *individuals = &gathering->run->individuals;
    size_t watches = gathering->sql->watch_count;
    struct family family = {
        .count = table->rows, .watched = watches, .suppressed = suppressed, .classes = classes};
    family.sets = calloc(table->rows * watches + 1, sizeof(*family.sets));
    if (!family.sets)
        return no_memory(gathering);
    for (size_t row = 0; row < table->rows; row++)
        for (size_t i = 0; i < watches; i++)
            family.sets[row * watches + i] = &individuals->sets[own_of(gathering, row, first + i)];
    cella_status status = rules_hold(gathering->run->released, gathering->sql->inputs, &family,
                                     gathering->statement->least_individuals, gathering->error);
    free(family.sets);
    return status;
}

static cella_status hold_rows(struct gathering *gathering)
{
    static const unsigned classes[SQL_WATCHES_MOST] = {CLASS_ROWS};
    const struct plan_statement *statement = gathering->statement;
    for (size_t row = 0; row < gathering->result->table.rows; row++)
        gathering->suppressed[row] = gathering->rows[row] < statement->least_rows;
    if (statement->least_individuals < 2)
        return CELLA_OK;
    return hold_family(gathering, statement->column_count + 1, classes, gathering->suppressed);
}

static void clear_value(struct query_value *value)
{
    if (value->kind == QUERY_VALUE_TEXT)
        free(value->text);
    *value = (struct query_value){.kind = QUERY_VALUE_NULL};
}

/* Of a row, one choice of a value: nobody's is no group. */
static bool is_nobodys(const struct gathering *gathering, size_t row, size_t first)
{
    const struct individuals *individuals = &gathering->run->individuals;
    for (size_t i = 0; i < gathering->sql->watch_count; i++)
        if (individuals->sets[own_of(gathering, row, first + i)].count)
            return false;
    return true;
}

/* A choice inside a value (case, a comparison) is a group as one of a `where` is. */
static cella_status hold_choice(struct gathering *gathering, size_t first, bool *suppressed)
{
    unsigned classes[SQL_WATCHES_MOST];
    size_t rows = gathering->result->table.rows;
    bool *choice = calloc(rows + 1, sizeof(*choice));
    if (!choice)
        return no_memory(gathering);
    for (size_t i = 0; i < SQL_WATCHES_MOST; i++)
        classes[i] = CLASS_ANY;
    for (size_t row = 0; row < rows; row++)
        choice[row] = suppressed[row] || is_nobodys(gathering, row, first);
    cella_status status = hold_family(gathering, first, classes, choice);
    for (size_t row = 0; row < rows; row++)
        suppressed[row] |= choice[row] && !is_nobodys(gathering, row, first);
    free(choice);
    return status;
}

static cella_status hold_individuals(struct gathering *gathering, size_t which, bool *suppressed)
{
    const struct plan_statement *statement = gathering->statement;
    const struct sql_own *own = &gathering->sql->own[which];
    size_t watches = gathering->sql->watch_count;
    unsigned classes[SQL_WATCHES_MOST];
    for (size_t row = 0; row < gathering->result->table.rows; row++)
        for (size_t i = 0; own->sides != PLAN_NONE && i < watches; i++)
            suppressed[row] |=
                own_of(gathering, row, own->sides + i) < (int64_t)statement->least_individuals;
    for (size_t i = 0; i < watches; i++)
        classes[i] = class_of(statement, gathering->sql->inputs[i], &statement->aggregates[which]);
    cella_status status = hold_family(gathering, own->sets, classes, suppressed);
    for (size_t i = 0; status == CELLA_OK && i < own->choice_count; i++)
        status = hold_choice(gathering, own->choices + i * watches, suppressed);
    return status;
}

/* A value that rests on fewer than the row (a condition of its own, missing values), and a quantile
 * with few on a side. */
static cella_status hold_values(struct gathering *gathering, size_t which)
{
    const struct plan_statement *statement = gathering->statement;
    struct query_table *table = &gathering->result->table;
    const struct sql_own *own = &gathering->sql->own[which];
    bool *suppressed = calloc(table->rows + 1, sizeof(*suppressed));
    if (!suppressed)
        return no_memory(gathering);
    memcpy(suppressed, gathering->suppressed, table->rows * sizeof(*suppressed));
    for (size_t row = 0; own->rows != PLAN_NONE && row < table->rows; row++)
        suppressed[row] |= (uint64_t)own_of(gathering, row, own->rows) < statement->least_rows;
    cella_status status = CELLA_OK;
    if (statement->least_individuals > 1 && own->sets != PLAN_NONE)
        status = hold_individuals(gathering, which, suppressed);
    size_t column = statement->key_count + which;
    for (size_t row = 0; row < table->rows; row++)
        if (status != CELLA_OK || suppressed[row])
            clear_value(&table->values[row * table->columns + column]);
    free(suppressed);
    return status;
}

/* Keeps the rows that may leave, with the sets behind them. */
static cella_status keep_rows(struct gathering *gathering)
{
    struct result *result = gathering->result;
    struct query_table *table = &result->table;
    const struct individuals *individuals = &gathering->run->individuals;
    const struct sql *sql = gathering->sql;
    size_t inputs[PLAN_INPUTS_MOST], kept = 0;
    size_t watched = plan_watched(gathering->statement, inputs);
    bool right = true;
    result->sets = calloc(table->rows * watched + 1, sizeof(*result->sets));
    for (size_t row = 0; row < table->rows; row++) {
        struct query_value *values = &table->values[row * table->columns];
        if (!result->sets || gathering->suppressed[row]) {
            for (size_t i = 0; i < table->columns; i++)
                clear_value(&values[i]);
            continue;
        }
        memmove(&table->values[kept * table->columns], values, table->columns * sizeof(*values));
        for (size_t i = 0, place = 0; i < sql->watch_count; i++) {
            size_t column = gathering->statement->column_count + 1 + i;
            place += inputs[place] != sql->inputs[i]; /* both are in order */
            right &= set_union(&result->sets[kept * watched + place],
                               &individuals->sets[own_of(gathering, row, column)]);
        }
        result->account.rows_in += gathering->rows[row];
        kept++;
    }
    result->account.rows_suppressed = table->rows - kept;
    table->rows = kept;
    return result->sets && right ? CELLA_OK : no_memory(gathering);
}

static cella_status run_select(struct query_run *run, const struct plan_statement *statement,
                               struct result *result, cella_error *error)
{
    struct sql sql;
    struct gathering gathering = {
        .run = run, .statement = statement, .sql = &sql, .result = result, .error = error};
    cella_status status = sql_make(run->plan, statement, &sql, error);
    if (status != CELLA_OK)
        return status;
    gathering.own_count = sql.columns - statement->column_count - 1;
    status = gather(&gathering);
    if (status == CELLA_OK) {
        gathering.suppressed = calloc(result->table.rows + 1, sizeof(bool));
        status = gathering.suppressed ? hold_rows(&gathering) : no_memory(&gathering);
    }
    for (size_t i = 0; status == CELLA_OK && i < statement->aggregate_count; i++)
        status = hold_values(&gathering, i);
    if (status == CELLA_OK)
        status = keep_rows(&gathering);
    free(gathering.rows);
    free(gathering.own);
    free(gathering.suppressed);
    sql_free(&sql);
    return status;
}

/* ---- free SQL ---- */

static const char *const free_functions[] = {"abs",         "avg",        "ceil",
                                             "coalesce",    "count",      "date",
                                             "dense_rank",  "exp",        "expected_shortfall",
                                             "first_value", "floor",      "ifnull",
                                             "iif",         "instr",      "julianday",
                                             "lag",         "last_value", "lead",
                                             "length",      "like",       "ln",
                                             "log10",       "lower",      "ltrim",
                                             "max",         "median",     "min",
                                             "ntile",       "nullif",     "power",
                                             "quantile",    "rank",       "round",
                                             "row_number",  "rtrim",      "sign",
                                             "sqrt",        "stddev",     "strftime",
                                             "substr",      "sum",        "total",
                                             "trim",        "upper",      "value_at_risk",
                                             "variance"};

struct free_sql {
    const struct query_run *run;
    const struct plan_statement *statement;
    uint64_t steps;
};

static bool may_read(const struct free_sql *sql, const char *table)
{
    const struct query_plan *plan = sql->run->plan;
    for (size_t i = 0; table && i < plan->input_count; i++)
        if (sql->statement->inputs >> i & 1 && strcmp(plan->inputs[i].name, table) == 0)
            return true;
    return false;
}

static int authorize(void *context, int action, const char *first, const char *second,
                     const char *schema, const char *trigger)
{
    (void)schema, (void)trigger;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_READ:
        return may_read(context, first) ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_FUNCTION:
        for (size_t i = 0; second && i < sizeof(free_functions) / sizeof(*free_functions); i++)
            if (sqlite3_stricmp(free_functions[i], second) == 0)
                return SQLITE_OK;
        return SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

static int count_steps(void *context)
{
    struct free_sql *sql = context;
    return ++sql->steps > STEPS_OF_FREE_SQL;
}

static bool value_fits(const struct query_value *value, enum query_type type)
{
    bool text = type == QUERY_TEXT || type == QUERY_DATE;
    switch (value->kind) {
    case QUERY_VALUE_NULL:
        return true;
    case QUERY_VALUE_TEXT:
        return text;
    case QUERY_VALUE_REAL:
        return type == QUERY_REAL;
    default:
        return !text;
    }
}

static bool is_name(const char *name)
{
    size_t length = name ? strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;
    return length && length <= QUERY_NAME && name[length] == 0;
}

static cella_status free_columns(sqlite3_stmt *prepared, const struct plan_statement *statement,
                                 struct query_table *table, cella_error *error)
{
    size_t count = (size_t)sqlite3_column_count(prepared);
    cella_status status = CELLA_OK;
    if (statement->column_count && statement->column_count != count)
        return fail(error, CELLA_INVALID, "statement %s: its SQL gives %zu columns, not %zu",
                    statement->name, count, statement->column_count);
    for (size_t i = 0; status == CELLA_OK && i < count; i++) {
        char numbered[QUERY_NAME + 1];
        const char *name = sqlite3_column_name(prepared, (int)i);
        snprintf(numbered, sizeof(numbered), "column%zu", i + 1);
        if (statement->column_count)
            name = statement->columns[i].name;
        status = query_table_column(table, is_name(name) ? name : numbered, false);
    }
    return status;
}

static cella_status free_rows(struct query_run *run, sqlite3_stmt *prepared,
                              const struct plan_statement *statement, struct query_table *table,
                              cella_error *error)
{
    int step;
    while ((step = sqlite3_step(prepared)) == SQLITE_ROW) {
        struct query_value *values;
        if (query_table_row(table, &values) != CELLA_OK)
            return fail(error, CELLA_MEMORY, "statement %s: there was not enough memory",
                        statement->name);
        for (size_t i = 0; i < table->columns; i++)
            if (!read_value(prepared, (int)i, &values[i]) ||
                (statement->column_count && !value_fits(&values[i], statement->columns[i].type)))
                return fail(error, CELLA_INVALID,
                            "statement %s: a value of column %zu is not of its type",
                            statement->name, i);
    }
    return step == SQLITE_DONE ? CELLA_OK : run_failed(run, statement, error);
}

/* Behind an authorizer, and only over inputs without any rule (statement.c). What SQLite says of
 * the text it was given says nothing of the data. */
static cella_status run_free(struct query_run *run, const struct plan_statement *statement,
                             struct result *result, cella_error *error)
{
    struct free_sql sql = {.run = run, .statement = statement};
    sqlite3_stmt *prepared = NULL;
    const char *rest = "";
    cella_status status = CELLA_OK;
    sqlite3_set_authorizer(run->database, authorize, &sql);
    int code = sqlite3_prepare_v2(run->database, statement->sql, -1, &prepared, &rest);
    if (code != SQLITE_OK || !prepared)
        status = fail(error, CELLA_REFUSED, "statement %s: %.200s", statement->name,
                      code == SQLITE_OK ? "there is no SQL in it" : sqlite3_errmsg(run->database));
    else if (rest[strspn(rest, " \t\r\n;")])
        status = fail(error, CELLA_REFUSED, "statement %s: more than one SQL statement",
                      statement->name);
    else if (!sqlite3_stmt_readonly(prepared) || sqlite3_stmt_isexplain(prepared))
        status = fail(error, CELLA_REFUSED, "statement %s: must be a SELECT", statement->name);
    else
        status = bind_parameters(run, prepared, error);
    sqlite3_progress_handler(run->database, 1000000, count_steps, &sql);
    if (status == CELLA_OK)
        status = free_columns(prepared, statement, &result->table, error);
    if (status == CELLA_OK)
        status = free_rows(run, prepared, statement, &result->table, error);
    sqlite3_finalize(prepared);
    sqlite3_progress_handler(run->database, 0, NULL, NULL);
    sqlite3_set_authorizer(run->database, NULL, NULL);
    result->account.rows_in = result->table.rows;
    return status;
}

/* ---- order and caps ---- */

struct ordering {
    const struct query_table *table;
    const struct plan_statement *statement;
};

static int compare_values(const struct query_value *first, const struct query_value *second)
{
    if (first->kind == QUERY_VALUE_NULL || second->kind == QUERY_VALUE_NULL)
        return (first->kind == QUERY_VALUE_NULL) - (second->kind == QUERY_VALUE_NULL);
    if (first->kind == QUERY_VALUE_TEXT && second->kind == QUERY_VALUE_TEXT)
        return strcmp(first->text, second->text);
    if (first->kind == QUERY_VALUE_TEXT || second->kind == QUERY_VALUE_TEXT)
        return first->kind == QUERY_VALUE_TEXT ? 1 : -1;
    if (first->kind == QUERY_VALUE_INTEGER && second->kind == QUERY_VALUE_INTEGER)
        return (first->integer > second->integer) - (first->integer < second->integer);
    double a = first->kind == QUERY_VALUE_REAL ? first->real : (double)first->integer;
    double b = second->kind == QUERY_VALUE_REAL ? second->real : (double)second->integer;
    return (a > b) - (a < b);
}

/* As the statement asks, then by all columns: what leaves does not hang on SQLite's choices. What
 * is missing comes last. */
static int compare_rows(const void *first, const void *second, void *context)
{
    const struct ordering *ordering = context;
    const struct query_table *table = ordering->table;
    size_t rows[2];
    memcpy(&rows[0], first, sizeof(rows[0]));
    memcpy(&rows[1], second, sizeof(rows[1]));
    const struct query_value *a = &table->values[rows[0] * table->columns];
    const struct query_value *b = &table->values[rows[1] * table->columns];
    int order = 0;
    for (size_t i = 0; order == 0 && i < ordering->statement->order_count; i++) {
        const struct plan_order *by = &ordering->statement->orders[i];
        order = compare_values(&a[by->column], &b[by->column]);
        bool missing =
            a[by->column].kind == QUERY_VALUE_NULL || b[by->column].kind == QUERY_VALUE_NULL;
        order = by->descending && !missing ? -order : order;
    }
    for (size_t i = 0; order == 0 && i < table->columns; i++)
        order = compare_values(&a[i], &b[i]);
    return order;
}

/* Columns that say which row it is, and are not rounded. */
static size_t key_columns(const struct plan_statement *statement)
{
    return statement->model.kind == PLAN_TREND ? 5 : statement->key_count;
}

/* Rounds, sorts, and keeps the first rows; `sets` (or NULL) go with the rows. */
static bool finish_table(const struct plan_statement *statement, struct query_table *table,
                         struct id_set *sets, size_t watched, const struct query_rules *rules)
{
    size_t width = table->columns, rows = table->rows;
    struct ordering ordering = {.table = table, .statement = statement};
    rules_round(table, key_columns(statement), rules);
    size_t *order = calloc(rows + 1, sizeof(*order));
    struct query_value *values = calloc(rows * width + 1, sizeof(*values));
    struct id_set *moved = calloc(rows * watched + 1, sizeof(*moved));
    bool right = order && values && moved;
    for (size_t i = 0; right && i < rows; i++)
        order[i] = i;
    if (right && statement->kind == PLAN_SELECT)
        qsort_r(order, rows, sizeof(*order), compare_rows, &ordering);
    size_t most = rules->most_rows && rules->most_rows < rows ? (size_t)rules->most_rows : rows;
    for (size_t i = 0; right && i < rows; i++) {
        struct query_value *from = &table->values[order[i] * width];
        for (size_t k = 0; i >= most && k < width; k++)
            clear_value(&from[k]);
        memcpy(&values[i * width], from, width * sizeof(*from));
        for (size_t k = 0; sets && k < watched; k++) {
            moved[i * watched + k] = sets[order[i] * watched + k];
            if (i >= most)
                free(moved[i * watched + k].ids);
        }
    }
    if (right && rows) {
        memcpy(table->values, values, rows * width * sizeof(*values));
        if (sets)
            memcpy(sets, moved, rows * watched * sizeof(*sets));
        table->rows = most;
    }
    free(order);
    free(values);
    free(moved);
    return right;
}

/* ---- statements, each once ---- */

static bool insert_rows(sqlite3_stmt *insert, const struct query_table *table)
{
    for (size_t row = 0; row < table->rows; row++) {
        for (size_t i = 0; i < table->columns; i++)
            if (bind(insert, (int)i + 1, &table->values[row * table->columns + i]) != SQLITE_OK)
                return false;
        if (sqlite3_step(insert) != SQLITE_DONE || sqlite3_reset(insert) != SQLITE_OK)
            return false;
    }
    return true;
}

/* A result as a table "~NAME", for the statements above. */
static cella_status make_table(struct query_run *run, size_t index, cella_error *error)
{
    const struct plan_statement *statement = &run->plan->statements[index];
    struct text create = {0}, insert = {0};
    sqlite3_stmt *prepared = NULL;
    text_add(&create, "CREATE TABLE \"~%s\" (", statement->name);
    text_add(&insert, "INSERT INTO \"~%s\" VALUES (", statement->name);
    for (size_t i = 0; i < statement->column_count; i++) {
        enum query_type type = statement->columns[i].type;
        text_add(&create, "%s\"%s\" %s", i ? ", " : "", statement->columns[i].name,
                 type == QUERY_TEXT || type == QUERY_DATE ? "TEXT"
                 : type == QUERY_REAL                     ? "REAL"
                                                          : "INTEGER");
        text_put(&insert, i ? ", ?" : "?");
    }
    text_put(&create, ")");
    text_put(&insert, ")");
    bool right =
        !create.failed && !insert.failed &&
        sqlite3_exec(run->database, create.bytes, NULL, NULL, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(run->database, insert.bytes, -1, &prepared, NULL) == SQLITE_OK &&
        insert_rows(prepared, &run->results[index].table);
    sqlite3_finalize(prepared);
    free(create.bytes);
    free(insert.bytes);
    return right ? CELLA_OK : run_failed(run, statement, error);
}

static bool is_read(const struct query_plan *plan, size_t index)
{
    for (size_t i = 0; i < plan->statement_count; i++)
        for (size_t k = 0; k < plan->statements[i].source_count; k++)
            if (plan->statements[i].sources[k].kind == PLAN_STATEMENT &&
                plan->statements[i].sources[k].index == index)
                return true;
    return false;
}

static cella_status need_inputs(const struct query_run *run, const struct plan_statement *statement,
                                cella_error *error)
{
    for (size_t i = 0; i < run->plan->input_count; i++)
        if (statement->inputs >> i & 1 && !run->loaded[i])
            return fail(error, CELLA_INVALID, "statement %s: input %s is not there yet",
                        statement->name, run->plan->inputs[i].name);
    return CELLA_OK;
}

static cella_status run_statement(struct query_run *run, size_t index, cella_error *error)
{
    const struct plan_statement *statement = &run->plan->statements[index];
    struct result *result = &run->results[index];
    size_t inputs[PLAN_INPUTS_MOST];
    cella_status status = need_inputs(run, statement, error);
    if (status != CELLA_OK || result->done)
        return status;
    for (size_t i = 0; status == CELLA_OK && i < statement->source_count; i++)
        if (statement->sources[i].kind == PLAN_STATEMENT)
            status = run_statement(run, statement->sources[i].index, error);
    if (status != CELLA_OK)
        return status;
    free_sets(run, index); /* of an attempt that failed */
    query_table_free(&result->table);
    *result = (struct result){0};
    status = statement->kind == PLAN_MODEL ? run_model(run, statement, result, error)
             : statement->kind == PLAN_SQL ? run_free(run, statement, result, error)
                                           : run_select(run, statement, result, error);
    individuals_clear(&run->individuals);
    if (status == CELLA_OK && !finish_table(statement, &result->table, result->sets,
                                            plan_watched(statement, inputs), &statement->rules))
        status =
            fail(error, CELLA_MEMORY, "statement %s: there was not enough memory", statement->name);
    if (status == CELLA_OK && is_read(run->plan, index))
        status = make_table(run, index, error);
    result->account.rows_out = result->table.rows;
    result->account.applied = statement->rules;
    result->account.applied.least_individuals = statement->least_individuals;
    result->account.applied.least_rows = statement->least_rows;
    snprintf(result->account.statement, sizeof(result->account.statement), "%s", statement->name);
    result->done = status == CELLA_OK;
    return status;
}

/* ---- outputs ---- */

static bool copy_table(const struct query_table *from, struct query_table *to)
{
    for (size_t i = 0; i < from->columns; i++)
        if (query_table_column(to, from->names[i], from->counts[i]) != CELLA_OK)
            return false;
    for (size_t row = 0; row < from->rows; row++) {
        struct query_value *values;
        if (query_table_row(to, &values) != CELLA_OK)
            return false;
        for (size_t i = 0; i < from->columns; i++) {
            const struct query_value *value = &from->values[row * from->columns + i];
            char *text = value->kind == QUERY_VALUE_TEXT ? strdup(value->text) : NULL;
            if (value->kind == QUERY_VALUE_TEXT && !text)
                return false;
            values[i] = *value;
            if (text)
                values[i].text = text;
        }
    }
    return true;
}

static cella_status write_output(const struct query_run *run, const struct plan_output *output,
                                 uint8_t **bytes, size_t *size, struct query_account *account,
                                 cella_error *error)
{
    const struct plan_statement *statement = &run->plan->statements[output->statement];
    const struct result *result = &run->results[output->statement];
    struct query_table table = {0};
    cella_status status = CELLA_OK;
    if (!copy_table(&result->table, &table) ||
        !finish_table(statement, &table, NULL, 0, &output->rules))
        status = fail(error, CELLA_MEMORY, "output %s: there was not enough memory", output->name);
    if (status == CELLA_OK)
        status = query_write(&table, output->name, output->format, bytes, size, error);
    if (status == CELLA_OK && output->rules.most_bytes && *size > output->rules.most_bytes) {
        free(*bytes);
        *bytes = NULL;
        status = fail(error, CELLA_REFUSED, "output %s: it is larger than most_bytes allows",
                      output->name);
    }
    *account = result->account;
    account->rows_out = table.rows;
    plan_strictest(&account->applied, &output->rules);
    account->rows_in = rules_round_count(account->rows_in, &account->applied);
    query_table_free(&table);
    return status;
}

cella_status query_run_output(struct query_run *run, const char *output, uint8_t **bytes,
                              size_t *size, struct query_account *account, cella_error *error)
{
    *account = (struct query_account){0};
    for (size_t i = 0; i < run->plan->output_count; i++)
        if (strcmp(run->plan->outputs[i].name, output) == 0) {
            cella_status status = run_statement(run, run->plan->outputs[i].statement, error);
            return status == CELLA_OK
                       ? write_output(run, &run->plan->outputs[i], bytes, size, account, error)
                       : status;
        }
    return fail(error, CELLA_INVALID, "output %.64s: the contract has none of that name", output);
}
