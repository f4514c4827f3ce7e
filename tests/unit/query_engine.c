/* SPDX-License-Identifier: Apache-2.0
 *
 * Models through the whole engine: the hospitals' contract over real patients, and a trend over
 * real genotypes, against R's figures (tests/room/reference-*.json; without a network skipped);
 * small models against figures worked out by hand; and what the rules keep of a model.
 */
#include "query_contract.h"
#include "query_data.h"
#include "query_tar.h"

#include <math.h>

static void load_file(struct query_run *run, const char *input, const char *file)
{
    size_t size;
    uint64_t rows;
    cella_error error;
    uint8_t *bytes = data_file(data_folder, file, &size);
    if (query_run_load(run, input, bytes, size, &rows, &error) != CELLA_OK)
        fail_msg("%s", error.sentence);
    free(bytes);
}

static json_t *output_json(struct query_run *run, const char *name)
{
    struct query_account account;
    cella_error error;
    char *text = contract_output(run, name, &account, &error);
    if (!text)
        fail_msg("%s", error.sentence);
    json_t *rows = json_loads(text, 0, NULL);
    assert_non_null(rows);
    free(text);
    return rows;
}

static double number(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static void assert_number(const json_t *row, const char *key, double expected, int digits)
{
    double value = number(row, key);
    if (!(fabs(value - expected) <= pow(10, -digits) * fabs(expected)))
        fail_msg("%s: %.17g, expected %.17g", key, value, expected);
}

static void assert_logistic(struct query_run *run, const char *output, const json_t *expected)
{
    json_t *rows = output_json(run, output);
    const json_t *coefficients = json_object_get(expected, "coefficients");
    assert_int_equal(json_array_size(rows), 9);
    for (size_t i = 0; i < 9; i++) {
        const json_t *row = json_array_get(rows, i), *term = json_array_get(coefficients, i);
        assert_string_equal(json_string_value(json_object_get(row, "term")),
                            json_string_value(json_object_get(term, "term")));
        assert_number(row, "estimate", number(term, "estimate"), 8);
        assert_number(row, "standard_error", number(term, "standard_error"), 7);
        assert_number(row, "z", number(term, "z"), 7);
        assert_number(row, "p", number(term, "p"), 5);
        assert_number(row, "n", number(expected, "n"), 15);
        assert_number(row, "events", number(expected, "events"), 15);
        assert_number(row, "log_likelihood", number(expected, "log_likelihood"), 12);
        assert_number(row, "auc", number(expected, "auc"), 12);
    }
    json_decref(rows);
}

static void test_hospitals(void **state)
{
    (void)state;
    skip_without_data();
    struct query_plan *plan;
    json_t *expected = data_json("tests/room/reference-logistic.json");
    struct query_run *run =
        contract_start(data_json("examples/hospitals/contract.json"), NULL, 0, &plan);
    load_file(run, "rotterdam", "rotterdam.csv");
    load_file(run, "gbsg", "gbsg.csv");
    assert_logistic(run, "joint", json_object_get(expected, "joint"));
    assert_logistic(run, "north_alone", json_object_get(expected, "rotterdam"));
    assert_logistic(run, "south_alone", json_object_get(expected, "gbsg"));
    struct query_account account;
    cella_error error;
    char *grades = contract_output(run, "by_grade", &account, &error);
    assert_non_null(grades);
    assert_int_equal(account.rows_suppressed, 0);
    assert_null(strstr(grades, ",\r\n")); /* no value is kept back */
    free(grades);
    query_run_free(run);
    query_plan_free(plan);
    json_decref(expected);
}

/* ---- genotypes ---- */

#define GENOTYPES(name, columns)                                                                   \
    "{'name':'" name "','owner':'n','format':'plink','box':'any','columns':[" columns              \
    "{'name':'phenotype','type':'boolean','role':'measure'}],'rules':%s}"
#define INDIVIDUAL "{'name':'individual','type':'text','role':'identifier'},"

static struct query_run *start_trend(const char *rules, struct query_plan **plan)
{
    struct query_run *run = contract_start(
        contract_contract(
            "{'parties':[{'name':'n'}],'parameters':[],'inputs':[" GENOTYPES(
                "ceu",
                INDIVIDUAL) "," GENOTYPES("asia",
                                          INDIVIDUAL) "],"
                                                      "'statements':[{'name':'s','model':{'kind':'"
                                                      "trend','phenotype':'phenotype','genotypes':"
                                                      "[{'input':'ceu','stratum':'a'},{'input':'"
                                                      "asia','stratum':'b'}]}}],"
                                                      "'outputs':[{'name':'o','statement':'s','"
                                                      "format':'json','recipients':['n'],"
                                                      "'rules':{}}]}",
            rules, rules),
        NULL, 0, plan);
    load_file(run, "ceu", "ceu.tar");
    load_file(run, "asia", "jpt_chb.tar");
    return run;
}

static size_t assert_snps(const json_t *rows, const json_t *list)
{
    size_t found = 0, i, k;
    const json_t *row, *expected;
    json_array_foreach(rows, i, row) json_array_foreach(list, k, expected)
    {
        if (strcmp(json_string_value(json_object_get(row, "snp")),
                   json_string_value(json_object_get(expected, "snp"))) != 0)
            continue;
        assert_number(row, "n", number(expected, "n"), 15);
        assert_number(row, "chi_square", number(expected, "chi_square"), 11);
        assert_number(row, "p", number(expected, "p"), 11);
        found++;
    }
    return found;
}

static void test_trend(void **state)
{
    (void)state;
    skip_without_data();
    struct query_plan *plan;
    json_t *expected = data_json("tests/room/reference-snps.json");
    struct query_run *run = start_trend("{}", &plan);
    json_t *rows = output_json(run, "o");
    size_t i;
    const json_t *row;
    double sum = 0, all = 0, not_tested = 0;
    assert_int_equal(json_array_size(rows), json_integer_value(json_object_get(expected, "snps")));
    json_array_foreach(rows, i, row)
    {
        all += number(row, "n");
        if (json_is_null(json_object_get(row, "chi_square")))
            not_tested++;
        else
            sum += number(row, "chi_square");
    }
    assert_number(expected, "sum_n", all, 15);
    assert_number(expected, "not_tested", not_tested, 15);
    assert_number(expected, "sum_chi_square", sum, 12);
    assert_int_equal(assert_snps(rows, json_object_get(expected, "strongest")) +
                         assert_snps(rows, json_object_get(expected, "some")),
                     18);
    query_run_free(run);
    query_plan_free(plan);
    json_decref(rows);

    run = start_trend("{'least_individuals':20}", &plan);
    rows = output_json(run, "o");
    assert_true(json_array_size(rows) > 0);
    assert_true((json_int_t)json_array_size(rows) <
                json_integer_value(json_object_get(expected, "snps")));
    query_run_free(run);
    query_plan_free(plan);
    json_decref(rows);
    json_decref(expected);
}

/* Six people, three of them cases. */
static const char people[] =
    "f a 0 0 1 2\nf b 0 0 1 2\nf c 0 0 1 2\n"
    "f d 0 0 1 1\nf e 0 0 1 1\nf f 0 0 1 1\n";

static void load_stratum(struct query_run *run, const char *name, const char *bim, const char *bed,
                         const char *fam)
{
    char bytes[5] = {0x6c, 0x1b, 1, bed[0], bed[1]};
    struct tar *tar = make(bytes, sizeof(bytes), bim, fam);
    uint64_t rows;
    cella_error error;
    if (query_run_load(run, name, tar->bytes, tar->size, &rows, &error) != CELLA_OK)
        fail_msg("%s", error.sentence);
    free(tar);
}

/* Two strata of these people under these rules; the result, or the sentence. */
static char *two_strata(const char *const alleles[2], const char *const beds[2],
                        const char *const fams[2], const char *rules)
{
    struct query_plan *plan;
    struct query_account account;
    cella_error error;
    static const char *const names[] = {"one", "two"};
    struct query_run *run = contract_start(
        contract_contract(
            "{'parties':[{'name':'n'}],'parameters':[],'inputs':[" GENOTYPES(
                "one",
                INDIVIDUAL) "," GENOTYPES("two",
                                          INDIVIDUAL) "],"
                                                      "'statements':[{'name':'s','model':{'kind':'"
                                                      "trend','phenotype':'phenotype','genotypes':"
                                                      "[{'input':'one','stratum':'a'},{'input':'"
                                                      "two','stratum':'b'}]}}],"
                                                      "'outputs':[{'name':'o','statement':'s','"
                                                      "format':'csv','recipients':['n'],"
                                                      "'rules':{'digits':3}}]}",
            rules, rules),
        NULL, 0, &plan);
    for (size_t i = 0; i < 2; i++) {
        char bim[50];
        snprintf(bim, sizeof(bim), "1 rs1 0 7 %s\n", alleles[i]);
        load_stratum(run, names[i], bim, beds[i], fams[i]);
    }
    char *text = contract_output(run, "o", &account, &error);
    query_run_free(run);
    query_plan_free(plan);
    return text ? text : strdup(error.sentence);
}

static void assert_strata(const char *const alleles[2], const char *const beds[2],
                          const char *const fams[2], const char *rules, const char *part)
{
    char *text = two_strata(alleles, beds, fams, rules);
    if (!strstr(text, part))
        fail_msg("%s, %s: %s", alleles[0], alleles[1], text);
    free(text);
}

/* ---- alleles, and strata of few ---- */

/* An allele that a stratum does not have is written 0, and the other may then be on either side.
 * Mixed: cases AA AA AG, controls GG GG AG with A first; its mirror; nobody but one of the two. */
static const char mixed[] = "\xe0\x0b", mirror[] = "\x2f\x08", second_alone[] = "\xff\x0f",
                  first_alone[] = "\0\0", unknown[] = "\x55\x05", two_known[] = "\x5f\x05";
static const char *const six[] = {people, people};

static void test_alleles(void **state)
{
    (void)state;
    static const struct {
        const char *alleles[2], *beds[2], *part;
    } good[] = {
        {{"A G", "A G"}, {mixed, mixed}, "A,G,12,6.67,"},
        {{"A G", "G A"}, {mixed, mirror}, "A,G,12,6.67,"},
        {{"A G", "0 G"}, {mixed, second_alone}, "A,G,12,3.33,"},
        {{"A G", "G 0"}, {mixed, first_alone}, "A,G,12,3.33,"},
        {{"G A", "0 G"}, {mirror, second_alone}, "G,A,12,3.33,"},
        {{"0 G", "A G"}, {second_alone, mixed}, "A,G,12,3.33,"},
        {{"0 G", "G A"}, {second_alone, mirror}, "A,G,12,3.33,"},
        {{"0 G", "0 G"}, {second_alone, second_alone}, "0,G,12,,"},
        {{"0 G", "0 A"}, {second_alone, second_alone}, "A,G,12,,"},
        {{"0 G", "G 0"}, {second_alone, first_alone}, "0,G,12,,"},
        {{"0 0", "A G"}, {unknown, mixed}, "A,G,6,3.33,"},
        {{"A G", "A C"}, {mixed, mixed}, "do not have the same SNPs"},
        {{"A G", "0 T"}, {mixed, mixed}, "do not have the same SNPs"},
        {{"A G", "C 0"}, {mixed, mixed}, "do not have the same SNPs"},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_strata(good[i].alleles, good[i].beds, six, "{}", good[i].part);
}

static void test_genotypes_of_few_stay(void **state)
{
    (void)state;
    static const char *const as_is[] = {"A G", "A G"}, *const both[] = {mixed, mixed};
    assert_strata(as_is, both, six, "{'least_individuals':4}", "A,G,12,6.67,");
    /* Six people, of whom four carry either allele. */
    assert_strata(as_is, both, six, "{'least_individuals':5}", "chi_square,p\r\n");
    char *text = two_strata(as_is, both, six, "{'least_individuals':5}");
    assert_null(strstr(text, "rs1"));
    free(text);
    /* Two people whose genotype is known, both alike. */
    static const char *const two[] = {mixed, two_known}, *const none[] = {mixed, unknown};
    text = two_strata(as_is, two, six, "{'least_individuals':4}");
    assert_null(strstr(text, "rs1"));
    free(text);
    assert_strata(as_is, none, six, "{'least_individuals':4}", "A,G,6,3.33,");
}

/* ---- small models ---- */

/* Runs a model over rows "pid,a,b", and gives its rows; `rules` of the input. */
static json_t *model_rows(const char *rules, const char *model, const char *csv)
{
    struct contract_input loaded = {"r", csv};
    struct query_plan *plan;
    struct query_run *run = contract_start(
        contract_contract(
            "{'parties':[{'name':'n'}],'parameters':[],'inputs':[{'name':'r','owner':'n','format':"
            "'csv','box':'any','columns':[{'name':'pid','type':'integer','role':'identifier'},"
            "{'name':'a','type':'real','role':'measure'},{'name':'b','type':'real','role':"
            "'measure'}],'rules':%s}],'statements':[{'name':'s','from':{'input':'r','as':'r'},"
            "'model':{%s}}],'outputs':[{'name':'o','statement':'s','format':'json','recipients':"
            "['n'],'rules':{}}]}",
            rules, model),
        &loaded, 1, &plan);
    json_t *rows = output_json(run, "o");
    query_run_free(run);
    query_plan_free(plan);
    return rows;
}

/* `counts` people of each of the four pairs of 0 and 1: 00, 01, 10, 11. */
static char *four_cells(const int counts[4], const char *more)
{
    char *csv = NULL;
    size_t ignored;
    int pid = 0;
    FILE *text = open_memstream(&csv, &ignored);
    fprintf(text, "pid,a,b\n");
    for (int cell = 0; cell < 4; cell++)
        for (int i = 0; i < counts[cell]; i++)
            fprintf(text, "%d,%d,%d\n", pid++, cell / 2, cell % 2);
    fprintf(text, "%s", more);
    fclose(text);
    return csv;
}

#define CHI_SQUARE "'kind':'chi_square','rows':'r.a','columns':'r.b'"
#define T_TEST     "'kind':'t_test','value':'r.a','by':'r.b'"
#define LINEAR     "'kind':'linear','outcome':'r.a','terms':['r.b']"
#define LOGISTIC   "'kind':'logistic','outcome':'r.a','terms':['r.b']"

static void test_by_hand(void **state)
{
    (void)state;
    static const int counts[4] = {10, 20, 30, 40};
    char *csv = four_cells(counts, "900,,1\n");
    json_t *rows = model_rows("{'least_individuals':5}", CHI_SQUARE, csv);
    /* n (ad - bc)^2 over the product of the margins */
    assert_number(json_array_get(rows, 0), "chi_square", 100.0 * 200 * 200 / (30 * 70 * 40 * 60),
                  12);
    assert_number(json_array_get(rows, 0), "degrees", 1, 15);
    assert_number(json_array_get(rows, 0), "n", 100, 15);
    assert_true(json_is_null(json_object_get(json_array_get(rows, 0), "left_out")));
    json_decref(rows);
    rows = model_rows("{'least_individuals':5}", LOGISTIC, csv);
    assert_number(json_array_get(rows, 0), "estimate", log(3), 8);
    assert_number(json_array_get(rows, 1), "estimate", log(2.0 / 3), 8);
    assert_number(json_array_get(rows, 1), "standard_error",
                  sqrt(1 / 10.0 + 1 / 20.0 + 1 / 30.0 + 1 / 40.0), 7);
    assert_number(json_array_get(rows, 0), "events", 70, 15);
    json_decref(rows);
    free(csv);
    static const char line[] = "pid,a,b\n1,1,0\n2,3,0\n3,2,1\n4,6,1\n5,4,1\n6,2,0\n7,,1\n";
    rows = model_rows("{}", T_TEST, line);
    /* means 2 and 4, variances 1 and 4 */
    assert_number(json_array_get(rows, 0), "difference", -2, 12);
    assert_number(json_array_get(rows, 0), "t", -2 / sqrt(5 / 3.0), 12);
    assert_number(json_array_get(rows, 0), "degrees", 25 / 9.0 / ((1 / 9.0 + 16 / 9.0) / 2), 12);
    assert_number(json_array_get(rows, 0), "left_out", 1, 15);
    json_decref(rows);
    rows = model_rows("{}", LINEAR, line);
    assert_number(json_array_get(rows, 0), "estimate", 2, 12);
    assert_number(json_array_get(rows, 1), "estimate", 2, 12);
    assert_number(json_array_get(rows, 1), "standard_error", sqrt(2.5 * 2 / 3.0), 12);
    assert_number(json_array_get(rows, 0), "sigma", sqrt(2.5), 12);
    assert_number(json_array_get(rows, 0), "r_squared", 6 / 16.0, 12);
    json_decref(rows);
}

static void assert_suppressed(const char *model, const char *csv)
{
    json_t *rows = model_rows("{'least_individuals':5}", model, csv);
    assert_int_equal(json_array_size(rows), 0);
    json_decref(rows);
}

static void test_models_of_few_stay(void **state)
{
    (void)state;
    static const int cell[4] = {10, 20, 4, 40}, side[4] = {20, 2, 20, 2}, none[4] = {20, 0, 20, 0};
    static const char *const models[] = {CHI_SQUARE, T_TEST, LINEAR, LOGISTIC};
    for (size_t i = 0; i < 4; i++) {
        char *csv = four_cells(cell, "");
        assert_suppressed(models[i], csv);
        free(csv);
        csv = four_cells(side, "");
        assert_suppressed(models[i], csv);
        free(csv);
        csv = four_cells(none, "900,0,1\n");
        assert_suppressed(models[i], csv);
        free(csv);
    }
    /* Seven rows, two coefficients: five more are there. Six: not. */
    static const char seven[] = "pid,a,b\n1,1,2\n2,3,1\n3,2,5\n4,6,4\n5,4,3\n6,2,7\n7,5,9\n";
    json_t *rows = model_rows("{'least_individuals':5}", LINEAR, seven);
    assert_int_equal(json_array_size(rows), 2);
    json_decref(rows);
    assert_suppressed(LINEAR, "pid,a,b\n1,1,2\n2,3,1\n3,2,5\n4,6,4\n5,4,3\n6,8,7\n");
    /* Three of ten on one side, of which the other variable says nothing; a level of few. */
    static const char three[] =
        "pid,a,b\n1,1,2\n2,1,1\n3,1,5\n4,0,4\n5,0,3\n6,0,7\n7,0,9\n"
        "8,0,2.5\n9,0,8\n10,0,0\n";
    assert_suppressed(LOGISTIC, three);
    assert_suppressed("'kind':'t_test','value':'r.b','by':'r.a'", three);
    static const int counts[4] = {10, 20, 30, 40};
    char *csv = four_cells(counts, "900,2,0\n901,2,0\n902,2,1\n903,2,1\n");
    assert_suppressed(CHI_SQUARE, csv);
    free(csv);
    /* One person has a value that nobody else has. */
    assert_suppressed(LINEAR,
                      "pid,a,b\n1,1,0\n2,3,0\n3,2,0\n4,6,0\n5,4,0\n6,2,0\n7,5,9\n8,5,8\n"
                      "9,4,0\n10,1,0\n");
}

/* Of everyone, and then of everyone but one: the model of these does not leave. */
static void test_models_are_compared(void **state)
{
    (void)state;
    struct contract_input loaded = {"r",
                                    "pid,a,b\n1,1,2\n2,3,1\n3,2,5\n4,6,4\n5,4,3\n6,2,7\n"
                                    "7,5,9\n8,7,8\n9,9,6\n"};
    static const char *const left[] = {"r.b < 100", "r.b < 9"};
    for (size_t i = 0; i < 2; i++) {
        struct query_plan *plan;
        struct query_run *run = contract_start(
            contract_contract(
                "{'parties':[{'name':'n'}],'parameters':[],'inputs':[{'name':'r','owner':'n',"
                "'format':'csv','box':'any','columns':[{'name':'pid','type':'integer','role':"
                "'identifier'},{'name':'a','type':'real','role':'measure'},{'name':'b','type':"
                "'real','role':'measure'}],'rules':{'least_individuals':4}}],'statements':["
                "{'name':'all','from':{'input':'r','as':'r'},'select':[{'name':'n','count':true}]},"
                "{'name':'s','from':{'input':'r','as':'r'},'where':['%s'],'model':{" LINEAR "}}],"
                "'outputs':[{'name':'all','statement':'all','format':'json','recipients':['n'],"
                "'rules':{}},{'name':'o','statement':'s','format':'json','recipients':['n'],"
                "'rules':{}}]}",
                left[i]),
            &loaded, 1, &plan);
        json_decref(output_json(run, "all"));
        json_t *rows = output_json(run, "o");
        assert_int_equal(json_array_size(rows), i ? 0 : 2);
        json_decref(rows);
        query_run_free(run);
        query_plan_free(plan);
    }
}

/* What a model cannot take is left out: that it failed would tell of it. */
static void test_what_is_no_case_is_left_out(void **state)
{
    (void)state;
    static const int counts[4] = {10, 20, 30, 40};
    static const char *const models[][2] = {
        {"'kind':'logistic','outcome':'r.a','terms':['r.b']", "900,2,1\n"},
        {"'kind':'t_test','value':'r.b','by':'r.a'", "900,7,1\n"},
        {"'kind':'linear','outcome':'r.a','terms':['r.b * 1e308 * 10']", "900,1,1\n"},
    };
    for (size_t i = 0; i < 2; i++) {
        char *csv = four_cells(counts, models[i][1]);
        json_t *rows = model_rows("{}", models[i][0], csv);
        assert_number(json_array_get(rows, 0), "n", 100, 15);
        assert_number(json_array_get(rows, 0), "left_out", 1, 15);
        json_decref(rows);
        rows = model_rows("{'least_individuals':5}", models[i][0], csv);
        assert_number(json_array_get(rows, 0), "n", 100, 15);
        assert_true(json_is_null(json_object_get(json_array_get(rows, 0), "left_out")));
        json_decref(rows);
        free(csv);
    }
    assert_suppressed(models[2][0], "pid,a,b\n1,1,1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hospitals),
        cmocka_unit_test(test_trend),
        cmocka_unit_test(test_alleles),
        cmocka_unit_test(test_genotypes_of_few_stay),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_models_of_few_stay),
        cmocka_unit_test(test_models_are_compared),
        cmocka_unit_test(test_what_is_no_case_is_left_out),
    };
    return cmocka_run_group_tests(tests, data_fetch, data_clean);
}
