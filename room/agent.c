/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent: contract, keys, statements, releases.
 */
#include "agent.h"

#include "../attest/cose.h"
#include "../attest/evidence.h"
#include "../box/box.h"
#include "../box/hpke.h"
#include "../image/fail.h"
#include "../image/file.h"
#include "../image/hex.h"
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define POLL_NS  2000000             /* between two looks at the directory */
#define BOX_MOST (UINT64_C(1) << 40) /* bytes of an input's box; memory runs out before */

/* ---- the contract and the keys ---- */

/* Every party's, over the bytes that were read. */
static cella_status check_signatures(const struct agent *agent, cella_error *error)
{
    for (size_t i = 0; i < agent->contract->party_count; i++) {
        const struct contract_party *party = &agent->contract->parties[i];
        char path[STORE_PATH];
        uint8_t *bytes;
        size_t size;
        store_path(path, "%s/signatures/%s.sig", agent->folder, party->name);
        if (file_read(path, CONTRACT_SIGNATURE, &bytes, &size, NULL))
            return fail(error, CELLA_REFUSED,
                        "signatures/%s.sig: expected %s's signature of the contract, found none: "
                        "every party has to sign",
                        party->name, party->name);
        cella_status status = contract_verify(agent->contract, party, bytes, size, error);
        free(bytes);
        if (status)
            return status;
    }
    return CELLA_OK;
}

static cella_status make_keys(struct agent *agent, cella_error *error)
{
    size_t size = sizeof(agent->signing_public);
    agent->signing = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (!agent->signing ||
        EVP_PKEY_get_raw_public_key(agent->signing, agent->signing_public, &size) != 1 ||
        !hpke_generate(agent->hpke_secret, agent->hpke_public))
        return fail(error, CELLA_SYSTEM, "the enclave cannot make its keys");
    return seal_run_name(agent->signing_public, agent->run, error);
}

void agent_end(struct agent *agent)
{
    for (size_t i = 0; agent->parties && i < agent->contract->party_count; i++) {
        free(agent->parties[i].statement);
        free(agent->parties[i].evidence);
        json_decref(agent->parties[i].parameters);
    }
    free(agent->parties);
    if (agent->inputs)
        OPENSSL_cleanse(agent->inputs, agent->contract->input_count * sizeof(*agent->inputs));
    free(agent->inputs);
    EVP_PKEY_free(agent->signing);
    room_log_free(&agent->log);
    json_decref(agent->outputs);
    free(agent->status);
    contract_free(agent->contract);
    OPENSSL_cleanse(agent, sizeof(*agent));
}

/* ---- status.json: for people; nothing relies on it ---- */

static json_t *status_json(const struct agent *agent, const char *state)
{
    json_t *missing = json_array(), *released = json_array(), *refused = json_object();
    json_t *loaded = json_array();
    for (size_t i = 0; i < agent->contract->input_count; i++)
        if (agent->inputs[i].loaded)
            json_array_append_new(loaded, json_string(agent->contract->inputs[i].name));
    for (size_t i = 0; i < agent->contract->party_count; i++) {
        const struct contract_party *party = &agent->contract->parties[i];
        if (agent->parties[i].released)
            json_array_append_new(released, json_string(party->name));
        else if (contract_needs(agent->contract, party))
            json_array_append_new(missing, json_string(party->name));
        if (*agent->parties[i].refused)
            json_object_set_new(refused, party->name, json_string(agent->parties[i].refused));
    }
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:O}", "state", state, "run", agent->run,
                     "missing", missing, "released", released, "loaded", loaded, "refused", refused,
                     "outputs", agent->outputs);
}

static void write_status(struct agent *agent, json_t *report)
{
    char path[STORE_PATH];
    char *text = json_dumps(report, JSON_COMPACT);
    json_decref(report);
    store_path(path, "%s/run/status.json", agent->folder);
    if (text && (!agent->status || strcmp(text, agent->status) != 0) &&
        store_write(path, text, strlen(text), STORE_SHARED, NULL) == CELLA_OK) {
        free(agent->status);
        agent->status = text;
    } else {
        free(text);
    }
}

static void tell(struct agent *agent, const char *state)
{
    write_status(agent, status_json(agent, state));
}

void agent_refuse(struct agent *agent, const char *sentence)
{
    write_status(agent, json_pack("{s:s, s:s}", "state", "refused", "sentence", sentence));
}

void agent_note(struct agent *agent, const char *event, json_t *fields)
{
    room_log_add(&agent->log, event, fields);
}

/* ---- statements and evidence ---- */

/* The measurement, as evidence has it. */
static bool read_measurement(const uint8_t *evidence, size_t size, char text[65])
{
    struct cose cose;
    struct cbor_item payload, report;
    if (cose_read(evidence, size, EVIDENCE_CONTENT_TYPE, "evidence", &cose, NULL) ||
        !cbor_decode(cose.payload, cose.payload_size, &payload) ||
        !cbor_find(&payload, "report", &report) || report.type != CBOR_BYTES ||
        report.size != REPORT_SIZE)
        return false;
    hex_write(report.bytes + REPORT_MRENCLAVE, 32, text);
    return true;
}

/* Of the TEE, the measurement and the time an enclave knows what its host says. */
static cella_status note_start(struct agent *agent, cella_error *error)
{
    char id[65], measurement[65], tee[32] = "";
    uint8_t *evidence;
    size_t size;
    cella_status status = evidence_here(NULL, &evidence, &size, error);
    if (status)
        return status;
    if (!read_measurement(evidence, size, measurement))
        status = fail(error, CELLA_INVALID, "the evidence of this enclave is malformed");
    free(evidence);
    int fd = open("/dev/attestation/attestation_type", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, tee, sizeof(tee) - 1) : 0;
    tee[length > 0 ? length : 0] = 0;
    if (fd >= 0)
        close(fd);
    if (!status)
        agent_note(agent, "started",
                   json_pack("{s:s, s:s, s:s, s:s}", "contract",
                             hex_write(agent->contract->id, 32, id), "mrenclave", measurement,
                             "tee", tee, "run", agent->run));
    return status;
}

/* The statement comes last: who sees it finds its evidence. */
static cella_status answer(struct agent *agent, size_t index, cella_error *error)
{
    struct agent_party *party = &agent->parties[index];
    const char *name = agent->contract->parties[index].name;
    char path[STORE_PATH];
    uint8_t report_data[64];
    memcpy(party->said.contract, agent->contract->id, 32);
    snprintf(party->said.party, sizeof(party->said.party), "%s", name);
    memcpy(party->said.hpke, agent->hpke_public, 32);
    memcpy(party->said.signing, agent->signing_public, 32);
    free(party->statement);
    free(party->evidence);
    party->statement = party->evidence = NULL;
    cella_status status =
        cella_statement_make(&party->said, &party->statement, &party->statement_size, error);
    if (!status)
        status = cella_statement_report_data(party->statement, party->statement_size, report_data,
                                             error);
    if (!status)
        status = evidence_here(report_data, &party->evidence, &party->evidence_size, error);
    store_path(path, "%s/run/%s.evidence", agent->folder, name);
    if (!status)
        status = store_write(path, party->evidence, party->evidence_size, STORE_SHARED, error);
    store_path(path, "%s/run/%s.statement", agent->folder, name);
    if (!status)
        status = store_write(path, party->statement, party->statement_size, STORE_SHARED, error);
    return status;
}

static cella_status answer_nonces(struct agent *agent, cella_error *error)
{
    for (size_t i = 0; i < agent->contract->party_count; i++) {
        struct agent_party *party = &agent->parties[i];
        char path[STORE_PATH];
        uint8_t *nonce;
        size_t size;
        cella_status status = CELLA_OK;
        store_path(path, "%s/run/%s.nonce", agent->folder, agent->contract->parties[i].name);
        if (file_read(path, sizeof(party->said.nonce), &nonce, &size, NULL))
            continue;
        if (size == sizeof(party->said.nonce) &&
            !(party->asked && memcmp(nonce, party->said.nonce, size) == 0)) {
            memcpy(party->said.nonce, nonce, size);
            party->asked = true;
            status = answer(agent, i, error);
        }
        free(nonce);
        if (status)
            return status;
    }
    return CELLA_OK;
}

/* ---- the start ---- */

cella_status agent_start(struct agent *agent, const char *folder, cella_error *error)
{
    char path[STORE_PATH];
    *agent = (struct agent){.folder = folder, .outputs = json_object()};
    store_path(path, "%s/contract.json", folder);
    cella_status status = contract_open(path, &agent->contract, error);
    if (status)
        return status;
    agent->parties = calloc(agent->contract->party_count, sizeof(*agent->parties));
    agent->inputs = calloc(agent->contract->input_count + 1, sizeof(*agent->inputs));
    if (!agent->parties || !agent->inputs || !agent->outputs)
        return fail(error, CELLA_MEMORY, "the enclave has no memory");
    status = check_signatures(agent, error);
    if (!status)
        status = make_keys(agent, error);
    if (!status)
        status = contract_check_time(agent->contract, time(NULL), error);
    if (!status)
        status = note_start(agent, error);
    return status;
}

/* ---- releases ---- */

static const struct cella_release_input *find_key(const struct cella_release *release,
                                                  const char *input)
{
    for (size_t i = 0; i < release->input_count; i++)
        if (strcmp(release->inputs[i].name, input) == 0)
            return &release->inputs[i];
    return NULL;
}

/* Every input of that party, and no other's. */
static cella_status take_keys(struct agent *agent, const struct contract_party *party,
                              const struct cella_release *release, cella_error *error)
{
    for (size_t i = 0; i < agent->contract->input_count; i++) {
        const struct contract_input *input = &agent->contract->inputs[i];
        const struct cella_release_input *box = find_key(release, input->name);
        if (input->owner != party)
            continue;
        if (!box)
            return fail(error, CELLA_REFUSED, "expected a key for input %s, found none",
                        input->name);
        if (!input->any_box && memcmp(box->version, input->version, 32) != 0)
            return fail(error, CELLA_REFUSED,
                        "input %s: expected the box version that the contract names, found another",
                        input->name);
        memcpy(agent->inputs[i].key, box->key, 32);
        memcpy(agent->inputs[i].version, box->version, 32);
        agent->inputs[i].released = true;
    }
    return CELLA_OK;
}

static json_t *parameter_json(const struct cella_release_parameter *parameter)
{
    switch (parameter->kind) {
    case CELLA_PARAMETER_INTEGER:
        return json_integer(parameter->integer);
    case CELLA_PARAMETER_REAL:
        return json_real(parameter->real);
    default:
        return json_string(parameter->text);
    }
}

static cella_status take_parameters(struct agent_party *party, const struct cella_release *release,
                                    cella_error *error)
{
    party->parameters = json_object();
    for (size_t i = 0; i < release->parameter_count; i++)
        if (json_object_set_new(party->parameters, release->parameters[i].name,
                                parameter_json(&release->parameters[i])))
            return fail(error, CELLA_MEMORY, "no memory for parameters");
    return CELLA_OK;
}

static cella_status take_release(struct agent *agent, size_t index, const uint8_t *bytes,
                                 size_t size, cella_error *error)
{
    const struct contract_party *party = &agent->contract->parties[index];
    struct agent_party *state = &agent->parties[index];
    struct cella_release release;
    /* The time is the host's word: it can make a release late, not early or again. */
    cella_status status = cella_release_open(bytes, size, &state->said, agent->hpke_secret,
                                             party->signing_key, time(NULL), &release, error);
    if (status)
        return status;
    status = take_keys(agent, party, &release, error);
    if (!status)
        status = take_parameters(state, &release, error);
    cella_release_wipe(&release);
    if (!status) {
        state->released = true;
        agent_note(agent, "released", json_pack("{s:s}", "party", party->name));
    }
    return status;
}

static cella_status take_releases(struct agent *agent, cella_error *error)
{
    for (size_t i = 0; i < agent->contract->party_count; i++) {
        struct agent_party *party = &agent->parties[i];
        char path[STORE_PATH];
        uint8_t *bytes, digest[32];
        size_t size;
        cella_error why = {0};
        store_path(path, "%s/run/%s.release", agent->folder, agent->contract->parties[i].name);
        if (party->released || !party->asked || file_read(path, STORE_MOST, &bytes, &size, NULL))
            continue;
        cella_status status = digest_bytes(bytes, size, digest, error);
        if (!status && memcmp(digest, party->seen, 32) != 0) {
            memcpy(party->seen, digest, 32);
            bool good = take_release(agent, i, bytes, size, &why) == CELLA_OK;
            snprintf(party->refused, sizeof(party->refused), "%s", good ? "" : why.sentence);
        }
        free(bytes);
        if (status)
            return status;
    }
    return CELLA_OK;
}

static bool all_released(const struct agent *agent)
{
    bool all = true;
    for (size_t i = 0; i < agent->contract->party_count; i++)
        all &= agent->parties[i].released ||
               !contract_needs(agent->contract, &agent->contract->parties[i]);
    return all;
}

/* ---- inputs ---- */

static size_t input_index(const struct agent *agent, const struct contract_input *input)
{
    return (size_t)(input - agent->contract->inputs);
}

static void input_path(const struct agent *agent, const struct contract_input *input,
                       char path[STORE_PATH], char name[AGENT_BOX])
{
    snprintf(name, AGENT_BOX, "inputs/%s.box", input->name);
    store_path(path, "%s/%s", agent->folder, name);
}

static cella_status check_version(const struct agent *agent, const struct contract_input *input,
                                  const char *name, const struct cella_box_info *info,
                                  cella_error *error)
{
    if (memcmp(info->version, agent->inputs[input_index(agent, input)].version, 32) == 0)
        return CELLA_OK;
    return fail(error, CELLA_REFUSED,
                "%s: expected the version that its owner released, found another: the host has put "
                "an older box, or another, in its place",
                name);
}

cella_status agent_open_input(struct agent *agent, const struct contract_input *input,
                              uint8_t **bytes, size_t *size, cella_error *error)
{
    const struct cella_box_keys keys = {.key = agent->inputs[input_index(agent, input)].key};
    char path[STORE_PATH], name[AGENT_BOX];
    struct cella_box_info info;
    uint8_t *box;
    size_t box_size;
    input_path(agent, input, path, name);
    if (file_read(path, BOX_MOST, &box, &box_size, NULL))
        return fail(error, CELLA_REFUSED, "%s: expected a box, found none that can be read", name);
    cella_status status =
        cella_box_open_bytes(box, box_size, name, &keys, bytes, size, &info, error);
    free(box);
    if (status)
        return status;
    status = check_version(agent, input, name, &info, error);
    if (status) {
        OPENSSL_cleanse(*bytes, *size);
        free(*bytes);
    }
    return status;
}

cella_status agent_check_input(struct agent *agent, const struct contract_input *input,
                               cella_error *error)
{
    const struct cella_box_keys keys = {.key = agent->inputs[input_index(agent, input)].key};
    char path[STORE_PATH], name[AGENT_BOX];
    uint8_t file_key[BOX_KEY];
    struct cella_box_info info;
    input_path(agent, input, path, name);
    cella_status status = cella_box_file_key(path, &keys, file_key, &info, error);
    OPENSSL_cleanse(file_key, sizeof(file_key));
    return status ? status : check_version(agent, input, name, &info, error);
}

/* Takes what has been released and is not taken yet. */
static void take_inputs(struct agent *agent, agent_take *take, void *context, cella_error *failure)
{
    for (size_t i = 0; i < agent->contract->input_count; i++) {
        struct agent_input *input = &agent->inputs[i];
        if (!failure->status && input->released && !input->loaded)
            input->loaded = take(context, agent, &agent->contract->inputs[i], failure) == CELLA_OK;
    }
}

cella_status agent_gather(struct agent *agent, agent_take *take, void *context,
                          cella_error *failure, cella_error *error)
{
    for (;;) {
        cella_status status = answer_nonces(agent, error);
        if (!status)
            status = take_releases(agent, error);
        if (status)
            return status;
        take_inputs(agent, take, context, failure);
        if (all_released(agent))
            break;
        tell(agent, "waiting");
        nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
    }
    tell(agent, "computing");
    return CELLA_OK;
}

/* ---- results ---- */

/* Until agent_finish renames it. */
static void results_path(const struct agent *agent, char path[STORE_PATH], const char *name)
{
    store_path(path, "%s/results/.%s.new/%s", agent->folder, agent->run, name);
}

/* Seals `bytes` to parties as NAME.box; what is inside is called `inner`. */
static cella_status put(struct agent *agent, const char *name, const char *inner,
                        const struct contract_party *const *parties, size_t count,
                        const void *bytes, size_t size, cella_error *error)
{
    char path[STORE_PATH];
    uint8_t recipients[CONTRACT_LIST][32], *box;
    size_t box_size;
    struct cella_box_to to = {.recipients = (const uint8_t(*)[32])recipients,
                              .recipient_count = count};
    for (size_t i = 0; i < count; i++)
        memcpy(recipients[i], parties[i]->receiving_key, 32);
    cella_status status = cella_box_seal_bytes(bytes, size, inner, &to, &box, &box_size, error);
    if (status)
        return status;
    results_path(agent, path, "");
    status = file_folder(path, 0755, error);
    results_path(agent, path, name);
    if (!status)
        status = store_write(path, box, box_size, STORE_SHARED, error);
    free(box);
    return status;
}

static cella_status put_output(struct agent *agent, const struct contract_output *output,
                               const char *name, const char *inner, const void *bytes, size_t size,
                               cella_error *error)
{
    if (agent->seal.file_count == CONTRACT_LIST)
        return fail(error, CELLA_INVALID, "more outputs than a room has");
    struct seal_file *file = &agent->seal.files[agent->seal.file_count];
    char digest[65];
    json_t *recipients = json_array();
    snprintf(file->name, sizeof(file->name), "%s", inner);
    cella_status status = digest_bytes(bytes, size, file->sha256, error);
    if (!status)
        status = put(agent, name, inner, output->recipients, output->recipient_count, bytes, size,
                     error);
    for (size_t i = 0; i < output->recipient_count; i++)
        json_array_append_new(recipients, json_string(output->recipients[i]->name));
    if (status) {
        json_decref(recipients);
        return status;
    }
    agent->seal.file_count++;
    agent_note(agent, "output",
               json_pack("{s:s, s:I, s:s, s:o}", "name", inner, "bytes", (json_int_t)size, "sha256",
                         hex_write(file->sha256, 32, digest), "recipients", recipients));
    return CELLA_OK;
}

cella_status agent_output(struct agent *agent, const struct contract_output *output,
                          const void *bytes, size_t size, cella_error *error)
{
    char name[SEAL_NAME + 8], inner[SEAL_NAME + 1];
    snprintf(name, sizeof(name), "%s.box", output->name);
    snprintf(inner, sizeof(inner), "%s.%s", output->name, output->format);
    json_object_set_new(agent->outputs, output->name, json_string("done"));
    return put_output(agent, output, name, inner, bytes, size, error);
}

cella_status agent_failure(struct agent *agent, const struct contract_output *output,
                           const char *sentence, cella_error *error)
{
    char name[SEAL_NAME + 8], inner[SEAL_NAME + 1];
    snprintf(name, sizeof(name), "%s.error.box", output->name);
    snprintf(inner, sizeof(inner), "%s.error.txt", output->name);
    json_object_set_new(agent->outputs, output->name, json_string("failed"));
    agent_note(agent, "failed", json_pack("{s:s}", "name", output->name));
    return put_output(agent, output, name, inner, sentence, strlen(sentence), error);
}

cella_status agent_output_key(struct agent *agent, const struct contract_output *output,
                              const uint8_t key[BOX_KEY], cella_error *error)
{
    char name[SEAL_NAME + 8], inner[SEAL_NAME + 1];
    snprintf(name, sizeof(name), "%s.key.box", output->name);
    snprintf(inner, sizeof(inner), "%s.key", output->name);
    json_object_set_new(agent->outputs, output->name, json_string("the program's"));
    return put_output(agent, output, name, inner, key, BOX_KEY, error);
}

/* What vouches for the signing key, for who was not there to ask. */
static cella_status put_evidence(struct agent *agent, cella_error *error)
{
    cella_status status = CELLA_OK;
    for (size_t i = 0; !status && i < agent->contract->party_count; i++) {
        const struct agent_party *party = &agent->parties[i];
        char path[STORE_PATH], name[CONTRACT_NAME + 16];
        if (!party->statement || !party->evidence)
            continue;
        snprintf(name, sizeof(name), "%s.statement", agent->contract->parties[i].name);
        results_path(agent, path, name);
        status = store_write(path, party->statement, party->statement_size, STORE_SHARED, error);
        snprintf(name, sizeof(name), "%s.evidence", agent->contract->parties[i].name);
        results_path(agent, path, name);
        if (!status)
            status = store_write(path, party->evidence, party->evidence_size, STORE_SHARED, error);
    }
    return status;
}

static cella_status put_seal(struct agent *agent, cella_error *error)
{
    char path[STORE_PATH];
    uint8_t *bytes;
    size_t size;
    memcpy(agent->seal.contract, agent->contract->id, 32);
    memcpy(agent->seal.run, agent->run, sizeof(agent->seal.run));
    cella_status status = digest_bytes(agent->log.text, agent->log.size, agent->seal.log, error);
    if (!status)
        status = seal_make(&agent->seal, agent->signing, &bytes, &size, error);
    if (status)
        return status;
    results_path(agent, path, "seal.cbor");
    status = store_write(path, bytes, size, STORE_SHARED, error);
    free(bytes);
    return status;
}

static cella_status publish(struct agent *agent, cella_error *error)
{
    char from[STORE_PATH], to[STORE_PATH];
    store_path(from, "%s/results/.%s.new", agent->folder, agent->run);
    store_path(to, "%s/results/%s", agent->folder, agent->run);
    if (rename(from, to))
        return fail(error, CELLA_SYSTEM, "results/%s: cannot be made: %s", agent->run,
                    strerror(errno));
    return CELLA_OK;
}

cella_status agent_finish(struct agent *agent, const char *state, cella_error *error)
{
    const struct contract *contract = agent->contract;
    agent_note(agent, "ended", json_object());
    if (agent->log.failed)
        return fail(error, CELLA_MEMORY, "no memory for the log");
    cella_status status = answer_nonces(agent, error);
    if (!status && contract->log_count)
        status = put(agent, "log.box", "log.jsonl", contract->log, contract->log_count,
                     agent->log.text, agent->log.size, error);
    if (!status)
        status = put_evidence(agent, error);
    if (!status)
        status = put_seal(agent, error);
    if (!status)
        status = publish(agent, error);
    if (!status)
        tell(agent, state);
    return status;
}
