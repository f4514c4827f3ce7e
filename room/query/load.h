/* SPDX-License-Identifier: Apache-2.0
 *
 * What the readers of formats share: the table that rows go into, and the sentence for a value
 * that does not fit.
 */
#ifndef ROOM_QUERY_LOAD_H
#define ROOM_QUERY_LOAD_H

#include "query.h"

struct load {
    const struct query_input *input;
    sqlite3_stmt *insert;
    int *parameters; /* a column's number in `insert`; 0: hidden */
    uint64_t rows;
    cella_error *error;
};

/* Binds a text as the value of a column: a number of the column's type, or the text in place, which
 * has to stay until load_row. `where` ("line", "row") and `number` are for the sentence. */
cella_status load_text(struct load *load, size_t column, const char *text, size_t size,
                       const char *where, uint64_t number);
cella_status load_row(struct load *load);
/* The value of a column does not fit its type. */
cella_status load_unfit(const struct load *load, size_t column, const char *where, uint64_t number);

/* One a format; they give every row to load_row. */
cella_status load_csv(struct load *load, const void *bytes, size_t size);
cella_status load_sqlite(struct load *load, const void *bytes, size_t size);
cella_status load_plink(struct load *load, const void *bytes, size_t size);

/* columns.c: the virtual table "cella_columns(NAME TYPE, ...)", which is filled and read; false:
 * not to be had. Any number of times. */
bool columns_module(sqlite3 *database);

#endif
