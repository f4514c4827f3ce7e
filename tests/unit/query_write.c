/* SPDX-License-Identifier: Apache-2.0
 *
 * Results as bytes: what each format looks like, and that what is written is read as the same.
 */
#include "query_test.h"

static void text(struct query_value *value, const char *content)
{
    value->kind = QUERY_VALUE_TEXT;
    value->text = strdup(content);
}

static void real(struct query_value *value, double number)
{
    value->kind = QUERY_VALUE_REAL;
    value->real = number;
}

static struct query_table make(void)
{
    struct query_table table = {0};
    struct query_value *row;
    assert_int_equal(query_table_column(&table, "name", false), CELLA_OK);
    assert_int_equal(query_table_column(&table, "n", true), CELLA_OK);
    assert_int_equal(query_table_column(&table, "x", false), CELLA_OK);
    assert_int_equal(query_table_row(&table, &row), CELLA_OK);
    text(&row[0], "a,\"b\"\n\\\x01");
    row[1] = (struct query_value){.kind = QUERY_VALUE_INTEGER, .integer = INT64_MIN};
    real(&row[2], 0.1);
    assert_int_equal(query_table_row(&table, &row), CELLA_OK);
    real(&row[2], NAN);
    assert_int_equal(query_table_row(&table, &row), CELLA_OK);
    text(&row[0], "");
    real(&row[2], 1 / 3.);
    return table;
}

static uint8_t *write_as(const struct query_table *table, enum query_format format, size_t *size)
{
    uint8_t *bytes;
    cella_error error;
    assert_int_equal(query_write(table, "out", format, &bytes, size, &error), CELLA_OK);
    return bytes;
}

static void assert_written(const struct query_table *table, enum query_format format,
                           const char *expected)
{
    size_t size;
    uint8_t *bytes = write_as(table, format, &size);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(bytes, expected, size);
    free(bytes);
}

static void test_text(void **state)
{
    (void)state;
    struct query_table table = make();
    assert_written(&table, QUERY_CSV,
                   "name,n,x\r\n\"a,\"\"b\"\"\n\\\x01\",-9223372036854775808,0.1\r\n,,\r\n"
                   "\"\",,0.3333333333333333\r\n");
    assert_written(&table, QUERY_JSON,
                   "[{\"name\": \"a,\\\"b\\\"\\u000a\\\\\\u0001\", \"n\": -9223372036854775808, "
                   "\"x\": 0.1},\n {\"name\": null, \"n\": null, \"x\": null},\n "
                   "{\"name\": \"\", \"n\": null, \"x\": 0.3333333333333333}]\n");
    query_table_free(&table);
    assert_int_equal(query_table_column(&table, "n", true), CELLA_OK);
    assert_written(&table, QUERY_CSV, "n\r\n");
    assert_written(&table, QUERY_JSON, "[]\n");
    query_table_free(&table);
}

static void test_database(void **state)
{
    (void)state;
    struct query_table table = make();
    size_t size, again_size;
    uint8_t *bytes = write_as(&table, QUERY_SQLITE, &size),
            *again = write_as(&table, QUERY_SQLITE, &again_size);
    assert_int_equal(size, again_size);
    assert_memory_equal(bytes, again, size);
    sqlite3 *database = database_new();
    assert_int_equal(sqlite3_deserialize(database, "main", bytes, (int64_t)size, (int64_t)size,
                                         SQLITE_DESERIALIZE_READONLY),
                     SQLITE_OK);
    assert_answer(database,
                  "SELECT group_concat(coalesce(quote(name), '') || quote(n) || coalesce(x IN "
                  "(0.1, 1 / 3.0), '-'), ' ') "
                  "FROM out",
                  "'a,\"b\"\n\\\x01'-92233720368547758081 NULLNULL- "
                  "''NULL1");
    sqlite3_close(database);
    free(bytes);
    free(again);
    query_table_free(&table);
}

static void test_refused(void **state)
{
    (void)state;
    struct query_table table = {0};
    uint8_t *bytes;
    size_t size;
    cella_error error;
    assert_int_equal(query_write(&table, "out", QUERY_CSV, &bytes, &size, &error), CELLA_INVALID);
    table = make();
    assert_int_equal(query_write(&table, "out", QUERY_PLINK, &bytes, &size, &error),
                     CELLA_UNSUPPORTED);
    query_table_free(&table);
}

static void fill(struct query_table *table, size_t rows)
{
    static const char *const words[] = {"a", "\"", ",", "\r", "\n", " ", "\xc3\xa9"};
    struct query_value *row;
    assert_int_equal(query_table_column(table, "n", false), CELLA_OK);
    assert_int_equal(query_table_column(table, "x", false), CELLA_OK);
    assert_int_equal(query_table_column(table, "t", false), CELLA_OK);
    for (size_t i = 0; i < rows; i++) {
        char word[20] = "";
        uint64_t bits = (uint64_t)random() << 40 ^ (uint64_t)random() << 20 ^ (uint64_t)random();
        double number;
        memcpy(&number, &bits, 8);
        for (long j = random() % 6; j; j--)
            strcat(word, words[random() % 7]);
        assert_int_equal(query_table_row(table, &row), CELLA_OK);
        row[0] = (struct query_value){.kind = QUERY_VALUE_INTEGER, .integer = (int64_t)bits};
        real(&row[1], isfinite(number) ? number : (double)random() / 1000);
        text(&row[2], word);
    }
}

/* Random rows come back from CSV as they were. */
static void test_round_trip(void **state)
{
    (void)state;
    struct query_column columns[] = {{"n", QUERY_INTEGER, QUERY_MEASURE},
                                     {"x", QUERY_REAL, QUERY_MEASURE},
                                     {"t", QUERY_TEXT, QUERY_DIMENSION}};
    struct query_input input = {
        .name = "back", .format = QUERY_CSV, .columns = columns, .column_count = 3};
    struct query_table table = {0};
    size_t size;
    uint64_t rows;
    cella_error error = {0};
    sqlite3_stmt *statement;
    srandom(3);
    fill(&table, 2000);
    uint8_t *bytes = write_as(&table, QUERY_CSV, &size);
    sqlite3 *database = database_new();
    if (query_load(database, &input, bytes, size, &rows, &error) != CELLA_OK)
        fail_msg("%s", error.sentence);
    assert_int_equal(rows, 2000);
    sqlite3_prepare_v2(database, "SELECT n, x, t FROM back ORDER BY rowid", -1, &statement, NULL);
    for (size_t i = 0; i < rows; i++) {
        const struct query_value *row = &table.values[3 * i];
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int64(statement, 0), row[0].integer);
        assert_true(sqlite3_column_double(statement, 1) == row[1].real);
        assert_string_equal(sqlite3_column_text(statement, 2), row[2].text);
    }
    sqlite3_finalize(statement);
    sqlite3_close(database);
    free(bytes);
    query_table_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_database),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
