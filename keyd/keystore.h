/* SPDX-License-Identifier: Apache-2.0
 *
 * A keyd's folder:
 *
 *   keyd.json           the master key, under the operator's passphrase
 *   keys/NAME.json      a key with its release policy, under the master key
 *   signing.json        the key that signs replies (P-256), under the master key
 *   signing.pem         its public half
 *   tls.json, tls.pem   the TLS server's key, under the master key, and its certificate
 *   roots/, collateral/ what evidence is judged by
 *   issuers/            whose tokens are believed
 *   log                 the audit log
 *
 * Nobody but its owner may write to it, or it is not opened.
 *
 * A store that is open does not change: another one is opened in its place.
 */
#ifndef KEYD_KEYSTORE_H
#define KEYD_KEYSTORE_H

#include "pkcs11.h"
#include "sealed.h"

#include <cella/policy.h>
#include <limits.h>

struct keystore_key {
    struct sealed is;      /* its secret: 32 bytes ("oct"), PKCS#8 in DER ("rsa", "ec") */
    struct pkcs11 *module; /* of "pkcs11" */
    cella_policy *policy;
};

struct keystore {
    char *folder;
    uint8_t master[BOX_KEY];
    EVP_PKEY *signing;
    char *tls_key, *tls_certificate; /* PEM */
    struct keystore_key *keys;       /* by name */
    size_t count;
};

/* Makes a new folder, or fills an empty one. */
cella_status keystore_init(const char *folder, const struct cella_passphrase *passphrase,
                           cella_error *error);
/* Opens a folder, all keys included. *store is to be closed. */
cella_status keystore_open(const char *folder, const struct cella_passphrase *passphrase,
                           struct keystore **store, cella_error *error);
/* The master key alone: to add keys, wherever those that are there may be. A module that is used
 * for one of them would take any PIN for another. */
cella_status keystore_unlock(const char *folder, const struct cella_passphrase *passphrase,
                             struct keystore **store, cella_error *error);
/* The folder of a store as it is now. */
cella_status keystore_again(const struct keystore *before, struct keystore **store,
                            cella_error *error);
void keystore_close(struct keystore *store); /* NULL is let pass */

/* NULL: there is none of that name. */
const struct keystore_key *keystore_find(const struct keystore *store, const char *name);

/* Adds a key: `secret` as in struct sealed, by its type; NULL and "oct": one is made. Refuses a
 * name that is there, and a policy that is none. */
cella_status keystore_add(const struct keystore *store, const char *name, const char *type,
                          const uint8_t *secret, size_t size, const char *policy,
                          cella_error *error);
/* Gives a key that is there another policy; the key stays as it is. */
cella_status keystore_set_policy(const struct keystore *store, const char *name, const char *policy,
                                 cella_error *error);
/* What the bytes of a key file are: *type is its type, *secret the form in which it is kept (the
 * caller's to wipe and free). */
cella_status keystore_read_key(const uint8_t *bytes, size_t size, const char *name,
                               const char **type, uint8_t **secret, size_t *secret_size,
                               cella_error *error);

/* Whether the file, by its name, is that of the key that it holds. */
cella_status keystore_check_key(const char *path, const struct sealed *key, cella_error *error);

/* Tells of each key in the folder, by name, without opening any. */
cella_status keystore_list(const char *folder,
                           void (*each)(const struct sealed *key, void *context), void *context,
                           cella_error *error);

/* FOLDER/PART. */
cella_status keystore_path(const char *folder, const char *part, char path[PATH_MAX],
                           cella_error *error);
/* Calls `each` for every file in FOLDER/PART, by name; its status, not CELLA_OK, ends it. No folder
 * is an empty one. */
cella_status keystore_files(const char *folder, const char *part,
                            cella_status (*each)(const char *path, void *context,
                                                 cella_error *error),
                            void *context, cella_error *error);

#endif
