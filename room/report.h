/* SPDX-License-Identifier: Apache-2.0
 *
 * A logistic model's results as one HTML page for people: odds ratios with their 95 % confidence
 * intervals, drawn and in a table. The page is whole in itself (no script, nothing from elsewhere)
 * and well-formed XML.
 */
#ifndef ROOM_REPORT_H
#define ROOM_REPORT_H

#include <cella/error.h>
#include <stddef.h>

#define REPORT_RESULTS_MOST 6

/* A model's result as a room writes it (docs/contract.md). */
struct report_result {
    const char *label; /* whose, or of what; UTF-8 */
    const char *json;
    size_t size;
};

/* The first result is the one that is reported; the others are shown beside it, and have the same
 * terms or fewer. `*html` is NUL-terminated and the caller's to free. */
cella_status report_make(const char *title, const struct report_result *results, size_t count,
                         char **html, cella_error *error);

#endif
