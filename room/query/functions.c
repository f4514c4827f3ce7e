/* SPDX-License-Identifier: Apache-2.0
 *
 * Aggregates that SQLite lacks. NULLs are left out; over no values (or too few) the result is NULL,
 * as SQLite's own have it. Errors never tell a value.
 *
 * What SQLite has already (ln, log10, exp, sqrt, floor, ceil) is used as it is.
 */
#include "query.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* The value of an argument: a number, or nothing. */
static bool number(sqlite3_context *context, sqlite3_value *argument, double *value)
{
    switch (sqlite3_value_type(argument)) {
    case SQLITE_INTEGER:
    case SQLITE_FLOAT:
        *value = sqlite3_value_double(argument);
        return true;
    case SQLITE_NULL:
        return false;
    default:
        sqlite3_result_error(context, "a value to compute with is not a number", -1);
        return false;
    }
}

/* ---- variance, stddev ---- */

/* Welford's sums, of distances from the first value: `squares` is the sum of squared deviations
 * from `mean`. */
struct moments {
    uint64_t n;
    double first, mean, squares;
};

static void moments_step(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    (void)count;
    double value;
    struct moments *moments = sqlite3_aggregate_context(context, sizeof(*moments));
    if (!moments) {
        sqlite3_result_error_nomem(context);
        return;
    }
    if (!number(context, arguments[0], &value))
        return;
    if (moments->n == 0)
        moments->first = value;
    value -= moments->first;
    double deviation = value - moments->mean;
    moments->n++;
    moments->mean += deviation / (double)moments->n;
    moments->squares += deviation * (value - moments->mean);
}

static void moments_final(sqlite3_context *context)
{
    const bool *root = sqlite3_user_data(context);
    const struct moments *moments = sqlite3_aggregate_context(context, 0);
    if (!moments || moments->n < 2)
        return;
    double variance = moments->squares / (double)(moments->n - 1);
    sqlite3_result_double(context, *root ? sqrt(variance) : variance);
}

/* ---- quantiles: all values of a group, sorted at its end ---- */

struct sample {
    double *values;
    size_t n, room;
    double level;
};

static bool keep(sqlite3_context *context, struct sample *sample, double value)
{
    if (sample->n == sample->room) {
        size_t room = sample->room ? sample->room * 2 : 16;
        double *values = sqlite3_realloc64(sample->values, room * sizeof(*values));
        if (!values) {
            sqlite3_result_error_nomem(context);
            return false;
        }
        sample->values = values;
        sample->room = room;
    }
    sample->values[sample->n++] = value;
    return true;
}

static void sample_step(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    double value, level = 0.5;
    struct sample *sample = sqlite3_aggregate_context(context, sizeof(*sample));
    if (!sample) {
        sqlite3_result_error_nomem(context);
        return;
    }
    if (!number(context, arguments[0], &value))
        return;
    if (count == 2 && (!number(context, arguments[1], &level) || !(level >= 0 && level <= 1))) {
        sqlite3_result_error(context, "a quantile's level is not a number from 0 to 1", -1);
        return;
    }
    if (sample->n && level != sample->level) {
        sqlite3_result_error(context, "a quantile's level changes within a group", -1);
        return;
    }
    sample->level = level;
    keep(context, sample, value);
}

static int compare(const void *first, const void *second)
{
    double a = *(const double *)first, b = *(const double *)second;
    return (a > b) - (a < b);
}

/* Type 7 of Hyndman and Fan (1996), R's default. A place that is a whole number but for the
 * rounding of its level is that number. */
static double quantile(const struct sample *sample, double level)
{
    double place = (double)(sample->n - 1) * level;
    if (fabs(place - round(place)) <= 4 * DBL_EPSILON * (double)sample->n)
        place = round(place);
    size_t low = (size_t)place;
    double part = place - (double)low, value = sample->values[low];
    return part > 0 ? value + part * (sample->values[low + 1] - value) : value;
}

static double plain_quantile(const struct sample *sample)
{
    return quantile(sample, sample->level);
}

static double value_at_risk(const struct sample *sample)
{
    return -quantile(sample, 1 - sample->level);
}

/* Minus the mean of what is no better than the quantile. */
static double expected_shortfall(const struct sample *sample)
{
    double worst = quantile(sample, 1 - sample->level), sum = 0;
    size_t n = 0;
    for (; n < sample->n && sample->values[n] <= worst; n++)
        sum += sample->values[n];
    return -sum / (double)n;
}

typedef double measure(const struct sample *sample);

static void sample_final(sqlite3_context *context)
{
    measure *const *figure = sqlite3_user_data(context);
    struct sample *sample = sqlite3_aggregate_context(context, 0);
    if (!sample)
        return;
    if (sample->n) {
        qsort(sample->values, sample->n, sizeof(*sample->values), compare);
        sqlite3_result_double(context, (*figure)(sample));
    }
    sqlite3_free(sample->values);
}

int query_functions(sqlite3 *database)
{
    static const bool square = false, root = true;
    static measure *const of_level = plain_quantile, *const risk = value_at_risk,
                          *const shortfall = expected_shortfall;
    static const struct {
        const char *name;
        int arguments;
        const void *data;
        void (*step)(sqlite3_context *, int, sqlite3_value **);
        void (*final)(sqlite3_context *);
    } functions[] = {
        {"variance", 1, &square, moments_step, moments_final},
        {"stddev", 1, &root, moments_step, moments_final},
        {"median", 1, &of_level, sample_step, sample_final},
        {"quantile", 2, &of_level, sample_step, sample_final},
        {"value_at_risk", 2, &risk, sample_step, sample_final},
        {"expected_shortfall", 2, &shortfall, sample_step, sample_final},
    };
    int result = sqlite3_compileoption_used("ENABLE_MATH_FUNCTIONS") ? SQLITE_OK : SQLITE_ERROR;
    for (size_t i = 0; result == SQLITE_OK && i < sizeof(functions) / sizeof(*functions); i++)
        result = sqlite3_create_function_v2(database, functions[i].name, functions[i].arguments,
                                            SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
                                            (void *)(uintptr_t)functions[i].data, NULL,
                                            functions[i].step, functions[i].final, NULL);
    return result;
}
