/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a tar of PLINK's files. The sums of tar's headers are made to hold, so that what is
 * behind them is reached.
 */
#include "fuzz_load.h"

#include <string.h>

#define BLOCK 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_sums_hold(uint8_t *bytes, size_t size)
{
    for (size_t at = 0; size - at >= BLOCK; at += BLOCK) {
        unsigned sum = 0;
        char text[8];
        if (memcmp(bytes + at + 257, "ustar", 5) != 0)
            continue;
        memset(bytes + at + 148, ' ', 8);
        for (size_t i = 0; i < BLOCK; i++)
            sum += bytes[at + i];
        snprintf(text, sizeof(text), "%06o", sum & 0777777);
        memcpy(bytes + at + 148, text, 7);
    }
}

static void read_genotypes(const struct query_input *input, const uint8_t *bytes, size_t size)
{
    struct query_genotypes genotypes;
    cella_error error = {0};
    if (query_genotypes_read(input, bytes, size, &genotypes, &error) != CELLA_OK) {
        if (error.sentence[0] == 0)
            abort();
        return;
    }
    struct query_cases cases;
    if (query_cases_new(genotypes.phenotypes, genotypes.people, &cases) != CELLA_OK)
        abort();
    size_t width = (genotypes.people + 3) / 4;
    for (size_t i = 0; i < genotypes.snp_count; i++) {
        struct query_trend_stratum stratum = {genotypes.packed + i * width, &cases, i & 1};
        struct query_test test;
        uint64_t n;
        query_trend(&stratum, 1, &test, &n);
        if (n > genotypes.people)
            abort();
    }
    query_cases_free(&cases);
    query_genotypes_free(&genotypes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct query_column columns[] = {{"individual", QUERY_TEXT, QUERY_IDENTIFIER},
                                            {"sex", QUERY_INTEGER, QUERY_DIMENSION},
                                            {"phenotype", QUERY_INTEGER, QUERY_DIMENSION}};
    static const struct query_input input = {
        .name = "fuzz", .format = QUERY_PLINK, .columns = columns, .column_count = 3};
    uint8_t *bytes = malloc(size ? size : 1);
    if (!bytes)
        abort();
    memcpy(bytes, data, size);
    make_sums_hold(bytes, size);
    load_any(&input, bytes, size);
    read_genotypes(&input, bytes, size);
    free(bytes);
    return 0;
}
