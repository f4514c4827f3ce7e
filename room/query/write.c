/* SPDX-License-Identifier: Apache-2.0
 *
 * A result as bytes: CSV, JSON or a SQLite database. The same table gives the same bytes. Numbers
 * are written with the fewest digits that are read as the same number; one that is not finite is
 * written as NULL.
 */
#include "query.h"

#include "image/fail.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cella_status no_memory(const char *name, cella_error *error)
{
    return fail(error, CELLA_MEMORY, "output %s: no memory to write it", name);
}

static bool is_null(const struct query_value *value)
{
    return value->kind == QUERY_VALUE_NULL ||
           (value->kind == QUERY_VALUE_REAL && !isfinite(value->real));
}

static void write_number(FILE *file, const struct query_value *value)
{
    char text[32];
    if (value->kind == QUERY_VALUE_INTEGER) {
        fprintf(file, "%lld", (long long)value->integer);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value->real);
        if (strtod(text, NULL) == value->real)
            break;
    }
    fputs(text, file);
}

/* ---- CSV (RFC 4180); NULL is an empty field, the empty text is "" ---- */

static void csv_text(FILE *file, const char *text)
{
    if (text[0] && !text[strcspn(text, ",\"\r\n")]) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', file);
        fputc(*text, file);
    }
    fputc('"', file);
}

static void write_csv(const struct query_table *table, FILE *file)
{
    for (size_t i = 0; i < table->columns; i++) {
        fputs(i ? "," : "", file);
        csv_text(file, table->names[i]);
    }
    fputs("\r\n", file);
    for (size_t i = 0; i < table->rows * table->columns; i++) {
        const struct query_value *value = &table->values[i];
        if (value->kind == QUERY_VALUE_TEXT)
            csv_text(file, value->text);
        else if (!is_null(value))
            write_number(file, value);
        fputs((i + 1) % table->columns ? "," : "\r\n", file);
    }
}

/* ---- JSON (RFC 8259) ---- */

static void json_text(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fprintf(file, "\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            fprintf(file, "\\u%04x", (unsigned)*text);
        else
            fputc(*text, file);
    }
    fputc('"', file);
}

/* An array of objects, one a row. */
static void write_json(const struct query_table *table, FILE *file)
{
    fputc('[', file);
    for (size_t i = 0; i < table->rows * table->columns; i++) {
        size_t column = i % table->columns;
        const struct query_value *value = &table->values[i];
        fputs(column ? ", " : i ? "},\n {" : "{", file);
        json_text(file, table->names[column]);
        fputs(": ", file);
        if (value->kind == QUERY_VALUE_TEXT)
            json_text(file, value->text);
        else if (is_null(value))
            fputs("null", file);
        else
            write_number(file, value);
    }
    fputs(table->rows ? "}]\n" : "]\n", file);
}

static cella_status write_text(const struct query_table *table, const char *name,
                               enum query_format format, uint8_t **bytes, size_t *size,
                               cella_error *error)
{
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    if (!file)
        return no_memory(name, error);
    if (format == QUERY_CSV)
        write_csv(table, file);
    else
        write_json(table, file);
    bool whole = !ferror(file);
    if (fclose(file) != 0 || !whole) {
        free(text);
        return no_memory(name, error);
    }
    *bytes = (uint8_t *)text;
    *size = length;
    return CELLA_OK;
}

/* ---- SQLite: a table of the output's name ---- */

/* A column's affinity is of its first value. */
static const char *affinity(const struct query_table *table, size_t column)
{
    static const char *const names[] = {[QUERY_VALUE_INTEGER] = " INTEGER",
                                        [QUERY_VALUE_REAL] = " REAL",
                                        [QUERY_VALUE_TEXT] = " TEXT"};
    for (size_t i = column; i < table->rows * table->columns; i += table->columns)
        if (table->values[i].kind != QUERY_VALUE_NULL)
            return names[table->values[i].kind];
    return "";
}

static sqlite3_stmt *create(sqlite3 *database, const struct query_table *table, const char *name)
{
    sqlite3_stmt *insert = NULL;
    sqlite3_str *columns = sqlite3_str_new(database), *values = sqlite3_str_new(database);
    sqlite3_str_appendf(columns, "CREATE TABLE \"%w\"(", name);
    sqlite3_str_appendf(values, "INSERT INTO \"%w\" VALUES(", name);
    for (size_t i = 0; i < table->columns; i++) {
        sqlite3_str_appendf(columns, "%s\"%w\"%s", i ? ", " : "", table->names[i],
                            affinity(table, i));
        sqlite3_str_appendall(values, i ? ", ?" : "?");
    }
    sqlite3_str_appendall(columns, ")");
    sqlite3_str_appendall(values, ")");
    char *make = sqlite3_str_finish(columns), *fill = sqlite3_str_finish(values);
    if (make && fill && sqlite3_exec(database, make, NULL, NULL, NULL) == SQLITE_OK)
        sqlite3_prepare_v2(database, fill, -1, &insert, NULL);
    sqlite3_free(make);
    sqlite3_free(fill);
    return insert;
}

static void bind(sqlite3_stmt *insert, int parameter, const struct query_value *value)
{
    if (is_null(value))
        sqlite3_bind_null(insert, parameter);
    else if (value->kind == QUERY_VALUE_INTEGER)
        sqlite3_bind_int64(insert, parameter, value->integer);
    else if (value->kind == QUERY_VALUE_REAL)
        sqlite3_bind_double(insert, parameter, value->real);
    else
        sqlite3_bind_text(insert, parameter, value->text, -1, SQLITE_STATIC);
}

static bool fill(sqlite3 *database, const struct query_table *table, const char *name)
{
    sqlite3_stmt *insert = create(database, table, name);
    bool done = insert && sqlite3_exec(database, "BEGIN", NULL, NULL, NULL) == SQLITE_OK;
    for (size_t row = 0; done && row < table->rows; row++) {
        for (size_t i = 0; i < table->columns; i++)
            bind(insert, (int)i + 1, &table->values[row * table->columns + i]);
        done = sqlite3_step(insert) == SQLITE_DONE;
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    return done && sqlite3_exec(database, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
}

static cella_status write_sqlite(const struct query_table *table, const char *name, uint8_t **bytes,
                                 size_t *size, cella_error *error)
{
    sqlite3 *database = NULL;
    sqlite3_int64 length = 0;
    unsigned char *image = NULL;
    *bytes = NULL;
    if (sqlite3_open(":memory:", &database) == SQLITE_OK && fill(database, table, name))
        image = sqlite3_serialize(database, "main", &length, 0);
    if (image && (*bytes = malloc((size_t)length)))
        memcpy(*bytes, image, (size_t)length);
    *size = (size_t)length;
    sqlite3_free(image);
    sqlite3_close(database);
    return *bytes ? CELLA_OK : no_memory(name, error);
}

cella_status query_write(const struct query_table *table, const char *name,
                         enum query_format format, uint8_t **bytes, size_t *size,
                         cella_error *error)
{
    if (table->columns == 0)
        return fail(error, CELLA_INVALID, "output %s: the result has no columns", name);
    switch (format) {
    case QUERY_CSV:
    case QUERY_JSON:
        return write_text(table, name, format, bytes, size, error);
    case QUERY_SQLITE:
        return write_sqlite(table, name, bytes, size, error);
    case QUERY_PLINK: /* of inputs only */
        break;
    }
    return fail(error, CELLA_UNSUPPORTED, "output %s: its format cannot be written", name);
}
