/* SPDX-License-Identifier: Apache-2.0
 *
 * SQLite with a rollback journal, in files: transactions, rollback, savepoints, constraints, an
 * index over 100,000 rows, joins, VACUUM, ATTACH, two connections and their locks.
 */
#include "sqlite.h"

int main(void)
{
    char path[128], other[128], attach[256];

    snprintf(path, sizeof path, "%s", scratch("journal.db"));
    snprintf(other, sizeof other, "%s", scratch("other.db"));
    sqlite3 *a = sqlite_open(path);
    sqlite_print(a, "PRAGMA journal_mode = DELETE");
    sqlite_run(a, "CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER)");
    sqlite_run(a,
               "BEGIN;"
               "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
               "INSERT INTO person SELECT i, printf('person %06d', i), (i * 7919) % 100 FROM n;"
               "COMMIT;"
               "CREATE INDEX by_age ON person(age, name);");
    sqlite_print(a, "SELECT count(*), sum(age), min(name), max(name) FROM person");
    sqlite_print(a, "SELECT age, count(*), avg(id) FROM person WHERE age < 3 GROUP BY age");

    sqlite_run(a, "BEGIN; DELETE FROM person WHERE id % 2 = 0");
    printf("%lld\n", sqlite_number(a, "SELECT count(*) FROM person"));
    sqlite_run(a, "SAVEPOINT here; UPDATE person SET age = 0; ROLLBACK TO here; ROLLBACK");
    sqlite_print(a, "SELECT count(*), sum(age) FROM person");

    CHECK(sqlite3_exec(a, "INSERT INTO person VALUES(1, 'twice', 1)", NULL, NULL, NULL) ==
          SQLITE_CONSTRAINT);
    CHECK(sqlite3_exec(a, "SELECT * FROM nothing", NULL, NULL, NULL) == SQLITE_ERROR);
    puts(sqlite3_errmsg(a));

    sqlite3 *b = sqlite_open(path);
    CHECK(sqlite3_busy_timeout(b, 0) == SQLITE_OK);
    sqlite_run(a, "BEGIN IMMEDIATE; UPDATE person SET age = 1000 WHERE id = 1");
    CHECK(sqlite3_exec(b, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_BUSY);
    printf("%lld\n", sqlite_number(b, "SELECT age FROM person WHERE id = 1"));
    sqlite_run(a, "COMMIT");
    printf("%lld\n", sqlite_number(b, "SELECT age FROM person WHERE id = 1"));
    sqlite_run(b, "UPDATE person SET age = 19 WHERE id = 1");
    CHECK(sqlite3_close(b) == SQLITE_OK);
    puts("two connections");

    sqlite_run(a, "DELETE FROM person WHERE id > 5000");
    long long before = sqlite_number(a, "PRAGMA page_count");
    sqlite_run(a, "VACUUM");
    CHECK(sqlite_number(a, "PRAGMA page_count") < before / 4);
    sqlite_print(a, "PRAGMA integrity_check");

    snprintf(attach, sizeof attach, "ATTACH '%s' AS other", other);
    sqlite_run(a, attach);
    sqlite_run(a,
               "CREATE TABLE other.pet(owner INTEGER, name TEXT);"
               "BEGIN; INSERT INTO other.pet SELECT id, 'pet of ' || name FROM person;"
               "UPDATE person SET age = age + 1; COMMIT");
    sqlite_print(a,
                 "SELECT p.name, p.age, q.name FROM person p JOIN other.pet q ON q.owner = p.id "
                 "WHERE p.id IN (1, 2500, 5000) ORDER BY p.id");
    sqlite_run(a, "DETACH other");
    sqlite_print(a,
                 "SELECT name FROM person WHERE name LIKE '%4999' OR name GLOB '*0012?' "
                 "ORDER BY 1 DESC LIMIT 3");
    sqlite_print(a,
                 "SELECT hex(randomblob(8)) <> hex(randomblob(8)), "
                 "json_extract('{\"a\":[1,2,3]}', '$.a[1]')");
    CHECK(sqlite3_close(a) == SQLITE_OK);
    CHECK(unlink(path) == 0);
    CHECK(unlink(other) == 0);
    return 0;
}
