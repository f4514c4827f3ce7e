/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables of inputs beside SQLite's own: the same rows, the same answers.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "room/query/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS "i INTEGER, r REAL, t TEXT"

static void execute(sqlite3 *database, const char *sql)
{
    char *sentence = NULL;
    if (sqlite3_exec(database, sql, NULL, NULL, &sentence) != SQLITE_OK)
        fail_msg("%s: %s", sql, sentence);
}

/* The same rows in "mine" and "theirs": few values, so that many are equal. */
static sqlite3 *new_tables(void)
{
    static const char *const integers[] = {
        "NULL", "0", "1", "-1", "5", "9007199254740993", "9223372036854775807"};
    static const char *const reals[] = {
        "NULL", "0.0", "-0.0", "1.0", "2.5", "5.0", "9007199254740992.0", "9.3e18"};
    static const char *const texts[] = {"NULL", "''", "'a'", "'A'", "'5'", "'ab'"};
    sqlite3 *database;
    assert_int_equal(sqlite3_open(":memory:", &database), SQLITE_OK);
    assert_true(columns_module(database));
    execute(database, "CREATE VIRTUAL TABLE mine USING cella_columns(" COLUMNS
                      ");"
                      "CREATE TABLE theirs(" COLUMNS "); CREATE TABLE keys(" COLUMNS ", n);");
    srand(1);
    for (int n = 0; n < 400; n++) {
        char sql[512];
        const char *i = integers[rand() % 7], *r = reals[rand() % 8], *t = texts[rand() % 6];
        snprintf(sql, sizeof(sql),
                 "INSERT INTO mine VALUES (%s, %s, %s); INSERT INTO theirs VALUES (%s, %s, %s);", i,
                 r, t, i, r, t);
        execute(database, sql);
        snprintf(sql, sizeof(sql), "INSERT INTO keys VALUES (%s, %s, %s, %d)", i, r, t, n);
        if (n % 10 == 0)
            execute(database, sql);
    }
    return database;
}

static int add_row(void *context, int count, char **values, char **names)
{
    (void)names;
    sqlite3_str *text = context;
    for (int i = 0; i < count; i++)
        sqlite3_str_appendf(text, "%s|", values[i] ? values[i] : "NULL");
    sqlite3_str_appendall(text, "\n");
    return 0;
}

static char *answer(sqlite3 *database, const char *format, const char *table)
{
    sqlite3_str *text = sqlite3_str_new(database);
    char *sql = sqlite3_mprintf(format, table, table), *sentence = NULL;
    if (sqlite3_exec(database, sql, add_row, text, &sentence) != SQLITE_OK)
        fail_msg("%s: %s", sql, sentence);
    sqlite3_free(sql);
    sqlite3_str_appendall(text, "end");
    return sqlite3_str_finish(text);
}

static void test_the_same_answers(void **state)
{
    static const char *const questions[] = {
        "SELECT *, rowid FROM %s ORDER BY rowid",
        "SELECT *, rowid FROM %s ORDER BY rowid DESC",
        "SELECT typeof(i), typeof(r), typeof(t), count(*) FROM %s GROUP BY 1, 2, 3",
        "SELECT rowid FROM %s WHERE i = 5 ORDER BY 1",
        "SELECT rowid FROM %s WHERE i = 5.0 AND t = 'a' ORDER BY 1",
        "SELECT rowid FROM %s WHERE r = 0 ORDER BY 1",
        "SELECT rowid FROM %s WHERE i = NULL ORDER BY 1",
        "SELECT rowid FROM %s WHERE i IS NULL ORDER BY 1",
        "SELECT rowid FROM %s WHERE t = 'a' COLLATE NOCASE ORDER BY 1",
        "SELECT rowid FROM %s WHERE i = '5' ORDER BY 1",
        "SELECT rowid FROM %s WHERE t = 5 ORDER BY 1",
        "SELECT rowid FROM %s WHERE i = x'35' OR t = x'61' ORDER BY 1",
        "SELECT rowid FROM %s WHERE i IN (1, 5, NULL, 'x') ORDER BY 1",
        "SELECT rowid FROM %s WHERE rowid = 7",
        "SELECT n, s.rowid FROM keys k JOIN %s s ON k.i = s.i ORDER BY 1, 2",
        "SELECT n, s.rowid FROM keys k JOIN %s s ON k.i = s.r ORDER BY 1, 2",
        "SELECT n, s.rowid FROM keys k JOIN %s s ON k.r = s.i ORDER BY 1, 2",
        "SELECT n, s.rowid FROM keys k JOIN %s s ON k.r = s.r AND k.t = s.t ORDER BY 1, 2",
        "SELECT n, s.rowid FROM keys k JOIN %s s ON k.t = s.i ORDER BY 1, 2",
        ("SELECT n, s.rowid FROM keys k LEFT JOIN %s s ON k.t = s.t AND k.i = s.i AND s.r > 1 "
         "ORDER BY 1, 2"),
        "SELECT n, s.rowid FROM keys k LEFT JOIN %s s ON k.i = s.i WHERE s.t IS NULL ORDER BY 1, 2",
        "SELECT a.i, count(*), sum(b.r) FROM %s a JOIN %s b ON a.i = b.i AND a.t = b.t GROUP BY 1",
    };
    (void)state;
    sqlite3 *database = new_tables();
    for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
        char *mine = answer(database, questions[i], "mine");
        char *theirs = answer(database, questions[i], "theirs");
        if (strcmp(mine, theirs) != 0)
            fail_msg("%s\n%s\n%s", questions[i], mine, theirs);
        sqlite3_free(mine);
        sqlite3_free(theirs);
    }
    sqlite3_close(database);
}

/* What was found is not all that there is, once more rows have come. */
static void test_rows_that_come_later(void **state)
{
    (void)state;
    sqlite3 *database = new_tables();
    const char *question = "SELECT count(*) FROM %s WHERE i = 77";
    char *before = answer(database, question, "mine");
    execute(database, "INSERT INTO mine VALUES (77, 77, 'x')");
    char *after = answer(database, question, "mine");
    assert_string_equal(before, "0|\nend");
    assert_string_equal(after, "1|\nend");
    sqlite3_free(before);
    sqlite3_free(after);
    sqlite3_close(database);
}

static void test_rows_stay(void **state)
{
    static const char *const refused[] = {
        "DELETE FROM mine", "UPDATE mine SET i = 1", "INSERT INTO mine(rowid, i) VALUES (1, 1)",
        "INSERT INTO mine VALUES (x'00', 1, 'a')", "SELECT * FROM cella_columns"};
    (void)state;
    sqlite3 *database = new_tables();
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
        assert_int_not_equal(sqlite3_exec(database, refused[i], NULL, NULL, NULL), SQLITE_OK);
    char *mine = answer(database, "SELECT *, rowid FROM %s", "mine");
    char *theirs = answer(database, "SELECT *, rowid FROM %s", "theirs");
    assert_string_equal(mine, theirs);
    sqlite3_free(mine);
    sqlite3_free(theirs);
    sqlite3_close(database);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_answers),
        cmocka_unit_test(test_rows_that_come_later),
        cmocka_unit_test(test_rows_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
