/* SPDX-License-Identifier: Apache-2.0
 *
 * Boxes: opened, read, written, truncated, closed.
 */
#include "inside.h"

/* Pages that one step may take while others are dirty. */
#define CACHE_RESERVE (STAGING_PAGES + BOX_LEVELS + 3)
static_assert(BOX_CACHE_LEAST >= 2 * CACHE_RESERVE, "there is room to be dirty");

bool box_fail(struct box *box, enum box_fault_kind kind, uint64_t block)
{
    if (!box->fault.kind)
        box->fault = (struct box_fault){kind, block};
    return false;
}

static void release(struct box *box)
{
    const struct box_services *services = box->services;
    cache_end(box);
    if (box->key)
        services->key_end(box->key);
    if (box->overlay)
        services->release(box->overlay, box->super.journal_count * JOURNAL_ENTRY);
    if (box->staging) {
        box_wipe(box->staging, STAGING_PAGES * (size_t)BOX_PAGE);
        services->release(box->staging, STAGING_PAGES * (size_t)BOX_PAGE);
    }
    box_wipe(box, sizeof(*box));
    services->release(box, sizeof(*box));
}

static struct box *begin(const struct box_opening *opening, struct box_fault *fault)
{
    *fault = (struct box_fault){BOX_FAULT_MEMORY, 0};
    struct box *box = opening->services->allocate(sizeof(*box));
    if (!box)
        return NULL;
    box->services = opening->services;
    box->file = opening->file;
    box->writable = opening->writable;
    box->pool_most =
        opening->cache_pages > BOX_CACHE_LEAST ? opening->cache_pages : BOX_CACHE_LEAST;
    box->staging = opening->services->allocate(STAGING_PAGES * (size_t)BOX_PAGE);
    if (!box->staging)
        box_fail(box, BOX_FAULT_MEMORY, 0);
    return box;
}

static struct box *end(struct box *box, struct box_fault *fault)
{
    *fault = box->fault;
    if (!fault->kind)
        return box;
    release(box);
    return NULL;
}

struct box *box_open(const struct box_opening *opening, struct box_fault *fault)
{
    struct box *box = begin(opening, fault);
    if (!box)
        return NULL;
    bool opened =
        !box->fault.kind && header_open(box, opening) && commit_begin(box, opening->version);
    if (opened && box->former && box->writable && opening->name) /* a rename was interrupted */
        box_rename(box, opening->name, opening->name_size, NULL, 0);
    return end(box, fault);
}

struct box *box_create(const struct box_opening *opening, bool wrapped, struct box_fault *fault)
{
    struct box *box = begin(opening, fault);
    if (!box)
        return NULL;
    if (!box->fault.kind && header_create(box, opening, wrapped))
        commit_create(box);
    return end(box, fault);
}

struct box_fault box_close(struct box *box)
{
    if (box->writable && box_commit(box))
        commit_finish(box);
    struct box_fault fault = box->fault;
    release(box);
    return fault;
}

uint64_t box_size(const struct box *box)
{
    return box->size;
}

const uint8_t *box_id(const struct box *box)
{
    return box->file_id;
}

struct box_fault box_fault(const struct box *box)
{
    return box->fault;
}

int64_t box_read(struct box *box, uint64_t offset, void *bytes, size_t size)
{
    if (offset >= box->size)
        return 0;
    if (size > box->size - offset)
        size = (size_t)(box->size - offset);
    for (size_t done = 0, piece; done < size; done += piece) {
        uint64_t at = offset + done, inside = at % BOX_PAGE;
        piece = size - done < BOX_PAGE - inside ? size - done : BOX_PAGE - inside;
        struct box_page *page = tree_data(box, at / BOX_PAGE, box_blocks(inside + size - done));
        if (!page)
            return -1;
        memcpy((uint8_t *)bytes + done, page->bytes + inside, piece);
    }
    return (int64_t)size;
}

/* Before a step that makes pages dirty: where there is no room for more of those, they are
 * committed. */
static bool make_room(struct box *box)
{
    if (!box->writable)
        return box_fail(box, BOX_FAULT_INPUT_OUTPUT, 0);
    if (box->fault.kind)
        return false;
    for (int i = 0; i < 2; i++) {
        if (box->pools[i].dirty + CACHE_RESERVE > box->pool_most)
            return box_commit(box);
    }
    return true;
}

/* Bytes within one block; NULL: zeros. */
static bool write_piece(struct box *box, uint64_t at, const void *bytes, size_t size)
{
    uint64_t block = at / BOX_PAGE, inside = at % BOX_PAGE;
    if (!make_room(box) || !tree_grow(box, block + 1) || !tree_path_dirty(box, block))
        return false;
    struct box_page *page = size == BOX_PAGE ? cache_find(box, 0, block) : tree_data(box, block, 1);
    if (!page && size == BOX_PAGE)
        page = cache_add(box, 0, block);
    if (!page)
        return false;
    if (bytes)
        memcpy(page->bytes + inside, bytes, size);
    else
        memset(page->bytes + inside, 0, size);
    cache_set_dirty(box, page, true);
    box->changed = true;
    if (at + size > box->size)
        box->size = at + size;
    return true;
}

bool box_write(struct box *box, uint64_t offset, const void *bytes, size_t size)
{
    if (offset > BOX_SIZE_MOST || size > BOX_SIZE_MOST - offset)
        return false;
    for (size_t done = 0, piece; done < size; done += piece) {
        uint64_t inside = (offset + done) % BOX_PAGE;
        piece = size - done < BOX_PAGE - inside ? size - done : (size_t)(BOX_PAGE - inside);
        if (!write_piece(box, offset + done, (const uint8_t *)bytes + done, piece))
            return false;
    }
    return true;
}

/* The bytes of the last block that are no more content. */
static bool zero_tail(struct box *box, uint64_t size)
{
    uint64_t inside = size % BOX_PAGE, left = box->size - size;
    if (!inside)
        return true;
    return write_piece(box, size, NULL,
                       (size_t)(left < BOX_PAGE - inside ? left : BOX_PAGE - inside));
}

bool box_truncate(struct box *box, uint64_t size)
{
    if (size > BOX_SIZE_MOST)
        return false;
    if (size == box->size)
        return !box->fault.kind;
    if (!make_room(box))
        return false;
    bool done = size > box->size ? tree_grow(box, box_blocks(size))
                                 : zero_tail(box, size) && tree_shrink(box, box_blocks(size));
    box->size = size;
    box->changed = true;
    return done;
}

void box_version(const struct box *box, uint8_t digest[32])
{
    box_version_of(box->services->sha256, box->file_id, &box->super, digest);
}
