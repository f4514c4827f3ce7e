/* SPDX-License-Identifier: Apache-2.0
 *
 * A party's own directory, which nobody else has: what it signed, what it verified, and its ledger:
 * the releases that it made, and the versions of the boxes that it gave.
 *
 *   contracts/ID.json                     exactly what was signed
 *   rooms/ID/RUN.statement RUN.evidence   of each run that it verified and released to
 *   ledger.json                           counted before a release goes out, never after
 */
#ifndef ROOM_PARTY_H
#define ROOM_PARTY_H

#include "contract.h"
#include "seal.h"

cella_status party_keep_contract(const char *folder, const struct contract *contract,
                                 cella_error *error);
/* Is this, byte for byte, a contract that was signed from here? */
cella_status party_check_contract(const char *folder, const struct contract *contract,
                                  const char *party, cella_error *error);

/* What a party has verified of a run. */
struct party_run {
    uint8_t *statement, *evidence; /* malloc'ed */
    size_t statement_size, evidence_size;
};
cella_status party_keep_run(const char *folder, const struct contract *contract, const char *run,
                            const struct party_run *verified, cella_error *error);
cella_status party_find_run(const char *folder, const struct contract *contract, const char *run,
                            struct party_run *verified, cella_error *error);
void party_run_free(struct party_run *verified);

/* The ledger. Opening it locks it against others until it is closed. */
struct ledger {
    char path[4096];
    int lock;
    json_t *json;
};
cella_status ledger_open(const char *folder, struct ledger *ledger, cella_error *error);
void ledger_close(struct ledger *ledger);
/* Releases to other runs of this contract: to the same one again is the same release. */
unsigned ledger_releases(const struct ledger *ledger, const struct contract *contract,
                         const char *run);
/* The run released to last; false: there is none. */
bool ledger_newest(const struct ledger *ledger, const struct contract *contract,
                   char run[SEAL_RUN + 1]);
/* Both are on the disk when they return. */
cella_status ledger_add_release(struct ledger *ledger, const struct contract *contract,
                                const char *run, cella_error *error);
cella_status ledger_set_box(struct ledger *ledger, const struct contract *contract,
                            const char *input, const uint8_t version[32], cella_error *error);
/* False: no box was given for it from here. */
bool ledger_box(const struct ledger *ledger, const struct contract *contract, const char *input,
                uint8_t version[32]);

#endif
