/* SPDX-License-Identifier: Apache-2.0
 *
 * Results as rows of values.
 */
#include "query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void query_table_free(struct query_table *table)
{
    for (size_t i = 0; i < table->rows * table->columns; i++)
        if (table->values[i].kind == QUERY_VALUE_TEXT)
            free(table->values[i].text);
    free(table->values);
    free(table->names);
    free(table->counts);
    *table = (struct query_table){0};
}

cella_status query_table_column(struct query_table *table, const char *name, bool is_count)
{
    size_t columns = table->columns + 1;
    void *names = realloc(table->names, columns * sizeof(*table->names));
    if (names)
        table->names = names;
    void *counts = realloc(table->counts, columns * sizeof(*table->counts));
    if (counts)
        table->counts = counts;
    if (!names || !counts)
        return CELLA_MEMORY;
    snprintf(table->names[table->columns], sizeof(*table->names), "%s", name);
    table->counts[table->columns] = is_count;
    table->columns = columns;
    return CELLA_OK;
}

cella_status query_table_row(struct query_table *table, struct query_value **row)
{
    /* There is room for as many rows as the next power of two. */
    if ((table->rows & (table->rows - 1)) == 0) {
        size_t room, size;
        if (__builtin_mul_overflow(table->rows ? table->rows * 2 : 1, table->columns, &room) ||
            __builtin_mul_overflow(room, sizeof(struct query_value), &size))
            return CELLA_MEMORY;
        void *values = realloc(table->values, size ? size : 1);
        if (!values)
            return CELLA_MEMORY;
        table->values = values;
    }
    *row = table->values + table->rows * table->columns;
    memset(*row, 0, table->columns * sizeof(**row));
    table->rows++;
    return CELLA_OK;
}
