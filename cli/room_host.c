/* SPDX-License-Identifier: Apache-2.0
 *
 * cella room run, status: what the host does. It is trusted with nothing but being there.
 */
#include "room.h"

#include "../image/fail.h"
#include "../image/file.h"
#include "../image/hex.h"
#include "../room/party.h"
#include "../room/store.h"

#include <cella/attest.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS 20000000 /* between two looks at what the enclave says */

/* What the enclave says of the run; NULL: nothing yet. */
static json_t *read_status(const char *room)
{
    char path[STORE_PATH];
    uint8_t *bytes;
    size_t size;
    store_path(path, "%s/run/status.json", room);
    if (file_read(path, STORE_MOST, &bytes, &size, NULL))
        return NULL;
    json_t *status = json_loadb((const char *)bytes, size, JSON_REJECT_DUPLICATES, NULL);
    free(bytes);
    return status;
}

static void print_list(const char *before, const json_t *names)
{
    size_t index;
    json_t *name;
    printf("%s", before);
    json_array_foreach(names, index, name)
    {
        printf(index ? ", " : " ");
        room_print(json_is_string(name) ? json_string_value(name) : "?");
    }
    putchar('\n');
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void print_status(const json_t *status)
{
    const char *party;
    json_t *sentence;
    const char *state = text_of(status, "state");
    json_object_foreach(json_object_get(status, "refused"), party, sentence)
    {
        printf("refused: the release of ");
        room_print(party);
        printf(": ");
        room_print(json_is_string(sentence) ? json_string_value(sentence) : "?");
        putchar('\n');
    }
    if (strcmp(state, "waiting") == 0)
        print_list("waiting for the releases of", json_object_get(status, "missing"));
    else if (strcmp(state, "ended") == 0)
        printf("ended: results/%.16s\n", text_of(status, "run"));
    else if (strcmp(state, "refused") != 0)
        room_print(state), putchar('\n');
    fflush(stdout);
}

/* ---- run ---- */

struct watch {
    const char *room;
    cella_enclave *enclave;
    int64_t wait;
    atomic_bool ended;
    bool waited; /* too long: the enclave was stopped */
};

/* Prints what changes, and stops an enclave that has waited too long. */
static void *watch(void *context)
{
    struct watch *this = context;
    time_t began = time(NULL);
    json_t *last = NULL;
    for (bool ended = false; !ended;) {
        ended = atomic_load(&this->ended);
        json_t *status = read_status(this->room);
        if (status && !json_equal(status, last)) {
            print_status(status);
            json_decref(last);
            last = json_incref(status);
        }
        if (!ended && this->wait >= 0 && time(NULL) - began >= this->wait &&
            (!status || strcmp(text_of(status, "state"), "waiting") == 0)) {
            this->waited = true;
            cella_stop(this->enclave);
            this->wait = -1;
        }
        json_decref(status);
        nanosleep(&(struct timespec){.tv_nsec = ended ? 0 : LOOK_NS}, NULL);
    }
    json_decref(last);
    return NULL;
}

static void print_log(void *context, const char *sentence)
{
    (void)context;
    cli_say(sentence);
}

/* Two runs would share run/: until `*lock` is closed there is no other. */
static cella_status lock_room(const char *room, int *lock, cella_error *error)
{
    *lock = open(room, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0)
        return fail(error, CELLA_SYSTEM, "%s: cannot be opened: %s", room, strerror(errno));
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0)
        return CELLA_OK;
    return fail(error, CELLA_REFUSED,
                "%s: another `cella room run` is running it: wait for its end, or end it", room);
}

static cella_status prepare(const struct room_request *request, struct contract **contract,
                            int *lock, cella_error *error)
{
    char path[STORE_PATH];
    cella_status status = room_contract(request, contract, error);
    if (!status)
        status = lock_room(request->room, lock, error);
    store_path(path, "%s/run", request->room);
    if (!status)
        status = store_clear(path, error);
    if (!status)
        status = file_folder(path, 0755, error);
    store_path(path, "%s/results", request->room);
    return status ? status : file_folder(path, 0755, error);
}

static cella_status start(const struct room_request *request, cella_platform *platform,
                          cella_enclave **enclave, cella_error *error)
{
    char path[STORE_PATH];
    cella_image *image;
    cella_options options;
    cella_options_default(&options);
    options.tee = request->tee;
    options.folder = request->room;
    options.insecure_debug = request->insecure_debug;
    options.streams[0] = -1;
    options.log = print_log;
    options.evidence = cella_platform_evidence;
    options.evidence_context = platform;
    cella_status status = room_image(request->image, request->room, path, error);
    if (!status)
        status = cella_image_open(path, &image, error);
    if (status)
        return status;
    status = cella_start(image, &options, enclave, error);
    cella_image_close(image);
    return status;
}

static cella_status outcome_status(const struct room_request *request, const struct watch *watched,
                                   const cella_outcome *outcome, cella_error *error)
{
    json_t *said = read_status(request->room);
    bool refused = strcmp(text_of(said, "state"), "refused") == 0;
    cella_status status = CELLA_OK;
    if (watched->waited)
        status = fail(error, CELLA_REFUSED,
                      "after %lld s releases are still missing: run again when their parties are "
                      "there",
                      (long long)request->wait);
    else if (outcome->end != CELLA_END_EXITED)
        status = fail(error, CELLA_STOPPED, "%s",
                      *outcome->sentence ? outcome->sentence : "the program was ended by a signal");
    else if (refused)
        status = fail(error, CELLA_REFUSED, "%.400s", text_of(said, "sentence"));
    else if (outcome->status)
        status = fail(error, CELLA_REFUSED, "the program ended with status %d%s", outcome->status,
                      strcmp(text_of(said, "state"), "ended") == 0
                          ? ": its recipients find why in their results"
                          : "");
    json_decref(said);
    return status;
}

/* What another program than cella-query has written goes where its keys are. */
static cella_status collect(const struct room_request *request, const struct contract *contract,
                            cella_error *error)
{
    char from[STORE_PATH], to[STORE_PATH];
    json_t *said = read_status(request->room);
    const char *run = text_of(said, "run");
    cella_status status = CELLA_OK;
    for (size_t i = 0; contract->any_program && !status && i < contract->output_count; i++) {
        store_path(from, "%s/run/%s.box", request->room, contract->outputs[i].name);
        store_path(to, "%s/results/%.16s/%s.box", request->room, run, contract->outputs[i].name);
        if (rename(from, to) && errno != ENOENT) /* it need not have written all */
            status = fail(error, CELLA_SYSTEM, "%s: cannot be moved to %s: %s", from, to,
                          strerror(errno));
    }
    if (contract->any_program && !status)
        printf("ended: results/%.16s\n", run);
    json_decref(said);
    return status;
}

static int run_run(const struct room_request *request)
{
    cella_error error = {0};
    struct contract *contract = NULL;
    int lock = -1;
    cella_platform *platform = NULL;
    cella_outcome outcome = {0};
    pthread_t thread;
    struct watch watched = {.room = request->room, .wait = request->wait};
    cella_status status = prepare(request, &contract, &lock, &error);
    if (!status)
        status = cella_platform_open(NULL, &platform, &error);
    if (!status)
        status = start(request, platform, &watched.enclave, &error);
    if (!status) {
        printf("running in %s: %s\n", cella_tee_name(watched.enclave),
               cella_tee_description(watched.enclave));
        fflush(stdout);
        bool watching = pthread_create(&thread, NULL, watch, &watched) == 0;
        status = cella_wait(watched.enclave, &outcome, &error);
        atomic_store(&watched.ended, true);
        if (watching)
            pthread_join(thread, NULL);
    }
    if (!status)
        status = outcome_status(request, &watched, &outcome, &error);
    if (!status)
        status = collect(request, contract, &error);
    cella_close(watched.enclave);
    cella_platform_close(platform);
    contract_free(contract);
    if (lock >= 0)
        close(lock);
    return status ? cli_fail(&error) : 0;
}

const struct room_verb room_run = {
    "run",
    "usage: cella room run DIR [--tee auto|vsm|process] [--image IMAGE]\n"
    "                      [--wait SECONDS] [--insecure_debug]\n\n"
    "Hosts the room: runs its program in an enclave until it ends, and says what it\n"
    "waits for. DIR/run is made anew; a run that was killed is simply run again. The\n"
    "host needs a platform key (`cella platform init`).\n",
    ROOM_TEE | ROOM_IMAGE | ROOM_WAIT | ROOM_DEBUG,
    1,
    1,
    run_run};

/* ---- status ---- */

static json_t *inputs_json(const struct room_request *request, const struct contract *contract)
{
    json_t *inputs = json_object();
    for (size_t i = 0; i < contract->input_count; i++) {
        char path[STORE_PATH];
        store_path(path, "%s/inputs/%s.box", request->room, contract->inputs[i].name);
        json_object_set_new(inputs, contract->inputs[i].name,
                            json_string(store_there(path) ? "there" : "missing"));
    }
    return inputs;
}

static json_t *results_json(const struct room_request *request)
{
    char path[STORE_PATH];
    json_t *results = json_array();
    store_path(path, "%s/results", request->room);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (*entry->d_name != '.')
            json_array_append_new(results, json_string(entry->d_name));
    if (folder)
        closedir(folder);
    return results;
}

static void print_states(const char *what, const json_t *states)
{
    const char *name;
    json_t *state;
    json_object_foreach((json_t *)(uintptr_t)states, name, state)
        printf("%-10s %-20s %s\n", what, name, json_string_value(state));
}

static void print_room(const json_t *report)
{
    printf("%-10s %s\n%-10s %s\n", "room", text_of(report, "title"), "contract",
           text_of(report, "contract"));
    print_states("signature", json_object_get(report, "signatures"));
    print_states("input", json_object_get(report, "inputs"));
    if (json_is_object(json_object_get(report, "run")))
        print_status(json_object_get(report, "run"));
    print_list("results   ", json_object_get(report, "results"));
}

static int status_run(const struct room_request *request)
{
    cella_error error = {0};
    struct contract *contract;
    char id[65];
    if (room_contract(request, &contract, &error))
        return cli_fail(&error);
    json_t *signatures = json_object();
    json_t *said = read_status(request->room);
    room_signatures(request, contract, signatures);
    json_t *report = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "contract",
                               hex_write(contract->id, 32, id), "title", contract->title,
                               "signatures", signatures, "inputs", inputs_json(request, contract),
                               "run", said ? said : json_null(), "results", results_json(request));
    if (request->json)
        room_print_json(report);
    else
        print_room(report);
    json_decref(report);
    contract_free(contract);
    return 0;
}

const struct room_verb room_status = {
    "status",
    "usage: cella room status DIR [--json]\n\n"
    "How far the room is: signatures, inputs, the run under way as its host tells it,\n"
    "results. For anyone; nothing of it is to be relied on but the signatures.\n",
    ROOM_JSON,
    1,
    1,
    status_run};
