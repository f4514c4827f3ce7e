/* SPDX-License-Identifier: Apache-2.0
 *
 * What a party and a room's enclave say to one another (docs/room-protocol.md): the statement,
 * which evidence binds to the enclave, and the release, which gives keys to that enclave alone.
 * Depends on OpenSSL and box/hpke.h only: both sides use it.
 *
 * What always holds: a release is told of only after its signature, each thing that it is
 * addressed to, its time and its seal were found good; whatever else is returned, nothing of it is.
 */
#ifndef ATTEST_RELEASE_H
#define ATTEST_RELEASE_H

#include <cella/error.h>
#include <stddef.h>
#include <stdint.h>

#define RELEASE_NAME 63  /* most bytes of a name */
#define RELEASE_TEXT 255 /* ... of a parameter that is text */
#define RELEASE_LIST 64  /* most inputs, most parameters */
#define RELEASE_KEY  32  /* bytes of each key, nonce and digest here */

/* Whom a release is for: the enclave, for one party and its nonce, under one contract. */
struct cella_statement {
    uint8_t contract[RELEASE_KEY]; /* its id */
    char party[RELEASE_NAME + 1];
    uint8_t nonce[RELEASE_KEY];   /* the party's */
    uint8_t hpke[RELEASE_KEY];    /* the enclave's X25519 key: it opens what is sealed to it */
    uint8_t signing[RELEASE_KEY]; /* the enclave's Ed25519 key: it signs the results */
};

/* *bytes are the caller's to free(). */
cella_status cella_statement_make(const struct cella_statement *statement, uint8_t **bytes,
                                  size_t *size, cella_error *error);
/* CELLA_INVALID: malformed. What it says is true where evidence has its report data. */
cella_status cella_statement_read(const uint8_t *bytes, size_t size,
                                  struct cella_statement *statement, cella_error *error);
/* The report data of its evidence: SHA-256 of the statement, then zeros. */
cella_status cella_statement_report_data(const uint8_t *bytes, size_t size, uint8_t report_data[64],
                                         cella_error *error);

enum cella_parameter_kind {
    CELLA_PARAMETER_INTEGER = 1,
    CELLA_PARAMETER_REAL,
    CELLA_PARAMETER_TEXT,
};

/* What is released: to be wiped. */
struct cella_release {
    int64_t not_after; /* seconds since 1970 */
    size_t input_count;
    struct cella_release_input {
        char name[RELEASE_NAME + 1];
        uint8_t key[RELEASE_KEY];     /* of the box's file */
        uint8_t version[RELEASE_KEY]; /* of the box: no other is meant */
    } inputs[RELEASE_LIST];
    size_t parameter_count;
    struct cella_release_parameter {
        char name[RELEASE_NAME + 1];
        enum cella_parameter_kind kind;
        int64_t integer;
        double real;
        char text[RELEASE_TEXT + 1];
    } parameters[RELEASE_LIST];
};

/* Seals to the enclave of the statement, and signs by the party's Ed25519 key. *bytes are the
 * caller's to free(). */
cella_status cella_release_make(const struct cella_release *release,
                                const struct cella_statement *statement,
                                const uint8_t signing_secret[RELEASE_KEY], uint8_t **bytes,
                                size_t *size, cella_error *error);
/* The enclave's side: `statement` is the one that it made for that party. CELLA_INVALID: malformed;
 * CELLA_REFUSED: not from that party, not for this statement, too late, or altered; the sentence
 * says what was expected and what was found. Then `release` is zeros. */
cella_status cella_release_open(const uint8_t *bytes, size_t size,
                                const struct cella_statement *statement,
                                const uint8_t hpke_secret[RELEASE_KEY],
                                const uint8_t party_signing_key[RELEASE_KEY], int64_t now,
                                struct cella_release *release, cella_error *error);
void cella_release_wipe(struct cella_release *release);

#endif
