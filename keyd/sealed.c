/* SPDX-License-Identifier: Apache-2.0
 *
 * Sealed files.
 */
#include "sealed.h"

#include "box/aead.h"
#include "box/newfile.h"
#include "box/passphrase.h"
#include "fields.h"
#include "image/fail.h"
#include "image/file.h"
#include "image/hex.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MOST  (256u << 10)
#define VERSION    1
#define MASTER_FOR "cella keyd master key 1"

/* What is authenticated beside the secret. */
struct additional {
    char prefix[24];
    char what[16], name[64], type[16]; /* zeros behind them */
    uint8_t policy_hash[32];
};

static struct additional additional_of(const struct sealed *sealed)
{
    struct additional additional = {.prefix = "cella keyd secret 1"};
    snprintf(additional.what, sizeof(additional.what), "%s", sealed->what);
    snprintf(additional.name, sizeof(additional.name), "%s", sealed->name);
    snprintf(additional.type, sizeof(additional.type), "%s", sealed->type);
    memcpy(additional.policy_hash, sealed->policy_hash, 32);
    return additional;
}

static char *to_hex(const uint8_t *bytes, size_t size)
{
    char *text = malloc(2 * size + 1);
    return text ? hex_write(bytes, size, text) : NULL;
}

/* A file for its owner alone; one that is there is replaced whole, or refused. */
static cella_status write_json(const char *path, const json_t *object, bool replace,
                               cella_error *error)
{
    struct new_file file;
    char *text = json_dumps(object, JSON_INDENT(2));
    size_t size = text ? strlen(text) : 0;
    if (!text)
        return fail(error, CELLA_MEMORY, "%s: no memory to write it", path);
    text[size] = '\n'; /* in place of its NUL */
    cella_status status = new_file_open(&file, path, 0600, replace, error);
    if (status == CELLA_OK && !file_write_all(file.fd, text, size + 1)) {
        status = fail(error, CELLA_SYSTEM, "%s: cannot be written: %s", path, strerror(errno));
        new_file_abandon(&file);
    } else if (status == CELLA_OK) {
        status = new_file_commit(&file, error);
    }
    free(text);
    return status;
}

/* ---- secrets ---- */

static bool seal(const uint8_t master[BOX_KEY], const void *additional, size_t additional_size,
                 const uint8_t *secret, size_t size, struct box_seal *made, uint8_t *sealed)
{
    EVP_CIPHER_CTX *cipher = aead_new(master, true);
    bool good = cipher && aead_nonces(made->nonce, BOX_NONCE) &&
                aead_seal(cipher, made->nonce, additional, additional_size, secret, size, sealed,
                          made->tag);
    EVP_CIPHER_CTX_free(cipher);
    return good;
}

static cella_status write_sealed(const char *path, const struct sealed *sealed,
                                 const uint8_t master[BOX_KEY], bool replace, cella_error *error)
{
    struct sealed whole = *sealed;
    struct box_seal made;
    char nonce[2 * BOX_NONCE + 1], tag[2 * BOX_TAG + 1], *text = NULL;
    uint8_t *bytes = malloc(sealed->size + 1);
    json_t *object = NULL;
    cella_status status =
        digest_bytes(sealed->policy, strlen(sealed->policy), whole.policy_hash, error);
    struct additional additional = additional_of(&whole);
    if (status == CELLA_OK && bytes && sealed->size <= SEALED_MOST &&
        seal(master, &additional, sizeof(additional), sealed->secret, sealed->size, &made, bytes) &&
        (text = to_hex(bytes, sealed->size)))
        object =
            json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "cella_keyd_secret", VERSION,
                      "for", sealed->what, "name", sealed->name, "type", sealed->type, "policy",
                      sealed->policy, "nonce", hex_write(made.nonce, BOX_NONCE, nonce), "tag",
                      hex_write(made.tag, BOX_TAG, tag), "sealed", text);
    status = object ? write_json(path, object, replace, error)
                    : fail(error, CELLA_INVALID,
                           "%s: cannot be sealed: a secret has at most %u bytes, and a policy is "
                           "UTF-8",
                           path, SEALED_MOST);
    json_decref(object);
    free(text);
    free(bytes);
    return status;
}

cella_status sealed_write(const char *path, const struct sealed *sealed,
                          const uint8_t master[BOX_KEY], cella_error *error)
{
    return write_sealed(path, sealed, master, false, error);
}

cella_status sealed_replace(const char *path, const struct sealed *sealed,
                            const uint8_t master[BOX_KEY], cella_error *error)
{
    return write_sealed(path, sealed, master, true, error);
}

static cella_status copy_text(const json_t *value, const char *where, const char *name, char *to,
                              size_t room, cella_error *error)
{
    if (json_string_length(value) >= room)
        return fail(error, CELLA_INVALID, "%s: %s: longer than %zu bytes", where, name, room - 1);
    strcpy(to, json_string_value(value));
    return CELLA_OK;
}

static cella_status open_secret(const char *hex, const struct box_seal *made, const char *where,
                                const uint8_t *master, struct sealed *sealed, cella_error *error)
{
    struct additional additional = additional_of(sealed);
    cella_status status = CELLA_OK;
    sealed->size = strlen(hex) / 2;
    uint8_t *bytes = malloc(sealed->size + 1);
    EVP_CIPHER_CTX *cipher = aead_new(master, false);
    if (!bytes || !cipher)
        status = fail(error, CELLA_MEMORY, "%s: no memory to open it", where);
    else if (!hex_read(hex, bytes, sealed->size))
        status = fail(error, CELLA_INVALID, "%s: sealed: not lower-case hexadecimal digits", where);
    else if (!aead_open(cipher, made->nonce, &additional, sizeof(additional), bytes, sealed->size,
                        bytes, made->tag))
        status =
            fail(error, CELLA_REFUSED,
                 "%s: it does not open: it was altered, renamed, or is of another keyd", where);
    EVP_CIPHER_CTX_free(cipher);
    if (status)
        free(bytes);
    else
        sealed->secret = bytes;
    return status;
}

static cella_status read_object(const json_t *object, const char *where, const uint8_t *master,
                                struct sealed *sealed, cella_error *error)
{
    struct box_seal made;
    const json_t *version, *what, *name, *type, *policy, *nonce, *tag, *secret;
    const struct field fields[] = {
        {"cella_keyd_secret", JSON_INTEGER, false, &version},
        {"for", JSON_STRING, false, &what},
        {"name", JSON_STRING, false, &name},
        {"type", JSON_STRING, false, &type},
        {"policy", JSON_STRING, false, &policy},
        {"nonce", JSON_STRING, false, &nonce},
        {"tag", JSON_STRING, false, &tag},
        {"sealed", JSON_STRING, false, &secret},
    };
    cella_status status = FIELDS_READ(object, where, fields, error);
    if (status == CELLA_OK && json_integer_value(version) != VERSION)
        status = fail(error, CELLA_UNSUPPORTED, "%s: written by another version of cella", where);
    if (status || (status = copy_text(what, where, "for", sealed->what, 16, error)) ||
        (status = copy_text(name, where, "name", sealed->name, 64, error)) ||
        (status = copy_text(type, where, "type", sealed->type, 16, error)) ||
        (status = fields_hex(nonce, where, "nonce", made.nonce, BOX_NONCE, error)) ||
        (status = fields_hex(tag, where, "tag", made.tag, BOX_TAG, error)) ||
        (status = digest_bytes(json_string_value(policy), json_string_length(policy),
                               sealed->policy_hash, error)))
        return status;
    if (!(sealed->policy = strdup(json_string_value(policy))))
        return fail(error, CELLA_MEMORY, "%s: no memory to read it", where);
    return master ? open_secret(json_string_value(secret), &made, where, master, sealed, error)
                  : CELLA_OK;
}

cella_status sealed_parse(const char *text, size_t size, const char *where, const uint8_t *master,
                          struct sealed *sealed, cella_error *error)
{
    json_t *object;
    memset(sealed, 0, sizeof(*sealed));
    cella_status status = fields_parse(text, size, where, &object, error);
    if (status == CELLA_OK)
        status = read_object(object, where, master, sealed, error);
    json_decref(object);
    return status;
}

cella_status sealed_read(const char *path, const uint8_t *master, struct sealed *sealed,
                         cella_error *error)
{
    uint8_t *text;
    size_t size;
    memset(sealed, 0, sizeof(*sealed));
    cella_status status = file_read(path, FILE_MOST, &text, &size, error);
    if (status)
        return status;
    status = sealed_parse((char *)text, size, path, master, sealed, error);
    free(text);
    return status;
}

void sealed_drop(struct sealed *sealed)
{
    if (sealed->secret)
        OPENSSL_cleanse(sealed->secret, sealed->size);
    free(sealed->secret);
    free(sealed->policy);
    memset(sealed, 0, sizeof(*sealed));
}

/* ---- the master key ---- */

cella_status master_make(const char *path, const struct cella_passphrase *passphrase,
                         uint8_t master[BOX_KEY], cella_error *error)
{
    const struct passphrase_cost cost = PASSPHRASE_COST;
    uint8_t salt[PASSPHRASE_SALT], under[BOX_KEY], sealed[BOX_KEY];
    char salt_text[2 * PASSPHRASE_SALT + 1], nonce[2 * BOX_NONCE + 1], tag[2 * BOX_TAG + 1];
    char text[2 * BOX_KEY + 1];
    struct box_seal made;
    json_t *object = NULL;
    if (RAND_bytes(salt, sizeof(salt)) != 1 || RAND_bytes(master, BOX_KEY) != 1)
        return fail(error, CELLA_SYSTEM, "no key could be made: no randomness");
    cella_status status = passphrase_key(passphrase, salt, &cost, under, error);
    if (status)
        return status;
    if (seal(under, MASTER_FOR, strlen(MASTER_FOR), master, BOX_KEY, &made, sealed))
        object = json_pack(
            "{s:i, s:s, s:i, s:i, s:i, s:s, s:s, s:s}", "cella_keyd", VERSION, "salt",
            hex_write(salt, sizeof(salt), salt_text), "passes", cost.passes, "memory_kib",
            cost.memory_kib, "lanes", cost.lanes, "nonce", hex_write(made.nonce, BOX_NONCE, nonce),
            "tag", hex_write(made.tag, BOX_TAG, tag), "sealed", hex_write(sealed, BOX_KEY, text));
    OPENSSL_cleanse(under, sizeof(under));
    status = object ? write_json(path, object, false, error)
                    : fail(error, CELLA_MEMORY, "%s: no memory to write it", path);
    json_decref(object);
    return status;
}

/* A master key as its file has it. */
struct locked {
    uint8_t salt[PASSPHRASE_SALT];
    struct passphrase_cost cost;
    struct box_seal made;
    uint8_t sealed[BOX_KEY];
};

static cella_status read_locked(const json_t *object, const char *path, struct locked *locked,
                                cella_error *error)
{
    const json_t *version, *salt, *passes, *memory, *lanes, *nonce, *tag, *sealed;
    const struct field fields[] = {
        {"cella_keyd", JSON_INTEGER, false, &version},
        {"salt", JSON_STRING, false, &salt},
        {"passes", JSON_INTEGER, false, &passes},
        {"memory_kib", JSON_INTEGER, false, &memory},
        {"lanes", JSON_INTEGER, false, &lanes},
        {"nonce", JSON_STRING, false, &nonce},
        {"tag", JSON_STRING, false, &tag},
        {"sealed", JSON_STRING, false, &sealed},
    };
    cella_status status = FIELDS_READ(object, path, fields, error);
    if (status == CELLA_OK && json_integer_value(version) != VERSION)
        status = fail(error, CELLA_UNSUPPORTED, "%s: written by another version of cella", path);
    if (status || (status = fields_hex(salt, path, "salt", locked->salt, PASSPHRASE_SALT, error)) ||
        (status = fields_hex(nonce, path, "nonce", locked->made.nonce, BOX_NONCE, error)) ||
        (status = fields_hex(tag, path, "tag", locked->made.tag, BOX_TAG, error)) ||
        (status = fields_hex(sealed, path, "sealed", locked->sealed, BOX_KEY, error)))
        return status;
    json_int_t numbers[] = {json_integer_value(passes), json_integer_value(memory),
                            json_integer_value(lanes)};
    for (size_t i = 0; i < 3; i++)
        if (numbers[i] < 0 || numbers[i] > UINT32_MAX)
            numbers[i] = 0;
    locked->cost =
        (struct passphrase_cost){(uint32_t)numbers[0], (uint32_t)numbers[1], (uint32_t)numbers[2]};
    if (!passphrase_cost_is_allowed(&locked->cost))
        return fail(error, CELLA_INVALID,
                    "%s: passes, memory_kib or lanes are outside of what is allowed", path);
    return CELLA_OK;
}

static cella_status unlock(const struct locked *locked, const char *path,
                           const struct cella_passphrase *passphrase, uint8_t master[BOX_KEY],
                           cella_error *error)
{
    uint8_t under[BOX_KEY];
    cella_status status = passphrase_key(passphrase, locked->salt, &locked->cost, under, error);
    if (status)
        return status;
    EVP_CIPHER_CTX *cipher = aead_new(under, false);
    if (!cipher || !aead_open(cipher, locked->made.nonce, MASTER_FOR, strlen(MASTER_FOR),
                              locked->sealed, BOX_KEY, master, locked->made.tag))
        status = fail(error, CELLA_REFUSED,
                      "%s: this passphrase does not open it (or the file was altered)", path);
    EVP_CIPHER_CTX_free(cipher);
    OPENSSL_cleanse(under, sizeof(under));
    return status;
}

cella_status master_open(const char *path, const struct cella_passphrase *passphrase,
                         uint8_t master[BOX_KEY], cella_error *error)
{
    uint8_t *text;
    size_t size;
    json_t *object = NULL;
    struct locked locked;
    cella_status status = file_read(path, FILE_MOST, &text, &size, error);
    if (status)
        return status;
    status = fields_parse((char *)text, size, path, &object, error);
    if (status == CELLA_OK)
        status = read_locked(object, path, &locked, error);
    if (status == CELLA_OK)
        status = unlock(&locked, path, passphrase, master, error);
    json_decref(object);
    free(text);
    return status;
}
