/* SPDX-License-Identifier: Apache-2.0
 *
 * Linear and logistic regression, by Newton's steps on normal equations.
 *
 * Normal equations lose as many digits as the terms are far from orthogonal and of unlike sizes.
 * Therefore:
 * 1. Terms are standardized: where one is constant the others are centered, all are scaled to a
 *    mean square of 1. Estimates and their covariance are transformed back at the end.
 * 2. The matrix is scaled to a unit diagonal before it is factored; a pivot is then the part of a
 *    term that the terms before it leave unexplained, and one below PIVOT_LEAST means that it is
 *    a combination of them.
 * 3. Linear estimates are refined by a step on their residuals.
 */
#include "query.h"

#include "image/fail.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PIVOT_LEAST     1e-11
#define ITERATIONS_MOST 50

struct fit {
    const double *x, *y;
    size_t n, terms;
    size_t constant; /* the term that is; `terms`: none */
    double *mean, *inverse_scale;
    double *row;                      /* standardized */
    double *estimates, *gradient;     /* of standardized terms */
    double *information, *covariance; /* terms * terms */
    double *factor;
    cella_error *error;
};

static void fit_free(struct fit *fit)
{
    free(fit->mean);
}

static cella_status no_memory(cella_error *error)
{
    return fail(error, CELLA_MEMORY, "the model needs more memory than there is");
}

static cella_status fit_new(struct fit *fit)
{
    size_t vector = fit->terms, matrix = vector * vector;
    double *room = calloc(5 * vector + 3 * matrix, sizeof(*room));
    if (!room)
        return no_memory(fit->error);
    double **const vectors[] = {&fit->mean, &fit->inverse_scale, &fit->row, &fit->estimates,
                                &fit->gradient};
    double **const matrices[] = {&fit->information, &fit->covariance, &fit->factor};
    for (size_t i = 0; i < 5; i++, room += vector)
        *vectors[i] = room;
    for (size_t i = 0; i < 3; i++, room += matrix)
        *matrices[i] = room;
    return CELLA_OK;
}

/* ---- standardized terms ---- */

/* A term's number for people, who do not count the constant. */
static size_t number(const struct fit *fit, size_t term)
{
    return term + 1 - (fit->constant < term);
}

static cella_status find_means(struct fit *fit)
{
    fit->constant = fit->terms;
    for (size_t j = fit->terms; j-- > 0;) {
        bool same = fit->x[j] != 0;
        double sum = 0;
        for (size_t i = 0; i < fit->n; i++) {
            sum += fit->x[i * fit->terms + j];
            same = same && fit->x[i * fit->terms + j] == fit->x[j];
        }
        fit->mean[j] = sum / (double)fit->n;
        if (same)
            fit->constant = j;
    }
    for (size_t i = 0; i < fit->n * fit->terms; i++)
        if (!isfinite(fit->x[i]))
            return fail(fit->error, CELLA_INVALID, "term %zu of the model is not finite in a row",
                        number(fit, i % fit->terms));
    return CELLA_OK;
}

static cella_status standardize(struct fit *fit)
{
    cella_status status = find_means(fit);
    if (status != CELLA_OK)
        return status;
    for (size_t j = 0; j < fit->terms; j++) {
        double squares = 0, mean = fit->mean[j];
        bool centered = fit->constant < fit->terms && j != fit->constant;
        if (!centered)
            fit->mean[j] = 0;
        for (size_t i = 0; i < fit->n; i++) {
            double value = fit->x[i * fit->terms + j] - fit->mean[j];
            squares += value * value;
        }
        double scale = j == fit->constant ? mean : sqrt(squares / (double)fit->n);
        if (fabs(scale) <= 1e-13 * fabs(mean) || scale == 0)
            return fail(fit->error, CELLA_INVALID,
                        "term %zu of the model has the same value in every row: leave it out",
                        number(fit, j));
        fit->inverse_scale[j] = 1 / scale;
    }
    return CELLA_OK;
}

/* The linear predictor of a row, which is left standardized in fit->row. */
static double predict(struct fit *fit, size_t i)
{
    const double *x = fit->x + i * fit->terms;
    double sum = 0;
    for (size_t j = 0; j < fit->terms; j++) {
        fit->row[j] = (x[j] - fit->mean[j]) * fit->inverse_scale[j];
        sum += fit->row[j] * fit->estimates[j];
    }
    return sum;
}

static void clear(struct fit *fit)
{
    memset(fit->gradient, 0, fit->terms * sizeof(double));
    memset(fit->information, 0, fit->terms * fit->terms * sizeof(double));
}

/* Adds a row to the normal equations. */
static void add(struct fit *fit, double weight, double residual)
{
    for (size_t j = 0; j < fit->terms; j++) {
        double weighted = weight * fit->row[j], *line = fit->information + j * fit->terms;
        fit->gradient[j] += residual * fit->row[j];
        for (size_t k = 0; k <= j; k++)
            line[k] += weighted * fit->row[k];
    }
}

/* ---- Cholesky ---- */

/* Factors the information, scaled to a unit diagonal, of which only the lower half is used. The
 * number of the first term that the ones before it make up, or `terms`. */
static size_t factorize(struct fit *fit)
{
    size_t p = fit->terms;
    double *l = fit->factor;
    for (size_t j = 0; j < p; j++) {
        for (size_t k = 0; k <= j; k++) {
            double sum = fit->information[j * p + k] /
                         sqrt(fit->information[j * p + j] * fit->information[k * p + k]);
            for (size_t i = 0; i < k; i++)
                sum -= l[j * p + i] * l[k * p + i];
            if (k < j)
                l[j * p + k] = sum / l[k * p + k];
            else if (sum > PIVOT_LEAST)
                l[j * p + j] = sqrt(sum);
            else /* also where it is not a number */
                return j;
        }
    }
    return p;
}

/* Solves information * vector = vector in place. */
static void solve(const struct fit *fit, double *vector)
{
    size_t p = fit->terms;
    const double *l = fit->factor;
    for (size_t j = 0; j < p; j++) {
        vector[j] /= sqrt(fit->information[j * p + j]);
        for (size_t k = 0; k < j; k++)
            vector[j] -= l[j * p + k] * vector[k];
        vector[j] /= l[j * p + j];
    }
    for (size_t j = p; j-- > 0;) {
        for (size_t k = j + 1; k < p; k++)
            vector[j] -= l[k * p + j] * vector[k];
        vector[j] /= l[j * p + j];
    }
    for (size_t j = 0; j < p; j++)
        vector[j] /= sqrt(fit->information[j * p + j]);
}

static cella_status collinear(const struct fit *fit, size_t term)
{
    return fail(fit->error, CELLA_INVALID,
                "term %zu of the model is a combination of the terms before it: leave it out",
                number(fit, term));
}

/* ---- results ---- */

/* Row j of the matrix that takes standardized estimates to those of the terms as given. */
static void back(const struct fit *fit, size_t j, double *row)
{
    memset(row, 0, fit->terms * sizeof(*row));
    row[j] = fit->inverse_scale[j];
    for (size_t k = 0; j == fit->constant && k < fit->terms; k++)
        if (k != j)
            row[k] = -fit->mean[k] * fit->inverse_scale[k] * fit->inverse_scale[j];
}

/* The inverse information times `dispersion`, and estimates, of the terms as given. */
static cella_status finish(struct fit *fit, double dispersion, struct query_model *model)
{
    size_t p = fit->terms;
    model->coefficients = calloc(p, sizeof(*model->coefficients));
    if (!model->coefficients)
        return no_memory(fit->error);
    model->terms = p;
    model->n = fit->n;
    for (size_t j = 0; j < p; j++) { /* symmetric: rows are columns */
        fit->covariance[j * p + j] = 1;
        solve(fit, fit->covariance + j * p);
    }
    for (size_t j = 0; j < p; j++) {
        double estimate = 0, variance = 0;
        back(fit, j, fit->row);
        for (size_t k = 0; k < p; k++) {
            estimate += fit->row[k] * fit->estimates[k];
            for (size_t i = 0; i < p; i++)
                variance += fit->row[k] * fit->row[i] * fit->covariance[k * p + i];
        }
        model->coefficients[j].estimate = estimate;
        model->coefficients[j].standard_error = sqrt(variance * dispersion);
        model->coefficients[j].z = estimate / model->coefficients[j].standard_error;
    }
    return CELLA_OK;
}

void query_model_free(struct query_model *model)
{
    free(model->coefficients);
    *model = (struct query_model){0};
}

static cella_status begin(struct fit *fit)
{
    size_t size;
    if (fit->terms == 0 || fit->n <= fit->terms)
        return fail(fit->error, CELLA_INVALID,
                    "the model has too few rows: it needs more rows than terms");
    if (__builtin_mul_overflow(fit->n, fit->terms, &size) || fit->terms > 1 << 12)
        return no_memory(fit->error);
    for (size_t i = 0; i < fit->n; i++)
        if (!isfinite(fit->y[i]))
            return fail(fit->error, CELLA_INVALID, "the model's outcome is not finite in a row");
    cella_status status = fit_new(fit);
    return status == CELLA_OK ? standardize(fit) : status;
}

/* ---- logistic ---- */

struct score {
    double predictor;
    bool event;
};

struct logistic {
    struct fit fit;
    double *predictors;            /* of each row, of the last pass */
    double *last;                  /* the estimates before the last step */
    double log_likelihood, change; /* change: the largest of a predictor */
    uint64_t events;
};

/* log(1 + exp(x)) */
static double log_1_exp(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/* The log-likelihood, and its derivatives, at the estimates. */
static void logistic_pass(struct logistic *logistic)
{
    struct fit *fit = &logistic->fit;
    clear(fit);
    logistic->log_likelihood = logistic->change = 0;
    for (size_t i = 0; i < fit->n; i++) {
        double predictor = predict(fit, i), fitted = 1 / (1 + exp(-predictor));
        logistic->log_likelihood += fit->y[i] * predictor - log_1_exp(predictor);
        logistic->change = fmax(logistic->change, fabs(predictor - logistic->predictors[i]));
        logistic->predictors[i] = predictor;
        add(fit, fitted * (1 - fitted), fit->y[i] - fitted);
    }
}

static cella_status separated(const struct fit *fit)
{
    return fail(fit->error, CELLA_INVALID,
                "the model has no finite estimates: a term, or several together, tell the outcomes "
                "of some rows apart without fail (separation): leave a term out or merge its rare "
                "values");
}

static void step(struct logistic *logistic)
{
    struct fit *fit = &logistic->fit;
    solve(fit, fit->gradient);
    memcpy(logistic->last, fit->estimates, fit->terms * sizeof(double));
    for (size_t j = 0; j < fit->terms; j++)
        fit->estimates[j] += fit->gradient[j];
}

static void halve(struct logistic *logistic)
{
    struct fit *fit = &logistic->fit;
    for (size_t j = 0; j < fit->terms; j++)
        fit->estimates[j] = (fit->estimates[j] + logistic->last[j]) / 2;
}

/* With separation the likelihood settles, but predictors go on growing by about 1 a step: both
 * have to stand still. */
static cella_status iterate(struct logistic *logistic, unsigned *iterations)
{
    struct fit *fit = &logistic->fit;
    double best = -INFINITY;
    for (*iterations = 0; *iterations < ITERATIONS_MOST; ++*iterations) {
        logistic_pass(logistic);
        double gain = logistic->log_likelihood - best;
        bool worse = gain < -1e-9 * (fabs(best) + 0.1);
        if (worse) {
            halve(logistic);
            continue;
        }
        size_t term = factorize(fit);
        if (term < fit->terms)
            return *iterations == 0 ? collinear(fit, term) : separated(fit);
        if (*iterations && fabs(gain) < 1e-10 * (fabs(logistic->log_likelihood) + 0.05) &&
            logistic->change < 1e-6)
            return CELLA_OK;
        best = logistic->log_likelihood;
        step(logistic);
    }
    return separated(fit);
}

static int compare_scores(const void *first, const void *second)
{
    double a = ((const struct score *)first)->predictor,
           b = ((const struct score *)second)->predictor;
    return (a > b) - (a < b);
}

/* The area under the ROC curve: the part of pairs of an event and none in which the event has the
 * higher predictor, ties counting half. */
static cella_status find_auc(const struct logistic *logistic, double *auc)
{
    size_t n = logistic->fit.n;
    struct score *scores = calloc(n, sizeof(*scores));
    if (!scores)
        return no_memory(logistic->fit.error);
    for (size_t i = 0; i < n; i++)
        scores[i] = (struct score){logistic->predictors[i], logistic->fit.y[i] == 1};
    qsort(scores, n, sizeof(*scores), compare_scores);
    double pairs = 0, below = 0;
    for (size_t i = 0, end; i < n; i = end) {
        double events = 0;
        for (end = i; end < n && scores[end].predictor == scores[i].predictor; end++)
            events += scores[end].event;
        double others = (double)(end - i) - events;
        pairs += events * (below + others / 2);
        below += others;
    }
    double events = (double)logistic->events;
    *auc = pairs / (events * ((double)n - events));
    free(scores);
    return CELLA_OK;
}

static cella_status check_outcomes(struct logistic *logistic)
{
    const struct fit *fit = &logistic->fit;
    for (size_t i = 0; i < fit->n; i++) {
        if (fit->y[i] != 0 && fit->y[i] != 1)
            return fail(fit->error, CELLA_INVALID,
                        "the outcome of a logistic model is neither 0 nor 1 in a row");
        logistic->events += fit->y[i] == 1;
    }
    if (logistic->events == 0 || logistic->events == fit->n)
        return fail(fit->error, CELLA_INVALID,
                    "the outcome of the logistic model is the same in every row");
    return CELLA_OK;
}

static cella_status run_logistic(struct logistic *logistic, struct query_model *model)
{
    cella_status status = begin(&logistic->fit);
    if (status == CELLA_OK)
        status = check_outcomes(logistic);
    if (status != CELLA_OK)
        return status;
    logistic->predictors = calloc(logistic->fit.n, sizeof(double));
    logistic->last = calloc(logistic->fit.terms, sizeof(double));
    if (!logistic->predictors || !logistic->last)
        return no_memory(logistic->fit.error);
    if ((status = iterate(logistic, &model->iterations)) != CELLA_OK ||
        (status = find_auc(logistic, &model->auc)) != CELLA_OK ||
        (status = finish(&logistic->fit, 1, model)) != CELLA_OK)
        return status;
    model->log_likelihood = logistic->log_likelihood;
    model->events = logistic->events;
    for (size_t j = 0; j < model->terms; j++)
        model->coefficients[j].p = erfc(fabs(model->coefficients[j].z) * M_SQRT1_2);
    return CELLA_OK;
}

cella_status query_logistic(const double *x, const double *y, size_t n, size_t terms,
                            struct query_model *model, cella_error *error)
{
    struct logistic logistic = {.fit = {.x = x, .y = y, .n = n, .terms = terms, .error = error}};
    struct query_model made = {0};
    cella_status status = run_logistic(&logistic, &made);
    if (status == CELLA_OK)
        *model = made;
    free(logistic.predictors);
    free(logistic.last);
    fit_free(&logistic.fit);
    return status;
}

/* ---- linear ---- */

/* The sum of squared residuals at the estimates, and the step to better ones. */
static double linear_pass(struct fit *fit)
{
    double squares = 0;
    clear(fit);
    for (size_t i = 0; i < fit->n; i++) {
        double residual = fit->y[i] - predict(fit, i);
        squares += residual * residual;
        add(fit, 1, residual);
    }
    return squares;
}

/* Of the outcome, about its mean where a term is constant. */
static double total_squares(const struct fit *fit)
{
    double mean = 0, squares = 0;
    for (size_t i = 0; fit->constant < fit->terms && i < fit->n; i++)
        mean += fit->y[i] / (double)fit->n;
    for (size_t i = 0; i < fit->n; i++)
        squares += (fit->y[i] - mean) * (fit->y[i] - mean);
    return squares;
}

static cella_status run_linear(struct fit *fit, struct query_model *model)
{
    cella_status status = begin(fit);
    if (status != CELLA_OK)
        return status;
    for (unsigned pass = 0; pass < 2; pass++) { /* the second refines the first */
        linear_pass(fit);
        size_t term = factorize(fit);
        if (term < fit->terms)
            return collinear(fit, term);
        solve(fit, fit->gradient);
        for (size_t j = 0; j < fit->terms; j++)
            fit->estimates[j] += fit->gradient[j];
    }
    double squares = linear_pass(fit), n = (double)fit->n, degrees = n - (double)fit->terms;
    if ((status = finish(fit, squares / degrees, model)) != CELLA_OK)
        return status;
    model->sigma = sqrt(squares / degrees);
    model->r_squared = 1 - squares / total_squares(fit);
    model->log_likelihood = -n / 2 * (log(2 * M_PI * squares / n) + 1);
    for (size_t j = 0; j < model->terms; j++)
        model->coefficients[j].p = 2 * gsl_cdf_tdist_Q(fabs(model->coefficients[j].z), degrees);
    return CELLA_OK;
}

cella_status query_linear(const double *x, const double *y, size_t n, size_t terms,
                          struct query_model *model, cella_error *error)
{
    struct fit fit = {.x = x, .y = y, .n = n, .terms = terms, .error = error};
    struct query_model made = {0};
    cella_status status = run_linear(&fit, &made);
    if (status == CELLA_OK)
        *model = made;
    fit_free(&fit);
    return status;
}
