/* SPDX-License-Identifier: Apache-2.0
 *
 * Regressions give R's figures (glm, lm; R 4.2.2), and NIST's certified ones for Longley's data,
 * whose terms are nearly collinear. What has no estimate is refused.
 */
#include "query_test.h"

#define N 60

static void make(double *x, double *y, double shift)
{
    for (int i = 0; i < N; i++) {
        double first = i * 37 % 101 / 10.0;
        x[3 * i] = 1;
        x[3 * i + 1] = first + shift;
        x[3 * i + 2] = i * 53 % 29;
        y[i] = i * 7 % 5 + (i % 3 == 0) + first / 4 > 3;
    }
}

static void assert_coefficient(const struct query_model *model, size_t term, double estimate,
                               double standard_error, double z, double p, int digits)
{
    const struct query_coefficient *found = &model->coefficients[term];
    assert_near(found->estimate, estimate, digits);
    assert_near(found->standard_error, standard_error, digits);
    assert_near(found->z, z, digits);
    assert_near(found->p, p, digits);
}

static void test_logistic(void **state)
{
    (void)state;
    double x[3 * N], y[N];
    struct query_model model;
    cella_error error;
    make(x, y, 0);
    assert_int_equal(query_logistic(x, y, N, 3, &model, &error), CELLA_OK);
    assert_int_equal(model.n, N);
    assert_int_equal(model.events, 37);
    assert_coefficient(&model, 0, -0.893601514778014527, 0.680902582313529181, -1.31237792011566468,
                       0.189392653014114953, 9);
    assert_coefficient(&model, 1, 0.222157476842583190, 0.101014394910502542, 2.19926553081282972,
                       0.027859047136238144, 9);
    assert_coefficient(&model, 2, 0.023093039575721196, 0.032822481340032725, 0.70357385038879483,
                       0.481698200943365518, 9);
    assert_near(model.log_likelihood, -36.843886360306307, 13);
    assert_near(model.auc, 0.68625146886016453, 12);
    query_model_free(&model);
}

static void test_logistic_shifted(void **state)
{
    (void)state;
    double x[3 * N], y[N];
    struct query_model model;
    cella_error error;
    make(x, y, 1e6);
    assert_int_equal(query_logistic(x, y, N, 3, &model, &error), CELLA_OK);
    assert_near(model.coefficients[1].estimate, 0.222157476842583190, 8);
    assert_near(model.coefficients[1].standard_error, 0.101014394910502542, 8);
    assert_near(model.coefficients[0].estimate, -2.2215837044466977e+05, 5);
    assert_near(model.coefficients[0].standard_error, 1.0101482728343662e+05, 5);
    query_model_free(&model);
}

static void test_logistic_without_constant(void **state)
{
    (void)state;
    double x[3 * N], y[N], two[2 * N];
    struct query_model model;
    cella_error error;
    make(x, y, 0);
    for (int i = 0; i < N; i++)
        memcpy(two + 2 * i, x + 3 * i + 1, 2 * sizeof(double));
    assert_int_equal(query_logistic(two, y, N, 2, &model, &error), CELLA_OK);
    assert_coefficient(&model, 0, 0.1403149304291594623, 0.077809248194775263, 1.80331944703947578,
                       0.071338060206251372, 8);
    assert_coefficient(&model, 1, -0.0034838757766647516, 0.025792763115753979,
                       -0.13507183239847742, 0.892555080546029833, 8);
    query_model_free(&model);
}

static const double longley[16][7] = {
    {60323, 83.0, 234289, 2356, 1590, 107608, 1947},
    {61122, 88.5, 259426, 2325, 1456, 108632, 1948},
    {60171, 88.2, 258054, 3682, 1616, 109773, 1949},
    {61187, 89.5, 284599, 3351, 1650, 110929, 1950},
    {63221, 96.2, 328975, 2099, 3099, 112075, 1951},
    {63639, 98.1, 346999, 1932, 3594, 113270, 1952},
    {64989, 99.0, 365385, 1870, 3547, 115094, 1953},
    {63761, 100.0, 363112, 3578, 3350, 116219, 1954},
    {66019, 101.2, 397469, 2904, 3048, 117388, 1955},
    {67857, 104.6, 419180, 2822, 2857, 118734, 1956},
    {68169, 108.4, 442769, 2936, 2798, 120445, 1957},
    {66513, 110.8, 444546, 4681, 2637, 121950, 1958},
    {68655, 112.6, 482704, 3813, 2552, 123366, 1959},
    {69564, 114.2, 502601, 3931, 2514, 125368, 1960},
    {69331, 115.7, 518173, 4806, 2572, 127852, 1961},
    {70551, 116.9, 554894, 4007, 2827, 130081, 1962},
};

static void test_linear(void **state)
{
    (void)state;
    static const double certified[7][2] = {
        {-3482258.63459582, 890420.383607373},
        {15.0618722713733, 84.9149257747669},
        {-0.358191792925910E-01, 0.334910077722432E-01},
        {-2.02022980381683, 0.488399681651699},
        {-1.03322686717359, 0.214274163161675},
        {-0.511041056535807E-01, 0.226073200069370},
        {1829.15146461355, 455.478499142212},
    };
    double x[16 * 7], y[16];
    struct query_model model;
    cella_error error;
    for (int i = 0; i < 16; i++) {
        y[i] = longley[i][0];
        memcpy(x + 7 * i, longley[i], sizeof(longley[i]));
        x[7 * i] = 1;
    }
    assert_int_equal(query_linear(x, y, 16, 7, &model, &error), CELLA_OK);
    for (size_t i = 0; i < 7; i++) {
        assert_near(model.coefficients[i].estimate, certified[i][0], 12);
        assert_near(model.coefficients[i].standard_error, certified[i][1], 10);
    }
    assert_near(model.coefficients[0].p, 0.00356040366372632408, 9);
    assert_near(model.coefficients[1].p, 0.86314083280921982677, 9);
    assert_near(model.sigma, 304.854073561965, 12);
    assert_near(model.r_squared, 0.995479004577296, 13);
    assert_near(model.log_likelihood, 0.90664965523358387 - 16 * log(1000), 10);
    query_model_free(&model);
}

static void refused(const double *x, const double *y, size_t n, size_t terms, const char *part)
{
    struct query_model model;
    cella_error error = {0};
    assert_int_equal(query_logistic(x, y, n, terms, &model, &error), CELLA_INVALID);
    if (!strstr(error.sentence, part))
        fail_msg("\"%s\" does not say \"%s\"", error.sentence, part);
}

static void test_refused(void **state)
{
    (void)state;
    double x[3 * N], y[N];
    make(x, y, 0);
    refused(x, y, 3, 3, "too few rows");
    refused(x, y, 0, 0, "too few rows");
    y[5] = 0.5;
    refused(x, y, N, 3, "neither 0 nor 1");
    y[5] = NAN;
    refused(x, y, N, 3, "outcome is not finite");
    for (int i = 0; i < N; i++)
        y[i] = 1;
    refused(x, y, N, 3, "the same in every row");
    make(x, y, 0);
    x[4] = INFINITY;
    refused(x, y, N, 3, "term 1 of the model is not finite");
    make(x, y, 0);
    for (int factor = 1; factor < 20; factor++) {
        for (int i = 0; i < N; i++)
            x[3 * i + 2] = factor / 7. * x[3 * i + 1] - factor / 3.;
        refused(x, y, N, 3, "term 2 of the model is a combination");
    }
    for (int i = 0; i < N; i++)
        x[3 * i + 2] = 0.1;
    refused(x, y, N, 3, "term 2 of the model has the same value");
    struct query_model model;
    cella_error error;
    assert_int_equal(query_linear(x, y, N, 3, &model, &error), CELLA_INVALID);
}

static void test_separation(void **state)
{
    (void)state;
    double x[3 * N], y[N];
    make(x, y, 0);
    for (int i = 0; i < N; i++)
        y[i] = x[3 * i + 1] > 5;
    refused(x, y, N, 3, "separation");
    make(x, y, 0);
    for (int i = 0; i < N; i++) /* only where it is 1 */
        x[3 * i + 2] = y[i] == 1 && i % 5 == 0;
    refused(x, y, N, 3, "separation");
}

/* A rare event is not separation. */
static void test_rare(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    double *x = calloc(MANY, 2 * sizeof(double)), *y = calloc(MANY, sizeof(double));
    struct query_model model;
    cella_error error = {0};
    for (int i = 0; i < MANY; i++) {
        x[2 * i] = 1;
        x[2 * i + 1] = i % 1000 == 0;
        y[i] = i == 0 || i == 1;
    }
    assert_int_equal(query_logistic(x, y, MANY, 2, &model, &error), CELLA_OK);
    assert_near(model.coefficients[0].estimate, -log(99899), 9);
    assert_near(model.coefficients[1].estimate, log(99899) - log(99), 9);
    assert_near(model.coefficients[1].standard_error, sqrt(1 + 1. / 99899 + 1 + 1. / 99), 9);
    assert_near(model.auc, (99899 + 99 / 2. + 99899 / 2.) / (2 * 99998.), 12);
    query_model_free(&model);
    free(x);
    free(y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logistic),
        cmocka_unit_test(test_logistic_shifted),
        cmocka_unit_test(test_logistic_without_constant),
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_separation),
        cmocka_unit_test(test_rare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
