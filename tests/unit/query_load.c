/* SPDX-License-Identifier: Apache-2.0
 *
 * CSV and SQLite databases into tables: what is read, and each way to be wrong with its sentence,
 * which never tells a value.
 */
#include "query_test.h"

static struct query_column columns[] = {
    {"id", QUERY_INTEGER, QUERY_IDENTIFIER}, {"size", QUERY_REAL, QUERY_MEASURE},
    {"name", QUERY_TEXT, QUERY_DIMENSION},   {"born", QUERY_DATE, QUERY_DIMENSION},
    {"well", QUERY_BOOLEAN, QUERY_MEASURE},  {"secret", QUERY_TEXT, QUERY_HIDDEN},
};
static const struct query_input input = {.name = "north",
                                         .format = QUERY_CSV,
                                         .table = "patients",
                                         .columns = columns,
                                         .column_count = 6};

#define HEADER "id,size,name,born,well,secret\n"

static void assert_loads(const char *text, size_t size, const char *sql, const char *expected)
{
    sqlite3 *database = database_new();
    cella_error error = {0};
    uint64_t rows = 0;
    cella_status status = query_load(database, &input, text, size, &rows, &error);
    if (status != CELLA_OK)
        fail_msg("%s", error.sentence);
    assert_answer(database, sql, expected);
    sqlite3_close(database);
}

static void assert_refused(const struct query_input *which, const void *bytes, size_t size,
                           const char *part)
{
    sqlite3 *database = database_new();
    cella_error error = {0};
    uint64_t rows;
    void *exact = malloc(size ? size : 1); /* so that a sanitizer knows its end */
    memcpy(exact, bytes, size);
    assert_int_not_equal(query_load(database, which, exact, size, &rows, &error), CELLA_OK);
    free(exact);
    if (!strstr(error.sentence, part))
        fail_msg("\"%s\" does not say \"%s\"", error.sentence, part);
    assert_null(strstr(error.sentence, "Sesame"));
    assert_null(ask(database, "SELECT count(*) FROM north"));
    sqlite3_close(database);
}

static void refused(const char *text, const char *part)
{
    assert_refused(&input, text, strlen(text), part);
}

static void loads(const char *text, const char *sql, const char *expected)
{
    assert_loads(text, strlen(text), sql, expected);
}

#define ROW                                                                                        \
    "SELECT concat_row FROM (SELECT quote(id)||'|'||quote(size)||'|'||quote(name)||'|'||"          \
    "quote(born)||'|'||quote(well) AS concat_row FROM north) LIMIT 1"

static void test_csv(void **state)
{
    (void)state;
    loads(HEADER "1,2.5,Ann,2000-02-29,true,x\n", ROW, "1|2.5|'Ann'|'2000-02-29'|1");
    loads(HEADER "1,2.5,Ann,2000-02-29,0,x", ROW, "1|2.5|'Ann'|'2000-02-29'|0");
    loads("id,size,name,born,well,secret\r\n-9223372036854775808,-1e-3,\"a,\"\"b\"\"\r\n\",,,\r\n",
          ROW, "-9223372036854775808|-0.001|'a,\"b\"\r\n'|NULL|NULL");
    loads(HEADER "\"\",\"\",\"\",\"\",\"\",\"\"\n", ROW, "NULL|NULL|''|NULL|NULL");
    loads("\xef\xbb\xbf" HEADER "1,,,,,\n", "SELECT id FROM north", "1");
    loads("secret,other,born,\"well\",size,name,id\n,Sesame,,1,,\"\xc3\xa9\",7\n", ROW,
          "7|NULL|'\xc3\xa9'|NULL|1");
    loads(HEADER, "SELECT count(*) FROM north", "0");
    loads(HEADER "1,,,,,\n2,,,,,\n3,,,,,\n", "SELECT sum(id) FROM north", "6");
    loads(HEADER "1,,,,,\n",
          "SELECT group_concat(name || ' ' || type) FROM pragma_table_info('north')",
          "id INTEGER,size REAL,name TEXT,born TEXT,well INTEGER");
}

static void test_numbers(void **state)
{
    (void)state;
    static const char *const good[] = {"0",
                                       "-0.0",
                                       "1e22",
                                       "0.1",
                                       "123456789.123456789",
                                       "1e-320",
                                       "5.",
                                       ".5",
                                       "1E+2",
                                       "9007199254740993",
                                       "1e23",
                                       "1.7976931348623157e308",
                                       "0.1000000000000000055511151231257827021181583404541015625"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        char text[200], expected[60];
        snprintf(text, sizeof(text), HEADER ",%s,,,,\n", good[i]);
        snprintf(expected, sizeof(expected), "%d", 1);
        sqlite3 *database = database_new();
        uint64_t rows;
        cella_error error;
        sqlite3_stmt *statement;
        assert_int_equal(query_load(database, &input, text, strlen(text), &rows, &error), CELLA_OK);
        sqlite3_prepare_v2(database, "SELECT size FROM north", -1, &statement, NULL);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        assert_true(sqlite3_column_double(statement, 0) == strtod(good[i], NULL));
        sqlite3_finalize(statement);
        sqlite3_close(database);
    }
    static const char *const bad[] = {"1e309", "nan", "inf", "0x10",  " 1",  "1 ",  "+1",
                                      "1e",    ".",   "-",   "1.2.3", "1e+", "--1", "1,5"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char text[200];
        snprintf(text, sizeof(text), HEADER "1,1,,,,\n,\"%s\",,,,\n", bad[i]);
        refused(text, "north, line 3, column size: the value is not of type real");
    }
    static const char *const not_integers[] = {"9223372036854775808",
                                               "-9223372036854775809",
                                               "18446744073709551616",
                                               "1.0",
                                               "0x1",
                                               "-",
                                               "1 "};
    for (size_t i = 0; i < sizeof(not_integers) / sizeof(*not_integers); i++) {
        char text[200];
        snprintf(text, sizeof(text), HEADER "%s,,,,,\n", not_integers[i]);
        refused(text, "line 2, column id: the value is not of type integer");
    }
}

static void test_other_types(void **state)
{
    (void)state;
    static const char *const dates[] = {"2001-02-29", "1900-02-29", "2001-13-01", "2001-00-01",
                                        "2001-01-32", "2001-04-31", "2001-1-1",   "20010101",
                                        "-001-01-01", "2001-01-01 "};
    for (size_t i = 0; i < sizeof(dates) / sizeof(*dates); i++) {
        char text[200];
        snprintf(text, sizeof(text), HEADER ",,,%s,,\n", dates[i]);
        refused(text, "column born: the value is not of type date");
    }
    refused(HEADER ",,,,2,\n", "column well: the value is not of type boolean");
    refused(HEADER ",,,,True,\n", "column well: the value is not of type boolean");
}

static void test_malformed(void **state)
{
    (void)state;
    refused("", "line 1: the file is empty");
    refused("id,size,name,born,well\n", "there is no column secret");
    refused("id,size,name,born,well,secret,id\n", "columns 1 and 7 have the same name");
    refused(HEADER "1,2,,,\n", "line 2: it does not have the header's 6 fields");
    refused(HEADER "1,2,,,,,Sesame\n", "line 2: it does not have the header's 6 fields");
    refused(HEADER "1,,,,,,2,,,,,\n", "line 2: it does not have the header's 6 fields");
    refused(HEADER "\n", "line 2: it does not have the header's 6 fields");
    refused(HEADER ",,\"a\nb\",,,\n,,\"Sesame\n", "line 4: a quoted field does not end");
    refused(HEADER ",,Sesa\"me,,,\n", "line 2: a quote within a field");
    refused(HEADER ",,\"Sesame\"x,,,\n", "line 2: a quote within a field");
    refused(HEADER ",,Sesame\r,,,\n", "line 2: a carriage return");
    refused(HEADER ",,\xff,,,\n", "line 2: it is not UTF-8");
    refused(HEADER "1,,,,,\n,,\xed\xa0\x80,,,\n", "line 3: it is not UTF-8");
    refused(HEADER ",,\xc0\x80,,,\n", "not UTF-8");
    refused(HEADER ",,\xf4\x90\x80\x80,,,\n", "not UTF-8");
    refused(HEADER ",,\xf5\x80\x80\x80,,,\n", "not UTF-8");
    refused(HEADER ",,\xe2\x82", "not UTF-8");
    static const char zero[] = HEADER ",,a\0b,,,\n";
    assert_refused(&input, zero, sizeof(zero) - 1, "line 2: it is not UTF-8");
    refused(HEADER "Sesame,,,,,\n", "column id");
}

static void test_no_columns(void **state)
{
    (void)state;
    struct query_input hidden = input;
    hidden.columns = &columns[5];
    hidden.column_count = 1;
    assert_refused(&hidden, "secret\nx\n", 9, "none of its columns may be used");
}

static void test_twice(void **state)
{
    (void)state;
    sqlite3 *database = database_new();
    cella_error error;
    uint64_t rows;
    const char *text = HEADER "1,,,,,\n";
    assert_int_equal(query_load(database, &input, text, strlen(text), &rows, &error), CELLA_OK);
    assert_int_equal(query_load(database, &input, text, strlen(text), &rows, &error),
                     CELLA_INVALID);
    assert_answer(database, "SELECT count(*) FROM north", "1");
    sqlite3_close(database);
}

/* Within a transaction of the caller's it cannot have its own. */
static void test_transaction(void **state)
{
    (void)state;
    sqlite3 *database = database_new();
    cella_error error;
    uint64_t rows;
    const char *text = HEADER "1,,,,,\n";
    sqlite3_exec(database, "BEGIN", NULL, NULL, NULL);
    assert_int_equal(query_load(database, &input, text, strlen(text), &rows, &error), CELLA_MEMORY);
    assert_null(ask(database, "SELECT count(*) FROM north"));
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

/* ---- SQLite ---- */

static unsigned char *make_database(const char *sql, size_t *size)
{
    sqlite3 *database;
    sqlite3_int64 length;
    assert_int_equal(sqlite3_open(":memory:", &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    unsigned char *bytes = sqlite3_serialize(database, "main", &length, 0);
    assert_non_null(bytes);
    sqlite3_close(database);
    *size = (size_t)length;
    return bytes;
}

#define TABLE  "CREATE TABLE patients(other, secret, well, born, name, size, id);"
#define INSERT "INSERT INTO patients(id, size, name, born, well) VALUES"

static struct query_input of_database(void)
{
    struct query_input which = input;
    which.format = QUERY_SQLITE;
    return which;
}

static void database_refused(const char *sql, const char *part)
{
    size_t size;
    unsigned char *bytes = make_database(sql, &size);
    struct query_input which = of_database();
    assert_refused(&which, bytes, size, part);
    sqlite3_free(bytes);
}

static void test_database(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = make_database(
        TABLE INSERT "(1, 2.5, 'Ann', '2000-02-29', 1), (2, 3, NULL, NULL, 0)", &size);
    struct query_input which = of_database();
    sqlite3 *database = database_new();
    uint64_t rows;
    cella_error error;
    assert_int_equal(query_load(database, &which, bytes, size, &rows, &error), CELLA_OK);
    memset(bytes, 0, size); /* nothing points there */
    sqlite3_free(bytes);
    assert_int_equal(rows, 2);
    assert_answer(database, ROW, "1|2.5|'Ann'|'2000-02-29'|1");
    assert_answer(database, "SELECT typeof(size) FROM north WHERE id = 2", "real");
    sqlite3_close(database);
}

static void test_database_refused(void **state)
{
    (void)state;
    database_refused("CREATE TABLE other(x)", "the database has no table patients");
    database_refused("CREATE TABLE t(x); CREATE VIEW patients AS SELECT * FROM t",
                     "the database has no table patients");
    database_refused("CREATE TABLE patients(id, size, name, born, well)", "has no column secret");
    database_refused(TABLE INSERT "(1,1,1,NULL,1)", "row 1, column name");
    database_refused(TABLE INSERT "(1,1,NULL,NULL,1), (1.5,1,NULL,NULL,1)", "row 2, column id");
    database_refused(TABLE INSERT "('1',1,NULL,NULL,1)", "row 1, column id");
    database_refused(TABLE INSERT "(1,9e999,NULL,NULL,1)", "row 1, column size");
    database_refused(TABLE INSERT "(1,1,x'00',NULL,1)", "row 1, column name");
    database_refused(TABLE INSERT "(1,1,cast(x'ff' AS TEXT),NULL,1)", "row 1, column name");
    database_refused(TABLE INSERT "(1,1,NULL,'Sesame',1)", "row 1, column born");
    database_refused(TABLE INSERT "(1,1,NULL,NULL,2)", "row 1, column well");
}

static void test_database_broken(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = make_database(TABLE INSERT "(1,1,NULL,NULL,1)", &size);
    struct query_input which = of_database();
    assert_refused(&which, bytes, 0, "not a whole SQLite database");
    assert_refused(&which, bytes, 50, "not a whole SQLite database");
    assert_refused(&which, bytes, size / 2, "not a whole SQLite database");
    bytes[18] = 2;
    assert_refused(&which, bytes, size, "WAL mode");
    bytes[18] = 1;
    memset(bytes + size / 2, 0x55, 200); /* the table's page */
    assert_refused(&which, bytes, size, "not a whole SQLite database");
    memset(bytes, 0, size);
    assert_refused(&which, bytes, size, "not a whole SQLite database");
    sqlite3_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_other_types),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_no_columns),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_transaction),
        cmocka_unit_test(test_database),
        cmocka_unit_test(test_database_refused),
        cmocka_unit_test(test_database_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
