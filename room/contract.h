/* SPDX-License-Identifier: Apache-2.0
 *
 * The contract: what several parties agree to compute (docs/contract.md). Here: its form, its id,
 * its parties and dates, the program and the platforms it allows, and the signatures. What concerns
 * columns, parameters' types, statements and rules is query_plan_make's (room/query/query.h).
 *
 * Both sides read contracts: the parties' tools and the agent inside the enclave. The bytes are
 * hostile until every party's signature has been checked. Every name is [a-z][a-z0-9_]{0,62}, so
 * that it can be a file's name.
 */
#ifndef ROOM_CONTRACT_H
#define ROOM_CONTRACT_H

#include <cella/error.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTRACT_MOST      (UINT64_C(1) << 20) /* bytes */
#define CONTRACT_NAME      63                  /* bytes of a name */
#define CONTRACT_LIST      64u                 /* entries of a list, at most */
#define CONTRACT_SIGNATURE 64u                 /* bytes, Ed25519 */

enum contract_role {
    CONTRACT_OWNER = 1, /* gives inputs: the room waits for its release */
    CONTRACT_RECIPIENT,
    CONTRACT_OPERATOR,
};

enum contract_tee {
    CONTRACT_TEE_VSM = 1u << 0,
    CONTRACT_TEE_PROCESS = 1u << 1,
};

struct contract_party {
    char name[CONTRACT_NAME + 1];
    enum contract_role role;
    uint8_t signing_key[32];   /* Ed25519 */
    uint8_t receiving_key[32]; /* X25519 */
};

struct contract_signer {
    uint8_t mrsigner[32];
    uint16_t isv_prod_id, least_isv_svn;
};

struct contract_input {
    char name[CONTRACT_NAME + 1];
    const struct contract_party *owner;
    bool any_box; /* else `version` is the box's */
    uint8_t version[32];
};

struct contract_parameter {
    char name[CONTRACT_NAME + 1];
    const struct contract_party *from; /* NULL: its value is in the contract */
};

struct contract_output {
    char name[CONTRACT_NAME + 1];
    const char *format; /* "csv", "json" or "sqlite": also its file's extension; "file": none */
    const struct contract_party *recipients[CONTRACT_LIST];
    size_t recipient_count;
};

struct contract {
    uint8_t *bytes; /* exactly what was signed */
    size_t size;
    uint8_t id[32]; /* SHA-256 of the bytes */
    json_t *json;

    const char *title, *purpose;
    uint8_t (*mrenclaves)[32]; /* one of these, or one of the signers */
    size_t mrenclave_count;
    struct contract_signer *signers;
    size_t signer_count;
    unsigned tees; /* enum contract_tee */
    uint8_t (*platform_roots)[32];
    size_t platform_root_count;
    json_t *posture; /* claims to their values: text or boolean */

    struct contract_party *parties;
    size_t party_count;
    struct contract_input *inputs;
    size_t input_count;
    struct contract_parameter *parameters;
    size_t parameter_count;
    struct contract_output *outputs;
    size_t output_count;
    const struct contract_party *log[CONTRACT_LIST]; /* who gets it */
    size_t log_count;

    /* Inputs and outputs are all of format "file": there are no statements, and what is computed is
     * whatever the program does. */
    bool any_program;
    uint32_t runs;
    int64_t not_before, not_after; /* seconds since 1970 */
};

/* Reads a contract. `name` stands before every sentence. */
cella_status contract_parse(const void *bytes, size_t size, const char *name,
                            struct contract **contract, cella_error *error);
cella_status contract_open(const char *path, struct contract **contract, cella_error *error);
void contract_free(struct contract *contract);

/* NULL: there is none of that name. */
const struct contract_party *contract_party(const struct contract *contract, const char *name);
const struct contract_input *contract_input(const struct contract *contract, const char *name);
/* The party gives inputs or parameters: nothing runs without its release. */
bool contract_needs(const struct contract *contract, const struct contract_party *party);

/* Within the dates? The sentence says which one, and what time it is taken to be. */
cella_status contract_check_time(const struct contract *contract, int64_t now, cella_error *error);

/* YYYY-MM-DDTHH:MM:SSZ, years 1970 to 9999; false: it is not of that form, or no such day. */
bool contract_time_parse(const char *text, int64_t *seconds);
void contract_time_text(int64_t seconds, char text[21]);

/* Is `signature` the party's over the contract's bytes? */
cella_status contract_verify(const struct contract *contract, const struct contract_party *party,
                             const void *signature, size_t size, cella_error *error);

#endif
