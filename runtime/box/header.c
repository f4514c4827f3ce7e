/* SPDX-License-Identifier: Apache-2.0
 *
 * Headers: checked, authenticated, made, renamed. Nothing of a header is used before it has been
 * checked whole; nothing but its key id and stanzas before its seal is right.
 */
#include "inside.h"

#define SEAL_OFFSET(count) ((count) * (size_t)BOX_PAGE - sizeof(struct box_seal))

/* ---- what a header may look like ---- */

static bool are_zero(const uint8_t *bytes, size_t size)
{
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++)
        any |= bytes[i];
    return !any;
}

static bool name_is_valid(const char *name, size_t size)
{
    if (size > BOX_NAME)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!name[i] || name[i] == '/')
            return false;
    }
    return true;
}

static bool stanza_is_valid(const struct box_stanza *stanza)
{
    const uint8_t *content = (const uint8_t *)(stanza + 1);
    switch (stanza->type) {
    case BOX_STANZA_X25519:
        return stanza->size == sizeof(struct box_stanza_x25519);
    case BOX_STANZA_PASSPHRASE:
        return stanza->size == sizeof(struct box_stanza_passphrase);
    case BOX_STANZA_KEY:
        return stanza->size == sizeof(struct box_stanza_key);
    case BOX_STANZA_FORMER:
        return stanza->size && name_is_valid((const char *)content, stanza->size);
    default:
        return false;
    }
}

static bool stanzas_are_valid(const struct box_header *header, const uint8_t *stanzas, size_t room)
{
    size_t at = 0;
    struct box_stanza *stanza;
    if (header->stanzas_size > room)
        return false;
    for (unsigned i = 0; i < header->recipients; i++) {
        size_t left = header->stanzas_size - at;
        if (left < sizeof(*stanza))
            return false;
        stanza = (struct box_stanza *)(void *)(stanzas + at);
        if (stanza->size > left - sizeof(*stanza) || !stanza_is_valid(stanza))
            return false;
        at += sizeof(*stanza) + stanza->size;
    }
    return at == header->stanzas_size && are_zero(stanzas + at, room - at);
}

/* Checks all of a header but its seal; `size` is what was read, at least one page. The pages that
 * it has, 0: malformed. */
static uint32_t header_check(const uint8_t *pages, size_t size)
{
    struct box_header header;
    if (size < BOX_PAGE)
        return 0;
    memcpy(&header, pages, sizeof(header));
    uint32_t count = header.header_pages;
    if (memcmp(header.magic, BOX_MAGIC, sizeof(header.magic)) != 0 ||
        header.version != BOX_VERSION || header.cipher != BOX_CIPHER || !count ||
        count > BOX_HEADER_PAGES || header.name_size > BOX_NAME)
        return 0;
    if (size < count * (size_t)BOX_PAGE)
        return count; /* the caller reads on */
    if (!are_zero(header.zero, sizeof(header.zero)) ||
        !name_is_valid((const char *)header.name, header.name_size) ||
        !are_zero(header.name + header.name_size, sizeof(header.name) - header.name_size) ||
        !stanzas_are_valid(&header, pages + sizeof(header), SEAL_OFFSET(count) - sizeof(header)))
        return 0;
    return count;
}

/* The first stanza of `type` behind `after` (NULL: the first of all) in a checked header; its
 * content is behind it. NULL: no more. */
static const struct box_stanza *header_stanza(const uint8_t *pages, uint16_t type,
                                              const struct box_stanza *after)
{
    const struct box_header *header = (const struct box_header *)(const void *)pages;
    const uint8_t *at = pages + sizeof(*header), *end = at + header->stanzas_size;
    while (at < end) {
        const struct box_stanza *stanza = (const struct box_stanza *)(const void *)at;
        if ((const uint8_t *)after < at && stanza->type == type)
            return stanza;
        at += sizeof(*stanza) + stanza->size;
    }
    return NULL;
}

/* ---- seals ---- */

/* Seal and authenticate a checked header of `count` pages. `pages` has a byte in front of it that
 * may be written. */
static bool header_seal(const struct box_services *services, void *key, uint8_t *pages,
                        uint32_t count)
{
    struct box_seal seal;
    pages[-1] = BOX_FOR_HEADER;
    services->random(seal.nonce, BOX_NONCE);
    if (!services->seal(key, &seal, pages - 1, 1 + SEAL_OFFSET(count), NULL, NULL, 0))
        return false;
    memcpy(pages + SEAL_OFFSET(count), &seal, sizeof(seal));
    return true;
}

static bool header_is_authentic(const struct box_services *services, void *key, uint8_t *pages,
                                uint32_t count)
{
    struct box_seal seal;
    pages[-1] = BOX_FOR_HEADER;
    memcpy(&seal, pages + SEAL_OFFSET(count), sizeof(seal));
    return services->open(key, &seal, pages - 1, 1 + SEAL_OFFSET(count), NULL, NULL, 0);
}

/* ---- keys ---- */

static void wrap_additional(const uint8_t *file_id, uint8_t to[1 + BOX_ID])
{
    to[0] = BOX_FOR_KEY;
    memcpy(to + 1, file_id, BOX_ID);
}

/* The file key out of the stanza that `key` opens. */
static enum box_fault_kind unwrap(const struct box_services *services, const uint8_t *pages,
                                  const uint8_t *key, const uint8_t id[BOX_ID],
                                  uint8_t file_key[BOX_KEY])
{
    const struct box_header *header = (const struct box_header *)(const void *)pages;
    const struct box_stanza *stanza = NULL;
    struct box_stanza_key wrap;
    uint8_t additional[1 + BOX_ID];
    do {
        stanza = header_stanza(pages, BOX_STANZA_KEY, stanza);
        if (!stanza)
            return BOX_FAULT_KEY;
        memcpy(&wrap, stanza + 1, sizeof(wrap));
    } while (memcmp(wrap.key_id, id, BOX_ID) != 0);
    void *prepared = services->key_begin(key);
    if (!prepared)
        return BOX_FAULT_MEMORY;
    wrap_additional(header->file_id, additional);
    bool done = services->open(prepared, &wrap.seal, additional, sizeof(additional), wrap.wrapped,
                               file_key, BOX_KEY);
    services->key_end(prepared);
    return done ? BOX_FAULT_NONE : BOX_FAULT_HEADER;
}

/* Makes box->key from the caller's key and what a checked header says. */
static bool key_find(struct box *box, const uint8_t *pages, const uint8_t *key)
{
    const struct box_header *header = (const struct box_header *)(const void *)pages;
    uint8_t id[BOX_ID], file_key[BOX_KEY];
    enum box_fault_kind kind = BOX_FAULT_NONE;
    box_key_id(box->services->sha256, key, id);
    memcpy(file_key, key, BOX_KEY);
    if (memcmp(id, header->key_id, BOX_ID) != 0) {
        kind = unwrap(box->services, pages, key, id, file_key);
        box_key_id(box->services->sha256, file_key, id);
        if (!kind && memcmp(id, header->key_id, BOX_ID) != 0)
            kind = BOX_FAULT_HEADER;
    }
    if (!kind && !(box->key = box->services->key_begin(file_key)))
        kind = BOX_FAULT_MEMORY;
    box_wipe(file_key, sizeof(file_key));
    return !kind || box_fail(box, kind, 0);
}

/* ---- in a file ---- */

#define MARGIN 16u /* in front of the pages: the seal's additional data begins there */
#define BUFFER (MARGIN + BOX_HEADER_PAGES * (size_t)BOX_PAGE)

/* Reads and checks a header into `pages`, which has room for the largest. */
static bool header_read(struct box *box, uint8_t *pages)
{
    uint64_t size;
    if (!box->file.size(box->file.context, &size))
        return box_fail(box, BOX_FAULT_INPUT_OUTPUT, 0);
    if (size < BOX_PAGE)
        return box_fail(box, BOX_FAULT_MALFORMED, 0);
    if (!box->file.read(box->file.context, 0, pages, BOX_PAGE))
        return box_fail(box, BOX_FAULT_INPUT_OUTPUT, 0);
    uint32_t count = header_check(pages, BOX_PAGE);
    if (!count || size < (count + UINT64_C(2)) * BOX_PAGE)
        return box_fail(box, BOX_FAULT_MALFORMED, 0);
    if (count > 1 && !box->file.read(box->file.context, BOX_PAGE, pages + BOX_PAGE,
                                     (count - 1) * (size_t)BOX_PAGE))
        return box_fail(box, BOX_FAULT_INPUT_OUTPUT, 0);
    if (header_check(pages, count * (size_t)BOX_PAGE) != count)
        return box_fail(box, BOX_FAULT_MALFORMED, 0);
    box->header_pages = count;
    return true;
}

static bool is_named(const uint8_t *pages, const char *name, size_t size)
{
    const struct box_header *header = (const struct box_header *)(const void *)pages;
    const struct box_stanza *former = header_stanza(pages, BOX_STANZA_FORMER, NULL);
    return (header->name_size == size && memcmp(header->name, name, size) == 0) ||
           (former && former->size == size && memcmp(former + 1, name, size) == 0);
}

static bool open_in(struct box *box, const struct box_opening *opening, uint8_t *pages)
{
    if (!header_read(box, pages) || !key_find(box, pages, opening->key))
        return false;
    if (!header_is_authentic(box->services, box->key, pages, box->header_pages))
        return box_fail(box, BOX_FAULT_HEADER, 0);
    memcpy(box->file_id, pages + offsetof(struct box_header, file_id), BOX_ID);
    box->former = header_stanza(pages, BOX_STANZA_FORMER, NULL);
    return !opening->name || is_named(pages, opening->name, opening->name_size) ||
           box_fail(box, BOX_FAULT_NAME, 0);
}

/* Calls with a buffer for a header. */
static uint8_t *buffer_take(struct box *box)
{
    uint8_t *buffer = box->services->allocate(BUFFER);
    if (!buffer)
        box_fail(box, BOX_FAULT_MEMORY, 0);
    return buffer ? buffer + MARGIN : NULL;
}

static void buffer_give(struct box *box, uint8_t *pages)
{
    box->services->release(pages - MARGIN, BUFFER);
}

bool header_open(struct box *box, const struct box_opening *opening)
{
    uint8_t *pages = buffer_take(box);
    bool done = pages && open_in(box, opening, pages);
    if (pages)
        buffer_give(box, pages);
    return done;
}

static void stanza_add(uint8_t *pages, uint16_t type, const void *content, size_t size)
{
    struct box_header *header = (struct box_header *)(void *)pages;
    struct box_stanza stanza = {.type = type, .size = (uint16_t)size};
    uint8_t *to = pages + sizeof(*header) + header->stanzas_size;
    memcpy(to, &stanza, sizeof(stanza));
    memcpy(to + sizeof(stanza), content, size);
    header->stanzas_size += (uint32_t)(sizeof(stanza) + size);
    header->recipients++;
}

/* Wraps a file key under another. */
static bool wrap(struct box *box, uint8_t *pages, const uint8_t *key, const uint8_t *file_key)
{
    struct box_stanza_key stanza;
    uint8_t additional[1 + BOX_ID];
    void *prepared = box->services->key_begin(key);
    if (!prepared)
        return false;
    box_key_id(box->services->sha256, key, stanza.key_id);
    box->services->random(stanza.seal.nonce, BOX_NONCE);
    wrap_additional(box->file_id, additional);
    bool done = box->services->seal(prepared, &stanza.seal, additional, sizeof(additional),
                                    file_key, stanza.wrapped, BOX_KEY);
    box->services->key_end(prepared);
    if (done)
        stanza_add(pages, BOX_STANZA_KEY, &stanza, sizeof(stanza));
    return done;
}

static bool header_write(struct box *box, uint8_t *pages)
{
    box->messages++;
    if (!header_seal(box->services, box->key, pages, box->header_pages))
        return box_fail(box, BOX_FAULT_MEMORY, 0);
    return box->file.write(box->file.context, 0, pages, box->header_pages * (size_t)BOX_PAGE) ||
           box_fail(box, BOX_FAULT_INPUT_OUTPUT, 0);
}

static void name_set(struct box_header *header, const char *name, size_t size)
{
    memset(header->name, 0, sizeof(header->name));
    memcpy(header->name, name, size);
    header->name_size = (uint16_t)size;
}

static bool create_in(struct box *box, const struct box_opening *opening, bool wrapped,
                      uint8_t *pages)
{
    struct box_header *header = (struct box_header *)(void *)pages;
    uint8_t file_key[BOX_KEY];
    *header = (struct box_header){.version = BOX_VERSION, .cipher = BOX_CIPHER, .header_pages = 1};
    memcpy(header->magic, BOX_MAGIC, sizeof(header->magic));
    box->services->random(header->file_id, BOX_ID);
    memcpy(box->file_id, header->file_id, BOX_ID);
    name_set(header, opening->name, opening->name_size);
    memcpy(file_key, opening->key, BOX_KEY);
    if (wrapped)
        box->services->random(file_key, BOX_KEY);
    box_key_id(box->services->sha256, file_key, header->key_id);
    box->key = box->services->key_begin(file_key);
    bool done = box->key && (!wrapped || wrap(box, pages, opening->key, file_key));
    box_wipe(file_key, sizeof(file_key));
    box->header_pages = 1;
    return done ? header_write(box, pages) : box_fail(box, BOX_FAULT_MEMORY, 0);
}

bool header_create(struct box *box, const struct box_opening *opening, bool wrapped)
{
    if (!name_is_valid(opening->name, opening->name_size))
        return box_fail(box, BOX_FAULT_NAME, 0);
    uint8_t *pages = buffer_take(box);
    bool done = pages && create_in(box, opening, wrapped, pages);
    if (pages)
        buffer_give(box, pages);
    return done;
}

/* Takes the stanza of the former name out. */
static void former_remove(uint8_t *pages)
{
    struct box_header *header = (struct box_header *)(void *)pages;
    const struct box_stanza *former = header_stanza(pages, BOX_STANZA_FORMER, NULL);
    if (!former)
        return;
    size_t size = sizeof(*former) + former->size;
    uint8_t *at = pages + ((const uint8_t *)former - pages);
    uint8_t *end = pages + sizeof(*header) + header->stanzas_size;
    memmove(at, at + size, (size_t)(end - at) - size);
    memset(end - size, 0, size);
    header->stanzas_size -= (uint32_t)size;
    header->recipients--;
}

static bool rename_in(struct box *box, uint8_t *pages, const char *name, size_t size,
                      const char *former, size_t former_size)
{
    uint32_t count = box->header_pages;
    struct box_header *header = (struct box_header *)(void *)pages;
    if (!header_read(box, pages))
        return false;
    if (box->header_pages != count || !header_is_authentic(box->services, box->key, pages, count)) {
        box->header_pages = count;
        return box_fail(box, BOX_FAULT_HEADER, 0);
    }
    former_remove(pages);
    name_set(header, name, size);
    size_t room = SEAL_OFFSET(count) - sizeof(*header) - header->stanzas_size;
    if (former && former_size + sizeof(struct box_stanza) > room)
        return box_fail(box, BOX_FAULT_HEADER, 0);
    if (former)
        stanza_add(pages, BOX_STANZA_FORMER, former, former_size);
    return header_write(box, pages);
}

bool box_rename(struct box *box, const char *name, size_t size, const char *former,
                size_t former_size)
{
    if (box->fault.kind || !box->writable)
        return false;
    uint8_t *pages = buffer_take(box);
    bool done = pages && rename_in(box, pages, name, size, former, former_size);
    if (pages)
        buffer_give(box, pages);
    return done;
}
