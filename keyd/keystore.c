/* SPDX-License-Identifier: Apache-2.0
 *
 * A keyd's folder, opened.
 */
#include "keystore.h"

#include "box/key.h"
#include "image/fail.h"
#include "image/file.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS_MOST        10000
#define CERTIFICATE_MOST (256u << 10)

static cella_status no_memory(const char *folder, cella_error *error)
{
    return fail(error, CELLA_MEMORY, "%s: no memory to read it", folder);
}

/* ---- files of a folder ---- */

cella_status keystore_path(const char *folder, const char *part, char path[PATH_MAX],
                           cella_error *error)
{
    if (snprintf(path, PATH_MAX, "%s/%s", folder, part) < PATH_MAX)
        return CELLA_OK;
    return fail(error, CELLA_INVALID, "%.100s...: the path is too long", folder);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

cella_status keystore_files(const char *folder, const char *part,
                            cella_status (*each)(const char *path, void *context,
                                                 cella_error *error),
                            void *context, cella_error *error)
{
    struct dirent **entries;
    char parent[PATH_MAX], path[PATH_MAX];
    cella_status status = keystore_path(folder, part, parent, error);
    if (status)
        return status;
    int count = scandir(parent, &entries, is_visible, alphasort);
    if (count < 0)
        return errno == ENOENT
                   ? CELLA_OK
                   : fail(error, CELLA_SYSTEM, "%s: cannot be listed: %s", parent, strerror(errno));
    for (int i = 0; i < count; i++) {
        if (status == CELLA_OK && snprintf(path, sizeof(path), "%s/%s/%s", folder, part,
                                           entries[i]->d_name) >= (int)sizeof(path))
            status = fail(error, CELLA_INVALID, "%s: the path is too long", folder);
        if (status == CELLA_OK)
            status = each(path, context, error);
        free(entries[i]);
    }
    free(entries);
    return status;
}

/* The file's name says which key it is. */
cella_status keystore_check_key(const char *path, const struct sealed *key, cella_error *error)
{
    char file[CELLA_KEY_NAME + 6];
    snprintf(file, sizeof(file), "%s.json", key->name);
    if (strcmp(key->what, "key") == 0 && cella_key_is_name(key->name) &&
        strcmp(file_name(path), file) == 0)
        return CELLA_OK;
    return fail(error, CELLA_REFUSED, "%s: holds no key of that name: it was renamed or altered",
                path);
}

struct listing {
    void (*each)(const struct sealed *key, void *context);
    void *context;
};

static cella_status list_one(const char *path, void *context, cella_error *error)
{
    const struct listing *listing = context;
    struct sealed key;
    cella_status status = sealed_read(path, NULL, &key, error);
    if (status == CELLA_OK)
        status = keystore_check_key(path, &key, error);
    if (status == CELLA_OK)
        listing->each(&key, listing->context);
    sealed_drop(&key);
    return status;
}

cella_status keystore_list(const char *folder,
                           void (*each)(const struct sealed *key, void *context), void *context,
                           cella_error *error)
{
    struct listing listing = {each, context};
    char path[PATH_MAX];
    cella_status status = keystore_path(folder, "keyd.json", path, error);
    if (status == CELLA_OK && access(path, F_OK) != 0)
        status = fail(error, CELLA_INVALID, "%s: cannot be opened: %s; `cella keyd init` makes one",
                      path, strerror(errno));
    return status ? status : keystore_files(folder, "keys", list_one, &listing, error);
}

/* ---- keys ---- */

static cella_status open_key(const char *path, const struct keystore *store,
                             struct keystore_key *key, cella_error *error)
{
    cella_status status = sealed_read(path, store->master, &key->is, error);
    if (status == CELLA_OK)
        status = keystore_check_key(path, &key->is, error);
    char name[CELLA_KEY_NAME + 32]; /* who is refused reads it: not where the file is */
    snprintf(name, sizeof(name), "the policy of %s", key->is.name);
    if (status == CELLA_OK)
        status = cella_policy_read((const uint8_t *)key->is.policy, strlen(key->is.policy), name,
                                   &key->policy, error);
    if (status == CELLA_OK && strcmp(key->is.type, "pkcs11") == 0)
        status =
            pkcs11_open((char *)key->is.secret, key->is.size, key->is.name, &key->module, error);
    return status;
}

static cella_status add_key(const char *path, void *context, cella_error *error)
{
    struct keystore *store = context;
    if (store->count == KEYS_MOST)
        return fail(error, CELLA_INVALID, "%s: more than %d keys", store->folder, KEYS_MOST);
    struct keystore_key *grown = realloc(store->keys, (store->count + 1) * sizeof(*grown));
    if (!grown)
        return no_memory(store->folder, error);
    store->keys = grown;
    memset(&grown[store->count], 0, sizeof(*grown));
    return open_key(path, store, &grown[store->count++], error);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct keystore_key *)a)->is.name,
                  ((const struct keystore_key *)b)->is.name);
}

const struct keystore_key *keystore_find(const struct keystore *store, const char *name)
{
    struct keystore_key wanted = {0};
    if (strlen(name) >= sizeof(wanted.is.name) || !store->count)
        return NULL;
    strcpy(wanted.is.name, name);
    return bsearch(&wanted, store->keys, store->count, sizeof(*store->keys), compare_names);
}

/* ---- the service's own keys ---- */

/* Its PEM text; the caller's to wipe and free. */
static cella_status open_pem(const struct keystore *store, const char *file, const char *what,
                             char **text, cella_error *error)
{
    char path[PATH_MAX];
    struct sealed sealed;
    cella_status status = keystore_path(store->folder, file, path, error);
    if (status)
        return status;
    status = sealed_read(path, store->master, &sealed, error);
    if (status == CELLA_OK && strcmp(sealed.what, what) != 0)
        status = fail(error, CELLA_REFUSED, "%s: is no %s", path, what);
    if (status == CELLA_OK && !(*text = strndup((char *)sealed.secret, sealed.size)))
        status = no_memory(path, error);
    sealed_drop(&sealed);
    return status;
}

static cella_status open_signing(struct keystore *store, cella_error *error)
{
    char *text;
    cella_status status = open_pem(store, "signing.json", "signing key", &text, error);
    if (status)
        return status;
    BIO *bio = BIO_new_mem_buf(text, -1);
    store->signing = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"") : NULL;
    BIO_free(bio);
    OPENSSL_cleanse(text, strlen(text));
    free(text);
    return store->signing
               ? CELLA_OK
               : fail(error, CELLA_INVALID, "%s/signing.json: holds no private key", store->folder);
}

static cella_status open_tls(struct keystore *store, cella_error *error)
{
    char path[PATH_MAX];
    uint8_t *bytes;
    size_t size;
    cella_status status = open_pem(store, "tls.json", "TLS key", &store->tls_key, error);
    if (status == CELLA_OK)
        status = keystore_path(store->folder, "tls.pem", path, error);
    if (status == CELLA_OK)
        status = file_read(path, CERTIFICATE_MOST, &bytes, &size, error);
    if (status == CELLA_OK)
        store->tls_certificate = (char *)bytes;
    return status;
}

/* ---- the whole ---- */

static cella_status open_all(struct keystore *store, cella_error *error)
{
    cella_status status = open_signing(store, error);
    if (status == CELLA_OK)
        status = open_tls(store, error);
    if (status == CELLA_OK)
        status = keystore_files(store->folder, "keys", add_key, store, error);
    if (status == CELLA_OK && store->count)
        qsort(store->keys, store->count, sizeof(*store->keys), compare_names);
    return status;
}

/* Whoever can write there decides whom to believe. */
static cella_status check_folders(const char *folder, cella_error *error)
{
    static const char *const parts[] = {"", "keys", "roots", "collateral", "issuers"};
    char path[PATH_MAX];
    struct stat is;
    cella_status status = CELLA_OK;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && status == CELLA_OK; i++) {
        status = keystore_path(folder, parts[i], path, error);
        if (status == CELLA_OK && stat(path, &is) == 0 && is.st_mode & (S_IWGRP | S_IWOTH))
            status = fail(error, CELLA_REFUSED,
                          "%s: others than its owner may change it (mode %o); chmod go-w %s", path,
                          is.st_mode & 0777, path);
    }
    return status;
}

static struct keystore *new_keystore(const char *folder)
{
    struct keystore *store = calloc(1, sizeof(*store));
    if (store && !(store->folder = strdup(folder))) {
        free(store);
        store = NULL;
    }
    return store;
}

static cella_status open_store(const char *folder, const struct cella_passphrase *passphrase,
                               bool whole, struct keystore **opened, cella_error *error)
{
    char path[PATH_MAX];
    struct keystore *store = new_keystore(folder);
    *opened = NULL;
    if (!store)
        return no_memory(folder, error);
    cella_status status = check_folders(folder, error);
    if (status == CELLA_OK)
        status = keystore_path(folder, "keyd.json", path, error);
    if (status == CELLA_OK)
        status = master_open(path, passphrase, store->master, error);
    if (status == CELLA_OK && whole)
        status = open_all(store, error);
    if (status)
        keystore_close(store);
    else
        *opened = store;
    return status;
}

cella_status keystore_open(const char *folder, const struct cella_passphrase *passphrase,
                           struct keystore **store, cella_error *error)
{
    return open_store(folder, passphrase, true, store, error);
}

cella_status keystore_unlock(const char *folder, const struct cella_passphrase *passphrase,
                             struct keystore **store, cella_error *error)
{
    return open_store(folder, passphrase, false, store, error);
}

cella_status keystore_again(const struct keystore *before, struct keystore **opened,
                            cella_error *error)
{
    struct keystore *store = new_keystore(before->folder);
    *opened = NULL;
    if (!store)
        return no_memory(before->folder, error);
    memcpy(store->master, before->master, sizeof(store->master));
    cella_status status = check_folders(store->folder, error);
    if (status == CELLA_OK)
        status = open_all(store, error);
    if (status)
        keystore_close(store);
    else
        *opened = store;
    return status;
}

void keystore_close(struct keystore *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < store->count; i++) {
        pkcs11_close(store->keys[i].module);
        cella_policy_free(store->keys[i].policy);
        sealed_drop(&store->keys[i].is);
    }
    free(store->keys);
    EVP_PKEY_free(store->signing);
    if (store->tls_key)
        OPENSSL_cleanse(store->tls_key, strlen(store->tls_key));
    free(store->tls_key);
    free(store->tls_certificate);
    free(store->folder);
    OPENSSL_cleanse(store, sizeof(*store));
    free(store);
}
