/* SPDX-License-Identifier: Apache-2.0
 *
 * SQLite with a write-ahead log (its index is a shared mapping of a file): readers see their
 * snapshot while a writer commits, checkpoints, four threads with a connection each.
 */
#include "sqlite.h"
#include <pthread.h>
#include <stdint.h>

#define THREADS 4
#define ROUNDS  250

static char path[128];

static void *count(void *argument)
{
    sqlite3 *database = sqlite_open(path);
    char statement[128];

    snprintf(statement, sizeof statement,
             "BEGIN IMMEDIATE; UPDATE counter SET value = value + 1;"
             "INSERT INTO entry(thread) VALUES(%d); COMMIT",
             (int)(intptr_t)argument);
    for (int i = 0; i < ROUNDS; i++) {
        sqlite_run(database, statement);
        if (i % 50 == 0)
            CHECK(sqlite_number(database,
                                "SELECT (SELECT value FROM counter) = "
                                "(SELECT count(*) FROM entry)") == 1);
    }
    CHECK(sqlite3_close(database) == SQLITE_OK);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];

    snprintf(path, sizeof path, "%s", scratch("wal.db"));
    sqlite3 *a = sqlite_open(path), *b = sqlite_open(path);
    sqlite_print(a, "PRAGMA journal_mode = WAL");
    sqlite_run(a,
               "CREATE TABLE counter(value INTEGER); INSERT INTO counter VALUES(0);"
               "CREATE TABLE entry(id INTEGER PRIMARY KEY, thread INTEGER)");

    sqlite_run(b, "BEGIN");
    CHECK(sqlite_number(b, "SELECT value FROM counter") == 0);
    sqlite_run(a, "UPDATE counter SET value = 5");
    CHECK(sqlite_number(b, "SELECT value FROM counter") == 0);
    CHECK(sqlite_number(a, "SELECT value FROM counter") == 5);
    sqlite_run(b, "COMMIT");
    CHECK(sqlite_number(b, "SELECT value FROM counter") == 5);
    puts("a reader keeps its snapshot");

    sqlite_run(a, "UPDATE counter SET value = 0");
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, count, (void *)(intptr_t)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    sqlite_print(a, "SELECT value FROM counter");
    sqlite_print(a, "SELECT thread, count(*) FROM entry GROUP BY thread");

    int log, done;
    CHECK(sqlite3_wal_checkpoint_v2(a, NULL, SQLITE_CHECKPOINT_TRUNCATE, &log, &done) == SQLITE_OK);
    CHECK(log == 0 && done == 0);
    sqlite_run(a,
               "BEGIN;"
               "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
               "INSERT INTO entry(thread) SELECT i % 10 FROM n; COMMIT");
    sqlite_print(b, "SELECT count(*), sum(thread) FROM entry");
    CHECK(sqlite3_wal_checkpoint_v2(a, NULL, SQLITE_CHECKPOINT_FULL, &log, &done) == SQLITE_OK);
    CHECK(log > 100 && done == log);
    puts("checkpoints");
    sqlite_run(a, "VACUUM");
    sqlite_print(a, "PRAGMA integrity_check");

    CHECK(sqlite3_close(b) == SQLITE_OK);
    CHECK(sqlite3_close(a) == SQLITE_OK);
    a = sqlite_open(path);
    sqlite_print(a, "PRAGMA journal_mode");
    sqlite_print(a, "SELECT count(*) FROM entry");
    sqlite_print(a, "PRAGMA journal_mode = DELETE");
    CHECK(sqlite3_close(a) == SQLITE_OK);
    CHECK(unlink(path) == 0);
    CHECK_ERROR(access(path, F_OK), ENOENT);
    return 0;
}
