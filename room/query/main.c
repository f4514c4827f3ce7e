/* SPDX-License-Identifier: Apache-2.0
 *
 * cella-query, the stock program of rooms: the agent and the query engine in one enclave. It runs
 * the statements of /room/contract.json over the inputs that were released, and nothing else.
 * Errors about data go to the outputs' recipients, sealed; the host sees that there was one.
 */
#include "../../image/hex.h"
#include "../agent.h"
#include "query.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM "/room"

static cella_status take_parameters(const struct agent *agent, struct query_plan *plan,
                                    cella_error *error)
{
    cella_status status = CELLA_OK;
    for (size_t i = 0; i < agent->contract->party_count; i++) {
        const char *name;
        json_t *value;
        json_object_foreach(agent->parties[i].parameters, name, value)
        {
            if (!status)
                status = query_plan_parameter(plan, agent->contract->parties[i].name, name, value,
                                              error);
        }
    }
    return status;
}

static cella_status load_input(void *context, struct agent *agent,
                               const struct contract_input *input, cella_error *error)
{
    uint64_t rows = 0;
    char version[65];
    uint8_t *bytes;
    size_t size;
    cella_status status = agent_open_input(agent, input, &bytes, &size, error);
    if (status)
        return status;
    hex_write(agent->inputs[input - agent->contract->inputs].version, 32, version);
    status = query_run_load(context, input->name, bytes, size, &rows, error);
    OPENSSL_cleanse(bytes, size);
    free(bytes);
    if (!status)
        agent_note(agent, "input",
                   json_pack("{s:s, s:s, s:I}", "name", input->name, "box", version, "rows",
                             (json_int_t)rows));
    return status;
}

static json_t *account_json(const struct query_account *account)
{
    const struct query_rules *rules = &account->applied;
    return json_pack(
        "{s:s, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I, s:I, s:I}}", "name", account->statement,
        "rows_in", (json_int_t)account->rows_in, "rows_out", (json_int_t)account->rows_out,
        "rows_suppressed", (json_int_t)account->rows_suppressed, "rules", "least_individuals",
        (json_int_t)rules->least_individuals, "least_rows", (json_int_t)rules->least_rows, "round",
        (json_int_t)rules->round, "digits", (json_int_t)rules->digits, "most_rows",
        (json_int_t)rules->most_rows, "most_bytes", (json_int_t)rules->most_bytes);
}

/* *failed: the recipients were told why there is no result. */
static cella_status run_output(struct agent *agent, struct query_run *run,
                               const struct contract_output *output, bool *failed,
                               cella_error *error)
{
    uint8_t *bytes;
    size_t size;
    struct query_account account = {0};
    cella_error why = {0};
    if (query_run_output(run, output->name, &bytes, &size, &account, &why)) {
        *failed = true;
        return agent_failure(agent, output, why.sentence, error);
    }
    agent_note(agent, "statement", account_json(&account));
    cella_status status = agent_output(agent, output, bytes, size, error);
    OPENSSL_cleanse(bytes, size);
    free(bytes);
    return status;
}

/* `failure`: what befell an input; then there are no results. */
static cella_status compute(struct agent *agent, struct query_plan *plan, struct query_run *run,
                            cella_error *failure, bool *failed, cella_error *error)
{
    cella_status status = CELLA_OK;
    if (!failure->status)
        take_parameters(agent, plan, failure);
    *failed = failure->status;
    for (size_t i = 0; !status && i < agent->contract->output_count; i++) {
        const struct contract_output *output = &agent->contract->outputs[i];
        status = failure->status ? agent_failure(agent, output, failure->sentence, error)
                                 : run_output(agent, run, output, failed, error);
    }
    return status ? status : agent_finish(agent, "ended", error);
}

/* What is said before the first key is there is the contract's and the host's own: the host may
 * read it. From then on it reads nothing. */
static cella_status room(struct agent *agent, bool *failed, cella_error *error)
{
    struct query_plan *plan = NULL;
    struct query_run *run = NULL;
    cella_error failure = {0};
    cella_status status = agent_start(agent, ROOM, error);
    if (!status)
        status = query_plan_make(agent->contract->json, &plan, error);
    if (!status)
        status = query_run_new(plan, &run, error);
    if (!status)
        status = agent_gather(agent, load_input, run, &failure, error);
    if (status) {
        agent_refuse(agent, error->sentence);
    } else {
        status = compute(agent, plan, run, &failure, failed, error);
        if (status)
            agent_refuse(agent, "the results could not be sealed or written");
    }
    query_run_free(run);
    query_plan_free(plan);
    return status;
}

int main(void)
{
    struct agent agent;
    bool failed = false;
    cella_error error = {0};
    cella_status status = room(&agent, &failed, &error);
    agent_end(&agent);
    return status || failed;
}
