/* SPDX-License-Identifier: Apache-2.0
 *
 * sql cte|sort ROWS: seconds of a query over a database in memory, run before so that its memory
 * has been touched.
 */
#include "measure.h"

#include <sqlite3.h>

#define NUMBERS "WITH RECURSIVE n(x) AS (VALUES(1) UNION ALL SELECT x+1 FROM n WHERE x<%s) "

static int run(sqlite3 *database, const char *text)
{
    char *error = NULL;
    if (sqlite3_exec(database, text, NULL, NULL, &error) == SQLITE_OK)
        return 0;
    fprintf(stderr, "sql: %s\n", error);
    return 1;
}

int main(int argc, char **argv)
{
    sqlite3 *database;
    char prepare[512] = "PRAGMA temp_store=memory;", query[512];
    if (argc < 3 || sqlite3_open(":memory:", &database))
        return measure_failed("sqlite3_open");
    if (strcmp(argv[1], "cte") == 0) {
        snprintf(query, sizeof(query), NUMBERS "SELECT sum(x*x%%7), max(x) FROM n", argv[2]);
    } else {
        snprintf(prepare, sizeof(prepare),
                 "PRAGMA temp_store=memory; CREATE TABLE t(g, v);" NUMBERS
                 "INSERT INTO t SELECT x*7919%%1009, x*2654435761%%4294967296 FROM n",
                 argv[2]);
        snprintf(query, sizeof(query),
                 "SELECT count(*) FROM (SELECT v FROM t ORDER BY v LIMIT -1 OFFSET 1);"
                 "SELECT g, count(*), avg(v), min(v), max(v) FROM t GROUP BY g");
    }
    if (run(database, prepare) || run(database, query))
        return 1;
    double began = measure_now();
    if (run(database, query))
        return 1;
    return measure_print(measure_now() - began);
}
