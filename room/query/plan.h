/* SPDX-License-Identifier: Apache-2.0
 *
 * A contract's statements, checked and typed: what plan.c makes, sql.c and run.c carry out and
 * explain.c puts into words. Everything here lives in the plan's arena.
 *
 * Invariants of a plan that was made:
 *   1. an expression names no identifier, joinable or hidden column (expression.c);
 *   2. a group's key depends on dimensions alone, and nothing but keys and aggregates is output;
 *   3. a statement reads only statements before it;
 *   4. `inputs` of a statement has every input that takes part, directly or below, and `rules` is
 *      at least as strict as each of theirs.
 */
#ifndef ROOM_QUERY_PLAN_H
#define ROOM_QUERY_PLAN_H

#include "query.h"

#define PLAN_INPUTS_MOST     32 /* bits of plan_statement.inputs */
#define PLAN_STATEMENTS_MOST 64
#define PLAN_SOURCES_MOST    8  /* of one statement */
#define PLAN_LIST_MOST       64 /* lets, keys, aggregates, terms, ... of one statement */
#define PLAN_NONE            SIZE_MAX

/* ---- memory ---- */

struct plan_arena {
    struct plan_block *blocks;
};
void *plan_allocate(struct plan_arena *arena, size_t count, size_t size); /* zeros; or NULL */
void plan_release(struct plan_arena *arena);

/* ---- expressions ---- */

enum expression_kind {
    EXPRESSION_INTEGER = 1,
    EXPRESSION_REAL,
    EXPRESSION_TEXT,
    EXPRESSION_PARAMETER,
    EXPRESSION_COLUMN,
    EXPRESSION_LET,
    EXPRESSION_OPERATOR,
    EXPRESSION_CALL,
    EXPRESSION_CASE, /* when, then, when, then, ..., and the else where the number is odd */
};

enum expression_operator {
    OPERATOR_OR,
    OPERATOR_AND,
    OPERATOR_NOT,
    OPERATOR_EQUAL,
    OPERATOR_UNEQUAL,
    OPERATOR_LESS,
    OPERATOR_LESS_EQUAL,
    OPERATOR_GREATER,
    OPERATOR_GREATER_EQUAL,
    OPERATOR_IS_NULL,
    OPERATOR_IS_NOT_NULL,
    OPERATOR_IN, /* the first argument is among the rest */
    OPERATOR_NOT_IN,
    OPERATOR_BETWEEN,
    OPERATOR_NOT_BETWEEN,
    OPERATOR_ADD,
    OPERATOR_SUBTRACT,
    OPERATOR_MULTIPLY,
    OPERATOR_DIVIDE,
    OPERATOR_NEGATE,
};

struct expression {
    enum expression_kind kind;
    enum query_type type;
    unsigned which; /* the operator, or the function's place in expression.c's list */
    int64_t integer;
    double real;
    const char *text;       /* a text, or the name of a parameter, column or let */
    size_t source, column;  /* of a column; a parameter: its place in the plan, in `column` */
    struct expression *let; /* what a name of `let` stands for */
    struct expression **arguments;
    size_t count;
    bool dimension;               /* depends on dimensions and constants alone */
    unsigned depth, nodes, stack; /* with every let written out; stack: of SQLite's parser */
};

struct plan_source;
struct plan_let;
struct plan_parameter;

/* What an expression may name. Without `bare`: ALIAS.COLUMN and lets; with it: the columns of the
 * one source, by themselves. */
struct expression_scope {
    struct plan_arena *arena;
    const struct plan_source *sources;
    size_t source_count;
    const struct plan_let *lets;
    size_t let_count;
    const struct plan_parameter *parameters;
    size_t parameter_count;
    bool bare;
};

/* A sentence begins with `place`, and quotes the contract alone. */
cella_status expression_parse(const struct expression_scope *scope, const char *place,
                              const char *text, struct expression **result, cella_error *error);
bool expression_is_number(const struct expression *expression);
bool expression_same_family(enum query_type first, enum query_type second);
/* The column that the expression simply is, through names of `let` too; or NULL. */
const struct expression *expression_plain(const struct expression *expression);
bool expression_is_coalesce(const struct expression *expression);
bool expression_is_steep(const struct expression *expression); /* exp, round, floor, ceil */
bool expression_reserved(const char *name);

struct text;
/* For SQLite: names quoted, lets written out, parameters as :name. */
void expression_sql(struct text *text, const struct plan_source *sources,
                    const struct expression *expression);
/* In the contract's own language. */
void expression_text(struct text *text, const struct plan_source *sources,
                     const struct expression *expression);

/* ---- text that grows; `failed` when memory ran out ---- */

struct text {
    char *bytes; /* NUL-terminated, or NULL while empty */
    size_t length, room;
    bool failed;
};
__attribute__((format(printf, 2, 3))) void text_add(struct text *text, const char *format, ...);
void text_put(struct text *text, const char *string);

/* ---- statements ---- */

struct plan_column {
    char name[QUERY_NAME + 1];
    enum query_type type;
    enum query_role role;
};

struct plan_parameter {
    char name[QUERY_NAME + 1];
    enum query_type type;
    char from[QUERY_NAME + 1];  /* the party that gives it; empty: fixed */
    const json_t *least, *most; /* of one that is given, both or */
    const json_t *one_of;
    bool given;
    struct query_value value; /* a text is the arena's */
};

struct plan_branch { /* of a union */
    size_t input;
    struct expression **columns; /* as many as the source has, but the last, "input" */
};

enum plan_source_kind { PLAN_INPUT = 1, PLAN_STATEMENT, PLAN_UNION };

struct plan_source {
    char alias[QUERY_NAME + 1];
    enum plan_source_kind kind;
    size_t index; /* of the input, or the statement */
    struct plan_branch *branches;
    size_t branch_count;
    struct plan_column *columns;
    size_t column_count;
    bool left; /* a left join */
    struct plan_pair {
        size_t source, column, own; /* SOURCE.COLUMN = this source's column */
    } * on;
    size_t on_count;
};

struct plan_let { /* a name of `let`, and a group's key */
    char name[QUERY_NAME + 1];
    struct expression *value;
};

enum plan_function {
    PLAN_COUNT,
    PLAN_INDIVIDUALS,
    PLAN_SUM,
    PLAN_MEAN,
    PLAN_VARIANCE,
    PLAN_STDDEV,
    PLAN_MIN,
    PLAN_MAX,
    PLAN_MEDIAN,
    PLAN_QUANTILE,
    PLAN_VALUE_AT_RISK,
    PLAN_EXPECTED_SHORTFALL,
    PLAN_FUNCTIONS,
};
extern const char *const plan_function_names[PLAN_FUNCTIONS];
bool plan_function_is_quantile(enum plan_function function);

struct plan_aggregate {
    char name[QUERY_NAME + 1];
    enum plan_function function;
    struct expression *value; /* NULL for a count, and individuals */
    struct expression *where; /* or NULL */
    struct expression *level; /* of a quantile: a number or a parameter */
    size_t source;            /* of individuals */
    bool is_count;            /* `round` goes for it */
};

struct plan_order {
    size_t column; /* of the result */
    bool descending;
};

enum plan_model_kind {
    PLAN_LOGISTIC = 1,
    PLAN_LINEAR,
    PLAN_TREND,
    PLAN_CHI_SQUARE,
    PLAN_T_TEST,
};

struct plan_model {
    enum plan_model_kind kind;
    struct expression *outcome; /* rows of chi_square, value of t_test */
    struct expression **terms;  /* columns of chi_square, by of t_test */
    size_t term_count;
    size_t *genotypes; /* inputs of trend, a stratum each */
    char (*strata)[QUERY_NAME + 1];
    size_t genotype_count;
};

enum plan_statement_kind { PLAN_SELECT = 1, PLAN_MODEL, PLAN_SQL };

struct plan_statement {
    char name[QUERY_NAME + 1];
    enum plan_statement_kind kind;
    struct plan_source *sources; /* `from`, and the joins */
    size_t source_count;
    struct expression **where;
    size_t where_count;
    struct plan_let *lets;
    size_t let_count;
    struct plan_let *keys;
    size_t key_count;
    struct plan_aggregate *aggregates;
    size_t aggregate_count;
    struct plan_order *orders;
    size_t order_count;
    struct plan_model model;
    const char *sql;
    struct plan_column *columns; /* of the result; none of a model's, which nothing reads */
    size_t column_count;
    uint32_t inputs;                        /* bit i: input i takes part */
    uint32_t watched;                       /* of these, whose individuals are counted */
    struct query_rules rules;               /* the strictest of the inputs' */
    uint64_t least_individuals, least_rows; /* of these and the outputs of this statement */
};

struct plan_output {
    char name[QUERY_NAME + 1];
    size_t statement;
    enum query_format format;
    struct query_rules rules; /* the strictest of its own and the inputs' */
    const json_t *recipients;
};

struct query_plan {
    json_t *contract;
    struct plan_arena arena;
    struct query_input *inputs;
    size_t input_count;
    struct plan_parameter *parameters;
    size_t parameter_count;
    struct plan_statement *statements;
    size_t statement_count;
    struct plan_output *outputs;
    size_t output_count;
};

void plan_strictest(struct query_rules *rules, const struct query_rules *other);
/* Is the value a column alone (of a union: in each branch)? */
bool plan_is_column(const struct plan_statement *statement, const struct expression *value);
size_t plan_identifier(const struct query_input *input); /* its column, or PLAN_NONE */

/* weights.c: why an aggregate or a model may not take the value, or NULL. */
const char *plan_weighs(const struct query_plan *plan, const struct plan_statement *statement,
                        const struct expression *value);

/* ---- reading JSON (read.c) ---- */

struct plan_reader {
    struct query_plan *plan;
    cella_error *error;
};
/* "place: " and a sentence; CELLA_INVALID. */
__attribute__((format(printf, 3, 4))) cella_status
plan_wrong(const struct plan_reader *reader, const char *place, const char *format, ...);
cella_status plan_no_memory(const struct plan_reader *reader);
/* A place in the contract; one too long for its room is cut. */
__attribute__((format(printf, 3, 4))) void plan_place(char *place, size_t size, const char *format,
                                                      ...);
/* Is it an object with only these keys (one string, spaces between; a key that ends in ! must be
 * there)? */
cella_status plan_keys(const struct plan_reader *reader, const char *place, const json_t *object,
                       const char *keys);
cella_status plan_name(const struct plan_reader *reader, const char *place, const json_t *value,
                       char name[QUERY_NAME + 1]);
cella_status plan_type(const struct plan_reader *reader, const char *place, const json_t *value,
                       enum query_type *type);
/* An array (or, where it may lack, NULL: none) of at most `most` values. */
cella_status plan_list(const struct plan_reader *reader, const char *place, const json_t *value,
                       size_t most, size_t *count);
/* The place of a word in a list of `count`, or an error that lists them. */
cella_status plan_word(const struct plan_reader *reader, const char *place, const json_t *value,
                       const char *const *words, size_t count, size_t *which);

/* statement.c: reads statements[index]; the inputs and parameters are there. */
cella_status plan_statement_read(const struct plan_reader *reader, size_t index,
                                 const json_t *value);

#endif
