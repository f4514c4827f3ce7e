/* SPDX-License-Identifier: Apache-2.0
 *
 * cella-agent: the agent before any other program of a room ("agent" in its manifest). It gathers
 * the releases of /room, and leaves keys under the contract's names: of each input, for the version
 * that was released and no other, and of each output a new one, which is sealed to the output's
 * recipients. Then the program runs, with its boxes open.
 */
#include "agent.h"

#include "../image/fail.h"
#include "../image/hex.h"
#include "set_key.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#define ROOM "/room"

static cella_status check_input(void *context, struct agent *agent,
                                const struct contract_input *input, cella_error *error)
{
    char version[65];
    (void)context;
    cella_status status = agent_check_input(agent, input, error);
    hex_write(agent->inputs[input - agent->contract->inputs].version, 32, version);
    if (!status)
        agent_note(agent, "input", json_pack("{s:s, s:s}", "name", input->name, "box", version));
    return status;
}

static cella_status hand_input(struct agent *agent, size_t index, cella_error *error)
{
    uint8_t given[64];
    memcpy(given, agent->inputs[index].key, 32);
    memcpy(given + 32, agent->inputs[index].version, 32);
    cella_status status = set_key(agent->contract->inputs[index].name, given, sizeof(given), error);
    OPENSSL_cleanse(given, sizeof(given));
    return status;
}

static cella_status hand_output(struct agent *agent, const struct contract_output *output,
                                cella_error *error)
{
    uint8_t key[BOX_KEY];
    if (RAND_bytes(key, sizeof(key)) != 1)
        return fail(error, CELLA_SYSTEM, "the enclave cannot make a key");
    cella_status status = set_key(output->name, key, sizeof(key), error);
    if (!status)
        status = agent_output_key(agent, output, key, error);
    OPENSSL_cleanse(key, sizeof(key));
    return status;
}

static cella_status hand_over(struct agent *agent, cella_error *error)
{
    cella_status status = CELLA_OK;
    for (size_t i = 0; !status && i < agent->contract->input_count; i++)
        status = hand_input(agent, i, error);
    for (size_t i = 0; !status && i < agent->contract->output_count; i++)
        status = hand_output(agent, &agent->contract->outputs[i], error);
    return status ? status : agent_finish(agent, "running", error);
}

/* An input was not what its owner released: the recipients learn which. */
static cella_status give_up(struct agent *agent, const cella_error *failure, cella_error *error)
{
    cella_status status = CELLA_OK;
    for (size_t i = 0; !status && i < agent->contract->output_count; i++)
        status = agent_failure(agent, &agent->contract->outputs[i], failure->sentence, error);
    return status ? status : agent_finish(agent, "ended", error);
}

static cella_status room(struct agent *agent, bool *failed, cella_error *error)
{
    cella_error failure = {0};
    cella_status status = agent_start(agent, ROOM, error);
    if (!status && !agent->contract->any_program)
        status = fail(error, CELLA_INVALID,
                      "this program takes contracts whose inputs and outputs are of format "
                      "\"file\"; one with statements is cella-query's");
    if (!status)
        status = agent_gather(agent, check_input, NULL, &failure, error);
    *failed = failure.status;
    if (!status)
        status = *failed ? give_up(agent, &failure, error) : hand_over(agent, error);
    if (status)
        agent_refuse(agent, error->sentence);
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
