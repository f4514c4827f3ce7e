/* SPDX-License-Identifier: Apache-2.0
 *
 * The query engine of rooms: what a contract's inputs and statements mean (docs/contract.md). Plans
 * are made and checked by both sides: `cella room check` on a party's machine, and cella-query
 * inside the enclave, which alone runs them. Everything that comes from a contract or from data is
 * hostile.
 *
 *   contract's JSON -> plan.c -> struct query_plan -> explain.c -> plain words
 *                                   |
 *   boxes -> load.c -> SQLite ------+-> run.c (rules.c, models.c, functions.c) -> struct
 * query_table
 *                                                                             -> write.c -> bytes
 */
#ifndef ROOM_QUERY_QUERY_H
#define ROOM_QUERY_QUERY_H

#include <cella/error.h>

#include <jansson.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUERY_NAME         63  /* most bytes of a name */
#define QUERY_COLUMNS_MOST 256 /* of an input */

enum query_type { QUERY_INTEGER = 1, QUERY_REAL, QUERY_TEXT, QUERY_BOOLEAN, QUERY_DATE };
enum query_role {
    QUERY_IDENTIFIER = 1,
    QUERY_JOINABLE,
    QUERY_DIMENSION,
    QUERY_MEASURE,
    QUERY_HIDDEN,
};
enum query_format { QUERY_CSV = 1, QUERY_SQLITE, QUERY_PLINK, QUERY_JSON };

struct query_column {
    char name[QUERY_NAME + 1];
    enum query_type type;
    enum query_role role;
};

struct query_rules { /* 0: not asked for */
    uint64_t least_individuals;
    uint64_t least_rows;
    uint64_t round;  /* counts are rounded to a multiple of it */
    uint32_t digits; /* significant digits of other numbers */
    uint64_t most_rows;
    uint64_t most_bytes;
};

struct query_input {
    char name[QUERY_NAME + 1];
    char owner[QUERY_NAME + 1];
    enum query_format format;
    char table[QUERY_NAME + 1]; /* of a SQLite database */
    struct query_column *columns;
    size_t column_count;
    struct query_rules rules;
};

/* ---- values and results ---- */

enum query_kind { QUERY_VALUE_NULL = 0, QUERY_VALUE_INTEGER, QUERY_VALUE_REAL, QUERY_VALUE_TEXT };

struct query_value {
    enum query_kind kind;
    union {
        int64_t integer;
        double real;
        char *text; /* NUL-terminated UTF-8, the table's to free */
    };
};

/* A result: rows of values, row by row. */
struct query_table {
    char (*names)[QUERY_NAME + 1];
    bool *counts; /* the column is a count: `round` goes for it */
    size_t columns;
    size_t rows;
    struct query_value *values; /* rows * columns */
};
void query_table_free(struct query_table *table);
/* Adds a column to a table without rows, a row of NULLs to any; CELLA_MEMORY. */
cella_status query_table_column(struct query_table *table, const char *name, bool is_count);
cella_status query_table_row(struct query_table *table, struct query_value **row);

/* ---- load.c: data into a SQLite table (in memory) of the input's name ---- */

/* Reads all of `bytes` (the content of a box) as the input's format says, into table "NAME" with
 * the listed columns that are not hidden, in their order and with their types. `rows`: how many. A
 * sentence of `error` names the input, the line and the column, never a value. Where it fails there
 * is no such table. */
cella_status query_load(sqlite3 *database, const struct query_input *input, const void *bytes,
                        size_t size, uint64_t *rows, cella_error *error);

/* PLINK's three files in one box are a tar (ustar) of NAME.bed, NAME.bim, NAME.fam; columns of such
 * an input are those of .fam: "individual" (identifier), and any of "sex", "phenotype" (dimension);
 * and the genotypes. */
struct query_genotypes {
    char (*individuals)[64];    /* IID */
    int8_t *sexes, *phenotypes; /* phenotypes: 0 control, 1 case, -1 missing */
    size_t people;
    struct query_snp {
        char chromosome[16], name[64], first[16], second[16]; /* alleles */
        int64_t position;
    } * snps;
    size_t snp_count;
    uint8_t *packed; /* a SNP is (people + 3) / 4 bytes, as in .bed (SNP-major) */
};
cella_status query_genotypes_read(const struct query_input *input, const void *bytes, size_t size,
                                  struct query_genotypes *genotypes, cella_error *error);
void query_genotypes_free(struct query_genotypes *genotypes);

/* ---- functions.c: aggregates for SQLite ---- */

/* variance(x) stddev(x) (of a sample, n - 1), median(x), quantile(x, q) (R's type 7),
 * value_at_risk(pnl, level) (historical: minus the lower quantile of profit and loss),
 * expected_shortfall(pnl, level) (minus the mean of what is no better than that quantile). NULLs
 * are left out. An error where SQLite was built without its mathematical functions. */
int query_functions(sqlite3 *database);

/* ---- models.c, compare.c ---- */

struct query_coefficient {
    double estimate, standard_error, z, p;
};

struct query_model {
    struct query_coefficient *coefficients; /* `terms` of them, in the order given */
    size_t terms;
    double log_likelihood, auc; /* logistic; linear: log_likelihood, and r_squared, sigma */
    double r_squared, sigma;
    uint64_t n, events;
    unsigned iterations;
};
/* `x` is n rows of `terms` values (the constant is a term of the caller's), `y` 0 or 1. IRLS to a
 * relative change of the deviance below 1e-10, at most 50 times. Errors: collinear terms,
 * separation, too few rows; a sentence numbers terms from 1 without the constant. */
cella_status query_logistic(const double *x, const double *y, size_t n, size_t terms,
                            struct query_model *model, cella_error *error);
cella_status query_linear(const double *x, const double *y, size_t n, size_t terms,
                          struct query_model *model,
                          cella_error *error); /* z is t, p of Student's t */
void query_model_free(struct query_model *model);

struct query_test {
    double statistic, degrees, p;
    double estimate; /* t_test: difference of means */
};
/* `counts`: rows * columns. Pearson, without Yates' correction. */
cella_status query_chi_square(const double *counts, size_t rows, size_t columns,
                              struct query_test *test, cella_error *error);
/* Welch's. */
cella_status query_t_test(const double *first, size_t first_n, const double *second,
                          size_t second_n, struct query_test *test, cella_error *error);
/* One SNP, in several strata: the 1-df trend test (Cochran-Armitage, score test; stratified as
 * snpStats' single.snp.tests does). Genotypes are as they are in .bed: `packed` is the SNP's
 * (people + 3) / 4 bytes; what is known of the cases (0, 1 or -1) is made once for all SNPs.
 * `swapped`: the stratum's alleles are the other way round than those of the others. *n_used: those
 * with both. A monomorphic SNP has statistic NaN. */
struct query_cases {
    uint64_t *status[2]; /* controls, cases: two bits a person, 01: is one */
    size_t people;
};
struct query_trend_stratum {
    const uint8_t *packed;
    const struct query_cases *cases;
    bool swapped;
};
cella_status query_cases_new(const int8_t *cases, size_t people, struct query_cases *made);
void query_cases_free(struct query_cases *cases);
void query_trend(const struct query_trend_stratum *strata, size_t count, struct query_test *test,
                 uint64_t *n_used);

/* ---- write.c: a result as bytes; the caller frees ---- */
cella_status query_write(const struct query_table *table, const char *name,
                         enum query_format format, uint8_t **bytes, size_t *size,
                         cella_error *error);

/* ---- plan.c: what a contract's inputs, parameters, statements and outputs mean ---- */

struct query_plan;

/* `contract` is the whole contract; what concerns the engine is checked: inputs' columns and rules,
 * parameters, statements, outputs' statement, format and rules. The plan keeps a reference of it. A
 * sentence names the place: "statements[2].where[0]: ...". */
cella_status query_plan_make(json_t *contract, struct query_plan **plan, cella_error *error);
void query_plan_free(struct query_plan *plan);

/* A parameter that a party gives; values are JSON numbers or strings. Checked against its type and
 * bounds. */
cella_status query_plan_parameter(struct query_plan *plan, const char *party, const char *name,
                                  const json_t *value, cella_error *error);

/* explain.c: what the contract would let whom learn, in plain words; the caller frees. */
cella_status query_plan_explain(const struct query_plan *plan, char **text, cella_error *error);

/* ---- run.c ---- */

/* What the log tells of a statement. */
struct query_account {
    char statement[QUERY_NAME + 1];
    uint64_t rows_in, rows_out, rows_suppressed;
    struct query_rules applied; /* the strictest that took part */
};

struct query_run;
cella_status query_run_new(struct query_plan *plan, struct query_run **run, cella_error *error);
/* The content of an input's box; `bytes` may be freed after (and should be wiped). */
cella_status query_run_load(struct query_run *run, const char *input, const void *bytes,
                            size_t size, uint64_t *rows, cella_error *error);
/* Runs the statement of an output (and those below it, once), holds it to the rules, writes it. */
cella_status query_run_output(struct query_run *run, const char *output, uint8_t **bytes,
                              size_t *size, struct query_account *account, cella_error *error);
void query_run_free(struct query_run *run);

#endif
