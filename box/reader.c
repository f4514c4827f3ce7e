/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads a box from one end to the other.
 */
#include "reader.h"

#include "../image/fail.h"
#include "aead.h"
#include "direct.h"
#include "super.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static cella_status read_bytes(const struct box_source *source, uint64_t offset, void *to,
                               size_t size, cella_error *error)
{
    if (offset > source->size || size > source->size - offset)
        return fail(error, CELLA_REFUSED, "%s: it is truncated", source->where);
    if (source->bytes) {
        memcpy(to, source->bytes + offset, size);
        return CELLA_OK;
    }
    for (size_t done = 0; done < size;) {
        ssize_t got = direct_read(source->fd, source->direct, offset + done, (uint8_t *)to + done,
                                  size - done);
        if (got < 0 && errno != EINTR)
            return fail(error, CELLA_SYSTEM, "%s: cannot be read: %s", source->where,
                        strerror(errno));
        if (got == 0)
            return fail(error, CELLA_REFUSED, "%s: it became shorter while it was read",
                        source->where);
        done += got > 0 ? (size_t)got : 0;
    }
    return CELLA_OK;
}

static uint64_t base(const struct box_reader *reader)
{
    return reader->header_pages + UINT64_C(2);
}

static uint64_t journal_table(const struct box_reader *reader)
{
    return box_blocks(reader->super.journal_count * sizeof(uint64_t));
}

/* Pages of the content, as of the last commit: where it is not in its place yet, from the
 * journal. */
static cella_status read_pages(const struct box_reader *reader, uint64_t place, size_t count,
                               uint8_t *to, cella_error *error)
{
    uint64_t first = base(reader) + place;
    cella_status status = read_bytes(reader->source, first * BOX_PAGE, to, count * BOX_PAGE, error);
    for (uint64_t i = 0; !status && reader->journal && i < reader->super.journal_count; i++) {
        uint64_t target = reader->journal[i];
        uint64_t payload = reader->super.journal_page + journal_table(reader) + i;
        if (target >= first && target - first < count)
            status = read_bytes(reader->source, payload * BOX_PAGE,
                                to + (target - first) * BOX_PAGE, BOX_PAGE, error);
    }
    return status;
}

/* ---- header and superblock ---- */

static cella_status read_header(struct box_reader *reader, cella_error *error)
{
    const struct box_source *source = reader->source;
    uint8_t first[BOX_PAGE];
    if (source->size < BOX_PAGE)
        return fail(error, CELLA_INVALID, "%s: not a box", source->where);
    cella_status status = read_bytes(source, 0, first, sizeof(first), error);
    if (!status)
        status = box_head_count(first, source->where, &reader->header_pages, error);
    if (status)
        return status;
    reader->header = malloc(reader->header_pages * (size_t)BOX_PAGE);
    if (!reader->header)
        return fail(error, CELLA_MEMORY, "%s: no memory for its header", source->where);
    status = read_bytes(source, 0, reader->header, reader->header_pages * (size_t)BOX_PAGE, error);
    if (!status)
        status = box_head_check(reader->header, reader->header_pages, source->where, error);
    memcpy(reader->file_id, ((const struct box_header *)(const void *)reader->header)->file_id,
           BOX_ID);
    return status;
}

static cella_status read_super(struct box_reader *reader, EVP_CIPHER_CTX *cipher,
                               cella_error *error)
{
    uint8_t slots[2 * BOX_PAGE];
    cella_status status = read_bytes(reader->source, reader->header_pages * (uint64_t)BOX_PAGE,
                                     slots, sizeof(slots), error);
    return status ? status
                  : super_find(cipher, reader->file_id, reader->header_pages, slots,
                               reader->source->where, &reader->super, error);
}

cella_status reader_look(struct box_reader *reader, const struct box_source *source,
                         cella_error *error)
{
    *reader = (struct box_reader){.source = source};
    cella_status status = read_header(reader, error);
    return status ? status : read_super(reader, NULL, error);
}

static EVP_CIPHER_CTX *cipher_of(const struct box_reader *reader, cella_error *error)
{
    EVP_CIPHER_CTX *cipher = aead_new(reader->file_key, false);
    if (!cipher)
        fail(error, CELLA_MEMORY, "%s: no memory to open it", reader->source->where);
    return cipher;
}

cella_status reader_unlock(struct box_reader *reader, const struct box_source *source,
                           const struct cella_box_keys *keys, cella_error *error)
{
    *reader = (struct box_reader){.source = source};
    cella_status status = read_header(reader, error);
    if (!status)
        status = box_head_open(reader->header, reader->header_pages, source->where, keys,
                               reader->file_key, error);
    if (status)
        return status;
    EVP_CIPHER_CTX *cipher = cipher_of(reader, error);
    status = cipher ? read_super(reader, cipher, error) : CELLA_MEMORY;
    EVP_CIPHER_CTX_free(cipher);
    return status;
}

void reader_info(const struct box_reader *reader, struct cella_box_info *info)
{
    const struct box_header *header = (const void *)reader->header;
    *info =
        (struct cella_box_info){.size = reader->super.size, .generation = reader->super.generation};
    box_version_of(aead_sha256, reader->file_id, &reader->super, info->version);
    memcpy(info->name, header->name, header->name_size);
    memcpy(info->file_id, reader->file_id, BOX_ID);
}

/* ---- length, journal, tree ---- */

static cella_status check_length(const struct box_reader *reader, cella_error *error)
{
    const struct box_super *super = &reader->super;
    const char *where = reader->source->where;
    uint64_t pages = reader->source->size / BOX_PAGE;
    uint64_t needed = base(reader) + box_pages(box_blocks(super->size));
    if (pages < needed)
        return fail(error, CELLA_REFUSED,
                    "%s: it is truncated: block %llu and what is behind it are missing", where,
                    (unsigned long long)box_first_missing(base(reader), super->size, pages));
    if (super->journal_count &&
        (pages < super->journal_page ||
         pages - super->journal_page < journal_table(reader) + super->journal_count))
        return fail(error, CELLA_REFUSED, "%s: it is truncated: its journal is cut", where);
    if (!(super->flags & BOX_SUPER_WRITING) && reader->source->size != needed * BOX_PAGE)
        return fail(error, CELLA_REFUSED,
                    "%s: it is extended: %llu bytes lie behind its last block, %lld", where,
                    (unsigned long long)(reader->source->size - needed * BOX_PAGE),
                    (long long)box_blocks(super->size) - 1);
    return CELLA_OK;
}

static cella_status read_journal(struct box_reader *reader, cella_error *error)
{
    size_t size = reader->super.journal_count * sizeof(uint64_t);
    if (!size)
        return CELLA_OK;
    reader->journal = malloc(size);
    if (!reader->journal)
        return fail(error, CELLA_MEMORY, "%s: no memory for its journal", reader->source->where);
    return read_bytes(reader->source, reader->super.journal_page * BOX_PAGE, reader->journal, size,
                      error);
}

/* A node that was read, in place. */
static cella_status open_node(const struct box_reader *reader, EVP_CIPHER_CTX *cipher,
                              unsigned level, uint64_t index, const struct box_seal *seal,
                              struct box_entry entries[BOX_FANOUT], cella_error *error)
{
    struct group_additional additional = group_additional(reader->file_id, level, index);
    if (aead_open(cipher, seal->nonce, &additional, sizeof(additional), entries, BOX_PAGE, entries,
                  seal->tag))
        return CELLA_OK;
    return fail(error, CELLA_REFUSED,
                "%s: block %llu: the node over it and what is behind it fails authentication: it "
                "was altered, moved, or is of an older version",
                reader->source->where, (unsigned long long)(index * box_span(level)));
}

static cella_status read_node(const struct box_reader *reader, EVP_CIPHER_CTX *cipher,
                              unsigned level, uint64_t index, const struct box_seal *seal,
                              struct box_entry entries[BOX_FANOUT], cella_error *error)
{
    memset(entries, 0, BOX_PAGE);
    if (group_is_hole(seal))
        return CELLA_OK;
    cella_status status =
        read_pages(reader, box_place_node(level, index), 1, (uint8_t *)entries, error);
    return status ? status : open_node(reader, cipher, level, index, seal, entries, error);
}

/* From the seals of a level to those of the level below, which replace them. */
static cella_status descend(struct box_reader *reader, EVP_CIPHER_CTX *cipher, unsigned level,
                            cella_error *error)
{
    uint64_t blocks = box_blocks(reader->super.size);
    uint64_t below = group_nodes(level - 1, blocks);
    struct box_seal *seals = malloc(below * sizeof(*seals));
    cella_status status =
        seals ? CELLA_OK
              : fail(error, CELLA_MEMORY, "%s: no memory for its tree", reader->source->where);
    for (uint64_t i = 0; !status && i < group_nodes(level, blocks); i++) {
        struct box_entry entries[BOX_FANOUT];
        status = read_node(reader, cipher, level, i, &reader->leaves[i], entries, error);
        for (uint64_t child = 0; child < BOX_FANOUT && i * BOX_FANOUT + child < below; child++)
            seals[i * BOX_FANOUT + child] = entries[child].seal;
    }
    free(reader->leaves);
    reader->leaves = seals;
    return status;
}

static cella_status read_tree(struct box_reader *reader, cella_error *error)
{
    uint64_t blocks = box_blocks(reader->super.size);
    reader->groups = group_nodes(1, blocks);
    reader->batches = (reader->groups + BATCH_GROUPS - 1) / BATCH_GROUPS;
    reader->leaves = malloc(sizeof(*reader->leaves));
    EVP_CIPHER_CTX *cipher = cipher_of(reader, error);
    if (!cipher || !reader->leaves) {
        EVP_CIPHER_CTX_free(cipher);
        return fail(error, CELLA_MEMORY, "%s: no memory for its tree", reader->source->where);
    }
    cella_status status = CELLA_OK;
    reader->leaves[0] = reader->super.root;
    for (unsigned level = box_levels(blocks); !status && level > 1; level--)
        status = descend(reader, cipher, level, error);
    EVP_CIPHER_CTX_free(cipher);
    return status;
}

cella_status reader_begin(struct box_reader *reader, cella_error *error)
{
    cella_status status = check_length(reader, error);
    if (!status)
        status = read_journal(reader, error);
    return status ? status : read_tree(reader, error);
}

void reader_end(struct box_reader *reader)
{
    OPENSSL_cleanse(reader->file_key, sizeof(reader->file_key));
    free(reader->header);
    free(reader->journal);
    free(reader->leaves);
}

/* ---- blocks ---- */

static cella_status open_block(const struct box_reader *reader, EVP_CIPHER_CTX *cipher,
                               uint64_t block, const struct box_seal *seal, const uint8_t *from,
                               uint8_t *to, cella_error *error)
{
    struct group_additional additional = group_additional(reader->file_id, 0, block);
    if (group_is_hole(seal)) {
        memset(to, 0, BOX_PAGE);
        return CELLA_OK;
    }
    if (aead_open(cipher, seal->nonce, &additional, sizeof(additional), from, BOX_PAGE, to,
                  seal->tag))
        return CELLA_OK;
    return fail(error, CELLA_REFUSED,
                "%s: block %llu fails authentication: it was altered, moved, or is of an older "
                "version",
                reader->source->where, (unsigned long long)block);
}

/* From a group's pages to its content; `to` may be up to its pages. */
static cella_status open_group(const struct box_reader *reader, EVP_CIPHER_CTX *cipher,
                               uint64_t group, size_t blocks, const uint8_t *from, uint8_t *to,
                               cella_error *error)
{
    const struct box_seal *seal = &reader->leaves[group];
    struct box_entry entries[BOX_FANOUT];
    if (group_is_hole(seal)) {
        memset(to, 0, blocks * BOX_PAGE);
        return CELLA_OK;
    }
    memcpy(entries, from, BOX_PAGE);
    cella_status status = open_node(reader, cipher, 1, group, seal, entries, error);
    for (size_t i = 0; !status && i < blocks; i++)
        status = open_block(reader, cipher, group * BOX_FANOUT + i, &entries[i].seal,
                            from + (i + 1) * BOX_PAGE, to + i * BOX_PAGE, error);
    return status;
}

/* Content moves down over the nodes: a block's place is behind as many pages as there are blocks
 * before it, and behind its leaf. */
cella_status reader_batch(const struct box_reader *reader, EVP_CIPHER_CTX *cipher, uint64_t number,
                          uint8_t *pages, bool *hole, cella_error *error)
{
    struct batch batch = batch_of(number, box_blocks(reader->super.size));
    *hole = true;
    for (size_t i = 0; i < batch.groups; i++)
        *hole = *hole && group_is_hole(&reader->leaves[batch.group + i]);
    if (*hole)
        return CELLA_OK;
    cella_status status = read_pages(reader, batch.place, batch.pages, pages, error);
    for (size_t i = 0; !status && i < batch.groups; i++) {
        size_t left = batch.blocks - i * BOX_FANOUT;
        status =
            open_group(reader, cipher, batch.group + i, left < BOX_FANOUT ? left : BOX_FANOUT,
                       batch_group(&batch, batch.group + i, pages), pages + i * GROUP_BYTES, error);
    }
    return status;
}
