/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements carried out: whose individuals stand behind which row (individuals.c), the SQL of a
 * statement together with these counts (sql.c), what may leave (rules.c), models (fit.c).
 *
 * Invariants:
 *   1. an individual of an input is a number below people.count; a row whose identifier is NULL is
 *      about one more individual, always the same;
 *   2. a set is sorted and has no number twice;
 *   3. nothing of a result is read by an output or another statement before rules_hold() saw it.
 */
#ifndef ROOM_QUERY_RUN_H
#define ROOM_QUERY_RUN_H

#include "plan.h"

/* ---- individuals.c ---- */

struct people {       /* of one input */
    uint32_t *of_row; /* the individual that row i + 1 is about */
    size_t rows;
    uint32_t count;
};

struct id_set {
    uint32_t *ids;
    size_t count;
};
bool set_union(struct id_set *set, const struct id_set *other); /* false: no memory */
bool set_is_same(const struct id_set *first, const struct id_set *second);
/* Do the two differ, and in fewer than `least`? */
bool set_is_near(const struct id_set *first, const struct id_set *second, uint64_t least);

/* Where rows of a source tell of individuals of one input. */
struct feed {
    const struct people *people; /* the source's rows are the input's; or */
    const struct id_set *sets;   /* row i + 1 has sets[i * stride] behind it */
    size_t rows, stride;
};

/* One use of an aggregate in a statement. SQLite finishes a group before it starts the next one. */
struct slot {
    struct feed *feeds;
    size_t feed_count;
    uint32_t *stamps; /* of each individual, the group that it was last met in */
    uint32_t group, people;
    bool open;
    bool keep; /* its sets are wanted, not only how many */
};

/* Sets that aggregates left, by number; 0 is the empty one. */
struct individuals {
    struct slot *slots;
    size_t slot_count;
    struct id_set *sets;
    size_t set_count, set_room;
};
/* cella_set(slot, row, ...): the set's number, or how many; cella_sides(slot, value, q, row, ...):
 * individuals on that side of the quantile where there are fewer; cella_sum, cella_abs: SQLite's
 * without its errors of overflow. */
int individuals_functions(sqlite3 *database, struct individuals *individuals);
void individuals_clear(struct individuals *individuals);
cella_status people_read(sqlite3 *database, const struct query_input *input, struct people *people,
                         cella_error *error);
void people_free(struct people *people);

/* ---- sql.c ---- */

struct sql_feed {
    size_t source, branch; /* branch: of a union, or PLAN_NONE */
};
#define SQL_FEEDS_MOST 100 /* SQLite's functions take 127 arguments */
/* Individuals of an input behind the rows of one source: each source by itself, or those of a
 * second one would hide how few are behind the first. */
struct sql_watch {
    size_t input, source;
};
#define SQL_WATCHES_MOST (PLAN_INPUTS_MOST * PLAN_SOURCES_MOST)
struct sql_slot {
    size_t input;
    bool keep;
    struct sql_feed feeds[SQL_FEEDS_MOST];
    size_t feed_count;
};
/* The SQL of a statement. Its columns: those of the result; then how many rows; then a set for each
 * watch; then, for each aggregate with a set of its own: how many rows (where that matters), a
 * set for each watch, for a quantile the sides after them, and for each of the value's choices a
 * set for each watch. A model: outcome, terms, and then the rows of every feed. */
struct sql {
    struct text text;
    struct sql_watch watches[SQL_WATCHES_MOST];
    size_t inputs[SQL_WATCHES_MOST]; /* of each watch */
    size_t watch_count;
    struct sql_slot *slots;
    size_t slot_count;
    struct sql_own { /* of each aggregate: its own columns, PLAN_NONE where there are none */
        size_t rows, sets, sides;
        size_t choices, choice_count;
    } * own;
    size_t columns;
};
cella_status sql_make(const struct query_plan *plan, const struct plan_statement *statement,
                      struct sql *sql, cella_error *error);
void sql_free(struct sql *sql);
size_t plan_watched(const struct plan_statement *statement, size_t inputs[PLAN_INPUTS_MOST]);

/* ---- rules.c ---- */

/* What left, or was suppressed: later groups are compared with it. */
struct released {
    struct released_set {
        struct id_set set;
        uint64_t least;
        unsigned class;
    } * sets;
    size_t count, room;
};
#define CLASS_ROWS 0u /* groups of rows: any number of them */
#define CLASS_ANY  1u /* a computed value's: compared with every class. From 2 on: a column's */

/* `count` groups that are about to leave together; flags of `suppressed` are only ever set. */
struct family {
    size_t count, watched;
    const struct id_set **sets; /* count * watched */
    bool *suppressed;
    const unsigned *classes; /* of each watched input */
};
cella_status rules_hold(struct released *released, const size_t *inputs,
                        const struct family *family, uint64_t least, cella_error *error);
void released_free(struct released *released);
/* Rounds what stands in a result's columns; the first `keys` are left. */
void rules_round(struct query_table *table, size_t keys, const struct query_rules *rules);
uint64_t rules_round_count(uint64_t count, const struct query_rules *rules);

/* ---- run.c ---- */

struct result {
    bool done;
    struct query_table table;
    struct id_set *sets; /* of each row, one for each watched input */
    struct query_account account;
};

struct query_run {
    struct query_plan *plan;
    sqlite3 *database;
    bool loaded[PLAN_INPUTS_MOST];
    struct people people[PLAN_INPUTS_MOST];
    struct query_genotypes genotypes[PLAN_INPUTS_MOST];
    struct released released[PLAN_INPUTS_MOST];
    struct individuals individuals;
    struct result *results;
};

cella_status run_prepare(struct query_run *run, const struct plan_statement *statement,
                         const struct sql *sql, sqlite3_stmt **prepared, cella_error *error);
cella_status run_failed(struct query_run *run, const struct plan_statement *statement,
                        cella_error *error);
/* fit.c */
cella_status run_model(struct query_run *run, const struct plan_statement *statement,
                       struct result *result, cella_error *error);

#endif
