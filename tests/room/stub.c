/* SPDX-License-Identifier: Apache-2.0
 *
 * A stand-in for the query engine: each output says how many bytes each input had, and the values
 * of the parameters. An input that holds "bad" is an error.
 */
#include "room/query/query.h"

#include "image/fail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct query_plan {
    json_t *parameters;
};

struct query_run {
    struct query_plan *plan;
    char text[4096];
};

cella_status query_plan_make(json_t *contract, struct query_plan **plan, cella_error *error)
{
    *plan = calloc(1, sizeof(**plan));
    if (!*plan || !contract)
        return fail(error, CELLA_MEMORY, "no memory");
    (*plan)->parameters = json_object();
    return CELLA_OK;
}

void query_plan_free(struct query_plan *plan)
{
    if (plan)
        json_decref(plan->parameters);
    free(plan);
}

cella_status query_plan_parameter(struct query_plan *plan, const char *party, const char *name,
                                  const json_t *value, cella_error *error)
{
    (void)party;
    (void)error;
    json_object_set(plan->parameters, name, (json_t *)(uintptr_t)value);
    return CELLA_OK;
}

cella_status query_run_new(struct query_plan *plan, struct query_run **run, cella_error *error)
{
    *run = calloc(1, sizeof(**run));
    if (!*run)
        return fail(error, CELLA_MEMORY, "no memory");
    (*run)->plan = plan;
    return CELLA_OK;
}

void query_run_free(struct query_run *run)
{
    free(run);
}

cella_status query_run_load(struct query_run *run, const char *input, const void *bytes,
                            size_t size, uint64_t *rows, cella_error *error)
{
    size_t used = strlen(run->text);
    *rows = 1;
    if (memmem(bytes, size, "bad", 3))
        return fail(error, CELLA_INVALID, "input %s: line 1: bad data", input);
    snprintf(run->text + used, sizeof(run->text) - used, "%s %zu\n", input, size);
    return CELLA_OK;
}

cella_status query_run_output(struct query_run *run, const char *output, uint8_t **bytes,
                              size_t *size, struct query_account *account, cella_error *error)
{
    char *parameters =
        json_dumps(run->plan->parameters, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(6));
    char *text = NULL;
    (void)error;
    snprintf(account->statement, sizeof(account->statement), "%s", output);
    int length = asprintf(&text, "%s%s\n", run->text, parameters);
    free(parameters);
    *bytes = (uint8_t *)text;
    *size = (size_t)length;
    return length > 0 ? CELLA_OK : fail(error, CELLA_MEMORY, "no memory");
}
