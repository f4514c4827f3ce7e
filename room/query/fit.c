/* SPDX-License-Identifier: Apache-2.0
 *
 * Models and tests of a statement, on its complete cases: rows in which neither the outcome nor a
 * term is NULL, or infinite, or other than 0 and 1 where it must be one of these: a failure would
 * tell that there is such a row. Whose individuals they are is held to the rules before anything is
 * computed, and so are the two sides of whatever splits them.
 */
#include "run.h"

#include "image/fail.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEVELS_MOST 100 /* of a chi-square's two */

struct cases {
    struct query_run *run;
    const struct plan_statement *statement;
    struct result *result;
    struct sql sql;
    size_t width;   /* values a case: the outcome, then the terms */
    double *values; /* n * width */
    int64_t *rows;  /* n * feeds: rows of the sources */
    size_t n, room, feeds, left_out;
    char *levels[2][LEVELS_MOST]; /* of a chi-square */
    size_t level_count[2];
    cella_error *error;
};

static cella_status no_memory(const struct cases *cases)
{
    return fail(cases->error, CELLA_MEMORY, "statement %s: there was not enough memory",
                cases->statement->name);
}

/* ---- reading cases ---- */

/* A level's number, as SQLite writes the value; -1: no memory, or too many. */
static double level_of(struct cases *cases, size_t which, const char *text)
{
    size_t *count = &cases->level_count[which], i = 0;
    while (text && i < *count && strcmp(cases->levels[which][i], text) != 0)
        i++;
    if (!text || i == LEVELS_MOST)
        return -1;
    if (i == *count) {
        cases->levels[which][i] = strdup(text);
        if (!cases->levels[which][i])
            return -1;
        ++*count;
    }
    return (double)i;
}

static bool case_room(struct cases *cases)
{
    if (cases->n < cases->room)
        return true;
    size_t room = cases->room * 2 + 256;
    double *values = realloc(cases->values, room * cases->width * sizeof(*values));
    if (values)
        cases->values = values;
    int64_t *rows = realloc(cases->rows, (room * cases->feeds + 1) * sizeof(*rows));
    if (rows)
        cases->rows = rows;
    if (!values || !rows)
        return false;
    cases->room = room;
    return true;
}

/* Can the model take what stands in this column? */
static bool takes(const struct cases *cases, sqlite3_stmt *prepared, size_t column)
{
    enum plan_model_kind kind = cases->statement->model.kind;
    bool two = (kind == PLAN_LOGISTIC && column == 0) || (kind == PLAN_T_TEST && column == 1);
    if (sqlite3_column_type(prepared, (int)column) == SQLITE_NULL)
        return false;
    double value = sqlite3_column_double(prepared, (int)column);
    return kind == PLAN_CHI_SQUARE || (two ? value == 0 || value == 1 : isfinite(value));
}

static cella_status read_case(struct cases *cases, sqlite3_stmt *prepared)
{
    bool levels = cases->statement->model.kind == PLAN_CHI_SQUARE;
    for (size_t i = 0; i < cases->width; i++)
        if (!takes(cases, prepared, i)) {
            cases->left_out++;
            return CELLA_OK;
        }
    if (!case_room(cases))
        return no_memory(cases);
    for (size_t i = 0; i < cases->width; i++) {
        double *value = &cases->values[cases->n * cases->width + i];
        *value = levels ? level_of(cases, i, (const char *)sqlite3_column_text(prepared, (int)i))
                        : sqlite3_column_double(prepared, (int)i);
        if (*value < 0 && levels)
            return fail(cases->error, CELLA_INVALID,
                        "statement %s: chi_square takes at most 100 levels a side",
                        cases->statement->name);
    }
    for (size_t i = 0; i < cases->feeds; i++)
        cases->rows[cases->n * cases->feeds + i] =
            sqlite3_column_int64(prepared, (int)(cases->width + i)); /* NULL: 0, no row */
    cases->n++;
    return CELLA_OK;
}

static cella_status read_cases(struct cases *cases)
{
    sqlite3_stmt *prepared = NULL;
    cella_status status =
        run_prepare(cases->run, cases->statement, &cases->sql, &prepared, cases->error);
    int step = SQLITE_DONE;
    while (status == CELLA_OK && (step = sqlite3_step(prepared)) == SQLITE_ROW)
        status = read_case(cases, prepared);
    if (status == CELLA_OK && step != SQLITE_DONE)
        status = run_failed(cases->run, cases->statement, cases->error);
    sqlite3_finalize(prepared);
    return status;
}

/* ---- individuals of some of the cases ---- */

/* Cases whose value of `variable` is (or is not) `value`; all where it is PLAN_NONE. */
struct choice {
    size_t variable;
    double value;
    bool others;
    const struct choice *also; /* one more that holds, or NULL */
};

static bool is_chosen(const struct cases *cases, size_t row, const struct choice *choice)
{
    if (choice->variable == PLAN_NONE)
        return true;
    bool same = cases->values[row * cases->width + choice->variable] == choice->value;
    return same != choice->others && (!choice->also || is_chosen(cases, row, choice->also));
}

static bool mark(bool *met, const struct slot *slot, const struct feed *feed, int64_t row)
{
    if (row == 0)
        return true;
    if (row < 0 || (uint64_t)row > feed->rows)
        return false;
    if (feed->people) {
        met[feed->people->of_row[row - 1]] = true;
        return true;
    }
    const struct id_set *set = &feed->sets[(size_t)(row - 1) * feed->stride];
    for (size_t i = 0; i < set->count; i++) {
        if (set->ids[i] >= slot->people)
            return false;
        met[set->ids[i]] = true;
    }
    return true;
}

/* `first`: the place of the slot's feeds among all. */
static bool collect(const struct cases *cases, const struct slot *slot, size_t first,
                    const struct choice *choice, struct id_set *set)
{
    bool *met = calloc(slot->people + 1, sizeof(*met));
    bool right = met != NULL;
    for (size_t row = 0; right && row < cases->n; row++)
        for (size_t k = 0; right && is_chosen(cases, row, choice) && k < slot->feed_count; k++)
            right = mark(met, slot, &slot->feeds[k], cases->rows[row * cases->feeds + first + k]);
    *set = (struct id_set){0};
    set->ids = right ? malloc((slot->people + 1) * sizeof(*set->ids)) : NULL;
    for (uint32_t id = 0; set->ids && id < slot->people; id++)
        if (met[id])
            set->ids[set->count++] = id;
    free(met);
    return set->ids != NULL;
}

/* ---- held to the rules ---- */

/* Holds groups of cases that the model tells apart. */
static cella_status hold(const struct cases *cases, const struct choice *choices, size_t count,
                         bool *suppressed)
{
    size_t watched = cases->sql.watch_count, first = 0;
    const struct individuals *individuals = &cases->run->individuals;
    unsigned classes[SQL_WATCHES_MOST];
    struct id_set *sets = calloc(count * watched + 1, sizeof(*sets));
    const struct id_set **pointers = calloc(count * watched + 1, sizeof(*pointers));
    bool right = sets && pointers, *flags = calloc(count + 1, sizeof(*flags));
    for (size_t w = 0; right && flags && w < watched; w++) {
        classes[w] = CLASS_ANY;
        for (size_t i = 0; right && i < count; i++) {
            pointers[i * watched + w] = &sets[i * watched + w];
            right =
                collect(cases, &individuals->slots[w], first, &choices[i], &sets[i * watched + w]);
        }
        first += individuals->slots[w].feed_count;
    }
    struct family family = {.count = count,
                            .watched = watched,
                            .sets = pointers,
                            .suppressed = flags,
                            .classes = classes};
    cella_status status = right && flags
                              ? rules_hold(cases->run->released, cases->sql.inputs, &family,
                                           cases->statement->least_individuals, cases->error)
                              : no_memory(cases);
    for (size_t i = 0; flags && i < count; i++)
        *suppressed |= flags[i];
    for (size_t i = 0; sets && i < count * watched; i++)
        free(sets[i].ids);
    free(sets);
    free(pointers);
    free(flags);
    return status;
}

static int compare_doubles(const void *first, const void *second)
{
    double a, b;
    memcpy(&a, first, sizeof(a));
    memcpy(&b, second, sizeof(b));
    return (a > b) - (a < b);
}

/* The values of a variable, how often each; sorted by value. False: no memory. */
struct counted {
    double value;
    size_t times;
};

static bool count_values(const struct cases *cases, size_t variable, struct counted **values,
                         size_t *count)
{
    double *sorted = malloc((cases->n + 1) * sizeof(*sorted));
    *values = malloc((cases->n + 1) * sizeof(**values));
    *count = 0;
    if (!sorted || !*values) {
        free(sorted);
        return false;
    }
    for (size_t i = 0; i < cases->n; i++)
        sorted[i] = cases->values[i * cases->width + variable];
    qsort(sorted, cases->n, sizeof(*sorted), compare_doubles);
    for (size_t i = 0; i < cases->n; i++) {
        if (i == 0 || sorted[i] != sorted[i - 1])
            (*values)[(*count)++] = (struct counted){sorted[i], 0};
        (*values)[*count - 1].times++;
    }
    free(sorted);
    return true;
}

/* Has every watched input enough individuals, or none, behind these cases? */
static cella_status count_choice(const struct cases *cases, const struct choice *choice,
                                 bool *suppressed)
{
    size_t first = 0;
    for (size_t w = 0; w < cases->sql.watch_count; w++) {
        const struct slot *slot = &cases->run->individuals.slots[w];
        struct id_set set;
        if (!collect(cases, slot, first, choice, &set))
            return no_memory(cases);
        *suppressed |= set.count && set.count < cases->statement->least_individuals;
        first += slot->feed_count;
        free(set.ids);
    }
    return CELLA_OK;
}

/* Two values of the outcome by two of a term: where both are known by themselves, a model tells how
 * many are in each of the four cells. */
static cella_status hold_cells(const struct cases *cases, const struct counted *values,
                               size_t variable, bool *suppressed)
{
    struct counted *outcomes = NULL;
    size_t count = 0;
    cella_status status = count_values(cases, 0, &outcomes, &count) ? CELLA_OK : no_memory(cases);
    for (size_t i = 0; count == 2 && status == CELLA_OK && i < 4; i++) {
        const struct choice outcome = {.value = outcomes[i / 2].value};
        status = count_choice(
            cases,
            &(struct choice){.variable = variable, .value = values[i % 2].value, .also = &outcome},
            suppressed);
    }
    free(outcomes);
    return status;
}

/* A variable of two values splits the cases: both sides are groups, and so are all levels of a
 * chi-square. Of one of more values, those that do not have its most common value must be enough:
 * it could single a few out as one of two values does. */
static cella_status hold_variable(const struct cases *cases, size_t variable, bool *suppressed)
{
    struct counted *values = NULL;
    size_t count, common = 0;
    bool levels = cases->statement->model.kind == PLAN_CHI_SQUARE;
    if (!count_values(cases, variable, &values, &count)) {
        free(values);
        return no_memory(cases);
    }
    struct choice *choices = calloc(count + 1, sizeof(*choices));
    cella_status status = choices ? CELLA_OK : no_memory(cases);
    for (size_t i = 0; i < count; i++) {
        common = values[i].times > values[common].times ? i : common;
        if (choices)
            choices[i] = (struct choice){.variable = variable, .value = values[i].value};
    }
    if (status == CELLA_OK && (levels || count == 2))
        status = hold(cases, choices, count, suppressed);
    else if (status == CELLA_OK && count > 2)
        status = count_choice(cases, &(struct choice){variable, values[common].value, true, NULL},
                              suppressed);
    if (status == CELLA_OK && variable > 0 && count == 2)
        status = hold_cells(cases, values, variable, suppressed);
    free(choices);
    free(values);
    return status;
}

static cella_status hold_cases(const struct cases *cases, bool *suppressed)
{
    static const struct choice all = {.variable = PLAN_NONE};
    const struct plan_statement *statement = cases->statement;
    *suppressed = cases->n < statement->least_rows;
    if (statement->least_individuals < 2 || *suppressed)
        return CELLA_OK;
    cella_status status = hold(cases, &all, 1, suppressed);
    for (size_t i = 0; status == CELLA_OK && !*suppressed && i < cases->width; i++)
        status = hold_variable(cases, i, suppressed);
    *suppressed |= cases->n < cases->width + statement->least_individuals;
    return status;
}

/* ---- results ---- */

static cella_status columns(struct query_table *table, const char *const *names)
{
    static const char counts[] = " n events left_out ";
    cella_status status = CELLA_OK;
    for (; status == CELLA_OK && *names; names++) {
        char word[QUERY_NAME + 3];
        snprintf(word, sizeof(word), " %s ", *names);
        status = query_table_column(table, *names, strstr(counts, word) != NULL);
    }
    return status;
}

static struct query_value whole(uint64_t value)
{
    return (struct query_value){.kind = QUERY_VALUE_INTEGER, .integer = (int64_t)value};
}

static struct query_value real(double value)
{
    return (struct query_value){.kind = isfinite(value) ? QUERY_VALUE_REAL : QUERY_VALUE_NULL,
                                .real = value};
}

static bool text(struct query_value *value, const char *content)
{
    char *copy = strdup(content);
    if (copy)
        *value = (struct query_value){.kind = QUERY_VALUE_TEXT, .text = copy};
    return copy != NULL;
}

/* How many cases were left out is about those who lack a value: where they are few, it stays. */
static struct query_value left_out(const struct cases *cases)
{
    bool few = cases->left_out && cases->left_out < cases->statement->least_individuals;
    return few ? (struct query_value){.kind = QUERY_VALUE_NULL} : whole(cases->left_out);
}

static cella_status coefficient_row(const struct cases *cases, const struct query_model *model,
                                    size_t which)
{
    const struct plan_model *plan = &cases->statement->model;
    const struct query_coefficient *coefficient = &model->coefficients[which];
    bool logistic = plan->kind == PLAN_LOGISTIC;
    struct query_value *row;
    struct text term = {0};
    if (which)
        expression_text(&term, cases->statement->sources, plan->terms[which - 1]);
    else
        text_put(&term, "constant");
    bool right = !term.failed && query_table_row(&cases->result->table, &row) == CELLA_OK &&
                 text(&row[0], term.bytes);
    free(term.bytes);
    if (!right)
        return no_memory(cases);
    const struct query_value rest[] = {
        real(coefficient->estimate),
        real(coefficient->standard_error),
        real(coefficient->z),
        real(coefficient->p),
        whole(model->n),
        left_out(cases),
        real(model->log_likelihood),
        logistic ? whole(model->events) : real(model->r_squared),
        real(logistic ? model->auc : model->sigma),
    };
    memcpy(row + 1, rest, sizeof(rest));
    return CELLA_OK;
}

static cella_status fit(const struct cases *cases)
{
    size_t terms = cases->width; /* the constant in place of the outcome */
    bool logistic = cases->statement->model.kind == PLAN_LOGISTIC;
    double *x = malloc((cases->n * terms + 1) * sizeof(*x));
    double *y = malloc((cases->n + 1) * sizeof(*y));
    struct query_model model = {0};
    cella_status status = x && y ? CELLA_OK : no_memory(cases);
    for (size_t i = 0; status == CELLA_OK && i < cases->n; i++) {
        const double *values = &cases->values[i * cases->width];
        y[i] = values[0];
        x[i * terms] = 1;
        memcpy(&x[i * terms + 1], values + 1, (terms - 1) * sizeof(*x));
    }
    if (status == CELLA_OK)
        status =
            (logistic ? query_logistic : query_linear)(x, y, cases->n, terms, &model, cases->error);
    for (size_t i = 0; status == CELLA_OK && i < terms; i++)
        status = coefficient_row(cases, &model, i);
    query_model_free(&model);
    free(x);
    free(y);
    return status;
}

static cella_status chi_square(const struct cases *cases)
{
    size_t rows = cases->level_count[0], width = cases->level_count[1];
    double *counts = calloc(rows * width + 1, sizeof(*counts));
    struct query_test test;
    struct query_value *row;
    if (!counts)
        return no_memory(cases);
    for (size_t i = 0; i < cases->n; i++)
        counts[(size_t)cases->values[2 * i] * width + (size_t)cases->values[2 * i + 1]]++;
    cella_status status = query_chi_square(counts, rows, width, &test, cases->error);
    free(counts);
    if (status == CELLA_OK)
        status = query_table_row(&cases->result->table, &row);
    if (status != CELLA_OK)
        return status;
    const struct query_value values[] = {real(test.statistic), real(test.degrees), real(test.p),
                                         whole(cases->n), left_out(cases)};
    memcpy(row, values, sizeof(values));
    return CELLA_OK;
}

static cella_status t_test(const struct cases *cases)
{
    double *groups[2] = {malloc((cases->n + 1) * sizeof(double)),
                         malloc((cases->n + 1) * sizeof(double))};
    size_t counts[2] = {0};
    struct query_test test;
    struct query_value *row;
    cella_status status = groups[0] && groups[1] ? CELLA_OK : no_memory(cases);
    for (size_t i = 0; status == CELLA_OK && i < cases->n; i++) {
        bool second = cases->values[2 * i + 1] == 1;
        groups[second][counts[second]++] = cases->values[2 * i];
    }
    if (status == CELLA_OK)
        status = query_t_test(groups[0], counts[0], groups[1], counts[1], &test, cases->error);
    free(groups[0]);
    free(groups[1]);
    if (status == CELLA_OK)
        status = query_table_row(&cases->result->table, &row);
    if (status != CELLA_OK)
        return status;
    const struct query_value values[] = {real(test.estimate), real(test.statistic),
                                         real(test.degrees),  real(test.p),
                                         whole(cases->n),     left_out(cases)};
    memcpy(row, values, sizeof(values));
    return CELLA_OK;
}

static void cases_free(struct cases *cases)
{
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < cases->level_count[i]; k++)
            free(cases->levels[i][k]);
    free(cases->values);
    free(cases->rows);
    sql_free(&cases->sql);
}

static cella_status run_cases(struct query_run *run, const struct plan_statement *statement,
                              struct result *result, cella_error *error)
{
    static const char *const names[][12] = {
        [PLAN_LOGISTIC] = {"term", "estimate", "standard_error", "z", "p", "n", "left_out",
                           "log_likelihood", "events", "auc"},
        [PLAN_LINEAR] = {"term", "estimate", "standard_error", "t", "p", "n", "left_out",
                         "log_likelihood", "r_squared", "sigma"},
        [PLAN_CHI_SQUARE] = {"chi_square", "degrees", "p", "n", "left_out"},
        [PLAN_T_TEST] = {"difference", "t", "degrees", "p", "n", "left_out"},
    };
    struct cases cases = {.run = run,
                          .statement = statement,
                          .result = result,
                          .width = statement->model.term_count + 1,
                          .error = error};
    bool suppressed = false;
    cella_status status = sql_make(run->plan, statement, &cases.sql, error);
    cases.feeds = status == CELLA_OK ? cases.sql.columns - cases.width : 0;
    if (status == CELLA_OK)
        status = read_cases(&cases);
    if (status == CELLA_OK)
        status = hold_cases(&cases, &suppressed);
    if (status == CELLA_OK)
        status = columns(&result->table, names[statement->model.kind]);
    result->account.rows_suppressed = suppressed;
    result->account.rows_in = suppressed ? 0 : cases.n;
    if (status == CELLA_OK && !suppressed)
        status = statement->model.kind == PLAN_CHI_SQUARE ? chi_square(&cases)
                 : statement->model.kind == PLAN_T_TEST   ? t_test(&cases)
                                                          : fit(&cases);
    cases_free(&cases);
    return status;
}

/* ---- genotypes ---- */

struct strata {
    struct query_run *run;
    const struct plan_statement *statement;
    const struct query_genotypes *genotypes[PLAN_LIST_MOST];
    struct query_cases cases[PLAN_LIST_MOST];
    size_t count;
};

/* PLINK writes an allele that nobody has as 0. */
static bool is_known(const char *allele)
{
    return strcmp(allele, "0") != 0;
}

static bool may_be(const char *first, const char *second)
{
    return !is_known(first) || !is_known(second) || strcmp(first, second) == 0;
}

static bool is_shared(const char *first, const char *second)
{
    return is_known(first) && strcmp(first, second) == 0;
}

/* The two alleles of a SNP, as far as any stratum knows them, and which strata have them the other
 * way round; false: they are not the same two. */
static bool orient(const struct strata *strata, size_t snp, const char *alleles[2], bool *swapped)
{
    alleles[0] = alleles[1] = "0";
    for (size_t s = 0; s < strata->count; s++) {
        const struct query_snp *one = &strata->genotypes[s]->snps[snp];
        const char *own[2] = {one->first, one->second};
        bool as_is = may_be(alleles[0], own[0]) && may_be(alleles[1], own[1]);
        bool turned = may_be(alleles[0], own[1]) && may_be(alleles[1], own[0]);
        bool sure = is_shared(alleles[0], own[0]) || is_shared(alleles[1], own[1]);
        bool sure_turned = is_shared(alleles[0], own[1]) || is_shared(alleles[1], own[0]);
        if (!as_is && !turned)
            return false;
        swapped[s] = turned && (!as_is || (sure_turned && !sure));
        for (size_t i = 0; i < 2; i++)
            if (!is_known(alleles[i]))
                alleles[i] = own[swapped[s] ? 1 - i : i];
    }
    return true;
}

/* The same SNPs, with the same two alleles, in the same order. */
static bool same_snps(const struct strata *strata)
{
    const struct query_genotypes *first = strata->genotypes[0];
    for (size_t s = 1; s < strata->count; s++)
        if (strata->genotypes[s]->snp_count != first->snp_count)
            return false;
    for (size_t i = 0; i < first->snp_count; i++) {
        const char *alleles[2];
        bool swapped[PLAN_LIST_MOST];
        for (size_t s = 1; s < strata->count; s++)
            if (strcmp(first->snps[i].name, strata->genotypes[s]->snps[i].name) != 0)
                return false;
        if (!orient(strata, i, alleles, swapped))
            return false;
    }
    return true;
}

static const uint8_t *packed(const struct query_genotypes *genotypes, size_t snp)
{
    return genotypes->packed + snp * ((genotypes->people + 3) / 4);
}

/* Of a stratum: enough people with both values, and enough that carry the rarer allele, or none. */
static bool enough(const struct query_genotypes *genotypes, size_t snp, uint64_t least,
                   uint64_t *used)
{
    const uint8_t *bits = packed(genotypes, snp);
    uint64_t kinds[4] = {0};
    for (size_t i = 0; i < genotypes->people; i++)
        if (genotypes->phenotypes[i] >= 0)
            kinds[bits[i / 4] >> (2 * (i % 4)) & 3]++;
    /* 00 and 11: two of the first, of the second allele; 10: one of each; 01: missing. */
    uint64_t first = kinds[0] * 2 + kinds[2], second = kinds[3] * 2 + kinds[2];
    uint64_t carriers = kinds[2] + (first < second ? kinds[0] : kinds[3]);
    *used = kinds[0] + kinds[2] + kinds[3];
    return (*used == 0 || *used >= least) && (carriers == 0 || carriers >= least);
}

static bool may_leave(const struct strata *strata, size_t snp)
{
    uint64_t least = strata->statement->least_individuals, used, all = 0;
    for (size_t s = 0; s < strata->count; s++) {
        bool watched = strata->statement->watched >> strata->statement->model.genotypes[s] & 1;
        if (!enough(strata->genotypes[s], snp, watched ? least : 0, &used))
            return false;
        all += used;
    }
    return all > 0 && all >= least && all >= strata->statement->least_rows;
}

static cella_status snp_row(const struct strata *strata, size_t snp, struct result *result,
                            cella_error *error)
{
    struct query_trend_stratum inputs[PLAN_LIST_MOST];
    const struct query_snp *of = &strata->genotypes[0]->snps[snp];
    struct query_test test;
    struct query_value *row;
    const char *alleles[2];
    bool swapped[PLAN_LIST_MOST];
    uint64_t used = 0;
    orient(strata, snp, alleles, swapped); /* same_snps() saw that it can */
    for (size_t s = 0; s < strata->count; s++)
        inputs[s] = (struct query_trend_stratum){.packed = packed(strata->genotypes[s], snp),
                                                 .cases = &strata->cases[s],
                                                 .swapped = swapped[s]};
    query_trend(inputs, strata->count, &test, &used);
    if (query_table_row(&result->table, &row) != CELLA_OK || !text(&row[0], of->chromosome) ||
        !text(&row[2], of->name) || !text(&row[3], alleles[0]) || !text(&row[4], alleles[1]))
        return fail(error, CELLA_MEMORY, "statement %s: there was not enough memory",
                    strata->statement->name);
    row[1] = (struct query_value){.kind = QUERY_VALUE_INTEGER, .integer = of->position};
    row[5] = whole(used);
    row[6] = real(test.statistic);
    row[7] = real(isfinite(test.statistic) ? test.p : NAN);
    return CELLA_OK;
}

/* Is each person of a watched stratum there once? Then n of them are n individuals. */
static cella_status check_people(struct strata *strata, size_t s, cella_error *error)
{
    size_t input = strata->statement->model.genotypes[s];
    struct people *people = &strata->run->people[input];
    cella_status status = CELLA_OK;
    if (!(strata->statement->watched >> input & 1))
        return status;
    if (!people->of_row)
        status =
            people_read(strata->run->database, &strata->run->plan->inputs[input], people, error);
    if (status == CELLA_OK && people->count != strata->genotypes[s]->people + 1)
        status = fail(error, CELLA_INVALID, "input %s: an individual is there more than once",
                      strata->run->plan->inputs[input].name);
    return status;
}

static cella_status run_trend(struct query_run *run, const struct plan_statement *statement,
                              struct result *result, cella_error *error)
{
    static const char *const names[] = {"chromosome", "position",   "snp", "first", "second",
                                        "n",          "chi_square", "p",   NULL};
    struct strata strata = {
        .run = run, .statement = statement, .count = statement->model.genotype_count};
    cella_status status = columns(&result->table, names);
    for (size_t s = 0; status == CELLA_OK && s < strata.count; s++) {
        strata.genotypes[s] = &run->genotypes[statement->model.genotypes[s]];
        status = check_people(&strata, s, error);
        if (status == CELLA_OK)
            status = query_cases_new(strata.genotypes[s]->phenotypes, strata.genotypes[s]->people,
                                     &strata.cases[s]);
    }
    if (status == CELLA_OK && !same_snps(&strata))
        status = fail(error, CELLA_INVALID,
                      "statement %s: the inputs do not have the same SNPs in the same order",
                      statement->name);
    for (size_t i = 0; status == CELLA_OK && i < strata.genotypes[0]->snp_count; i++) {
        result->account.rows_in++;
        if (may_leave(&strata, i))
            status = snp_row(&strata, i, result, error);
        else
            result->account.rows_suppressed++;
    }
    for (size_t s = 0; s < strata.count; s++)
        query_cases_free(&strata.cases[s]);
    if (status == CELLA_MEMORY)
        return fail(error, status, "statement %s: there was not enough memory", statement->name);
    return status;
}

cella_status run_model(struct query_run *run, const struct plan_statement *statement,
                       struct result *result, cella_error *error)
{
    return statement->model.kind == PLAN_TREND ? run_trend(run, statement, result, error)
                                               : run_cases(run, statement, result, error);
}
