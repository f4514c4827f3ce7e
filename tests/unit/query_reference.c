/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine's parts over real data against R's figures: the patients of examples/, and
 * (tests/room/reference-*.json, which say how they were made) two cohorts of breast cancer and the
 * genotypes of two strata. Those are fetched by scripts/datasets.py; without a network their tests
 * are skipped.
 */
#include "query_data.h"
#include "query_test.h"

/* ---- logistic ---- */

/* R's standard errors are of the weights before its last step: seven digits are the same, and fewer
 * of the p that follow from them. */

#define INTEGERS(name)                                                                             \
    {                                                                                              \
        name, QUERY_INTEGER, QUERY_MEASURE                                                         \
    }
static struct query_column rotterdam[] = {
    INTEGERS("age"),   INTEGERS("meno"),   {"size", QUERY_TEXT, QUERY_DIMENSION},
    INTEGERS("grade"), INTEGERS("nodes"),  INTEGERS("pgr"),
    INTEGERS("er"),    INTEGERS("hormon"), INTEGERS("rtime"),
    INTEGERS("recur"), INTEGERS("dtime"),  INTEGERS("death")};
static struct query_column gbsg[] = {
    INTEGERS("age"), INTEGERS("meno"), INTEGERS("size"),   INTEGERS("grade"),   INTEGERS("nodes"),
    INTEGERS("pgr"), INTEGERS("er"),   INTEGERS("hormon"), INTEGERS("rfstime"), INTEGERS("status")};

static void load(sqlite3 *database, const char *name, struct query_column *columns, size_t count)
{
    struct query_input input = {.format = QUERY_CSV, .columns = columns, .column_count = count};
    char file[QUERY_NAME + 5];
    size_t size;
    uint64_t rows;
    cella_error error;
    snprintf(input.name, sizeof(input.name), "%s", name);
    snprintf(file, sizeof(file), "%s.csv", name);
    uint8_t *bytes = data_file(data_folder, file, &size);
    if (query_load(database, &input, bytes, size, &rows, &error) != CELLA_OK)
        fail_msg("%s", error.sentence);
    free(bytes);
}

#define TERMS 9
#define COMMON                                                                                     \
    "1, (age - 55) / 10.0, meno, over, grade = 3, ln(1 + nodes), ln(1 + pgr), ln(1 + er), "        \
    "hormon, status = 1 AND time <= 1095 FROM cohort WHERE (status = 1 OR time > 1095) AND "

/* A statement's rows: `terms` columns into x, the one after them into y. */
static size_t select_rows(sqlite3 *database, const char *sql, size_t terms, double *x, double *y,
                          size_t most)
{
    sqlite3_stmt *statement;
    size_t n = 0;
    assert_int_equal(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
    for (; sqlite3_step(statement) == SQLITE_ROW; n++) {
        assert_true(n < most);
        for (size_t i = 0; i < terms; i++)
            x[n * terms + i] = sqlite3_column_double(statement, (int)i);
        y[n] = sqlite3_column_double(statement, (int)terms);
    }
    sqlite3_finalize(statement);
    return n;
}

static void assert_model(sqlite3 *database, const char *where, const json_t *expected)
{
    enum { MOST = 3000 };
    static double x[MOST * TERMS], y[MOST];
    char sql[1000];
    snprintf(sql, sizeof(sql), "SELECT " COMMON "%s", where);
    size_t n = select_rows(database, sql, TERMS, x, y, MOST);
    struct query_model model;
    cella_error error;
    assert_int_equal(n, json_integer_value(json_object_get(expected, "n")));
    assert_int_equal(query_logistic(x, y, n, TERMS, &model, &error), CELLA_OK);
    assert_int_equal(model.events, json_integer_value(json_object_get(expected, "events")));
    assert_near(model.log_likelihood,
                json_number_value(json_object_get(expected, "log_likelihood")), 12);
    assert_near(model.auc, json_number_value(json_object_get(expected, "auc")), 12);
    for (size_t i = 0; i < TERMS; i++) {
        const json_t *term = json_array_get(json_object_get(expected, "coefficients"), i);
        const struct query_coefficient *found = &model.coefficients[i];
        assert_near(found->estimate, json_number_value(json_object_get(term, "estimate")), 8);
        assert_near(found->standard_error,
                    json_number_value(json_object_get(term, "standard_error")), 7);
        assert_near(found->z, json_number_value(json_object_get(term, "z")), 7);
        assert_near(found->p, json_number_value(json_object_get(term, "p")), 5);
    }
    query_model_free(&model);
}

static void test_logistic(void **state)
{
    (void)state;
    skip_without_data();
    json_t *expected = data_json("tests/room/reference-logistic.json");
    sqlite3 *database = database_new();
    load(database, "rotterdam", rotterdam, 12);
    load(database, "gbsg", gbsg, 10);
    assert_int_equal(
        sqlite3_exec(database,
                     "CREATE VIEW cohort AS SELECT 'rotterdam' AS hospital, age, meno, size != "
                     "'<=20' AS over, grade, nodes, pgr, er, hormon, iif(recur, rtime, dtime) AS "
                     "time, recur OR death AS status FROM rotterdam WHERE nodes > 0 UNION ALL "
                     "SELECT 'gbsg', age, meno, size > 20, grade, nodes, pgr, er, hormon, rfstime, "
                     "status FROM gbsg",
                     NULL, NULL, NULL),
        SQLITE_OK);
    assert_model(database, "true", json_object_get(expected, "joint"));
    assert_model(database, "hospital = 'rotterdam'", json_object_get(expected, "rotterdam"));
    assert_model(database, "hospital = 'gbsg'", json_object_get(expected, "gbsg"));
    sqlite3_close(database);
    json_decref(expected);
}

/* ---- the patients of examples/ ---- */

/* The file's first line holds counts; ours names the columns, c0 to c30. */
static void load_patients(sqlite3 *database)
{
    static struct query_column columns[31];
    struct query_input input = {.name = "patients", .columns = columns, .column_count = 31};
    size_t size, rest;
    uint64_t rows;
    cella_error error;
    char path[400];
    snprintf(path, sizeof(path), "%s/examples/patients", getenv("CELLA_SOURCE"));
    uint8_t *bytes = data_file(path, "breast_cancer.csv", &size);
    char *text = malloc(size + 200), *at = text;
    for (int i = 0; i < 31; i++) {
        snprintf(columns[i].name, sizeof(columns[i].name), "c%d", i);
        columns[i].type = QUERY_REAL;
        columns[i].role = QUERY_MEASURE;
        at += sprintf(at, "%s%s", i ? "," : "", columns[i].name);
    }
    input.format = QUERY_CSV;
    const uint8_t *lines = memchr(bytes, '\n', size);
    rest = size - (size_t)(lines - bytes);
    memcpy(at, lines, rest);
    if (query_load(database, &input, text, (size_t)(at - text) + rest, &rows, &error) != CELLA_OK)
        fail_msg("%s", error.sentence);
    assert_int_equal(rows, 569);
    free(text);
    free(bytes);
}

static void test_patients(void **state)
{
    (void)state;
    static const double expected[4][2] = {{-42.01940764491568103, 4.459426866176567472},
                                          {1.39699240809601166, 0.154032409765239575},
                                          {0.38055892626589438, 0.057113246653504923},
                                          {144.67422711501390609, 19.046875088981376933}};
    enum { MOST = 600 };
    static double x[MOST * 4], y[MOST], malignant[MOST], benign[MOST];
    struct query_model model;
    struct query_test test;
    cella_error error;
    if (!getenv("CELLA_SOURCE"))
        skip();
    sqlite3 *database = database_new();
    load_patients(database);
    size_t n = select_rows(database, "SELECT 1, c0, c1, c4, 1 - c30 FROM patients", 4, x, y, MOST);
    assert_int_equal(query_logistic(x, y, n, 4, &model, &error), CELLA_OK);
    assert_int_equal(model.events, 212);
    for (size_t i = 0; i < 4; i++) {
        assert_near(model.coefficients[i].estimate, expected[i][0], 10);
        assert_near(model.coefficients[i].standard_error, expected[i][1], 9);
    }
    assert_near(model.log_likelihood, -93.645111358924595, 13);
    assert_near(model.auc, 0.98110564980709269, 13);
    query_model_free(&model);
    size_t ill = select_rows(database, "SELECT c0 FROM patients WHERE c30 = 0", 0, x, malignant,
                             MOST),
           well =
               select_rows(database, "SELECT c0 FROM patients WHERE c30 = 1", 0, x, benign, MOST);
    assert_int_equal(query_t_test(malignant, ill, benign, well, &test, &error), CELLA_OK);
    assert_near(test.statistic, 22.208797758464517, 11);
    assert_near(test.degrees, 289.71273805158006, 11);
    assert_near(test.p, 1.6844591259583230e-64, 9);
    assert_int_equal(query_functions(database), SQLITE_OK);
    assert_answer(database, "SELECT median(c0) FROM patients WHERE c30 = 1", "12.2");
    assert_answer(database, "SELECT round(quantile(c0, 0.05), 9) FROM patients", "9.5292");
    assert_answer(database, "SELECT round(stddev(c0), 12) FROM patients", "3.524048826212");
    sqlite3_close(database);
}

/* ---- genotypes ---- */

struct stratum {
    struct query_genotypes genotypes;
    struct query_cases cases;
};

static void read_stratum(const char *name, struct stratum *stratum)
{
    static const struct query_input input = {.name = "snps", .format = QUERY_PLINK};
    size_t size;
    cella_error error;
    uint8_t *bytes = data_file(data_folder, name, &size);
    if (query_genotypes_read(&input, bytes, size, &stratum->genotypes, &error) != CELLA_OK)
        fail_msg("%s", error.sentence);
    free(bytes);
    assert_int_equal(
        query_cases_new(stratum->genotypes.phenotypes, stratum->genotypes.people, &stratum->cases),
        CELLA_OK);
}

static const json_t *named(const json_t *list, const char *snp)
{
    size_t i;
    const json_t *row;
    json_array_foreach(list, i, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "snp")), snp) == 0)
            return row;
    }
    return NULL;
}

static bool assert_listed(const json_t *list, const char *snp, const struct query_test *test,
                          uint64_t n)
{
    const json_t *row = named(list, snp);
    if (!row)
        return false;
    assert_int_equal(n, json_integer_value(json_object_get(row, "n")));
    assert_near(test->statistic, json_number_value(json_object_get(row, "chi_square")), 11);
    assert_near(test->p, json_number_value(json_object_get(row, "p")), 11);
    return true;
}

static void test_trend(void **state)
{
    (void)state;
    skip_without_data();
    json_t *expected = data_json("tests/room/reference-snps.json");
    static struct stratum strata[2];
    double sum = 0;
    uint64_t all = 0, not_tested = 0, seen = 0;
    read_stratum("ceu.tar", &strata[0]);
    read_stratum("jpt_chb.tar", &strata[1]);
    size_t snps = strata[0].genotypes.snp_count;
    assert_int_equal(snps, json_integer_value(json_object_get(expected, "snps")));
    for (size_t i = 0; i < snps; i++) {
        struct query_trend_stratum both[2];
        struct query_test test;
        uint64_t n;
        for (int s = 0; s < 2; s++) {
            size_t width = (strata[s].genotypes.people + 3) / 4;
            both[s] = (struct query_trend_stratum){strata[s].genotypes.packed + i * width,
                                                   &strata[s].cases, false};
        }
        query_trend(both, 2, &test, &n);
        const char *name = strata[0].genotypes.snps[i].name;
        not_tested += isnan(test.statistic);
        sum += isnan(test.statistic) ? 0 : test.statistic;
        all += n;
        seen += assert_listed(json_object_get(expected, "strongest"), name, &test, n);
        seen += assert_listed(json_object_get(expected, "some"), name, &test, n);
    }
    assert_int_equal(seen, 18);
    assert_int_equal(not_tested, json_integer_value(json_object_get(expected, "not_tested")));
    assert_int_equal(all, json_integer_value(json_object_get(expected, "sum_n")));
    assert_near(sum, json_number_value(json_object_get(expected, "sum_chi_square")), 12);
    for (int s = 0; s < 2; s++) {
        query_cases_free(&strata[s].cases);
        query_genotypes_free(&strata[s].genotypes);
    }
    json_decref(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patients),
        cmocka_unit_test(test_logistic),
        cmocka_unit_test(test_trend),
    };
    return cmocka_run_group_tests(tests, data_fetch, data_clean);
}
