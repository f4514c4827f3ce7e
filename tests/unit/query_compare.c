/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of groups give R's figures (chisq.test, t.test; snpStats' single.snp.tests), and the
 * packed trend test the plain one's.
 */
#include "query_test.h"

static void test_chi_square(void **state)
{
    (void)state;
    static const double counts[] = {762, 327, 468, 484, 239, 477}, zero[] = {1, 0, 2, 0};
    struct query_test test;
    cella_error error = {0};
    assert_int_equal(query_chi_square(counts, 2, 3, &test, &error), CELLA_OK);
    assert_near(test.statistic, 3.0070149095754672e+01, 13);
    assert_near(test.p, 2.9535891832117569e-07, 12);
    assert_true(test.degrees == 2);
    assert_int_equal(query_chi_square(zero, 2, 2, &test, &error), CELLA_INVALID);
    assert_int_equal(query_chi_square(counts, 1, 6, &test, &error), CELLA_INVALID);
}

static void test_t(void **state)
{
    (void)state;
    static const double a[] = {27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1,
                               21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4},
                        b[] = {27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0,
                               24.8, 20.2, 21.9, 22.1, 22.9, 20.5, 24.4},
                        same[] = {3, 3, 3};
    double low[50], high[60];
    struct query_test test;
    cella_error error = {0};
    assert_int_equal(query_t_test(a, 15, b, 15, &test, &error), CELLA_OK);
    assert_near(test.statistic, -2.455356398286006048, 12);
    assert_near(test.degrees, 24.988529290231415558, 12);
    assert_near(test.p, 0.021378001462866985, 11);
    assert_near(test.estimate, -2.166666666666667851, 12);
    for (int i = 0; i < 50; i++)
        low[i] = (i + 1) / 1e3;
    for (int i = 0; i < 60; i++)
        high[i] = 1e3 + (i + 1) / 7.;
    assert_int_equal(query_t_test(low, 50, high, 60, &test, &error), CELLA_OK);
    assert_near(test.p, 1.2691896628267605e-155, 9);
    assert_int_equal(query_t_test(a, 1, b, 15, &test, &error), CELLA_INVALID);
    assert_int_equal(query_t_test(same, 3, same, 3, &test, &error), CELLA_INVALID);
}

#define N 23
static const int8_t snps[3][N] = {
    {-1, 0, 0, 0, 0, 2, 0, -1, 0, 1, 0, 0, 2, 0, 1, 0, 1, 0, -1, 0, 1, 0, -1},
    {-1, -1, 0, 1, 1, -1, 0, 1, 0, 0, 0, 0, 2, 1, 2, 2, 1, 2, 0, 2, 1, -1, 0},
    {0, 2, 2, -1, 1, 2, 2, 1, 2, 0, 0, 0, 0, 0, 0, 1, 2, 1, 1, 1, 1, 1, 0},
};
static const int8_t cases[N] = {1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 0, 0,
                                0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1};

static void test_trend(void **state)
{
    (void)state;
    static const double expected[3][4] = {
        {0.113977485928705533, 0.73566048317761501, 0.0059880239520957888, 0.93831940261329438},
        {0.260204081632653350, 0.60997998266666498, 0.0556038227628148848, 0.81358427650224652},
        {0.071957236842105435, 0.78850807487975905, 0.0024108003857280448, 0.96083968143188903},
    };
    static const uint64_t used[3] = {19, 19, 22};
    for (int i = 0; i < 3; i++) {
        struct query_test test;
        uint64_t n;
        const int8_t *genotypes[] = {snps[i], snps[i] + 8, snps[i] + 17},
                     *status[] = {cases, cases + 8, cases + 17};
        query_trend(genotypes, status, (size_t[]){N}, 1, &test, &n);
        assert_int_equal(n, used[i]);
        assert_near(test.statistic, expected[i][0], 12);
        assert_near(test.p, expected[i][1], 12);
        query_trend(genotypes, status, (size_t[]){8, 9, 6}, 3, &test, &n);
        assert_int_equal(n, used[i]);
        assert_near(test.statistic, expected[i][2], 11);
        assert_near(test.p, expected[i][3], 11);
    }
}

static void test_monomorphic(void **state)
{
    (void)state;
    static const int8_t none[N];
    struct query_test test;
    uint64_t n;
    query_trend((const int8_t *const[]){none}, (const int8_t *const[]){cases}, (size_t[]){N}, 1,
                &test, &n);
    assert_true(isnan(test.statistic));
    assert_true(isnan(test.p));
    assert_int_equal(n, N);
}

/* As .bed has it, with the first allele the one that is counted. */
static void pack(const int8_t *genotypes, size_t n, uint8_t *packed)
{
    static const uint8_t codes[] = {1, 3, 2, 0};
    memset(packed, 0, (n + 3) / 4);
    for (size_t i = 0; i < n; i++)
        packed[i / 4] |= (uint8_t)(codes[genotypes[i] + 1] << i % 4 * 2);
}

/* The packed form against the plain one, over sizes and random people. */
static void test_packed(void **state)
{
    (void)state;
    enum { MOST = 130 };
    srandom(1);
    for (size_t n = 1; n <= MOST; n++) {
        int8_t genotypes[2][MOST], status[2][MOST];
        uint8_t packed[2][MOST];
        struct query_cases known[2];
        struct query_trend_stratum strata[2];
        struct query_test plain, fast;
        uint64_t plain_n, fast_n;
        for (int s = 0; s < 2; s++) {
            int8_t stored[MOST];
            for (size_t i = 0; i < n; i++) {
                genotypes[s][i] = (int8_t)(random() % 4 - 1);
                status[s][i] = (int8_t)(random() % 3 - 1);
                /* the second stratum has its alleles the other way round */
                stored[i] =
                    s && genotypes[s][i] >= 0 ? (int8_t)(2 - genotypes[s][i]) : genotypes[s][i];
            }
            pack(stored, n, packed[s]);
            assert_int_equal(query_cases_new(status[s], n, &known[s]), CELLA_OK);
            strata[s] = (struct query_trend_stratum){packed[s], &known[s], s == 1};
        }
        query_trend((const int8_t *const[]){genotypes[0], genotypes[1]},
                    (const int8_t *const[]){status[0], status[1]}, (size_t[]){n, n}, 2, &plain,
                    &plain_n);
        query_trend_packed(strata, 2, &fast, &fast_n);
        assert_int_equal(fast_n, plain_n);
        assert_true(fast.statistic == plain.statistic ||
                    (isnan(fast.statistic) && isnan(plain.statistic)));
        query_cases_free(&known[0]);
        query_cases_free(&known[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chi_square), cmocka_unit_test(test_t),
        cmocka_unit_test(test_trend),      cmocka_unit_test(test_monomorphic),
        cmocka_unit_test(test_packed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
