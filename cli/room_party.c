/* SPDX-License-Identifier: Apache-2.0
 *
 * cella room add, release: what a party gives, and to whom.
 */
#include "room.h"

#include "../attest/release.h"
#include "../box/box.h"
#include "../image/fail.h"
#include "../image/file.h"
#include "../image/hex.h"
#include "../room/party.h"
#include "../room/store.h"
#include "../room/verdict.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EVIDENCE_AGE 600      /* s that fresh evidence may be off our clock */
#define RELEASE_LIFE 600      /* s that a release can be taken */
#define LOOK_NS      10000000 /* between two looks for the enclave's answer */
#define WAIT         60       /* s, where nobody says */
#define BOX_MOST     (UINT64_C(1) << 40)

/* ---- add ---- */

static cella_status copy_box(const char *from, const char *to, cella_error *error)
{
    uint8_t *bytes;
    size_t size;
    cella_status status = file_read(from, BOX_MOST, &bytes, &size, error);
    if (status)
        return status;
    status = store_write(to, bytes, size, STORE_SHARED, error);
    free(bytes);
    return status;
}

/* The box is there; can the party open it, and is it what the contract names? */
static cella_status note_box(const struct room_actor *actor, const struct contract_input *input,
                             const char *path, cella_error *error)
{
    uint8_t file_key[BOX_KEY];
    char version[65];
    struct cella_box_info info;
    struct ledger ledger;
    const struct cella_box_keys keys = {.keys = actor->key, .count = 1};
    cella_status status = cella_box_file_key(path, &keys, file_key, &info, error);
    OPENSSL_cleanse(file_key, sizeof(file_key));
    if (status)
        return status;
    hex_write(info.version, 32, version);
    if (!input->any_box && memcmp(info.version, input->version, 32) != 0)
        return fail(error, CELLA_REFUSED,
                    "%s: expected the version that the contract names, found %s: add the box that "
                    "was agreed on, or agree on this one",
                    path, version);
    status = ledger_open(actor->request->own, &ledger, error);
    if (status)
        return status;
    status = ledger_set_box(&ledger, actor->contract, input->name, info.version, error);
    ledger_close(&ledger);
    if (!status)
        printf("%s: version %s\n", path, version);
    return status;
}

static cella_status add(const struct room_actor *actor, cella_error *error)
{
    char path[STORE_PATH];
    const struct room_request *request = actor->request;
    const struct contract_party *party = actor->party;
    const char *file = request->arguments[1];
    const struct contract_input *input = contract_input(actor->contract, request->arguments[0]);
    const struct cella_box_to to = {.recipients = (const uint8_t(*)[32]) & party->receiving_key,
                                    .recipient_count = 1};
    if (!input || input->owner != party)
        return fail(error, CELLA_REFUSED, "input: expected one that %s owns, found \"%.63s\"",
                    party->name, request->arguments[0]);
    store_path(path, "%s/inputs", request->room);
    cella_status status = file_folder(path, 0755, error);
    store_path(path, "%s/inputs/%s.box", request->room, input->name);
    if (!status)
        status = cli_is_box(file)
                     ? copy_box(file, path, error)
                     : cella_box_seal_file(file, file_name(file), &to, path, true, NULL, error);
    return status ? status : note_box(actor, input, path, error);
}

static int add_run(const struct room_request *request)
{
    return room_act(request, NULL, add);
}

const struct room_verb room_add = {
    "add",
    "usage: cella room add DIR --as PARTY INPUT FILE [--key NAME|FILE] [--folder DIR]\n\n"
    "Seals FILE to the party's own key as DIR/inputs/INPUT.box (a file that is a box\n"
    "already is taken as it is) and notes its version in the party's ledger: a release\n"
    "is made for this version and no other.\n",
    ROOM_ACTS,
    3,
    3,
    add_run};

/* ---- release: the enclave's answer ---- */

struct answer {
    uint8_t nonce[32];
    struct party_run said;
    struct cella_statement statement;
    char run[SEAL_RUN + 1];
};

/* The host makes run/ anew when it starts: then the nonce has to be put there again. */
static cella_status ask(const struct room_request *request, const struct contract_party *party,
                        const uint8_t nonce[32], cella_error *error)
{
    char path[STORE_PATH];
    uint8_t *there = NULL;
    size_t size = 0;
    store_path(path, "%s/run/%s.nonce", request->room, party->name);
    bool same = file_read(path, 32, &there, &size, NULL) == CELLA_OK && size == 32 &&
                memcmp(there, nonce, 32) == 0;
    free(there);
    if (same)
        return CELLA_OK;
    store_path(path, "%s/run", request->room);
    if (!store_there(path))
        return CELLA_OK; /* nobody runs it yet */
    store_path(path, "%s/run/%s.nonce", request->room, party->name);
    /* As it starts the host empties run/, also of what is just being written there. */
    if (store_write(path, nonce, 32, STORE_SHARED, NULL) == CELLA_OK)
        return CELLA_OK;
    return store_write(path, nonce, 32, STORE_SHARED, error);
}

/* An answer to this nonce? Anything else is left from before. */
static bool look(const struct room_request *request, const struct contract_party *party,
                 struct answer *answer)
{
    char path[STORE_PATH];
    party_run_free(&answer->said);
    store_path(path, "%s/run/%s.statement", request->room, party->name);
    if (file_read(path, STORE_MOST, &answer->said.statement, &answer->said.statement_size, NULL) ||
        cella_statement_read(answer->said.statement, answer->said.statement_size,
                             &answer->statement, NULL) ||
        memcmp(answer->statement.nonce, answer->nonce, 32) != 0)
        return false;
    store_path(path, "%s/run/%s.evidence", request->room, party->name);
    return file_read(path, STORE_MOST, &answer->said.evidence, &answer->said.evidence_size, NULL) ==
           CELLA_OK;
}

static cella_status wait_for_answer(const struct room_request *request,
                                    const struct contract_party *party, struct answer *answer,
                                    cella_error *error)
{
    int64_t wait = request->wait < 0 ? WAIT : request->wait;
    time_t began = time(NULL);
    if (RAND_bytes(answer->nonce, sizeof(answer->nonce)) != 1)
        return fail(error, CELLA_SYSTEM, "no nonce could be made: no randomness");
    for (;;) {
        cella_status status = ask(request, party, answer->nonce, error);
        if (status)
            return status;
        if (look(request, party, answer))
            return seal_run_name(answer->statement.signing, answer->run, error);
        if (time(NULL) - began >= wait)
            return fail(error, CELLA_REFUSED,
                        "evidence: expected an answer to this party's nonce within %lld s, found "
                        "none: does the host run the room (`cella room run`)?",
                        (long long)wait);
        nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
    }
}

/* ---- release: the verdict ---- */

static void judge_statement(struct verdict *verdict, const struct contract *contract,
                            const struct contract_party *party,
                            const struct cella_statement *statement)
{
    char expected[65], found[65];
    hex_write(contract->id, 32, expected);
    hex_write(statement->contract, 32, found);
    verdict_add(verdict, "contract", strcmp(expected, found) == 0, expected, found);
    verdict_add(verdict, "party", strcmp(statement->party, party->name) == 0, party->name,
                statement->party);
}

static void judge_signatures(struct verdict *verdict, const struct room_request *request,
                             const struct contract *contract)
{
    json_t *states = json_object();
    const char *name;
    json_t *state;
    room_signatures(request, contract, states);
    json_object_foreach(states, name, state)
    {
        char claim[CONTRACT_NAME + 16];
        const char *found = json_string_value(state);
        snprintf(claim, sizeof(claim), "signature of %.48s", name);
        verdict_add(verdict, claim, found && strcmp(found, "signed") == 0, "signed", found);
    }
    json_decref(states);
}

static void print_verdict(const struct verdict *verdict)
{
    for (size_t i = 0; i < verdict->count; i++) {
        const struct verdict_claim *claim = &verdict->claims[i];
        printf("%-4s ", claim->good ? "ok" : "NO");
        room_print(claim->claim);
        printf(": expected ");
        room_print(claim->expected);
        printf(", found ");
        room_print(claim->found);
        putchar('\n');
    }
    fflush(stdout);
}

static cella_status judge(const struct room_actor *actor, const struct answer *answer,
                          cella_error *error)
{
    const struct room_request *request = actor->request;
    const struct contract *contract = actor->contract;
    uint8_t report_data[64];
    struct verdict *verdict = calloc(1, sizeof(*verdict));
    if (!verdict)
        return fail(error, CELLA_MEMORY, "no memory for the verdict");
    cella_status status = cella_statement_report_data(
        answer->said.statement, answer->said.statement_size, report_data, error);
    if (!status) {
        judge_signatures(verdict, request, contract);
        verdict_dates(verdict, contract, room_now(request));
        judge_statement(verdict, contract, actor->party, &answer->statement);
        verdict_evidence(verdict, contract, answer->said.evidence, answer->said.evidence_size,
                         report_data, room_now(request), EVIDENCE_AGE);
        print_verdict(verdict);
        status = verdict_status(verdict, error);
    }
    free(verdict);
    return status;
}

/* ---- release: what is given ---- */

static cella_status add_input(const struct room_actor *actor, const struct contract_input *input,
                              const struct ledger *ledger, struct cella_release *release,
                              cella_error *error)
{
    char path[STORE_PATH], expected[65], found[65];
    const struct cella_box_keys keys = {.keys = actor->key, .count = 1};
    struct cella_box_info info;
    struct cella_release_input *box = &release->inputs[release->input_count];
    uint8_t version[32];
    store_path(path, "%s/inputs/%s.box", actor->request->room, input->name);
    if (!ledger_box(ledger, actor->contract, input->name, version))
        return fail(error, CELLA_REFUSED,
                    "input %s: expected a box that was added from here, found none in the ledger: "
                    "`cella room add` it",
                    input->name);
    cella_status status = cella_box_file_key(path, &keys, box->key, &info, error);
    if (status)
        return status;
    if (memcmp(info.version, version, 32) != 0 ||
        (!input->any_box && memcmp(info.version, input->version, 32) != 0))
        return fail(error, CELLA_REFUSED,
                    "inputs/%s.box: expected version %s, which was added from here, found %s: the "
                    "host has put an older box, or another, in its place; add it again",
                    input->name, hex_write(version, 32, expected),
                    hex_write(info.version, 32, found));
    snprintf(box->name, sizeof(box->name), "%s", input->name);
    memcpy(box->version, info.version, 32);
    release->input_count++;
    return CELLA_OK;
}

/* A number where it reads as one, else text. */
static cella_status read_value(const char *text, struct cella_release_parameter *to,
                               cella_error *error)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    to->kind = json_is_integer(value) ? CELLA_PARAMETER_INTEGER
               : json_is_real(value)  ? CELLA_PARAMETER_REAL
                                      : CELLA_PARAMETER_TEXT;
    to->integer = json_integer_value(value);
    to->real = json_real_value(value);
    json_decref(value);
    snprintf(to->text, sizeof(to->text), "%s", text);
    return strlen(text) <= RELEASE_TEXT
               ? CELLA_OK
               : fail(error, CELLA_INVALID, "--set %s: its value has more than %d bytes", to->name,
                      RELEASE_TEXT);
}

static const struct cella_release_parameter *find_parameter(const struct cella_release *release,
                                                            const char *name)
{
    for (size_t i = 0; i < release->parameter_count; i++)
        if (strcmp(release->parameters[i].name, name) == 0)
            return &release->parameters[i];
    return NULL;
}

/* NAME=VALUE */
static cella_status add_parameter(const struct contract *contract,
                                  const struct contract_party *party, const char *given,
                                  struct cella_release *release, cella_error *error)
{
    struct cella_release_parameter *to = &release->parameters[release->parameter_count];
    const char *equals = strchr(given, '=');
    bool known = false;
    if (!equals || equals - given > CONTRACT_NAME)
        return fail(error, CELLA_INVALID, "--set takes NAME=VALUE, not \"%.100s\"", given);
    snprintf(to->name, sizeof(to->name), "%.*s", (int)(equals - given), given);
    for (size_t i = 0; i < contract->parameter_count; i++)
        known |= contract->parameters[i].from == party &&
                 strcmp(contract->parameters[i].name, to->name) == 0;
    if (!known)
        return fail(error, CELLA_REFUSED,
                    "parameter: expected one that the contract takes from %s, found \"%s\"",
                    party->name, to->name);
    if (find_parameter(release, to->name))
        return fail(error, CELLA_INVALID, "--set %s is given twice", to->name);
    cella_status status = read_value(equals + 1, to, error);
    release->parameter_count += !status;
    return status;
}

static cella_status check_parameters(const struct contract *contract,
                                     const struct contract_party *party,
                                     const struct cella_release *release, cella_error *error)
{
    for (size_t i = 0; i < contract->parameter_count; i++) {
        const struct contract_parameter *parameter = &contract->parameters[i];
        if (parameter->from == party && !find_parameter(release, parameter->name))
            return fail(error, CELLA_INVALID,
                        "parameter %s: the contract takes it from %s: --set %s=VALUE",
                        parameter->name, party->name, parameter->name);
    }
    return CELLA_OK;
}

static cella_status gather(const struct room_actor *actor, const struct ledger *ledger,
                           struct cella_release *release, cella_error *error)
{
    const struct room_request *request = actor->request;
    const struct contract *contract = actor->contract;
    cella_status status = CELLA_OK;
    for (size_t i = 0; !status && i < contract->input_count; i++)
        if (contract->inputs[i].owner == actor->party)
            status = add_input(actor, &contract->inputs[i], ledger, release, error);
    for (size_t i = 0; !status && i < request->value_count; i++)
        status = add_parameter(contract, actor->party, request->values[i], release, error);
    return status ? status : check_parameters(contract, actor->party, release, error);
}

/* Counted first: a release that was written but not counted could be made again. */
static cella_status count(const struct contract *contract, struct ledger *ledger, const char *run,
                          bool dry_run, cella_error *error)
{
    unsigned before = ledger_releases(ledger, contract, run);
    if (before >= contract->runs)
        return fail(error, CELLA_REFUSED,
                    "runs: expected at most %u release%s of this contract, found %u in the ledger: "
                    "agree on a new contract",
                    contract->runs, contract->runs == 1 ? "" : "s", before);
    printf("run %u of %u by this contract\n", before + 1, contract->runs);
    fflush(stdout);
    return dry_run ? CELLA_OK : ledger_add_release(ledger, contract, run, error);
}

static cella_status write_release(const struct room_actor *actor, const struct answer *answer,
                                  const struct cella_release *release, cella_error *error)
{
    char path[STORE_PATH];
    uint8_t *bytes;
    size_t size;
    cella_status status = cella_release_make(release, &answer->statement,
                                             actor->key->signing_secret, &bytes, &size, error);
    if (status)
        return status;
    store_path(path, "%s/run/%s.release", actor->request->room, actor->party->name);
    status = store_write(path, bytes, size, STORE_SHARED, error);
    free(bytes);
    return status;
}

static cella_status give(const struct room_actor *actor, const struct answer *answer,
                         cella_error *error)
{
    const struct room_request *request = actor->request;
    const struct contract *contract = actor->contract;
    struct ledger ledger;
    int64_t until = time(NULL) + RELEASE_LIFE;
    struct cella_release *release = calloc(1, sizeof(*release));
    cella_status status = release ? ledger_open(request->own, &ledger, error)
                                  : fail(error, CELLA_MEMORY, "no memory for the release");
    if (status) {
        free(release);
        return status;
    }
    release->not_after = until < contract->not_after ? until : contract->not_after;
    status = gather(actor, &ledger, release, error);
    if (!status)
        status = count(contract, &ledger, answer->run, request->dry_run, error);
    if (!status && !request->dry_run) {
        status = party_keep_run(request->own, contract, answer->run, &answer->said, error);
        if (!status)
            status = write_release(actor, answer, release, error);
    }
    if (!status)
        printf("%s %s to this enclave (run %s)\n", actor->party->name,
               request->dry_run ? "would release" : "has released", answer->run);
    cella_release_wipe(release);
    free(release);
    ledger_close(&ledger);
    return status;
}

static cella_status check_agreed(const struct room_actor *actor, cella_error *error)
{
    const struct room_request *request = actor->request;
    cella_status status =
        party_check_contract(request->own, actor->contract, actor->party->name, error);
    return status ? status : contract_check_time(actor->contract, room_now(request), error);
}

static cella_status release(const struct room_actor *actor, cella_error *error)
{
    struct answer answer = {0};
    cella_status status = wait_for_answer(actor->request, actor->party, &answer, error);
    if (!status)
        status = judge(actor, &answer, error);
    if (!status)
        status = give(actor, &answer, error);
    party_run_free(&answer.said);
    return status;
}

static int release_run(const struct room_request *request)
{
    return room_act(request, check_agreed, release);
}

const struct room_verb room_release = {
    "release",
    "usage: cella room release DIR --as PARTY [--dry-run] [--wait SECONDS] [--at TIME]\n"
    "                          [--set NAME=VALUE]... [--key NAME|FILE] [--folder DIR]\n\n"
    "Verifies the enclave that the host runs: each claim, what the contract expects,\n"
    "what was found. Where all is well the release is counted in the ledger and given:\n"
    "the keys and versions of the party's boxes, sealed to this enclave alone.\n",
    ROOM_ACTS | ROOM_DRY_RUN | ROOM_WAIT | ROOM_AT | ROOM_SET,
    1,
    1,
    release_run};
