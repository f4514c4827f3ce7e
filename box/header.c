/* SPDX-License-Identifier: Apache-2.0
 *
 * The header of a box. It is hostile until box_head_open has said that it is not: every size is
 * checked before it is used, and what is not needed is zero.
 */
#include "header.h"

#include "../image/fail.h"
#include "../image/hex.h"
#include "aead.h"
#include "hpke.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEAL        sizeof(struct box_seal)
#define HEADER_MOST (BOX_HEADER_PAGES * (size_t)BOX_PAGE)

static size_t stanza_size(unsigned type)
{
    switch (type) {
    case BOX_STANZA_X25519:
        return sizeof(struct box_stanza_x25519);
    case BOX_STANZA_PASSPHRASE:
        return sizeof(struct box_stanza_passphrase);
    default:
        return sizeof(struct box_stanza_key);
    }
}

/* ---- checks ---- */

cella_status box_head_count(const uint8_t page[BOX_PAGE], const char *where, uint32_t *count,
                            cella_error *error)
{
    const struct box_header *header = (const void *)page;
    if (memcmp(header->magic, BOX_MAGIC, sizeof(header->magic)) != 0)
        return fail(error, CELLA_INVALID, "%s: not a box", where);
    if (header->version != BOX_VERSION || header->cipher != BOX_CIPHER)
        return fail(error, CELLA_UNSUPPORTED,
                    "%s: a box of version %u, cipher %u; this cella knows version %u, cipher %u",
                    where, header->version, header->cipher, BOX_VERSION, BOX_CIPHER);
    if (header->header_pages < 1 || header->header_pages > BOX_HEADER_PAGES)
        return fail(error, CELLA_INVALID, "%s: its header says that it has %u pages; at most %u",
                    where, header->header_pages, BOX_HEADER_PAGES);
    *count = header->header_pages;
    return CELLA_OK;
}

static cella_status check_name(const struct box_header *header, const char *where,
                               cella_error *error)
{
    size_t size = header->name_size;
    if (size > BOX_NAME || memchr(header->name, 0, size) || memchr(header->name, '/', size) ||
        !aead_is_zero(header->name + size, sizeof(header->name) - size))
        return fail(error, CELLA_INVALID, "%s: the name in its header is malformed", where);
    return CELLA_OK;
}

static cella_status check_stanza(const struct box_recipient *stanza, const char *where,
                                 cella_error *error)
{
    if (stanza->type < BOX_STANZA_X25519 || stanza->type > BOX_STANZA_FORMER)
        return fail(error, CELLA_UNSUPPORTED, "%s: a recipient of the unknown kind %u", where,
                    stanza->type);
    if (stanza->type == BOX_STANZA_FORMER ? stanza->size < 1 || stanza->size > BOX_NAME
                                          : stanza->size != stanza_size(stanza->type))
        return fail(error, CELLA_INVALID, "%s: a recipient of kind %u with %u bytes", where,
                    stanza->type, stanza->size);
    if (stanza->type != BOX_STANZA_PASSPHRASE)
        return CELLA_OK;
    struct box_stanza_passphrase content;
    memcpy(&content, stanza->content, sizeof(content));
    struct passphrase_cost cost = {content.passes, content.memory_kib, content.lanes};
    return passphrase_cost_is_allowed(&cost)
               ? CELLA_OK
               : fail(error, CELLA_INVALID, "%s: its passphrase has a cost that is not allowed",
                      where);
}

static struct box_recipient stanza_at(const uint8_t *at)
{
    struct box_stanza stanza;
    memcpy(&stanza, at, sizeof(stanza));
    return (struct box_recipient){stanza.type, stanza.size, at + sizeof(stanza)};
}

cella_status box_head_check(const uint8_t *pages, uint32_t count, const char *where,
                            cella_error *error)
{
    const struct box_header *header = (const void *)pages;
    uint32_t counted = 0;
    cella_status status = box_head_count(pages, where, &counted, error);
    if (!status)
        status = check_name(header, where, error);
    if (status)
        return status;
    size_t room = count * (size_t)BOX_PAGE - sizeof(*header) - SEAL, at = 0, found = 0;
    if (counted != count || !aead_is_zero(header->zero, sizeof(header->zero)) ||
        header->stanzas_size > room)
        return fail(error, CELLA_INVALID, "%s: its header is malformed", where);
    const uint8_t *stanzas = pages + sizeof(*header);
    for (; at < header->stanzas_size; found++) {
        uint32_t left = header->stanzas_size - (uint32_t)at;
        if (left < sizeof(struct box_stanza))
            return fail(error, CELLA_INVALID, "%s: a recipient in its header is cut", where);
        struct box_recipient stanza = stanza_at(stanzas + at);
        if (left - sizeof(struct box_stanza) < stanza.size)
            return fail(error, CELLA_INVALID, "%s: a recipient in its header is cut", where);
        if ((status = check_stanza(&stanza, where, error)))
            return status;
        at += sizeof(struct box_stanza) + stanza.size;
    }
    if (found != header->recipients || !aead_is_zero(stanzas + at, room - at))
        return fail(error, CELLA_INVALID, "%s: its header does not have the recipients it says",
                    where);
    return CELLA_OK;
}

bool box_head_next(const uint8_t *pages, struct box_recipient *recipient)
{
    const struct box_header *header = (const void *)pages;
    const uint8_t *first = pages + sizeof(*header);
    const uint8_t *next = recipient->content ? recipient->content + recipient->size : first;
    if (next >= first + header->stanzas_size)
        return false;
    *recipient = stanza_at(next);
    return true;
}

/* ---- the seal and the stanzas ---- */

/* 'H', then the header before its seal. */
static uint8_t *sealed_text(const uint8_t *pages, uint32_t count, size_t *size)
{
    *size = count * (size_t)BOX_PAGE - SEAL + 1;
    uint8_t *text = malloc(*size);
    if (text) {
        text[0] = BOX_FOR_HEADER;
        memcpy(text + 1, pages, *size - 1);
    }
    return text;
}

static bool seal_header(const uint8_t key[BOX_KEY], uint8_t *pages, uint32_t count)
{
    size_t size;
    uint8_t *text = sealed_text(pages, count, &size);
    struct box_seal *seal = (void *)(pages + count * (size_t)BOX_PAGE - SEAL);
    EVP_CIPHER_CTX *cipher = text ? aead_new(key, true) : NULL;
    bool good = cipher && RAND_bytes(seal->nonce, BOX_NONCE) == 1 &&
                aead_seal(cipher, seal->nonce, text, size, NULL, 0, NULL, seal->tag);
    EVP_CIPHER_CTX_free(cipher);
    free(text);
    return good;
}

static bool header_is_sealed(const uint8_t key[BOX_KEY], const uint8_t *pages, uint32_t count)
{
    size_t size;
    uint8_t *text = sealed_text(pages, count, &size);
    const struct box_seal *seal = (const void *)(pages + count * (size_t)BOX_PAGE - SEAL);
    EVP_CIPHER_CTX *cipher = text ? aead_new(key, false) : NULL;
    bool good = cipher && aead_open(cipher, seal->nonce, text, size, NULL, 0, NULL, seal->tag);
    EVP_CIPHER_CTX_free(cipher);
    free(text);
    return good;
}

struct wrap_text { /* additional data of a wrapped file key */
    uint8_t is_for;
    uint8_t file_id[BOX_ID];
};

static struct wrap_text wrap_text(const struct box_header *header)
{
    struct wrap_text text = {.is_for = BOX_FOR_KEY};
    memcpy(text.file_id, header->file_id, BOX_ID);
    return text;
}

static bool wrap(const struct box_header *header, const uint8_t under[BOX_KEY],
                 const uint8_t file_key[BOX_KEY], struct box_seal *seal, uint8_t wrapped[BOX_KEY])
{
    struct wrap_text text = wrap_text(header);
    EVP_CIPHER_CTX *cipher = aead_new(under, true);
    bool good =
        cipher && RAND_bytes(seal->nonce, BOX_NONCE) == 1 &&
        aead_seal(cipher, seal->nonce, &text, sizeof(text), file_key, BOX_KEY, wrapped, seal->tag);
    EVP_CIPHER_CTX_free(cipher);
    return good;
}

static bool unwrap(const struct box_header *header, const uint8_t under[BOX_KEY],
                   const struct box_seal *seal, const uint8_t wrapped[BOX_KEY],
                   uint8_t file_key[BOX_KEY])
{
    struct wrap_text text = wrap_text(header);
    EVP_CIPHER_CTX *cipher = aead_new(under, false);
    bool good = cipher && aead_open(cipher, seal->nonce, &text, sizeof(text), wrapped, BOX_KEY,
                                    file_key, seal->tag);
    EVP_CIPHER_CTX_free(cipher);
    return good;
}

#define INFO_SIZE (sizeof(BOX_VERSION_PREFIX) - 1 + BOX_ID)

static struct hpke_bytes hpke_info(const struct box_header *header, uint8_t info[INFO_SIZE])
{
    memcpy(info, BOX_VERSION_PREFIX, sizeof(BOX_VERSION_PREFIX) - 1);
    memcpy(info + sizeof(BOX_VERSION_PREFIX) - 1, header->file_id, BOX_ID);
    return (struct hpke_bytes){info, INFO_SIZE};
}

/* ---- making ---- */

static void put_stanza(struct box_header *header, unsigned type, const void *content)
{
    uint8_t *at = (uint8_t *)(header + 1) + header->stanzas_size;
    struct box_stanza stanza = {.type = (uint16_t)type, .size = (uint16_t)stanza_size(type)};
    memcpy(at, &stanza, sizeof(stanza));
    memcpy(at + sizeof(stanza), content, stanza.size);
    header->stanzas_size += (uint32_t)(sizeof(stanza) + stanza.size);
    header->recipients++;
}

static cella_status put_recipient(struct box_header *header, const uint8_t recipient[HPKE_KEY],
                                  const uint8_t file_key[BOX_KEY], cella_error *error)
{
    struct box_stanza_x25519 content;
    uint8_t info[INFO_SIZE];
    char digits[2 * HPKE_KEY + 1];
    memcpy(content.recipient, recipient, HPKE_KEY);
    if (!hpke_seal(recipient, hpke_info(header, info), (struct hpke_bytes){NULL, 0},
                   (struct hpke_bytes){file_key, BOX_KEY}, content.encapsulated, content.wrapped))
        return fail(error, CELLA_INVALID, "%s: nothing can be sealed to that receiving key",
                    hex_write(recipient, HPKE_KEY, digits));
    put_stanza(header, BOX_STANZA_X25519, &content);
    return CELLA_OK;
}

static cella_status put_passphrase(struct box_header *header,
                                   const struct cella_passphrase *passphrase,
                                   const uint8_t file_key[BOX_KEY], cella_error *error)
{
    struct passphrase_cost cost = PASSPHRASE_COST;
    struct box_stanza_passphrase content = {
        .passes = cost.passes, .memory_kib = cost.memory_kib, .lanes = cost.lanes};
    uint8_t under[BOX_KEY];
    if (RAND_bytes(content.salt, sizeof(content.salt)) != 1)
        return fail(error, CELLA_SYSTEM, "there is no randomness");
    cella_status status = passphrase_key(passphrase, content.salt, &cost, under, error);
    if (!status && !wrap(header, under, file_key, &content.seal, content.wrapped))
        status = fail(error, CELLA_SYSTEM, "the key could not be sealed under the passphrase");
    if (!status)
        put_stanza(header, BOX_STANZA_PASSPHRASE, &content);
    OPENSSL_cleanse(under, sizeof(under));
    return status;
}

static cella_status put_key(struct box_header *header, const uint8_t key[BOX_KEY],
                            const uint8_t file_key[BOX_KEY], cella_error *error)
{
    struct box_stanza_key content;
    box_key_id(aead_sha256, key, content.key_id);
    if (!wrap(header, key, file_key, &content.seal, content.wrapped))
        return fail(error, CELLA_SYSTEM, "the key could not be sealed under another");
    put_stanza(header, BOX_STANZA_KEY, &content);
    return CELLA_OK;
}

static cella_status put_all(struct box_header *header, const struct cella_box_to *to,
                            const uint8_t file_key[BOX_KEY], cella_error *error)
{
    cella_status status = CELLA_OK;
    for (size_t i = 0; !status && i < to->recipient_count; i++)
        status = put_recipient(header, to->recipients[i], file_key, error);
    if (!status && to->passphrase)
        status = put_passphrase(header, to->passphrase, file_key, error);
    if (!status && to->key)
        status = put_key(header, to->key, file_key, error);
    return status;
}

static size_t size_for(const struct cella_box_to *to)
{
    size_t each = sizeof(struct box_stanza);
    return sizeof(struct box_header) + SEAL +
           to->recipient_count * (each + stanza_size(BOX_STANZA_X25519)) +
           (to->passphrase ? each + stanza_size(BOX_STANZA_PASSPHRASE) : 0) +
           (to->key ? each + stanza_size(BOX_STANZA_KEY) : 0);
}

cella_status box_head_make(const struct cella_box_to *to, const char *name,
                           uint8_t file_key[BOX_KEY], uint8_t **pages, uint32_t *count,
                           cella_error *error)
{
    size_t name_size = strlen(name);
    if (name_size > BOX_NAME || strchr(name, '/'))
        return fail(error, CELLA_INVALID, "%.50s: not a name for what is in a box", name);
    if (to->recipient_count > HEADER_MOST || size_for(to) > HEADER_MOST)
        return fail(error, CELLA_INVALID, "%zu recipients are too many for one box",
                    to->recipient_count);
    *count = (uint32_t)((size_for(to) + BOX_PAGE - 1) / BOX_PAGE);
    uint8_t *made = calloc(*count, BOX_PAGE);
    if (!made)
        return fail(error, CELLA_MEMORY, "no memory for the header of a box");
    struct box_header *header = (void *)made;
    memcpy(header->magic, BOX_MAGIC, sizeof(header->magic));
    header->version = BOX_VERSION;
    header->cipher = BOX_CIPHER;
    header->header_pages = (uint16_t)*count;
    header->name_size = (uint16_t)name_size;
    memcpy(header->name, name, name_size);
    cella_status status = CELLA_OK;
    if (RAND_bytes(header->file_id, BOX_ID) != 1 || RAND_priv_bytes(file_key, BOX_KEY) != 1)
        status = fail(error, CELLA_SYSTEM, "there is no randomness");
    box_key_id(aead_sha256, file_key, header->key_id);
    if (!status)
        status = put_all(header, to, file_key, error);
    if (!status && !seal_header(file_key, made, *count))
        status = fail(error, CELLA_SYSTEM, "the header could not be sealed");
    if (status) {
        OPENSSL_cleanse(file_key, BOX_KEY);
        free(made);
        return status;
    }
    *pages = made;
    return CELLA_OK;
}

/* ---- opening ---- */

static bool try_recipient(const struct box_header *header, const struct box_stanza_x25519 *content,
                          const struct cella_box_keys *keys, uint8_t file_key[BOX_KEY])
{
    uint8_t info[INFO_SIZE];
    for (size_t i = 0; i < keys->count; i++) {
        if (memcmp(keys->keys[i].is.receiving, content->recipient, HPKE_KEY) == 0 &&
            hpke_open(keys->keys[i].receiving_secret, content->encapsulated,
                      hpke_info(header, info), (struct hpke_bytes){NULL, 0},
                      (struct hpke_bytes){content->wrapped, sizeof(content->wrapped)}, file_key))
            return true;
    }
    return false;
}

static bool try_passphrase(const struct box_header *header,
                           const struct box_stanza_passphrase *content,
                           const struct cella_passphrase *passphrase, uint8_t file_key[BOX_KEY])
{
    struct passphrase_cost cost = {content->passes, content->memory_kib, content->lanes};
    uint8_t under[BOX_KEY];
    bool good = passphrase_key(passphrase, content->salt, &cost, under, NULL) == CELLA_OK &&
                unwrap(header, under, &content->seal, content->wrapped, file_key);
    OPENSSL_cleanse(under, sizeof(under));
    return good;
}

static bool try_key(const struct box_header *header, const struct box_stanza_key *content,
                    const uint8_t key[BOX_KEY], uint8_t file_key[BOX_KEY])
{
    uint8_t id[BOX_ID];
    box_key_id(aead_sha256, key, id);
    return memcmp(id, content->key_id, BOX_ID) == 0 &&
           unwrap(header, key, &content->seal, content->wrapped, file_key);
}

static bool try_stanza(const struct box_header *header, const struct box_recipient *stanza,
                       const struct cella_box_keys *keys, uint8_t file_key[BOX_KEY])
{
    union {
        struct box_stanza_x25519 recipient;
        struct box_stanza_passphrase passphrase;
        struct box_stanza_key key;
        uint8_t former[BOX_NAME];
    } content;
    memcpy(&content, stanza->content, stanza->size); /* aligned there */
    switch (stanza->type) {
    case BOX_STANZA_X25519:
        return try_recipient(header, &content.recipient, keys, file_key);
    case BOX_STANZA_PASSPHRASE:
        return keys->passphrase &&
               try_passphrase(header, &content.passphrase, keys->passphrase, file_key);
    case BOX_STANZA_KEY:
        return keys->key && try_key(header, &content.key, keys->key, file_key);
    default:
        return false;
    }
}

static bool find_key(const uint8_t *pages, const struct cella_box_keys *keys,
                     uint8_t file_key[BOX_KEY])
{
    const struct box_header *header = (const void *)pages;
    uint8_t id[BOX_ID];
    if (keys->key) {
        box_key_id(aead_sha256, keys->key, id);
        if (memcmp(id, header->key_id, BOX_ID) == 0) {
            memcpy(file_key, keys->key, BOX_KEY);
            return true;
        }
    }
    struct box_recipient stanza = {0};
    while (box_head_next(pages, &stanza))
        if (try_stanza(header, &stanza, keys, file_key))
            return true;
    return false;
}

/* Says who may open it. */
static cella_status no_key(const uint8_t *pages, const char *where, cella_error *error)
{
    enum { NAMED = 3 };
    char who[NAMED * (2 * HPKE_KEY + 3) + 64];
    size_t at = 0, count = 0;
    struct box_recipient stanza = {0};
    bool passphrase = false;
    who[0] = 0;
    while (box_head_next(pages, &stanza)) {
        passphrase = passphrase || stanza.type == BOX_STANZA_PASSPHRASE;
        if (stanza.type != BOX_STANZA_X25519 || count++ >= NAMED)
            continue;
        at += (size_t)sprintf(who + at, at ? ", " : "");
        hex_write(stanza.content, HPKE_KEY, who + at); /* first in it: the public key */
        at += 2 * HPKE_KEY;
    }
    if (count > NAMED)
        at += (size_t)sprintf(who + at, " and %zu more", count - NAMED);
    if (passphrase)
        sprintf(who + at, "%sa passphrase", at ? ", or " : "");
    return fail(error, CELLA_REFUSED, "%s: %s; %s%s", where,
                passphrase ? "wrong key or passphrase" : "wrong key: none of those given opens it",
                who[0] ? "it is sealed to " : "it is sealed to nobody but the holder of its key",
                who);
}

cella_status box_head_open(const uint8_t *pages, uint32_t count, const char *where,
                           const struct cella_box_keys *keys, uint8_t file_key[BOX_KEY],
                           cella_error *error)
{
    const struct box_header *header = (const void *)pages;
    uint8_t id[BOX_ID];
    cella_status status = box_head_check(pages, count, where, error);
    if (status)
        return status;
    if (!find_key(pages, keys, file_key))
        return no_key(pages, where, error);
    box_key_id(aead_sha256, file_key, id);
    if (memcmp(id, header->key_id, BOX_ID) == 0 && header_is_sealed(file_key, pages, count))
        return CELLA_OK;
    OPENSSL_cleanse(file_key, BOX_KEY);
    return fail(error, CELLA_REFUSED, "%s: its header fails authentication: it was altered", where);
}
