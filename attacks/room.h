/* SPDX-License-Identifier: Apache-2.0
 *
 * Rooms to attack: three parties with a directory each, their inputs, and the host's directories.
 * The attacker is root on the host: it alters the host's directory, answers a party in the
 * enclave's place, and runs rooms as it likes. It has the platform's key too, and does not use it:
 * whoever has it can vouch for anything (docs/threat-model.md).
 *
 * In these rows the table's first column is the control: that the same succeeds where nothing
 * protects, or that the room gives its results while nobody attacks it.
 */
#ifndef ATTACKS_ROOM_H
#define ATTACKS_ROOM_H

#include "attack.h"

#include <jansson.h>

#define ROOM_PEOPLE 600u /* half of them north's; person 7 is alone in its grade and its age */

struct room {
    enum target_kind kind;
    char host[PATH_MAX]; /* the host's directory */
    char seen[PATH_MAX]; /* what parties see: the host's, but for the inputs as they gave them */
    pid_t running;       /* cella room run, while it does */
};

/* What a command said, on both streams, and its exit status. */
struct said {
    int status;
    char text[16384];
};

/* A path below a folder; valid until the eighth call after it. */
__attribute__((format(printf, 2, 3))) const char *path_in(const char *folder, const char *format,
                                                          ...);
/* The same of a party's own directory. */
const char *party_path(const char *party, const char *name);

/* The room of this kind of TEE (of the control: the best that works here), made when first asked
 * for, and run once without an attack: NULL, and skipped with the reason, where that fails. */
struct room *room_ready(enum target_kind kind, struct result *result);
/* What the control of most rows is: nobody attacks, and the room gives its results. */
void conclude_untouched(struct result *result);

/* cella-query's image, and what it measures. */
const char *room_program(void);
bool room_measurement(uint8_t mrenclave[32]);

/* The contract of room_ready, to change; the caller's. */
json_t *room_contract(enum target_kind kind);
/* Another room: the contract written and signed by all, without a look at what it says; with its
 * inputs where `filled`. */
bool room_make(struct room *room, enum target_kind kind, const char *name, json_t *contract,
               bool filled);

/* Starts the host's `cella room run`; with an option of it, or NULL. */
void room_start(struct room *room, const char *option);
/* Waits for its end; its exit status, or -1 (then it was ended). */
int room_end(struct room *room);
void room_kill(struct room *room);
/* Waits until status.json has the text; false after some time, or where the run has ended. */
bool room_shows(const struct room *room, const char *text);
/* The sentence of a key's in status.json (of "refused" that of a party), or "". */
void room_sentence(const struct room *room, const char *party, char *sentence, size_t size);

/* cella room check: sound, and signed by all? */
bool room_check(const struct room *room, struct said *said);
/* cella room VERB FOLDER --as PARTY --folder ITS-OWN [ARGUMENT... NULL]; true: it did it. */
__attribute__((sentinel)) bool party_does(struct said *said, const char *folder, const char *verb,
                                          const char *party, ...);
/* The same in the background, its answer later. */
struct party {
    pid_t pid;
    int output;
};
struct party party_begin(const char *folder, const char *verb, const char *party);
bool party_finish(struct party *party, struct said *said);
/* All three release; false: one did not. */
bool all_release(const struct room *room, struct said *said);
/* What a party's results say after a run, as `cella room result` puts it; the file's text where
 * there is one ("" else). */
bool room_result(const struct room *room, const char *party, const char *output, char *text,
                 size_t size, struct said *said);
/* The last line that is not empty. */
const char *last_line(struct said *said);

/* ---- files ---- */
bool copy_tree(const char *from, const char *to);
char *read_whole(const char *path, size_t *size); /* NULL: cannot be read; the caller's */
bool write_whole(const char *path, const void *bytes, size_t size);
/* What stands in every person's row. */
extern struct pattern room_pattern;

attack_function attack_room_memory, attack_room_ring, attack_room_getfd,
    attack_room_disk; /* room_memory.c */
attack_function attack_box_swap, attack_box_own, attack_box_older, attack_box_byte,
    attack_box_short; /* room_box.c */
attack_function attack_release_replay, attack_release_swap, attack_release_contract,
    attack_release_nonce, attack_runs, attack_evidence_relay, attack_evidence_run,
    attack_evidence_machine, attack_evidence_debug, attack_evidence_process,
    attack_evidence_program, attack_evidence_party; /* room_release.c */
attack_function attack_query_single, attack_query_difference, attack_query_identifier,
    attack_query_hidden, attack_query_text, attack_query_sql, attack_query_error,
    attack_query_weights, attack_query_quote; /* room_query.c */
attack_function attack_contract_key, attack_contract_byte, attack_contract_party,
    attack_result_room, attack_result_run, attack_result_forged, attack_result_log,
    attack_result_seal, attack_result_kept, attack_killed; /* room_result.c */

#endif
