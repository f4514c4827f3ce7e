/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of groups give R's figures (chisq.test, t.test; snpStats' single.snp.tests), and the trend
 * test what counting one person at a time gives.
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

/* As .bed has it, with the first allele the one that is counted. */
static void pack(const int8_t *genotypes, size_t n, uint8_t *packed)
{
    static const uint8_t codes[] = {1, 3, 2, 0};
    memset(packed, 0, (n + 3) / 4);
    for (size_t i = 0; i < n; i++)
        packed[i / 4] |= (uint8_t)(codes[genotypes[i] + 1] << i % 4 * 2);
}

enum { MOST = 130, STRATA = 3 };

/* Strata one behind another, n[s] people in each; the second one's alleles are the other way
 * round. */
static void trend(const int8_t *genotypes, const int8_t *status, const size_t *n, size_t strata,
                  struct query_test *test, uint64_t *used)
{
    uint8_t packed[STRATA][MOST];
    struct query_cases known[STRATA];
    struct query_trend_stratum all[STRATA];
    for (size_t s = 0; s < strata; genotypes += n[s], status += n[s], s++) {
        int8_t stored[MOST];
        for (size_t i = 0; i < n[s]; i++)
            stored[i] = s == 1 && genotypes[i] >= 0 ? (int8_t)(2 - genotypes[i]) : genotypes[i];
        pack(stored, n[s], packed[s]);
        assert_int_equal(query_cases_new(status, n[s], &known[s]), CELLA_OK);
        all[s] = (struct query_trend_stratum){packed[s], &known[s], s == 1};
    }
    query_trend(all, strata, test, used);
    for (size_t s = 0; s < strata; s++)
        query_cases_free(&known[s]);
}

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
        trend(snps[i], cases, (size_t[]){N}, 1, &test, &n);
        assert_int_equal(n, used[i]);
        assert_near(test.statistic, expected[i][0], 12);
        assert_near(test.p, expected[i][1], 12);
        trend(snps[i], cases, (size_t[]){8, 9, 6}, 3, &test, &n);
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
    trend(none, cases, (size_t[]){N}, 1, &test, &n);
    assert_true(isnan(test.statistic));
    assert_true(isnan(test.p));
    assert_int_equal(n, N);
}

/* Of two strata of n people: the chi-square, one person at a time. */
static double plain_trend(const int8_t *genotypes, const int8_t *status, size_t n, uint64_t *used)
{
    double score = 0, variance = 0;
    *used = 0;
    for (size_t s = 0; s < 2; s++) {
        double people = 0, ill = 0, sum = 0, squares = 0, among = 0;
        for (size_t i = s * n; i < (s + 1) * n; i++) {
            if (genotypes[i] < 0 || status[i] < 0)
                continue;
            people++;
            ill += status[i];
            sum += genotypes[i];
            squares += genotypes[i] * genotypes[i];
            among += status[i] * genotypes[i];
        }
        *used += (uint64_t)people;
        if (people < 2)
            continue;
        score += (people * among - ill * sum) / people;
        variance += (people * squares - sum * sum) / people * (ill * (people - ill) / people) /
                    (people - 1);
    }
    return variance > 0 ? score * score / variance : NAN;
}

/* Over sizes and random people. */
static void test_trend_sizes(void **state)
{
    (void)state;
    srandom(1);
    for (size_t n = 1; n <= MOST; n++) {
        int8_t genotypes[2 * MOST], status[2 * MOST];
        struct query_test test;
        uint64_t used, plain_used;
        for (size_t i = 0; i < 2 * n; i++) {
            genotypes[i] = (int8_t)(random() % 4 - 1);
            status[i] = (int8_t)(random() % 3 - 1);
        }
        double plain = plain_trend(genotypes, status, n, &plain_used);
        trend(genotypes, status, (size_t[]){n, n}, 2, &test, &used);
        assert_int_equal(used, plain_used);
        assert_true(test.statistic == plain || (isnan(test.statistic) && isnan(plain)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chi_square),  cmocka_unit_test(test_t),
        cmocka_unit_test(test_trend),       cmocka_unit_test(test_monomorphic),
        cmocka_unit_test(test_trend_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
