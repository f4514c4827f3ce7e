/* SPDX-License-Identifier: Apache-2.0
 *
 * The room's agent: the part of a room's program that speaks the release protocol, inside the
 * enclave (docs/room-protocol.md). What it reads from the room's directory is the host's and
 * hostile: each file is read once, checked, then used. What it writes there is public, or sealed.
 *
 * What always holds: no key is taken before every party's signature of the contract was found good;
 * a file key is taken only from the owner of its input; a box opens only at the version that its
 * owner released (and, where the contract names one, at that).
 */
#ifndef ROOM_AGENT_H
#define ROOM_AGENT_H

#include "../attest/release.h"
#include "../runtime/box/format.h"
#include "contract.h"
#include "log.h"
#include "seal.h"

#include <openssl/evp.h>

#define AGENT_BOX (CONTRACT_NAME + 12) /* inputs/NAME.box */

struct agent_party { /* one for each of the contract's, in its order */
    bool asked;      /* ... `said` was, to its nonce */
    struct cella_statement said;
    uint8_t *statement, *evidence; /* as they were written */
    size_t statement_size, evidence_size;
    bool released;
    char refused[500]; /* why its last release was, or "" */
    uint8_t seen[32];  /* SHA-256 of the last release that was looked at */
    json_t *parameters;
};

struct agent_input {
    bool released, loaded;
    uint8_t key[32], version[32];
};

struct agent {
    const char *folder;
    struct contract *contract;
    uint8_t hpke_secret[32], hpke_public[32];
    EVP_PKEY *signing;
    uint8_t signing_public[32];
    char run[SEAL_RUN + 1];
    struct agent_party *parties;
    struct agent_input *inputs;
    struct room_log log;
    struct seal seal;
    json_t *outputs; /* name: "done" or "failed", for the status */
    char *status;    /* status.json as it was written last */
};

/* Reads the contract and all signatures, checks them and the dates (by the host's clock), makes the
 * keys. Wiped by agent_end. */
cella_status agent_start(struct agent *agent, const char *folder, cella_error *error);
/* Opens the box of an input that was released: the content is the caller's to wipe and free. */
cella_status agent_open_input(struct agent *agent, const struct contract_input *input,
                              uint8_t **bytes, size_t *size, cella_error *error);
/* Is that box there, of its key and of its version? (Of the content nothing is read.) */
cella_status agent_check_input(struct agent *agent, const struct contract_input *input,
                               cella_error *error);
/* Called once for each input, when it has been released. */
typedef cella_status agent_take(void *context, struct agent *agent,
                                const struct contract_input *input, cella_error *error);
/* Answers nonces and takes releases until every party that gives something has released; an input
 * is taken as soon as its owner has. A sentence about an input is for the recipients:
 * `failure` has it (the first of them), and then the status is CELLA_OK. */
cella_status agent_gather(struct agent *agent, agent_take *take, void *context,
                          cella_error *failure, cella_error *error);
/* Seals a result to its recipients, or a sentence on why there is none. */
cella_status agent_output(struct agent *agent, const struct contract_output *output,
                          const void *bytes, size_t size, cella_error *error);
cella_status agent_failure(struct agent *agent, const struct contract_output *output,
                           const char *sentence, cella_error *error);
/* The key of the box that another program will put a result into. */
cella_status agent_output_key(struct agent *agent, const struct contract_output *output,
                              const uint8_t key[BOX_KEY], cella_error *error);
/* An entry of the log; takes `fields`. */
void agent_note(struct agent *agent, const char *event, json_t *fields);
/* Seals the log, signs the seal, and makes the results appear. `state`: what status.json then says.
 */
cella_status agent_finish(struct agent *agent, const char *state, cella_error *error);
/* What the host may know of a failure before anything was released: status.json says it. */
void agent_refuse(struct agent *agent, const char *sentence);
void agent_end(struct agent *agent);

#endif
