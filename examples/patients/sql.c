/* SPDX-License-Identifier: Apache-2.0
 *
 * An ordinary program: reads a table of comma-separated numbers into SQLite, in memory, then runs
 * the SQL that comes on its standard input, a statement a line, until that ends. It knows nothing
 * of cella:  gcc -O2 -static sql.c -lsqlite3 -lm -o sql
 *
 *   sql TABLE FILE.csv     the first line of the file is skipped; columns are c0, c1, ...
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MOST 100

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "sql: %s: %s\n", what, why);
    exit(1);
}

static void run(sqlite3 *database, const char *sql)
{
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail(sql, sqlite3_errmsg(database));
}

static int count_columns(const char *line)
{
    int columns = 1;
    for (; *line; line++)
        columns += *line == ',';
    return columns;
}

static sqlite3_stmt *make_table(sqlite3 *database, const char *table, int columns)
{
    sqlite3_str *create = sqlite3_str_new(database), *insert = sqlite3_str_new(database);
    sqlite3_str_appendf(create, "CREATE TABLE \"%w\"(", table);
    sqlite3_str_appendf(insert, "INSERT INTO \"%w\" VALUES(", table);
    for (int i = 0; i < columns; i++) {
        sqlite3_str_appendf(create, "%sc%d REAL", i ? "," : "", i);
        sqlite3_str_appendf(insert, "%s?", i ? "," : "");
    }
    char *text = sqlite3_mprintf("%s)", sqlite3_str_value(create));
    run(database, text);
    sqlite3_free(text);
    text = sqlite3_mprintf("%s)", sqlite3_str_value(insert));
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(database, text, -1, &statement, NULL) != SQLITE_OK)
        fail(text, sqlite3_errmsg(database));
    sqlite3_free(text);
    sqlite3_free(sqlite3_str_finish(create));
    sqlite3_free(sqlite3_str_finish(insert));
    return statement;
}

static int load(sqlite3 *database, const char *table, const char *path)
{
    char line[4096];
    int rows = 0, columns = 0;
    sqlite3_stmt *insert = NULL;
    FILE *file = fopen(path, "r");
    if (!file || !fgets(line, sizeof(line), file))
        fail(path, "cannot be read");
    run(database, "BEGIN");
    while (fgets(line, sizeof(line), file)) {
        if (!insert) {
            columns = count_columns(line);
            if (columns > COLUMNS_MOST)
                fail(path, "has too many columns");
            insert = make_table(database, table, columns);
        }
        char *at = line;
        for (int i = 1; i <= columns; i++) {
            char *end;
            sqlite3_bind_double(insert, i, strtod(at, &end));
            if (end == at || (i < columns && *end != ','))
                fail(path, "has a line that is not numbers");
            at = end + 1;
        }
        if (sqlite3_step(insert) != SQLITE_DONE)
            fail(table, sqlite3_errmsg(database));
        sqlite3_reset(insert);
        rows++;
    }
    sqlite3_finalize(insert);
    run(database, "COMMIT");
    fclose(file);
    return rows;
}

static void answer(sqlite3 *database, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK) {
        printf("error: %s\n", sqlite3_errmsg(database));
        return;
    }
    int columns = sqlite3_column_count(statement);
    for (int i = 0; i < columns; i++)
        printf("%s%s", i ? "|" : "", sqlite3_column_name(statement, i));
    printf("\n");
    while (sqlite3_step(statement) == SQLITE_ROW) {
        for (int i = 0; i < columns; i++) {
            const unsigned char *text = sqlite3_column_text(statement, i);
            printf("%s%s", i ? "|" : "", text ? (const char *)text : "");
        }
        printf("\n");
    }
    sqlite3_finalize(statement);
}

int main(int count, char **arguments)
{
    sqlite3 *database;
    char line[4096];
    if (count != 3)
        fail("usage", "sql TABLE FILE.csv");
    if (sqlite3_open(":memory:", &database) != SQLITE_OK)
        fail("SQLite", "cannot be opened");
    printf("%d rows\n", load(database, arguments[1], arguments[2]));
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        answer(database, line);
        printf(".\n");
        fflush(stdout);
    }
    sqlite3_close(database);
    return 0;
}
