/* SPDX-License-Identifier: Apache-2.0
 *
 * A database in /boxes/bank.db, for a test that kills the enclave at any moment. `write` makes
 * transactions for ever, and prints the number of each when it is committed; `check` prints the
 * last number that is there, when the database is sound and holds whole transactions alone.
 */
#include "sqlite.h"

#define ROWS 40

static void transaction(sqlite3 *database, long long number)
{
    char text[200];

    sqlite_run(database, "BEGIN");
    snprintf(text, sizeof text,
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
             "INSERT INTO entry SELECT %lld, i, hex(randomblob(150)) FROM n",
             ROWS, number);
    sqlite_run(database, text);
    snprintf(text, sizeof text, "UPDATE last SET number = %lld", number);
    sqlite_run(database, text);
    snprintf(text, sizeof text, "DELETE FROM entry WHERE number <= %lld", number - 50);
    sqlite_run(database, text);
    sqlite_run(database, "COMMIT");
}

int main(int count, char **arguments)
{
    sqlite3 *database = sqlite_open("/boxes/bank.db");

    CHECK(count == 2);
    sqlite_run(database,
               "BEGIN; CREATE TABLE IF NOT EXISTS entry(number, row, content);"
               "CREATE TABLE IF NOT EXISTS last(number);"
               "INSERT INTO last SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM last); COMMIT");
    long long number = sqlite_number(database, "SELECT number FROM last");
    if (strcmp(arguments[1], "write") == 0) {
        for (;;) {
            transaction(database, ++number);
            printf("%lld\n", number);
            fflush(stdout);
        }
    }
    sqlite_print(database, "PRAGMA integrity_check");
    CHECK(sqlite_number(database,
                        "SELECT count(*) FROM (SELECT count(*) AS n, max(row) AS m FROM "
                        "entry GROUP BY number HAVING n <> 40 OR m <> 40)") == 0);
    CHECK(sqlite_number(database, "SELECT coalesce(max(number), 0) FROM entry") == number);
    printf("%lld\n", number);
    CHECK(sqlite3_close(database) == SQLITE_OK);
    return 0;
}
