/* SPDX-License-Identifier: Apache-2.0
 *
 * What the SQLite programs share: run a statement, read one number, print rows; errors end the
 * program with SQLite's own words.
 */
#ifndef PROGRAMS_SQLITE_H
#define PROGRAMS_SQLITE_H

#include "check.h"
#include <sqlite3.h>

static inline sqlite3 *sqlite_open(const char *path)
{
    sqlite3 *database;

    CHECK(sqlite3_open(path, &database) == SQLITE_OK);
    CHECK(sqlite3_busy_timeout(database, 30000) == SQLITE_OK);
    return database;
}

static inline void sqlite_run(sqlite3 *database, const char *statement)
{
    char *message = NULL;

    if (sqlite3_exec(database, statement, NULL, NULL, &message) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", statement, message);
        exit(1);
    }
}

static inline long long sqlite_number(sqlite3 *database, const char *query)
{
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(database, query, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        fprintf(stderr, "%s: %s\n", query, sqlite3_errmsg(database));
        exit(1);
    }
    long long number = sqlite3_column_int64(statement, 0);
    CHECK(sqlite3_finalize(statement) == SQLITE_OK);
    return number;
}

static inline int sqlite_print_row(void *context, int count, char **values, char **names)
{
    (void)context;
    (void)names;
    for (int i = 0; i < count; i++)
        printf("%s%s", i == 0 ? "" : "|", values[i] != NULL ? values[i] : "NULL");
    putchar('\n');
    return 0;
}

static inline void sqlite_print(sqlite3 *database, const char *query)
{
    char *message = NULL;

    if (sqlite3_exec(database, query, sqlite_print_row, NULL, &message) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", query, message);
        exit(1);
    }
}

#endif
