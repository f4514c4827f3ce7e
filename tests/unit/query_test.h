/* SPDX-License-Identifier: Apache-2.0
 *
 * What the query engine's tests share: inputs, loading, and looking at what was loaded.
 */
#ifndef TESTS_QUERY_TEST_H
#define TESTS_QUERY_TEST_H

#include "room/query/query.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Within a part of 10^-digits. */
static inline void assert_near(double value, double expected, int digits)
{
    if (!(fabs(value - expected) <= pow(10, -digits) * fabs(expected)))
        fail_msg("%.17g, expected %.17g", value, expected);
}

static inline sqlite3 *database_new(void)
{
    sqlite3 *database;
    assert_int_equal(sqlite3_open(":memory:", &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "PRAGMA journal_mode=off", NULL, NULL, NULL),
                     SQLITE_OK);
    return database;
}

/* The first value of a statement, as text; the caller frees. NULL where it fails. */
static inline char *ask(sqlite3 *database, const char *sql)
{
    sqlite3_stmt *statement;
    char *answer = NULL;
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK)
        return NULL;
    if (sqlite3_step(statement) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        answer = strdup(text ? text : "NULL");
    }
    sqlite3_finalize(statement);
    return answer;
}

static inline void assert_answer(sqlite3 *database, const char *sql, const char *expected)
{
    char *answer = ask(database, sql);
    assert_non_null(answer);
    assert_string_equal(answer, expected);
    free(answer);
}

#endif
