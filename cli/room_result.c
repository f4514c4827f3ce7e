/* SPDX-License-Identifier: Apache-2.0
 *
 * cella room result, log: what came out, believed only where the enclave that this party verified
 * has signed for it.
 */
#include "room.h"

#include "../attest/release.h"
#include "../box/box.h"
#include "../image/fail.h"
#include "../image/file.h"
#include "../room/log.h"
#include "../room/party.h"
#include "../room/store.h"
#include "../room/verdict.h"

#include <dirent.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BOX_MOST (UINT64_C(1) << 40)

/* A run whose seal this party believes. */
struct results {
    const struct room_request *request;
    const struct contract *contract;
    const struct contract_party *party;
    const struct cella_key *key;
    struct seal seal;
};

static bool is_run(const char *name)
{
    return strlen(name) == SEAL_RUN && strspn(name, "0123456789abcdef") == SEAL_RUN;
}

/* For who need not release: what another party was given, judged as at a release, but for the
 * nonce. So it is an enclave of this contract; which of its runs the host has kept, nobody says. */
static bool judge_copy(const struct results *results, const struct contract_party *other,
                       const char *run, struct party_run *found)
{
    char path[STORE_PATH], name[SEAL_RUN + 1];
    uint8_t report_data[64];
    struct cella_statement statement;
    struct verdict *verdict = calloc(1, sizeof(*verdict));
    const char *room = results->request->room;
    *found = (struct party_run){0};
    store_path(path, "%s/results/%s/%s.statement", room, run, other->name);
    bool good =
        verdict && !file_read(path, STORE_MOST, &found->statement, &found->statement_size, NULL);
    store_path(path, "%s/results/%s/%s.evidence", room, run, other->name);
    good = good && !file_read(path, STORE_MOST, &found->evidence, &found->evidence_size, NULL) &&
           !cella_statement_read(found->statement, found->statement_size, &statement, NULL) &&
           memcmp(statement.contract, results->contract->id, 32) == 0 &&
           !seal_run_name(statement.signing, name, NULL) && strcmp(name, run) == 0 &&
           !cella_statement_report_data(found->statement, found->statement_size, report_data, NULL);
    if (good) {
        verdict_evidence(verdict, results->contract, found->evidence, found->evidence_size,
                         report_data, time(NULL), 0);
        good = verdict_good(verdict);
    }
    free(verdict);
    if (!good)
        party_run_free(found);
    return good;
}

/* The run as this party verified it: at its release, or now where it has nothing to release. */
static bool find_run(const struct results *results, const char *run, struct party_run *found)
{
    const struct contract *contract = results->contract;
    if (party_find_run(results->request->own, contract, run, found, NULL) == CELLA_OK)
        return true;
    for (size_t i = 0; !contract_needs(contract, results->party) && i < contract->party_count; i++)
        if (judge_copy(results, &contract->parties[i], run, found))
            return true;
    return false;
}

static cella_status read_seal(struct results *results, const char *run,
                              const struct party_run *verified, cella_error *error)
{
    char path[STORE_PATH];
    uint8_t *bytes;
    size_t size;
    struct cella_statement statement;
    cella_status status =
        cella_statement_read(verified->statement, verified->statement_size, &statement, error);
    store_path(path, "%s/results/%s/seal.cbor", results->request->room, run);
    if (!status)
        status = file_read(path, STORE_MOST, &bytes, &size, error);
    if (status)
        return status;
    status = seal_read(bytes, size, statement.signing, path, &results->seal, error);
    free(bytes);
    if (!status && (memcmp(results->seal.contract, results->contract->id, 32) != 0 ||
                    strcmp(results->seal.run, run) != 0))
        status = fail(error, CELLA_REFUSED,
                      "%s: expected the results of run %s, found another run's: the host has put "
                      "them there",
                      path, run);
    return status;
}

/* Opens a box of the run and compares its content with what the enclave signed. */
static cella_status open_result(const struct results *results, const char *name,
                                const uint8_t expected[32], uint8_t **bytes, size_t *size,
                                cella_error *error)
{
    char path[STORE_PATH];
    uint8_t *box, digest[32];
    size_t box_size;
    const struct cella_box_keys keys = {.keys = results->key, .count = 1};
    store_path(path, "%s/results/%s/%s.box", results->request->room, results->seal.run, name);
    cella_status status = file_read(path, BOX_MOST, &box, &box_size, error);
    if (status)
        return status;
    status = cella_box_open_bytes(box, box_size, path, &keys, bytes, size, NULL, error);
    free(box);
    if (status)
        return status;
    status = digest_bytes(*bytes, *size, digest, error);
    if (!status && memcmp(digest, expected, 32) != 0)
        status =
            fail(error, CELLA_REFUSED,
                 "%s: expected what the enclave signed for, found something else: the host has "
                 "replaced it",
                 path);
    if (status) {
        OPENSSL_cleanse(*bytes, *size);
        free(*bytes);
    }
    return status;
}

/* The last run that this party released to has to be among them: a host that keeps it back would
 * have its party take an older one's results for the newest. */
static cella_status check_newest(const struct results *results, cella_error *error)
{
    char path[STORE_PATH], run[SEAL_RUN + 1];
    struct ledger ledger;
    cella_status status = ledger_open(results->request->own, &ledger, error);
    if (status)
        return status;
    bool any = ledger_newest(&ledger, results->contract, run);
    ledger_close(&ledger);
    store_path(path, "%s/results/%s/seal.cbor", results->request->room, run);
    return !any || store_there(path)
               ? CELLA_OK
               : fail(error, CELLA_REFUSED,
                      "results: expected those of run %s, to which %s released last, found only "
                      "older runs': it is under way, was killed, or the host keeps it back",
                      run, results->party->name);
}

/* Calls `each` for every run in the room that this party verified. */
static cella_status each_run(const struct room_actor *actor,
                             cella_status (*each)(const struct results *results,
                                                  cella_error *error),
                             cella_error *error)
{
    struct results results = {.request = actor->request,
                              .contract = actor->contract,
                              .party = actor->party,
                              .key = actor->key};
    size_t runs = 0;
    char path[STORE_PATH];
    cella_status status = CELLA_OK;
    struct dirent **names = NULL;
    store_path(path, "%s/results", actor->request->room);
    int count = scandir(path, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        struct party_run verified;
        if (!status && is_run(names[i]->d_name) &&
            find_run(&results, names[i]->d_name, &verified)) {
            status = read_seal(&results, names[i]->d_name, &verified, error);
            party_run_free(&verified);
            if (!status)
                status = each(&results, error);
            runs++;
        }
        free(names[i]);
    }
    free(names);
    if (!status && !runs)
        status = fail(error, CELLA_REFUSED,
                      "results: expected those of a run that %s verified, found none: has the run "
                      "ended, and did %s release to it from this --folder?",
                      actor->party->name, actor->party->name);
    return status ? status : check_newest(&results, error);
}

static cella_status check_agreed(const struct room_actor *actor, cella_error *error)
{
    return party_check_contract(actor->request->own, actor->contract, actor->party->name, error);
}

/* ---- result ---- */

static bool is_recipient(const struct contract_output *output, const struct contract_party *party)
{
    bool is = false;
    for (size_t i = 0; i < output->recipient_count; i++)
        is |= output->recipients[i] == party;
    return is;
}

/* The same content again is fine. */
static cella_status write_result(const struct results *results, const char *name,
                                 const uint8_t *bytes, size_t size, cella_error *error)
{
    char path[STORE_PATH];
    uint8_t *there = NULL;
    size_t there_size = 0;
    store_path(path, "%s/%s", results->request->output, name);
    if (!store_there(path)) {
        cella_status status = file_folder(results->request->output, 0755, error);
        return status ? status : store_write(path, bytes, size, STORE_PRIVATE, error);
    }
    bool same = file_read(path, BOX_MOST, &there, &there_size, NULL) == CELLA_OK &&
                there_size == size && memcmp(there, bytes, size) == 0;
    free(there);
    return same ? CELLA_OK
                : fail(error, CELLA_INVALID,
                       "%s: is there with other content, and is not overwritten: name another "
                       "folder with -o",
                       path);
}

/* Of another program the enclave signs for the key of its result's box: in place of the key, what
 * is in that box. */
static cella_status open_by_key(const struct results *results, const struct contract_output *output,
                                uint8_t **bytes, size_t *size, cella_error *error)
{
    char path[STORE_PATH];
    uint8_t *key = *bytes, *box;
    size_t key_size = *size, box_size;
    const struct cella_box_keys keys = {.key = key};
    store_path(path, "%s/results/%s/%s.box", results->request->room, results->seal.run,
               output->name);
    cella_status status =
        key_size != BOX_KEY ? fail(error, CELLA_REFUSED, "%s.key: expected %d bytes, found %zu",
                                   output->name, BOX_KEY, key_size)
        : file_read(path, BOX_MOST, &box, &box_size, NULL)
            ? fail(error, CELLA_REFUSED,
                   "%s: expected a box, found none: the program has not ended yet, it wrote none, "
                   "or the host keeps it back",
                   path)
            : CELLA_OK;
    if (!status) {
        status = cella_box_open_bytes(box, box_size, path, &keys, bytes, size, NULL, error);
        free(box);
    }
    OPENSSL_cleanse(key, key_size);
    free(key);
    return status;
}

static cella_status take_output(const struct results *results, const struct contract_output *output,
                                cella_error *error)
{
    char name[SEAL_NAME + 1], box[SEAL_NAME + 1];
    uint8_t *bytes;
    size_t size;
    bool by_key = results->contract->any_program;
    snprintf(name, sizeof(name), "%s.%s", output->name, by_key ? "key" : output->format);
    snprintf(box, sizeof(box), "%s%s", output->name, by_key ? ".key" : "");
    const struct seal_file *file = seal_file(&results->seal, name);
    bool failed = !file;
    if (failed) {
        snprintf(box, sizeof(box), "%s.error", output->name);
        snprintf(name, sizeof(name), "%s.error.txt", output->name);
        file = seal_file(&results->seal, name);
    }
    if (!file)
        return fail(error, CELLA_REFUSED,
                    "output %s: expected in what the enclave signed for, found neither it nor an "
                    "error",
                    output->name);
    cella_status status = open_result(results, box, file->sha256, &bytes, &size, error);
    if (!status && by_key && !failed) {
        snprintf(name, sizeof(name), "%s", output->name);
        status = open_by_key(results, output, &bytes, &size, error);
    }
    if (status)
        return status;
    status = write_result(results, name, bytes, size, error);
    if (!status && !failed)
        printf("run %s: %s/%s, %zu bytes\n", results->seal.run, results->request->output, name,
               size);
    if (!status && failed) {
        printf("run %s: no %s: ", results->seal.run, output->name);
        room_print((const char *)bytes);
        putchar('\n');
    }
    OPENSSL_cleanse(bytes, size);
    free(bytes);
    return status;
}

static cella_status take_outputs(const struct results *results, cella_error *error)
{
    cella_status status = CELLA_OK;
    for (size_t i = 0; !status && i < results->contract->output_count; i++)
        if (is_recipient(&results->contract->outputs[i], results->party))
            status = take_output(results, &results->contract->outputs[i], error);
    return status;
}

static cella_status take_results(const struct room_actor *actor, cella_error *error)
{
    return each_run(actor, take_outputs, error);
}

static int result_run(const struct room_request *request)
{
    return room_act(request, check_agreed, take_results);
}

const struct room_verb room_result = {
    "result",
    "usage: cella room result DIR --as PARTY [-o FOLDER] [--key NAME|FILE]\n"
    "                         [--folder DIR]\n\n"
    "Fetches the party's results: of runs whose enclave it verified itself, and only\n"
    "what that enclave has signed for. A party that need not release may come later:\n"
    "the evidence that the others were given is then judged.\n",
    ROOM_ACTS | ROOM_OUTPUT,
    1,
    1,
    result_run};

/* ---- log ---- */

static void print_fields(const json_t *entry)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)entry, key, value)
    {
        if (strcmp(key, "sequence") == 0 || strcmp(key, "time") == 0 || strcmp(key, "event") == 0 ||
            strcmp(key, "previous") == 0)
            continue;
        char *text = json_is_string(value) ? strdup(json_string_value(value))
                                           : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        printf("  %s ", key);
        room_print(text ? text : "?");
        free(text);
    }
    putchar('\n');
}

static cella_status show_log(const struct results *results, cella_error *error)
{
    uint8_t *text;
    size_t size, index;
    json_t *entries, *entry;
    cella_status status = open_result(results, "log", results->seal.log, &text, &size, error);
    if (status)
        return status;
    status = room_log_read(text, size, "log", &entries, error);
    free(text);
    if (status)
        return status;
    if (results->request->json) {
        room_print_json(entries);
    } else {
        printf("run %s: the log is the enclave's, and whole\n", results->seal.run);
        json_array_foreach(entries, index, entry)
        {
            printf("%s  %-9s", json_string_value(json_object_get(entry, "time")),
                   json_string_value(json_object_get(entry, "event")));
            print_fields(entry);
        }
    }
    json_decref(entries);
    return CELLA_OK;
}

static cella_status show_logs(const struct room_actor *actor, cella_error *error)
{
    return each_run(actor, show_log, error);
}

static int log_run(const struct room_request *request)
{
    return room_act(request, check_agreed, show_logs);
}

const struct room_verb room_log_show = {
    "log",
    "usage: cella room log DIR --as PARTY [--json] [--key NAME|FILE] [--folder DIR]\n\n"
    "Opens the log of each run that the party verified, checks that it is the\n"
    "enclave's and whole, and shows it. Times are the host's word.\n",
    ROOM_ACTS | ROOM_JSON,
    1,
    1,
    log_run};
