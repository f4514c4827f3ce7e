/* SPDX-License-Identifier: Apache-2.0
 *
 * cella room: finds the room's verb and reads its options.
 */
#include "room.h"

#include "../image/fail.h"
#include "../image/file.h"
#include "../room/store.h"

#include <getopt.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help[] =
    "usage: cella room VERB DIR [OPTION...] [ARGUMENT...]\n\n"
    "Several parties compute on their joined data; none sees another's, and neither\n"
    "does the host. DIR is the room's directory, on the host.\n\n"
    "  new      write a contract to start from, and what its fields mean\n"
    "  check    what the contract would let whom learn; whose signatures are there\n"
    "  sign     agree to the contract\n"
    "  add      give an input, sealed\n"
    "  run      host the room: run its program in an enclave\n"
    "  release  verify the enclave, then let it have the keys of one's inputs\n"
    "  result   fetch one's results, verified\n"
    "  log      show what the enclave did\n"
    "  status   how far the room is\n"
    "  report   a page of a logistic model's result\n\n"
    "  --as PARTY           who acts (sign, add, release, result, log)\n"
    "  --folder DIR         the party's own directory, which nobody else may have\n"
    "                       (default: the current one): what it signed, its ledger\n"
    "  --key NAME|FILE      its key (default: keys/PARTY.key in --folder, else PARTY)\n"
    "  --passphrase-fd N    the key's passphrase is the first line of descriptor N\n"
    "                       (default: it is asked for)\n"
    "  --party NAME|FILE    new: a party, by its name or its .pub file; repeated\n"
    "  --program IMAGE      new: the image to agree on (default: cella-query)\n"
    "  --tee auto|vsm|process   run: where (default: auto)\n"
    "  --image IMAGE        run: the program (default: DIR/program.sgxs, cella-query)\n"
    "  --wait SECONDS       run, release: how long to wait (default: for ever, 60)\n"
    "  --dry-run            release: show the verdict, release nothing\n"
    "  --at TIME            release: judge as if it were TIME,\n"
    "                       2026-11-01T00:00:00Z (default: now)\n"
    "  --set NAME=VALUE     release: a parameter that comes from this party; repeated\n"
    "  -o, --output DIR     result: where to write (default: .)\n"
    "  --insecure_debug     run: the enclave says where it faults (DEBUG); no party\n"
    "                       releases to it\n"
    "  --json               check, log, status: for programs\n"
    "  -h, --help           this text\n\n"
    "`man cella-room` explains each; docs/rooms.md goes through a room.\n";

static const struct room_verb *const verbs[] = {
    &room_new,     &room_sign,   &room_check,    &room_add,    &room_run,
    &room_release, &room_result, &room_log_show, &room_status, &room_report,
};

/* ---- what verbs share ---- */

cella_status room_contract(const struct room_request *request, struct contract **contract,
                           cella_error *error)
{
    char path[STORE_PATH];
    store_path(path, "%s/contract.json", request->room);
    return contract_open(path, contract, error);
}

static cella_status load_key(const struct room_request *request, const struct contract_party *party,
                             struct cella_key *key, cella_error *error)
{
    char path[PATH_MAX];
    bool locked = false;
    cella_status status = CELLA_OK;
    snprintf(path, sizeof(path), "%s/keys/%s.key", request->own, party->name);
    if (request->key || !store_there(path))
        status = cella_key_path(request->key ? request->key : party->name, ".key", path, error);
    if (!status)
        status = cella_key_load(path, NULL, key, &locked, error);
    if (status && locked) {
        status = cli_passphrase_get(request->passphrase, path, false, error);
        if (!status)
            status = cella_key_load(path, &request->passphrase->is, key, &locked, error);
    }
    if (!status && (memcmp(key->is.signing, party->signing_key, 32) != 0 ||
                    memcmp(key->is.receiving, party->receiving_key, 32) != 0)) {
        cella_key_wipe(key);
        status = fail(error, CELLA_REFUSED,
                      "%s: expected the keys that the contract has for %s, found others: name the "
                      "right one with --key",
                      path, party->name);
    }
    return status;
}

int room_act(const struct room_request *request,
             cella_status (*check)(const struct room_actor *actor, cella_error *error),
             cella_status (*act)(const struct room_actor *actor, cella_error *error))
{
    cella_error error = {0};
    struct contract *contract;
    struct cella_key key;
    if (!request->as) {
        fail(&error, CELLA_INVALID, "who acts? --as PARTY");
        return cli_fail(&error);
    }
    if (room_contract(request, &contract, &error))
        return cli_fail(&error);
    struct room_actor actor = {request, contract, contract_party(contract, request->as), &key};
    cella_status status =
        !actor.party ? fail(&error, CELLA_REFUSED,
                            "party: expected one of the contract's, found \"%.63s\": it did not "
                            "consent and takes no part",
                            request->as)
        : check      ? check(&actor, &error)
                     : CELLA_OK;
    if (!status)
        status = load_key(request, actor.party, &key, &error);
    if (!status) {
        status = act(&actor, &error);
        cella_key_wipe(&key);
    }
    contract_free(contract);
    return status ? cli_fail(&error) : 0;
}

int64_t room_now(const struct room_request *request)
{
    return request->at ? request->at : time(NULL);
}

void room_print(const char *text)
{
    for (; *text; text++)
        putchar(((unsigned char)*text < ' ' && *text != '\n') || *text == 0x7f ? '?' : *text);
}

cella_status room_image(const char *given, const char *room, char path[STORE_PATH],
                        cella_error *error)
{
    if (given) {
        store_path(path, "%s", given);
        return CELLA_OK;
    }
    store_path(path, "%s/program.sgxs", room);
    if (store_there(path))
        return CELLA_OK;
    for (unsigned i = 0; cli_place(i, "cella-query.sgxs", path); i++)
        if (store_there(path))
            return CELLA_OK;
    return fail(error, CELLA_INVALID,
                "cella-query.sgxs, the stock program, is not beside cella nor in "
                "../libexec/cella: name an image");
}

/* ---- the command line ---- */

static bool read_tee(const char *name, cella_tee *tee)
{
    static const char *const names[] = {"auto", "vsm", "process"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0) {
            *tee = i;
            return true;
        }
    return false;
}

static bool read_seconds(const char *text, int64_t *seconds)
{
    char *end;
    *seconds = strtoll(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == 0 && *seconds <= INT32_MAX;
}

/* CLI_USAGE, or 0. */
static int take(struct room_request *request, int option)
{
    switch (option) {
    case ROOM_AS:
        request->as = optarg;
        return 0;
    case ROOM_KEY:
        request->key = optarg;
        return 0;
    case ROOM_FOLDER:
        request->own = optarg;
        return 0;
    case ROOM_PROGRAM:
    case ROOM_IMAGE:
        request->image = optarg;
        return 0;
    case ROOM_OUTPUT:
        request->output = optarg;
        return 0;
    case ROOM_JSON:
        request->json = true;
        return 0;
    case ROOM_DRY_RUN:
        request->dry_run = true;
        return 0;
    case ROOM_DEBUG:
        request->insecure_debug = true;
        return 0;
    case ROOM_PARTY:
        if (request->party_count == ROOM_GIVEN)
            return cli_misused(&cli_room, "at most %d parties", ROOM_GIVEN);
        request->parties[request->party_count++] = optarg;
        return 0;
    case ROOM_SET:
        if (request->value_count == ROOM_GIVEN)
            return cli_misused(&cli_room, "at most %d parameters", ROOM_GIVEN);
        request->values[request->value_count++] = optarg;
        return 0;
    case ROOM_TEE:
        return read_tee(optarg, &request->tee)
                   ? 0
                   : cli_misused(&cli_room, "--tee is auto, vsm or process, not '%s'", optarg);
    case ROOM_PASSPHRASE:
        return cli_passphrase_fd(request->passphrase, optarg)
                   ? 0
                   : cli_misused(&cli_room, "--passphrase-fd takes a descriptor, not '%s'", optarg);
    case ROOM_WAIT:
        return read_seconds(optarg, &request->wait)
                   ? 0
                   : cli_misused(&cli_room, "--wait takes seconds, not '%s'", optarg);
    case ROOM_AT:
        return contract_time_parse(optarg, &request->at)
                   ? 0
                   : cli_misused(&cli_room, "--at takes a time as 2026-11-01T00:00:00Z, not '%s'",
                                 optarg);
    default:
        return CLI_USAGE;
    }
}

static const char *name_of(const struct option *options, int value)
{
    while (options->name && options->val != value)
        options++;
    return options->name ? options->name : "";
}

static int run(const struct room_verb *verb, int count, char **arguments)
{
    static const struct option options[] = {
        {"as", required_argument, NULL, ROOM_AS},
        {"key", required_argument, NULL, ROOM_KEY},
        {"folder", required_argument, NULL, ROOM_FOLDER},
        {"party", required_argument, NULL, ROOM_PARTY},
        {"program", required_argument, NULL, ROOM_PROGRAM},
        {"json", no_argument, NULL, ROOM_JSON},
        {"tee", required_argument, NULL, ROOM_TEE},
        {"wait", required_argument, NULL, ROOM_WAIT},
        {"image", required_argument, NULL, ROOM_IMAGE},
        {"dry-run", no_argument, NULL, ROOM_DRY_RUN},
        {"at", required_argument, NULL, ROOM_AT},
        {"set", required_argument, NULL, ROOM_SET},
        {"output", required_argument, NULL, ROOM_OUTPUT},
        {"insecure_debug", no_argument, NULL, ROOM_DEBUG},
        {"passphrase-fd", required_argument, NULL, ROOM_PASSPHRASE},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct cli_passphrase passphrase = {.fd = -1};
    struct room_request request = {
        .passphrase = &passphrase, .own = ".", .output = ".", .wait = -1};
    int option, at;
    opterr = 0;
    while ((option = getopt_long(count, arguments, ":ho:", options, &at)) >= 0) {
        if (option == 'h')
            return fputs(verb->help, stdout) < 0;
        if (option == 'o')
            option = ROOM_OUTPUT;
        if (option == '?' || option == ':')
            return cli_bad_option(&cli_room, arguments, option);
        if (!(verb->options & (unsigned)option))
            return cli_misused(&cli_room, "%s takes no --%s", verb->name, name_of(options, option));
        if (take(&request, option))
            return CLI_USAGE;
    }
    if (count - optind < verb->least || count - optind > verb->most)
        return cli_misused(&cli_room, "%s",
                           count == optind && verb != &room_report
                               ? "which room? name its directory"
                               : "too few arguments, or too many");
    request.room = arguments[optind];
    request.arguments = arguments + optind + 1;
    int status = verb->run(&request);
    OPENSSL_cleanse(&passphrase, sizeof(passphrase));
    return status;
}

static int verb_room(int count, char **arguments)
{
    if (count < 2)
        return cli_misused(&cli_room,
                           "new, sign, check, add, run, release, result, log, status or report?");
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strcmp(arguments[1], verbs[i]->name) == 0)
            return run(verbs[i], count - 1, arguments + 1);
    if (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "-h") == 0)
        return cli_help(&cli_room);
    return cli_misused(&cli_room, "there is no %s '%s'", *arguments[1] == '-' ? "option" : "verb",
                       arguments[1]);
}

const struct cli_verb cli_room = {"room", "compute with others on joined data", help, verb_room};
