/* SPDX-License-Identifier: Apache-2.0
 *
 * The GNU Scientific Library: random numbers with a known seed, statistics, linear regression,
 * singular values, eigenvalues, a special function, numerical integration.
 */
#include "check.h"
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_eigen.h>
#include <gsl/gsl_fit.h>
#include <gsl/gsl_integration.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_sf_bessel.h>
#include <gsl/gsl_statistics.h>
#include <math.h>

#define POINTS 10000

static double integrand(double x, void *parameters)
{
    (void)parameters;
    return exp(-x * x);
}

int main(void)
{
    static double x[POINTS], y[POINTS];
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);

    CHECK(rng != NULL);
    gsl_rng_set(rng, 42);
    printf("%lu %lu %lu\n", gsl_rng_get(rng), gsl_rng_get(rng), gsl_rng_get(rng));
    for (size_t i = 0; i < POINTS; i++) {
        x[i] = gsl_rng_uniform(rng) * 10;
        y[i] = 3 + 2 * x[i] + gsl_ran_gaussian(rng, 0.5);
    }
    printf("mean %.8f deviation %.8f\n", gsl_stats_mean(y, 1, POINTS), gsl_stats_sd(y, 1, POINTS));
    double c0, c1, v00, v01, v11, squares;
    CHECK(gsl_fit_linear(x, 1, y, 1, POINTS, &c0, &c1, &v00, &v01, &v11, &squares) == 0);
    printf("y = %.8f + %.8f x, chi squared %.6f\n", c0, c1, squares);

    gsl_matrix *a = gsl_matrix_alloc(20, 5), *v = gsl_matrix_alloc(5, 5);
    gsl_vector *s = gsl_vector_alloc(5), *work = gsl_vector_alloc(5);
    for (size_t i = 0; i < 20; i++)
        for (size_t j = 0; j < 5; j++)
            gsl_matrix_set(a, i, j, cos((double)(i * (j + 1))) + (i == j));
    CHECK(gsl_linalg_SV_decomp(a, v, s, work) == 0);
    for (size_t i = 0; i < 5; i++)
        printf("%.8f%c", gsl_vector_get(s, i), i < 4 ? ' ' : '\n');

    gsl_matrix *h = gsl_matrix_alloc(4, 4);
    gsl_vector *values = gsl_vector_alloc(4);
    gsl_eigen_symm_workspace *eigen = gsl_eigen_symm_alloc(4);
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 4; j++)
            gsl_matrix_set(h, i, j, 1.0 / (double)(i + j + 1));
    CHECK(gsl_eigen_symm(h, values, eigen) == 0);
    printf("largest eigenvalue %.8f\n", gsl_vector_max(values));

    printf("J0(5) = %.12f, P(Z < 1.96) = %.8f\n", gsl_sf_bessel_J0(5), gsl_cdf_ugaussian_P(1.96));
    gsl_integration_workspace *space = gsl_integration_workspace_alloc(1000);
    gsl_function function = {integrand, NULL};
    double result, error;
    CHECK(gsl_integration_qagi(&function, 1e-10, 1e-10, 1000, space, &result, &error) == 0);
    printf("%.10f\n", result * result);
    gsl_integration_workspace_free(space);
    gsl_eigen_symm_free(eigen);
    gsl_vector_free(values);
    gsl_vector_free(s);
    gsl_vector_free(work);
    gsl_matrix_free(h);
    gsl_matrix_free(v);
    gsl_matrix_free(a);
    gsl_rng_free(rng);
    return 0;
}
