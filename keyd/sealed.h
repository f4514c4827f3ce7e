/* SPDX-License-Identifier: Apache-2.0
 *
 * Secrets in files: JSON, the secret under AES-256-GCM with the keyd's master key, and everything
 * else of the file authenticated with it: a file that was altered, renamed or taken for another
 * does not open. (An older file of the same name does: who may write the folder can put it back.)
 */
#ifndef KEYD_SEALED_H
#define KEYD_SEALED_H

#include "runtime/box/format.h"

#include <cella/error.h>

#include <stdbool.h>
#include <stddef.h>

#define SEALED_MOST 16384u /* bytes of a secret, at most */

struct sealed {
    char what[16]; /* what it is for: "key", "signing key", "TLS key" */
    char name[64]; /* of a key; else "" */
    char type[16]; /* of a key: "oct", "rsa", "ec", "pkcs11"; else "pem" */
    char *policy;  /* of a key: its text; else "" */
    uint8_t policy_hash[32];
    uint8_t *secret; /* NULL: not opened */
    size_t size;
};

/* Writes a new file, for its owner alone. */
cella_status sealed_write(const char *path, const struct sealed *sealed,
                          const uint8_t master[BOX_KEY], cella_error *error);
/* The same in the place of one that is there: whoever reads it has the one or the other, whole. */
cella_status sealed_replace(const char *path, const struct sealed *sealed,
                            const uint8_t master[BOX_KEY], cella_error *error);
/* Reads one; `master` NULL: all but the secret. It is to be dropped in any case. CELLA_REFUSED: it
 * does not open. */
cella_status sealed_read(const char *path, const uint8_t *master, struct sealed *sealed,
                         cella_error *error);
/* The same for a text; `where` names it. */
cella_status sealed_parse(const char *text, size_t size, const char *where, const uint8_t *master,
                          struct sealed *sealed, cella_error *error);
void sealed_drop(struct sealed *sealed);

/* The master key in a file of its own, under a passphrase (Argon2id). */
struct cella_passphrase;
cella_status master_make(const char *path, const struct cella_passphrase *passphrase,
                         uint8_t master[BOX_KEY], cella_error *error);
cella_status master_open(const char *path, const struct cella_passphrase *passphrase,
                         uint8_t master[BOX_KEY], cella_error *error);

#endif
