/* SPDX-License-Identifier: Apache-2.0
 *
 * The aggregates: R's figures, NULLs, misuse, and quantiles against sorting.
 */
#include "query_test.h"

static sqlite3 *database;

static int setup(void **state)
{
    (void)state;
    database = database_new();
    assert_int_equal(query_functions(database), SQLITE_OK);
    return sqlite3_exec(database,
                        "CREATE TABLE v(x); INSERT INTO v VALUES"
                        "(2.5), (-1), (0), (7.25), (NULL), (3), (3), (10), (-4.5), (1000)",
                        NULL, NULL, NULL);
}

static int teardown(void **state)
{
    (void)state;
    return sqlite3_close(database);
}

static double value(const char *sql)
{
    char *answer = ask(database, sql);
    assert_non_null(answer);
    double number = strtod(answer, NULL);
    free(answer);
    return number;
}

static void test_figures(void **state)
{
    (void)state;
    assert_near(value("SELECT variance(x) FROM v"), 110567.6736111111094942, 13);
    assert_near(value("SELECT stddev(x) FROM v"), 332.5171779188424352, 13);
    assert_near(value("SELECT median(x) FROM v"), 3, 13);
    assert_near(value("SELECT quantile(x, 0) FROM v"), -4.5, 13);
    assert_near(value("SELECT quantile(x, 0.1) FROM v"), -1.7, 13);
    assert_near(value("SELECT quantile(x, 0.333) FROM v"), 1.66, 13);
    assert_near(value("SELECT quantile(x, 0.9) FROM v"), 208, 13);
    assert_near(value("SELECT quantile(x, 0.99) FROM v"), 920.8, 13);
    assert_near(value("SELECT quantile(x, 1) FROM v"), 1000, 13);
    assert_near(value("SELECT variance(x) FROM (SELECT 1e9 + x AS x FROM v)"), 110567.673611111,
                12);
}

static void test_risk(void **state)
{
    (void)state;
    sqlite3_exec(database,
                 "CREATE TABLE p AS WITH RECURSIVE n(i) AS (VALUES(0) UNION ALL SELECT i + 1 "
                 "FROM n WHERE i < 100) SELECT (i * 37 % 101) - 50.0 AS x FROM n",
                 NULL, NULL, NULL);
    /* -50 to 50: the tenth from below is -40 */
    assert_near(value("SELECT value_at_risk(x, 0.9) FROM p"), 40, 13);
    assert_near(value("SELECT expected_shortfall(x, 0.9) FROM p"), 45, 13);
    /* 1 - 0.9 is a little below 0.1, and what is in the tenth place, 0, counts still */
    assert_near(value("SELECT expected_shortfall(x + 40, 0.9) FROM p"), 5, 13);
    assert_near(value("SELECT value_at_risk(x, 0.99) FROM p"), 49, 13);
    assert_near(value("SELECT expected_shortfall(x, 0.99) FROM p"), 49.5, 13);
    assert_near(value("SELECT value_at_risk(x, 0.995) FROM p"), 49.5, 13);
    assert_near(value("SELECT expected_shortfall(x, 0.995) FROM p"), 50, 13);
}

static void test_nothing(void **state)
{
    (void)state;
    static const char *const calls[] = {"variance(x)",
                                        "stddev(x)",
                                        "median(x)",
                                        "quantile(x, 0.5)",
                                        "value_at_risk(x, 0.9)",
                                        "expected_shortfall(x, 0.9)"};
    for (size_t i = 0; i < 6; i++) {
        char sql[200];
        snprintf(sql, sizeof(sql), "SELECT %s FROM v WHERE x IS NULL", calls[i]);
        assert_answer(database, sql, "NULL");
        snprintf(sql, sizeof(sql), "SELECT %s FROM v WHERE 0", calls[i]);
        assert_answer(database, sql, "NULL");
    }
    assert_answer(database, "SELECT variance(x) FROM v WHERE x = 0", "NULL");
    assert_answer(database, "SELECT median(x) FROM v WHERE x = 0", "0.0");
}

static void test_misuse(void **state)
{
    (void)state;
    static const char *const calls[] = {
        "median('Sesame')",  "variance('Sesame')",         "stddev(x'00')",
        "quantile(x, 1.5)",  "quantile(x, NULL)",          "quantile(x, 'Sesame')",
        "quantile(x, -0.1)", "quantile(x, (x > 2) / 2.0)", "value_at_risk(x, 2)"};
    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
        char sql[200];
        snprintf(sql, sizeof(sql), "SELECT %s FROM v", calls[i]);
        assert_null(ask(database, sql));
        assert_null(strstr(sqlite3_errmsg(database), "Sesame"));
    }
}

static int compare(const void *first, const void *second)
{
    double a = *(const double *)first, b = *(const double *)second;
    return (a > b) - (a < b);
}

/* For levels i / (n - 1) a quantile is the value in that place. */
static void test_sorting(void **state)
{
    (void)state;
    srandom(2);
    for (int n = 2; n < 60; n++) {
        double values[60];
        sqlite3_exec(database, "DROP TABLE IF EXISTS s; CREATE TABLE s(x)", NULL, NULL, NULL);
        for (int i = 0; i < n; i++) {
            char sql[100];
            values[i] = (double)(random() % 50);
            snprintf(sql, sizeof(sql), "INSERT INTO s VALUES(%g)", values[i]);
            sqlite3_exec(database, sql, NULL, NULL, NULL);
        }
        qsort(values, (size_t)n, sizeof(double), compare);
        for (int i = 0; i < n; i++) {
            char sql[100];
            snprintf(sql, sizeof(sql), "SELECT quantile(x, %.17g) FROM s", i / (n - 1.));
            assert_true(value(sql) == values[i]);
        }
    }
}

/* A group that is too large for SQLite's memory is an error. */
static void test_memory(void **state)
{
    (void)state;
    const char *sql =
        "WITH RECURSIVE n(i) AS (VALUES(0) UNION ALL SELECT i + 1 FROM n WHERE i < "
        "1000000) SELECT median(i) FROM n";
    assert_answer(database, sql, "500000.0");
    sqlite3_hard_heap_limit64(sqlite3_memory_used() + (1 << 20));
    assert_null(ask(database, sql));
    sqlite3_hard_heap_limit64(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_figures, setup, teardown),
        cmocka_unit_test_setup_teardown(test_risk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_misuse, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sorting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
