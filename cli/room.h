/* SPDX-License-Identifier: Apache-2.0
 *
 * cella room: what its verbs share.
 */
#ifndef CLI_ROOM_H
#define CLI_ROOM_H

#include "../room/contract.h"
#include "keys.h"

#define ROOM_GIVEN 64 /* most of an option that may be given several times */

struct room_request {
    const char *room;                  /* the room's directory */
    const char *as;                    /* the party that acts */
    const char *own;                   /* its own directory */
    const char *key;                   /* name or file of its key; NULL: the party's name */
    struct cli_passphrase *passphrase; /* of the key, where it is under one */
    const char *image;                 /* or program */
    const char *output;
    const char *parties[ROOM_GIVEN], *values[ROOM_GIVEN];
    size_t party_count, value_count;
    cella_tee tee;
    int64_t at;   /* the time to judge at; 0: now */
    int64_t wait; /* seconds; -1: for ever */
    bool json, dry_run, insecure_debug;
    char **arguments; /* behind the room, NULL-terminated */
};

struct room_verb {
    const char *name;
    const char *help;
    unsigned options; /* ROOM_OPTION... that it takes */
    int least, most;  /* arguments, the room included */
    int (*run)(const struct room_request *request);
};

/* Options, as bits of what a verb takes. */
enum {
    ROOM_AS = 1 << 0,
    ROOM_KEY = 1 << 1,
    ROOM_FOLDER = 1 << 2,
    ROOM_PARTY = 1 << 3,
    ROOM_PROGRAM = 1 << 4,
    ROOM_JSON = 1 << 5,
    ROOM_TEE = 1 << 6,
    ROOM_WAIT = 1 << 7,
    ROOM_IMAGE = 1 << 8,
    ROOM_DRY_RUN = 1 << 9,
    ROOM_AT = 1 << 10,
    ROOM_SET = 1 << 11,
    ROOM_OUTPUT = 1 << 12,
    ROOM_DEBUG = 1 << 13,
    ROOM_PASSPHRASE = 1 << 14,
};
#define ROOM_ACTS (ROOM_AS | ROOM_KEY | ROOM_FOLDER | ROOM_PASSPHRASE)

extern const struct room_verb room_new, room_sign, room_check, room_add, room_run, room_release,
    room_result, room_log_show, room_status, room_report;

/* ROOM/contract.json */
cella_status room_contract(const struct room_request *request, struct contract **contract,
                           cella_error *error);
/* A party that acts, by a contract, with its key. */
struct room_actor {
    const struct room_request *request;
    const struct contract *contract;
    const struct contract_party *party;
    const struct cella_key *key;
};
/* Opens the contract, checks (NULL: nothing; there is no key yet), loads the party's key (not one
 * that the contract does not have for it), acts, and wipes it. The exit status. */
int room_act(const struct room_request *request,
             cella_status (*check)(const struct room_actor *actor, cella_error *error),
             cella_status (*act)(const struct room_actor *actor, cella_error *error));
/* The time to judge at. */
int64_t room_now(const struct room_request *request);
/* On stdout: control characters but newlines are shown as '?'. */
void room_print(const char *text);
void room_print_json(json_t *value);
/* The image that is beside cella, in ../libexec/cella, or that was named. */
cella_status room_image(const char *given, const char *room, char path[4096], cella_error *error);
/* A contract's parties: whose signatures are there and good, in words; how many are not. */
unsigned room_signatures(const struct room_request *request, const struct contract *contract,
                         json_t *states);

#endif
