/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a SQLite database: a sentence and no table, or as many rows as were said.
 */
#include "fuzz_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct query_column columns[] = {{"i", QUERY_INTEGER, QUERY_IDENTIFIER},
                                            {"r", QUERY_REAL, QUERY_MEASURE},
                                            {"t", QUERY_TEXT, QUERY_DIMENSION},
                                            {"d", QUERY_DATE, QUERY_DIMENSION}};
    static const struct query_input input = {.name = "fuzz",
                                             .format = QUERY_SQLITE,
                                             .table = "t",
                                             .columns = columns,
                                             .column_count = 4};
    load_any(&input, data, size);
    return 0;
}
