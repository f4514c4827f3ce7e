/* SPDX-License-Identifier: Apache-2.0
 *
 * Key files: JSON, read strictly. What is checked: every field there is and no other; the secret
 * halves belong to the public ones; under a passphrase, the file is as it was made.
 */
#include "key.h"

#include "../image/fail.h"
#include "../image/file.h"
#include "../image/hex.h"
#include "aead.h"
#include "hpke.h"
#include "newfile.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_VERSION 1
#define KEY_FILE    16384u /* bytes, at most */
#define HEX_KEY     (2 * CELLA_KEY_SIZE + 1)
#define SECRETS     (2 * CELLA_KEY_SIZE)

/* The secret halves under a passphrase. Additional data: "cella key 1" and the public halves. */
struct locked {
    uint8_t salt[PASSPHRASE_SALT];
    struct passphrase_cost cost;
    struct box_seal seal;
    uint8_t sealed[SECRETS];
};

struct binding {
    char prefix[11];
    uint8_t receiving[CELLA_KEY_SIZE], signing[CELLA_KEY_SIZE];
};

static struct binding binding_of(const struct cella_public_key *key)
{
    struct binding binding;
    memcpy(binding.prefix, "cella key 1", sizeof(binding.prefix));
    memcpy(binding.receiving, key->receiving, CELLA_KEY_SIZE);
    memcpy(binding.signing, key->signing, CELLA_KEY_SIZE);
    return binding;
}

bool cella_key_is_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t size = strlen(name);
    return size >= 1 && size <= CELLA_KEY_NAME && strchr(letters, *name) &&
           name[strspn(name,
                       "._-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")] == 0;
}

void cella_key_wipe(struct cella_key *key)
{
    OPENSSL_cleanse(key, sizeof(*key));
}

/* ---- where keys are ---- */

cella_status cella_key_folder(char folder[PATH_MAX], cella_error *error)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    bool has_data = data && *data == '/'; /* the specification: a relative one does not count */
    if (!has_data && (!home || !*home))
        return fail(error, CELLA_INVALID,
                    "neither XDG_DATA_HOME nor HOME says where keys are; name the key's file");
    int size = has_data ? snprintf(folder, PATH_MAX, "%s/cella/keys", data)
                        : snprintf(folder, PATH_MAX, "%s/.local/share/cella/keys", home);
    if (size >= PATH_MAX)
        return fail(error, CELLA_INVALID, "the path of the folder of keys is too long");
    return CELLA_OK;
}

static bool has_suffix(const char *given, const char *suffix)
{
    size_t size = strlen(given), tail = strlen(suffix);
    return size > tail && strcmp(given + size - tail, suffix) == 0;
}

cella_status cella_key_path(const char *given, const char *suffix, char path[PATH_MAX],
                            cella_error *error)
{
    int size;
    if (strchr(given, '/') || has_suffix(given, ".key") || has_suffix(given, ".pub")) {
        size = snprintf(path, PATH_MAX, "%s", given);
    } else {
        char folder[PATH_MAX];
        if (!cella_key_is_name(given))
            return fail(error, CELLA_INVALID,
                        "%.100s: not a key's name (letters, digits, then also . _ -; at most 63) "
                        "nor a .key or .pub file",
                        given);
        cella_status status = cella_key_folder(folder, error);
        if (status)
            return status;
        size = snprintf(path, PATH_MAX, "%s/%s%s", folder, given, suffix);
    }
    return size < PATH_MAX ? CELLA_OK
                           : fail(error, CELLA_INVALID, "%.100s...: the path is too long", given);
}

/* ---- reading ---- */

static cella_status read_hex(const json_t *object, const char *field, uint8_t *bytes, size_t size,
                             const char *where, cella_error *error)
{
    const char *text = json_string_value(json_object_get(object, field));
    if (text && hex_read(text, bytes, size))
        return CELLA_OK;
    return fail(error, CELLA_INVALID, "%s: %s is not %zu lower-case hexadecimal digits", where,
                field, 2 * size);
}

static cella_status read_number(const json_t *object, const char *field, uint32_t *number,
                                const char *where, cella_error *error)
{
    const json_t *value = json_object_get(object, field);
    json_int_t is = json_integer_value(value);
    if (!json_is_integer(value) || is < 0 || is > UINT32_MAX)
        return fail(error, CELLA_INVALID, "%s: %s is not a number in its range", where, field);
    *number = (uint32_t)is;
    return CELLA_OK;
}

/* Exactly these fields: a list that ends with NULL. */
static cella_status has_fields(const json_t *object, const char *const *fields, const char *where,
                               cella_error *error)
{
    size_t count = 0;
    for (; fields[count]; count++)
        if (!json_object_get(object, fields[count]))
            return fail(error, CELLA_INVALID, "%s: %s is missing", where, fields[count]);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        size_t i = 0;
        while (i < count && strcmp(key, fields[i]) != 0)
            i++;
        if (i == count)
            return fail(error, CELLA_INVALID, "%s: %.50s: unknown key", where, key);
    }
    return CELLA_OK;
}

static cella_status read_locked(const json_t *object, struct locked *locked, const char *where,
                                cella_error *error)
{
    static const char *const fields[] = {"salt",  "passes", "memory_kib", "lanes",
                                         "nonce", "tag",    "sealed",     NULL};
    cella_status status;
    if ((status = has_fields(object, fields, where, error)) ||
        (status = read_hex(object, "salt", locked->salt, PASSPHRASE_SALT, where, error)) ||
        (status = read_number(object, "passes", &locked->cost.passes, where, error)) ||
        (status = read_number(object, "memory_kib", &locked->cost.memory_kib, where, error)) ||
        (status = read_number(object, "lanes", &locked->cost.lanes, where, error)) ||
        (status = read_hex(object, "nonce", locked->seal.nonce, BOX_NONCE, where, error)) ||
        (status = read_hex(object, "tag", locked->seal.tag, BOX_TAG, where, error)) ||
        (status = read_hex(object, "sealed", locked->sealed, SECRETS, where, error)))
        return status;
    if (!passphrase_cost_is_allowed(&locked->cost))
        return fail(error, CELLA_INVALID,
                    "%s: passes, memory_kib or lanes are outside of what is allowed", where);
    return CELLA_OK;
}

static cella_status unlock(const struct locked *locked, const struct cella_passphrase *passphrase,
                           struct cella_key *key, const char *where, cella_error *error)
{
    uint8_t under[BOX_KEY], secrets[SECRETS];
    struct binding binding = binding_of(&key->is);
    cella_status status = passphrase_key(passphrase, locked->salt, &locked->cost, under, error);
    if (status)
        return status;
    EVP_CIPHER_CTX *cipher = aead_new(under, false);
    OPENSSL_cleanse(under, sizeof(under));
    if (cipher && aead_open(cipher, locked->seal.nonce, &binding, sizeof(binding), locked->sealed,
                            SECRETS, secrets, locked->seal.tag)) {
        memcpy(key->receiving_secret, secrets, CELLA_KEY_SIZE);
        memcpy(key->signing_secret, secrets + CELLA_KEY_SIZE, CELLA_KEY_SIZE);
        OPENSSL_cleanse(secrets, sizeof(secrets));
    } else {
        status = fail(error, CELLA_REFUSED,
                      "%s: this passphrase does not open it (or the file was altered)", where);
    }
    EVP_CIPHER_CTX_free(cipher);
    return status;
}

/* The public halves are what follows from the secret ones. */
static cella_status check_halves(const struct cella_key *key, const char *where, cella_error *error)
{
    uint8_t receiving[CELLA_KEY_SIZE], signing[CELLA_KEY_SIZE];
    size_t size = sizeof(signing);
    EVP_PKEY *pair =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, key->signing_secret, CELLA_KEY_SIZE);
    bool good = pair && EVP_PKEY_get_raw_public_key(pair, signing, &size) == 1 &&
                hpke_public_key(key->receiving_secret, receiving) &&
                memcmp(receiving, key->is.receiving, CELLA_KEY_SIZE) == 0 &&
                memcmp(signing, key->is.signing, CELLA_KEY_SIZE) == 0;
    EVP_PKEY_free(pair);
    return good ? CELLA_OK
                : fail(error, CELLA_REFUSED,
                       "%s: its secret halves do not belong to its public ones; it was altered",
                       where);
}

static cella_status read_secrets(const json_t *root, const struct cella_passphrase *passphrase,
                                 struct cella_key *key, bool *is_locked, const char *where,
                                 cella_error *error)
{
    const json_t *under = json_object_get(root, "passphrase");
    struct locked locked;
    cella_status status;
    if (!under) {
        if ((status = read_hex(root, "receiving_secret", key->receiving_secret, CELLA_KEY_SIZE,
                               where, error)) ||
            (status = read_hex(root, "signing_secret", key->signing_secret, CELLA_KEY_SIZE, where,
                               error)))
            return status;
        return check_halves(key, where, error);
    }
    if ((status = read_locked(under, &locked, where, error)))
        return status;
    if (!passphrase) {
        *is_locked = true;
        return fail(error, CELLA_REFUSED, "%s: it is under a passphrase; use --passphrase", where);
    }
    status = unlock(&locked, passphrase, key, where, error);
    return status ? status : check_halves(key, where, error);
}

static cella_status read_all(const json_t *root, bool secret,
                             const struct cella_passphrase *passphrase, struct cella_key *key,
                             bool *locked, const char *where, cella_error *error)
{
#define PUBLIC_FIELDS "cella_key", "name", "receiving_key", "signing_key"
    static const char *const public_fields[] = {PUBLIC_FIELDS, NULL};
    static const char *const open_fields[] = {PUBLIC_FIELDS, "receiving_secret", "signing_secret",
                                              NULL};
    static const char *const locked_fields[] = {PUBLIC_FIELDS, "passphrase", NULL};
    bool is_locked = json_object_get(root, "passphrase");
    bool is_public = !is_locked && !json_object_get(root, "receiving_secret") &&
                     !json_object_get(root, "signing_secret");
    cella_status status = has_fields(root,
                                     is_locked   ? locked_fields
                                     : is_public ? public_fields
                                                 : open_fields,
                                     where, error);
    if (status)
        return status;
    if (json_integer_value(json_object_get(root, "cella_key")) != KEY_VERSION)
        return fail(error, CELLA_UNSUPPORTED, "%s: cella_key is not 1: another version wrote it",
                    where);
    const char *name = json_string_value(json_object_get(root, "name"));
    if (!name || !cella_key_is_name(name))
        return fail(error, CELLA_INVALID, "%s: name is not a key's name", where);
    strcpy(key->is.name, name);
    if ((status =
             read_hex(root, "receiving_key", key->is.receiving, CELLA_KEY_SIZE, where, error)) ||
        (status = read_hex(root, "signing_key", key->is.signing, CELLA_KEY_SIZE, where, error)))
        return status;
    if (!secret)
        return CELLA_OK;
    if (is_public)
        return fail(error, CELLA_INVALID,
                    "%s: it has public keys only; name the .key file that goes with it", where);
    return read_secrets(root, passphrase, key, locked, where, error);
}

/* Strings that the JSON library holds. */
static void wipe_strings(json_t *root)
{
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value)
    {
        if (json_is_string(value))
            OPENSSL_cleanse((void *)(uintptr_t)json_string_value(value), json_string_length(value));
    }
}

cella_status cella_key_parse(const char *text, size_t size, const char *where, bool secret,
                             const struct cella_passphrase *passphrase, struct cella_key *key,
                             bool *locked, cella_error *error)
{
    json_error_t problem;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &problem);
    memset(key, 0, sizeof(*key));
    *locked = false;
    if (!json_is_object(root)) {
        json_decref(root);
        return fail(error, CELLA_INVALID, "%s: not a key file of cella", where);
    }
    cella_status status = read_all(root, secret, passphrase, key, locked, where, error);
    if (status)
        cella_key_wipe(key);
    wipe_strings(root);
    json_decref(root);
    return status;
}

static cella_status load(const char *path, bool secret, const struct cella_passphrase *passphrase,
                         struct cella_key *key, bool *locked, cella_error *error)
{
    uint8_t *text;
    size_t size;
    cella_status status = file_read(path, KEY_FILE, &text, &size, error);
    if (status)
        return status;
    status = cella_key_parse((char *)text, size, path, secret, passphrase, key, locked, error);
    OPENSSL_cleanse(text, size);
    free(text);
    return status;
}

cella_status cella_key_public(const char *path, struct cella_public_key *key, cella_error *error)
{
    struct cella_key whole;
    bool locked;
    cella_status status = load(path, false, NULL, &whole, &locked, error);
    if (!status)
        *key = whole.is;
    return status;
}

cella_status cella_key_load(const char *path, const struct cella_passphrase *passphrase,
                            struct cella_key *key, bool *locked, cella_error *error)
{
    struct stat is;
    *locked = false;
    if (!has_suffix(path, ".pub") && stat(path, &is) == 0 && is.st_mode & (S_IRWXG | S_IRWXO))
        return fail(error, CELLA_REFUSED, "%s: others than its owner may read it; chmod 600 %s",
                    path, path);
    return load(path, true, passphrase, key, locked, error);
}

cella_status cella_recipient(const char *given, uint8_t receiving[CELLA_KEY_SIZE],
                             cella_error *error)
{
    char path[PATH_MAX];
    struct cella_public_key key;
    if (strlen(given) == HEX_KEY - 1 && hex_read(given, receiving, CELLA_KEY_SIZE))
        return CELLA_OK;
    cella_status status = cella_key_path(given, ".pub", path, error);
    if (!status)
        status = cella_key_public(path, &key, error);
    if (!status)
        memcpy(receiving, key.receiving, CELLA_KEY_SIZE);
    return status;
}

/* ---- making ---- */

static cella_status generate(struct cella_key *key, cella_error *error)
{
    size_t secret = CELLA_KEY_SIZE, public = CELLA_KEY_SIZE;
    EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    bool good = pair && EVP_PKEY_get_raw_private_key(pair, key->signing_secret, &secret) == 1 &&
                EVP_PKEY_get_raw_public_key(pair, key->is.signing, &public) == 1 &&
                hpke_generate(key->receiving_secret, key->is.receiving);
    EVP_PKEY_free(pair);
    return good ? CELLA_OK : fail(error, CELLA_SYSTEM, "no key could be made: no randomness");
}

static cella_status lock(const struct cella_key *key, const struct cella_passphrase *passphrase,
                         struct locked *locked, cella_error *error)
{
    uint8_t under[BOX_KEY], secrets[SECRETS];
    struct binding binding = binding_of(&key->is);
    locked->cost = PASSPHRASE_COST;
    if (RAND_bytes(locked->salt, sizeof(locked->salt)) != 1 ||
        RAND_bytes(locked->seal.nonce, BOX_NONCE) != 1)
        return fail(error, CELLA_SYSTEM, "no key could be made: no randomness");
    cella_status status = passphrase_key(passphrase, locked->salt, &locked->cost, under, error);
    if (status)
        return status;
    memcpy(secrets, key->receiving_secret, CELLA_KEY_SIZE);
    memcpy(secrets + CELLA_KEY_SIZE, key->signing_secret, CELLA_KEY_SIZE);
    EVP_CIPHER_CTX *cipher = aead_new(under, true);
    if (!cipher || !aead_seal(cipher, locked->seal.nonce, &binding, sizeof(binding), secrets,
                              SECRETS, locked->sealed, locked->seal.tag))
        status = fail(error, CELLA_SYSTEM, "the key could not be sealed under the passphrase");
    EVP_CIPHER_CTX_free(cipher);
    OPENSSL_cleanse(under, sizeof(under));
    OPENSSL_cleanse(secrets, sizeof(secrets));
    return status;
}

static int print_public(char *text, size_t size, const struct cella_public_key *key)
{
    char receiving[HEX_KEY], signing[HEX_KEY];
    return snprintf(text, size,
                    "{\n  \"cella_key\": %d,\n  \"name\": \"%s\",\n"
                    "  \"receiving_key\": \"%s\",\n  \"signing_key\": \"%s\"",
                    KEY_VERSION, key->name, hex_write(key->receiving, CELLA_KEY_SIZE, receiving),
                    hex_write(key->signing, CELLA_KEY_SIZE, signing));
}

static int print_open(char *text, size_t size, const struct cella_key *key)
{
    char receiving[HEX_KEY], signing[HEX_KEY];
    int done =
        snprintf(text, size, ",\n  \"receiving_secret\": \"%s\",\n  \"signing_secret\": \"%s\"",
                 hex_write(key->receiving_secret, CELLA_KEY_SIZE, receiving),
                 hex_write(key->signing_secret, CELLA_KEY_SIZE, signing));
    OPENSSL_cleanse(receiving, sizeof(receiving));
    OPENSSL_cleanse(signing, sizeof(signing));
    return done;
}

static int print_locked(char *text, size_t size, const struct locked *locked)
{
    char salt[2 * PASSPHRASE_SALT + 1], nonce[2 * BOX_NONCE + 1], tag[2 * BOX_TAG + 1];
    char sealed[2 * SECRETS + 1];
    return snprintf(
        text, size,
        ",\n  \"passphrase\": {\"salt\": \"%s\", \"passes\": %u, \"memory_kib\": %u, "
        "\"lanes\": %u, \"nonce\": \"%s\",\n    \"tag\": \"%s\",\n    \"sealed\": \"%s\"}",
        hex_write(locked->salt, PASSPHRASE_SALT, salt), locked->cost.passes,
        locked->cost.memory_kib, locked->cost.lanes,
        hex_write(locked->seal.nonce, BOX_NONCE, nonce), hex_write(locked->seal.tag, BOX_TAG, tag),
        hex_write(locked->sealed, SECRETS, sealed));
}

static cella_status write_file(const char *path, mode_t mode, const char *text, size_t size,
                               cella_error *error)
{
    struct new_file file;
    cella_status status = new_file_open(&file, path, mode, false, error);
    if (status)
        return status;
    if (write(file.fd, text, size) == (ssize_t)size)
        return new_file_commit(&file, error);
    status = fail(error, CELLA_SYSTEM, "%s: cannot be written: %s", path, strerror(errno));
    new_file_abandon(&file);
    return status;
}

/* The .pub file first: a .key file that is there is never without it. */
static cella_status write_both(const char *folder, const struct cella_key *key,
                               const struct locked *locked, cella_error *error)
{
    char path[PATH_MAX], text[2048];
    if (snprintf(path, sizeof(path), "%s/%s.key", folder, key->is.name) >= (int)sizeof(path))
        return fail(error, CELLA_INVALID, "%s: the path is too long", folder);
    if (access(path, F_OK) == 0)
        return fail(error, CELLA_INVALID, "%s: there is a key of that name; choose another", path);
    memcpy(path + strlen(path) - 4, ".pub", 4);
    int size = print_public(text, sizeof(text), &key->is);
    int end = size + snprintf(text + size, sizeof(text) - (size_t)size, "\n}\n");
    cella_status status = write_file(path, 0644, text, (size_t)end, error);
    if (status)
        return status;
    size += locked ? print_locked(text + size, sizeof(text) - (size_t)size, locked)
                   : print_open(text + size, sizeof(text) - (size_t)size, key);
    size += snprintf(text + size, sizeof(text) - (size_t)size, "\n}\n");
    char public_path[PATH_MAX];
    strcpy(public_path, path);
    memcpy(path + strlen(path) - 4, ".key", 4);
    status = write_file(path, 0600, text, (size_t)size, error);
    if (status)
        unlink(public_path);
    OPENSSL_cleanse(text, sizeof(text));
    return status;
}

cella_status cella_key_new(const char *folder, const char *name,
                           const struct cella_passphrase *passphrase, struct cella_public_key *made,
                           cella_error *error)
{
    struct cella_key key = {0};
    struct locked locked;
    if (!cella_key_is_name(name))
        return fail(error, CELLA_INVALID,
                    "%.100s: a key's name has letters, digits, then also . _ -, and at most %u of "
                    "them",
                    name, CELLA_KEY_NAME);
    strcpy(key.is.name, name);
    cella_status status = file_folder(folder, 0700, error);
    if (!status)
        status = generate(&key, error);
    if (!status && passphrase)
        status = lock(&key, passphrase, &locked, error);
    if (!status)
        status = write_both(folder, &key, passphrase ? &locked : NULL, error);
    if (!status)
        *made = key.is;
    cella_key_wipe(&key);
    return status;
}
