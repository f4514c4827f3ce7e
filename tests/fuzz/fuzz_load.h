/* SPDX-License-Identifier: Apache-2.0
 *
 * Loads any bytes as an input of a query, and holds query_load to what it promises.
 */
#ifndef TESTS_FUZZ_LOAD_H
#define TESTS_FUZZ_LOAD_H

#include "room/query/query.h"

#include <stdio.h>
#include <stdlib.h>

static inline int64_t count_rows(sqlite3 *database, const char *sql)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK)
        return -1;
    sqlite3_step(statement);
    int64_t count = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return count;
}

static inline void load_any(const struct query_input *input, const uint8_t *data, size_t size)
{
    static sqlite3 *database;
    cella_error error = {0};
    uint64_t rows = 0;
    if (!database && sqlite3_open(":memory:", &database) != SQLITE_OK)
        abort();
    sqlite3_exec(database, "PRAGMA journal_mode=off", NULL, NULL, NULL);
    cella_status status = query_load(database, input, data, size, &rows, &error);
    int64_t found = count_rows(database, "SELECT count(*) FROM fuzz");
    if (status == CELLA_OK ? found != (int64_t)rows : found != -1 || error.sentence[0] == 0)
        abort();
    sqlite3_exec(database, "DROP TABLE IF EXISTS fuzz", NULL, NULL, NULL);
}

#endif
