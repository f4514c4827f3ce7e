/* SPDX-License-Identifier: Apache-2.0
 *
 * A SQLite database as an input, read in place. Its bytes are hostile: it is opened read-only in a
 * connection of its own in which its schema is not trusted, views and triggers are off and the
 * structure of every page is checked first; only an ordinary table is read, and each value is held
 * to its column's type.
 */
#include "load.h"

#include "image/fail.h"
#include "text.h"

#include <math.h>
#include <string.h>

#define VALUE_MOST (16 << 20) /* bytes of a row */

static cella_status broken(const struct load *load)
{
    return fail(load->error, CELLA_INVALID,
                "input %s: it is not a whole SQLite database: check it with PRAGMA "
                "integrity_check, and seal it while nothing writes to it",
                load->input->name);
}

static bool harden(sqlite3 *database)
{
    sqlite3_limit(database, SQLITE_LIMIT_LENGTH, VALUE_MOST);
    sqlite3_limit(database, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(database, SQLITE_LIMIT_WORKER_THREADS, 0);
    return sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) == SQLITE_OK &&
           sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) == SQLITE_OK &&
           sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL) == SQLITE_OK &&
           sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL) == SQLITE_OK &&
           sqlite3_db_config(database, SQLITE_DBCONFIG_DQS_DML, 0, NULL) == SQLITE_OK &&
           sqlite3_exec(database, "PRAGMA cell_size_check=on; PRAGMA mmap_size=0", NULL, NULL,
                        NULL) == SQLITE_OK;
}

/* Whether a statement's first row begins with this text. */
static bool answers(sqlite3 *database, const char *sql, const char *argument, const char *expected)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK)
        return false;
    if (argument)
        sqlite3_bind_text(statement, 1, argument, -1, SQLITE_STATIC);
    const char *text = sqlite3_step(statement) == SQLITE_ROW
                           ? (const char *)sqlite3_column_text(statement, 0)
                           : NULL;
    bool same = text && strcmp(text, expected) == 0;
    sqlite3_finalize(statement);
    return same;
}

static cella_status find_columns(struct load *load, sqlite3 *source)
{
    const struct query_input *input = load->input;
    if (!answers(source, "PRAGMA quick_check(1)", NULL, "ok"))
        return broken(load);
    if (!answers(source, "SELECT type FROM pragma_table_list WHERE schema = 'main' AND name = ?",
                 input->table, "table"))
        return fail(load->error, CELLA_INVALID,
                    "input %s: the database has no table %s (a view or a virtual table cannot be "
                    "read)",
                    input->name, input->table);
    for (size_t i = 0; i < input->column_count; i++)
        if (sqlite3_table_column_metadata(source, "main", input->table, input->columns[i].name,
                                          NULL, NULL, NULL, NULL, NULL) != SQLITE_OK)
            return fail(load->error, CELLA_INVALID,
                        "input %s: table %s has no column %s, which the contract lists",
                        input->name, input->table, input->columns[i].name);
    return CELLA_OK;
}

static cella_status take_text(struct load *load, size_t column, sqlite3_stmt *row, int at)
{
    const char *text = (const char *)sqlite3_column_text(row, at);
    size_t size = (size_t)sqlite3_column_bytes(row, at);
    enum query_type type = load->input->columns[column].type;
    if (!text || (type != QUERY_TEXT && type != QUERY_DATE) || text_utf8(text, size) != size)
        return load_unfit(load, column, "row", load->rows + 1);
    return load_text(load, column, text, size, "row", load->rows + 1);
}

/* Numbers as they are; an integer is also a real. */
static cella_status take_number(struct load *load, size_t column, sqlite3_stmt *row, int at)
{
    int parameter = load->parameters[column];
    enum query_type type = load->input->columns[column].type;
    bool is_integer = sqlite3_column_type(row, at) == SQLITE_INTEGER;
    int64_t integer = sqlite3_column_int64(row, at);
    if (type == QUERY_REAL && isfinite(sqlite3_column_double(row, at)))
        sqlite3_bind_double(load->insert, parameter, sqlite3_column_double(row, at));
    else if (is_integer &&
             (type == QUERY_INTEGER || (type == QUERY_BOOLEAN && (integer == 0 || integer == 1))))
        sqlite3_bind_int64(load->insert, parameter, integer);
    else
        return load_unfit(load, column, "row", load->rows + 1);
    return CELLA_OK;
}

static cella_status take(struct load *load, size_t column, sqlite3_stmt *row, int at)
{
    switch (sqlite3_column_type(row, at)) {
    case SQLITE_NULL:
        sqlite3_bind_null(load->insert, load->parameters[column]);
        return CELLA_OK;
    case SQLITE_TEXT:
        return take_text(load, column, row, at);
    case SQLITE_INTEGER:
    case SQLITE_FLOAT:
        return take_number(load, column, row, at);
    default:
        return load_unfit(load, column, "row", load->rows + 1);
    }
}

static sqlite3_stmt *prepare(struct load *load, sqlite3 *source)
{
    const struct query_input *input = load->input;
    sqlite3_stmt *rows = NULL;
    sqlite3_str *sql = sqlite3_str_new(source);
    for (size_t i = 0; i < input->column_count; i++)
        if (load->parameters[i])
            sqlite3_str_appendf(sql, "%s\"%w\"", load->parameters[i] == 1 ? "SELECT " : ", ",
                                input->columns[i].name);
    sqlite3_str_appendf(sql, " FROM main.\"%w\" NOT INDEXED", input->table);
    char *text = sqlite3_str_finish(sql);
    if (text)
        sqlite3_prepare_v2(source, text, -1, &rows, NULL);
    sqlite3_free(text);
    return rows;
}

static cella_status copy_rows(struct load *load, sqlite3 *source)
{
    sqlite3_stmt *rows = prepare(load, source);
    if (!rows)
        return broken(load);
    cella_status status = CELLA_OK;
    int result;
    while (status == CELLA_OK && (result = sqlite3_step(rows)) == SQLITE_ROW) {
        for (size_t i = 0; status == CELLA_OK && i < load->input->column_count; i++)
            if (load->parameters[i])
                status = take(load, i, rows, load->parameters[i] - 1);
        if (status == CELLA_OK)
            status = load_row(load);
    }
    if (status == CELLA_OK && result != SQLITE_DONE)
        status = broken(load);
    /* What is bound points into the row. */
    sqlite3_clear_bindings(load->insert);
    sqlite3_finalize(rows);
    return status;
}

cella_status load_sqlite(struct load *load, const void *bytes, size_t size)
{
    sqlite3 *source = NULL;
    /* Bytes 18 and 19 of the header say which journal it needs; the log of WAL is not here. */
    if (size >= 100 && (((const char *)bytes)[18] == 2 || ((const char *)bytes)[19] == 2))
        return fail(load->error, CELLA_INVALID,
                    "input %s: the database is in WAL mode: run PRAGMA journal_mode=delete on it "
                    "before it is sealed",
                    load->input->name);
    cella_status status = CELLA_MEMORY;
    /* Read-only: the bytes are not written to. */
    if (size < 512 || sqlite3_open_v2(":memory:", &source, SQLITE_OPEN_READWRITE, NULL) ||
        sqlite3_deserialize(source, "main", (unsigned char *)(uintptr_t)bytes, (int64_t)size,
                            (int64_t)size, SQLITE_DESERIALIZE_READONLY) != SQLITE_OK ||
        !harden(source))
        status = broken(load);
    else if ((status = find_columns(load, source)) == CELLA_OK)
        status = copy_rows(load, source);
    sqlite3_close(source);
    return status;
}
