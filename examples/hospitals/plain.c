/* SPDX-License-Identifier: Apache-2.0
 *
 * The control of ./demo: what cella-query computes, by the same engine, as an ordinary program
 * without an enclave, a key or a seal. Prints a result, then keeps its data until it is killed.
 *
 *   plain CONTRACT.json OUTPUT [INPUT FILE]...
 */
#include "image/file.h"
#include "room/query/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_MOST (UINT64_C(1) << 30)

static cella_status load(struct query_run *run, const char *input, const char *path,
                         cella_error *error)
{
    uint8_t *bytes;
    size_t size;
    uint64_t rows;
    cella_status status = file_read(path, FILE_MOST, &bytes, &size, error);
    if (status != CELLA_OK)
        return status;
    status = query_run_load(run, input, bytes, size, &rows, error);
    free(bytes);
    return status;
}

static cella_status print(struct query_run *run, const char *output, cella_error *error)
{
    uint8_t *bytes;
    size_t size;
    struct query_account account;
    cella_status status = query_run_output(run, output, &bytes, &size, &account, error);
    if (status != CELLA_OK)
        return status;
    fwrite(bytes, 1, size, stdout);
    fflush(stdout);
    free(bytes);
    return CELLA_OK;
}

int main(int count, char **arguments)
{
    struct query_plan *plan;
    struct query_run *run;
    cella_error error;
    json_t *contract = count >= 3 ? json_load_file(arguments[1], 0, NULL) : NULL;
    if (!contract) {
        fputs("usage: plain CONTRACT.json OUTPUT [INPUT FILE]...\n", stderr);
        return 2;
    }
    cella_status status = query_plan_make(contract, &plan, &error);
    if (status == CELLA_OK)
        status = query_run_new(plan, &run, &error);
    for (int i = 3; status == CELLA_OK && i + 1 < count; i += 2)
        status = load(run, arguments[i], arguments[i + 1], &error);
    if (status == CELLA_OK)
        status = print(run, arguments[2], &error);
    if (status == CELLA_OK)
        return pause();
    fprintf(stderr, "plain: %s\n", error.sentence);
    return 1;
}
