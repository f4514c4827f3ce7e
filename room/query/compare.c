/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests that compare groups: chi-square, Welch's t, and the trend test of genotypes.
 *
 * The trend test: with x the number of alleles and y the case status, U is the sum over strata of
 * sum((y - mean(y)) x), and its variance under permutation of y within a stratum of n people is
 * Sxx Syy / (n - 1) (Mantel 1963; snpStats' single.snp.tests computes the same). U^2 / V is
 * chi-square with one degree of freedom. Which allele is counted does not matter to a stratum by
 * itself; it has to be the same in all.
 */
#include "query.h"

#include "image/fail.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double sum_of(const double *values, size_t n, size_t stride)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i * stride];
    return sum;
}

cella_status query_chi_square(const double *counts, size_t rows, size_t columns,
                              struct query_test *test, cella_error *error)
{
    if (rows < 2 || columns < 2)
        return fail(error, CELLA_INVALID, "chi_square needs two rows and two columns or more");
    double all = sum_of(counts, rows * columns, 1), statistic = 0;
    for (size_t i = 0; i < rows; i++) {
        double row = sum_of(counts + i * columns, columns, 1);
        for (size_t j = 0; j < columns; j++) {
            double expected = row * sum_of(counts + j, rows, columns) / all;
            if (!(expected > 0))
                return fail(error, CELLA_INVALID,
                            "chi_square has a row or a column without counts: leave it out");
            double difference = counts[i * columns + j] - expected;
            statistic += difference * difference / expected;
        }
    }
    double degrees = (double)(rows - 1) * (double)(columns - 1);
    *test = (struct query_test){
        .statistic = statistic, .degrees = degrees, .p = gsl_cdf_chisq_Q(statistic, degrees)};
    return CELLA_OK;
}

/* The variance of the mean. */
static double mean_variance(const double *values, size_t n, double mean)
{
    double squares = 0;
    for (size_t i = 0; i < n; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    return squares / (double)(n - 1) / (double)n;
}

cella_status query_t_test(const double *first, size_t first_n, const double *second,
                          size_t second_n, struct query_test *test, cella_error *error)
{
    if (first_n < 2 || second_n < 2)
        return fail(error, CELLA_INVALID, "t_test needs two values or more in each group");
    double means[] = {sum_of(first, first_n, 1) / (double)first_n,
                      sum_of(second, second_n, 1) / (double)second_n};
    double one = mean_variance(first, first_n, means[0]),
           other = mean_variance(second, second_n, means[1]), both = one + other;
    double size = fmax(fabs(means[0]), fabs(means[1]));
    if (!isfinite(both) || sqrt(both) <= 1e-14 * size || both == 0)
        return fail(error, CELLA_INVALID, "t_test has groups without variation");
    double degrees =
        both * both / (one * one / (double)(first_n - 1) + other * other / (double)(second_n - 1));
    double statistic = (means[0] - means[1]) / sqrt(both);
    *test = (struct query_test){.statistic = statistic,
                                .degrees = degrees,
                                .p = 2 * gsl_cdf_tdist_Q(fabs(statistic), degrees),
                                .estimate = means[0] - means[1]};
    return CELLA_OK;
}

/* ---- trend ---- */

/* Of a stratum: people by status (0 control, 1 case) and number of alleles. */
typedef uint64_t trend_counts[2][3];

struct trend {
    double score, variance;
    uint64_t n;
};

static void trend_add(struct trend *trend, trend_counts counts)
{
    double cases = (double)(counts[1][0] + counts[1][1] + counts[1][2]);
    double n = cases + (double)(counts[0][0] + counts[0][1] + counts[0][2]);
    trend->n += (uint64_t)n;
    if (n < 2)
        return;
    double ones = (double)(counts[0][1] + counts[1][1]),
           twos = (double)(counts[0][2] + counts[1][2]);
    double sum = ones + 2 * twos;
    double among_cases = (double)(counts[1][1] + 2 * counts[1][2]);
    /* Exact where n < 2^26: differences of whole numbers, divided after. */
    trend->score += (n * among_cases - cases * sum) / n;
    trend->variance +=
        (n * (ones + 4 * twos) - sum * sum) / n * (cases * (n - cases) / n) / (n - 1);
}

static void trend_finish(const struct trend *trend, struct query_test *test, uint64_t *n_used)
{
    *n_used = trend->n;
    *test = (struct query_test){.statistic = NAN, .degrees = 1, .p = NAN, .estimate = 0};
    if (trend->variance > 0) {
        test->statistic = trend->score * trend->score / trend->variance;
        test->p = erfc(sqrt(test->statistic / 2));
    }
}

cella_status query_cases_new(const int8_t *cases, size_t people, struct query_cases *made)
{
    size_t words = (people + 31) / 32;
    *made = (struct query_cases){.people = people};
    made->status[0] = calloc(words ? words : 1, sizeof(uint64_t));
    made->status[1] = calloc(words ? words : 1, sizeof(uint64_t));
    if (!made->status[0] || !made->status[1]) {
        query_cases_free(made);
        return CELLA_MEMORY;
    }
    for (size_t i = 0; i < people; i++)
        if (cases[i] >= 0)
            made->status[cases[i]][i / 32] |= UINT64_C(1) << i % 32 * 2;
    return CELLA_OK;
}

void query_cases_free(struct query_cases *cases)
{
    free(cases->status[0]);
    free(cases->status[1]);
    *cases = (struct query_cases){0};
}

static uint64_t word_at(const uint8_t *packed, size_t size, size_t at)
{
    uint64_t word = 0;
    memcpy(&word, packed + at, size - at < 8 ? size - at : 8);
    return word;
}

/* 32 people at a time. */
static void trend_count(const struct query_trend_stratum *stratum, trend_counts counts)
{
    const uint64_t low_bits = UINT64_C(0x5555555555555555);
    size_t size = (stratum->cases->people + 3) / 4;
    for (size_t at = 0; at < size; at += 8) {
        uint64_t word = word_at(stratum->packed, size, at);
        uint64_t low = word & low_bits, high = word >> 1 & low_bits;
        for (int status = 0; status < 2; status++) {
            uint64_t people = stratum->cases->status[status][at / 8];
            counts[status][2] += (uint64_t)__builtin_popcountll(people & ~low & ~high);
            counts[status][1] += (uint64_t)__builtin_popcountll(people & ~low & high);
            counts[status][0] += (uint64_t)__builtin_popcountll(people & low & high);
        }
    }
}

void query_trend(const struct query_trend_stratum *strata, size_t count, struct query_test *test,
                 uint64_t *n_used)
{
    struct trend trend = {0};
    for (size_t s = 0; s < count; s++) {
        trend_counts counts = {{0}};
        trend_count(&strata[s], counts);
        for (int status = 0; strata[s].swapped && status < 2; status++) {
            uint64_t none = counts[status][0];
            counts[status][0] = counts[status][2];
            counts[status][2] = none;
        }
        trend_add(&trend, counts);
    }
    trend_finish(&trend, test, n_used);
}
