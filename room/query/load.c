/* SPDX-License-Identifier: Apache-2.0
 *
 * Data into a table of the input's name (columns.c): all rows or none, the table with them.
 */
#include "load.h"

#include "image/fail.h"
#include "text.h"

#include <stdlib.h>

static const char *type_name(enum query_type type)
{
    static const char *const names[] = {
        [QUERY_INTEGER] = "integer", [QUERY_REAL] = "real", [QUERY_TEXT] = "text",
        [QUERY_BOOLEAN] = "boolean", [QUERY_DATE] = "date",
    };
    return names[type];
}

cella_status load_unfit(const struct load *load, size_t column, const char *where, uint64_t number)
{
    const struct query_column *which = &load->input->columns[column];
    return fail(load->error, CELLA_INVALID,
                "input %s, %s %llu, column %s: the value is not of type %s: correct the data, or "
                "the column's type in the contract",
                load->input->name, where, (unsigned long long)number, which->name,
                type_name(which->type));
}

cella_status load_text(struct load *load, size_t column, const char *text, size_t size,
                       const char *where, uint64_t number)
{
    int64_t integer;
    double real;
    int parameter = load->parameters[column], result = SQLITE_MISMATCH;
    switch (load->input->columns[column].type) {
    case QUERY_INTEGER:
        if (text_integer(text, size, &integer))
            result = sqlite3_bind_int64(load->insert, parameter, integer);
        break;
    case QUERY_REAL:
        if (text_real(text, size, &real))
            result = sqlite3_bind_double(load->insert, parameter, real);
        break;
    case QUERY_BOOLEAN:
        if (text_boolean(text, size, &integer))
            result = sqlite3_bind_int64(load->insert, parameter, integer);
        break;
    case QUERY_DATE:
        if (!text_is_date(text, size))
            break;
        __attribute__((fallthrough));
    case QUERY_TEXT:
        result =
            sqlite3_bind_text64(load->insert, parameter, text, size, SQLITE_STATIC, SQLITE_UTF8);
        break;
    }
    return result == SQLITE_OK ? CELLA_OK : load_unfit(load, column, where, number);
}

cella_status load_row(struct load *load)
{
    if (sqlite3_step(load->insert) != SQLITE_DONE)
        return fail(load->error, CELLA_MEMORY,
                    "input %s, row %llu: no memory for it: give the enclave a larger heap",
                    load->input->name, (unsigned long long)load->rows + 1);
    sqlite3_reset(load->insert);
    load->rows++;
    return CELLA_OK;
}

/* Affinities that leave our values as they are. */
static const char *affinity(enum query_type type)
{
    switch (type) {
    case QUERY_INTEGER:
    case QUERY_BOOLEAN:
        return "INTEGER";
    case QUERY_REAL:
        return "REAL";
    default:
        return "TEXT";
    }
}

static bool run(sqlite3 *database, sqlite3_str *sql)
{
    char *text = sqlite3_str_finish(sql);
    bool done = text && sqlite3_exec(database, text, NULL, NULL, NULL) == SQLITE_OK;
    sqlite3_free(text);
    return done;
}

static bool create(sqlite3 *database, const struct load *load)
{
    const struct query_input *input = load->input;
    if (!columns_module(database))
        return false;
    sqlite3_str *sql = sqlite3_str_new(database);
    sqlite3_str_appendf(sql, "CREATE VIRTUAL TABLE main.\"%w\" USING cella_columns", input->name);
    for (size_t i = 0; i < input->column_count; i++) {
        if (load->parameters[i])
            sqlite3_str_appendf(sql, "%s\"%w\" %s", load->parameters[i] == 1 ? "(" : ", ",
                                input->columns[i].name, affinity(input->columns[i].type));
    }
    sqlite3_str_appendall(sql, ")");
    return run(database, sql);
}

static bool prepare(sqlite3 *database, struct load *load, int parameters)
{
    sqlite3_str *sql = sqlite3_str_new(database);
    sqlite3_str_appendf(sql, "INSERT INTO main.\"%w\" VALUES (?", load->input->name);
    for (int i = 1; i < parameters; i++)
        sqlite3_str_appendall(sql, ", ?");
    sqlite3_str_appendall(sql, ")");
    char *text = sqlite3_str_finish(sql);
    bool done = text && sqlite3_prepare_v3(database, text, -1, SQLITE_PREPARE_PERSISTENT,
                                           &load->insert, NULL) == SQLITE_OK;
    sqlite3_free(text);
    return done;
}

static void drop(sqlite3 *database, const struct query_input *input)
{
    sqlite3_str *sql = sqlite3_str_new(database);
    sqlite3_str_appendf(sql, "DROP TABLE main.\"%w\"", input->name);
    run(database, sql);
}

static cella_status fill(struct load *load, const void *bytes, size_t size)
{
    switch (load->input->format) {
    case QUERY_CSV:
        return load_csv(load, bytes, size);
    case QUERY_SQLITE:
        return load_sqlite(load, bytes, size);
    case QUERY_PLINK:
        return load_plink(load, bytes, size);
    case QUERY_JSON: /* of outputs only */
        break;
    }
    return fail(load->error, CELLA_UNSUPPORTED,
                "input %s: its format cannot be read: use csv, sqlite or plink", load->input->name);
}

/* Into a table that is there; the rows come in one transaction. */
static cella_status load_all(sqlite3 *database, struct load *load, int parameters,
                             const void *bytes, size_t size)
{
    cella_status status = CELLA_MEMORY;
    bool begun = prepare(database, load, parameters) &&
                 sqlite3_exec(database, "BEGIN", NULL, NULL, NULL) == SQLITE_OK;
    if (begun)
        status = fill(load, bytes, size);
    sqlite3_finalize(load->insert);
    if (begun && sqlite3_exec(database, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
        return status;
    return fail(load->error, CELLA_MEMORY,
                "input %s: its rows cannot be kept: give the enclave a larger heap",
                load->input->name);
}

cella_status query_load(sqlite3 *database, const struct query_input *input, const void *bytes,
                        size_t size, uint64_t *rows, cella_error *error)
{
    int parameters[QUERY_COLUMNS_MOST] = {0}, count = 0;
    struct load load = {.input = input, .parameters = parameters, .error = error};
    if (input->column_count > QUERY_COLUMNS_MOST)
        return fail(error, CELLA_INVALID, "input %s: it has more than %d columns", input->name,
                    QUERY_COLUMNS_MOST);
    for (size_t i = 0; i < input->column_count; i++)
        if (input->columns[i].role != QUERY_HIDDEN)
            parameters[i] = ++count;
    if (!count)
        return fail(error, CELLA_INVALID,
                    "input %s: none of its columns may be used: give one a role other than hidden",
                    input->name);
    if (!create(database, &load))
        return fail(error, CELLA_INVALID, "input %s: its table cannot be made: load it once",
                    input->name);
    cella_status status = load_all(database, &load, count, bytes, size);
    if (status != CELLA_OK)
        drop(database, input);
    else
        *rows = load.rows;
    return status;
}
