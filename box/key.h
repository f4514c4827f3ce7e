/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys of people and parties: under one name an X25519 pair, to which boxes are sealed, and an
 * Ed25519 pair, which signs. NAME.key holds both (mode 0600, the secret halves under a passphrase
 * if wanted), NAME.pub the public halves. Keys are the raw 32 bytes of RFC 7748 and RFC 8032.
 */
#ifndef BOX_KEY_H
#define BOX_KEY_H

#include "passphrase.h"

#include <limits.h>

#define CELLA_KEY_SIZE 32u
#define CELLA_KEY_NAME 63u /* bytes, at most: letters, digits, and "._-" behind the first */

struct cella_public_key {
    char name[CELLA_KEY_NAME + 1];
    uint8_t receiving[CELLA_KEY_SIZE];
    uint8_t signing[CELLA_KEY_SIZE];
};

struct cella_key { /* to be wiped: cella_key_wipe */
    struct cella_public_key is;
    uint8_t receiving_secret[CELLA_KEY_SIZE];
    uint8_t signing_secret[CELLA_KEY_SIZE];
};

bool cella_key_is_name(const char *name);
/* Where keys are, if nobody says otherwise: $XDG_DATA_HOME/cella/keys or ~/.local/share/cella/keys.
 */
cella_status cella_key_folder(char folder[PATH_MAX], cella_error *error);
/* The file that is meant: what has a "/" or ends in .key or .pub is a file, else it is a name in
 * that folder, of which `suffix` (".key", ".pub") is wanted. */
cella_status cella_key_path(const char *given, const char *suffix, char path[PATH_MAX],
                            cella_error *error);

/* Makes a key and writes FOLDER/NAME.key and .pub; the folder is made if need be. Refuses to
 * overwrite. `passphrase` may be NULL. */
cella_status cella_key_new(const char *folder, const char *name,
                           const struct cella_passphrase *passphrase, struct cella_public_key *made,
                           cella_error *error);
/* The public halves in a .key or .pub file. */
cella_status cella_key_public(const char *path, struct cella_public_key *key, cella_error *error);
/* The whole key in a .key file that only its owner can read. *locked: it is under a passphrase,
 * and none was given (then the status is CELLA_REFUSED). */
cella_status cella_key_load(const char *path, const struct cella_passphrase *passphrase,
                            struct cella_key *key, bool *locked, cella_error *error);
void cella_key_wipe(struct cella_key *key);

/* Who is meant as a recipient: a receiving key in 64 hexadecimal digits, a name or a file. */
cella_status cella_recipient(const char *given, uint8_t receiving[CELLA_KEY_SIZE],
                             cella_error *error);

/* The text of a .key or .pub file; `where` names it in errors. `passphrase`, `key->..._secret` and
 * `locked` as for cella_key_load; `secret`: whether the secret halves are wanted. */
cella_status cella_key_parse(const char *text, size_t size, const char *where, bool secret,
                             const struct cella_passphrase *passphrase, struct cella_key *key,
                             bool *locked, cella_error *error);

#endif
