/* SPDX-License-Identifier: Apache-2.0
 *
 * The seal of a run's results: what the enclave says that it gave out, COSE_Sign1 (EdDSA) by its
 * signing key, which evidence vouches for. docs/room-protocol.md has the format.
 */
#ifndef ROOM_SEAL_H
#define ROOM_SEAL_H

#include "contract.h"

#include <openssl/evp.h>

#define SEAL_RUN  16                   /* hexadecimal digits of a run's name */
#define SEAL_NAME (CONTRACT_NAME + 11) /* NAME.error.txt, NAME.sqlite */

struct seal {
    uint8_t contract[32];
    char run[SEAL_RUN + 1];
    uint8_t log[32]; /* SHA-256 of the log's text */
    struct seal_file {
        char name[SEAL_NAME + 1];
        uint8_t sha256[32]; /* of the plaintext */
    } files[CONTRACT_LIST];
    size_t file_count;
};

/* A run is named by its signing key: the first digits of its SHA-256. */
cella_status seal_run_name(const uint8_t signing_key[32], char run[SEAL_RUN + 1],
                           cella_error *error);

cella_status seal_make(const struct seal *seal, EVP_PKEY *key, uint8_t **bytes, size_t *size,
                       cella_error *error);
/* CELLA_REFUSED: it is not by that key. `what` starts the sentence. */
cella_status seal_read(const uint8_t *bytes, size_t size, const uint8_t signing_key[32],
                       const char *what, struct seal *seal, cella_error *error);
/* NULL: it has no such file. */
const struct seal_file *seal_file(const struct seal *seal, const char *name);

#endif
