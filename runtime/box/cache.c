/* SPDX-License-Identifier: Apache-2.0
 *
 * The pages of a box that are in memory: found by a hash table, given up in the order of their use.
 */
#include "inside.h"

#define CHUNK_PAGES 32u

struct box_chunk {
    struct box_chunk *next;
    struct box_page pages[CHUNK_PAGES];
    _Alignas(64) uint8_t bytes[CHUNK_PAGES][BOX_PAGE];
};

static struct box_pool *pool_of(struct box *box, unsigned level)
{
    return &box->pools[level != 0];
}

static struct box_page **bucket_of(struct box *box, unsigned level, uint64_t index)
{
    uint64_t hash = (index * 8 + level) * UINT64_C(0x9e3779b97f4a7c15);
    return &box->buckets[hash >> 52];
}
static_assert(CACHE_BUCKETS == 1u << 12, "bucket_of takes the upper 12 bits");

static void use_begin(struct box_pool *pool, struct box_page *page)
{
    page->older = pool->newest;
    page->newer = NULL;
    *(pool->newest ? &pool->newest->newer : &pool->oldest) = page;
    pool->newest = page;
}

static void use_end(struct box_pool *pool, struct box_page *page)
{
    *(page->newer ? &page->newer->older : &pool->newest) = page->older;
    *(page->older ? &page->older->newer : &pool->oldest) = page->newer;
}

struct box_page *cache_find(struct box *box, unsigned level, uint64_t index)
{
    struct box_page *page = *bucket_of(box, level, index);
    while (page && (page->index != index || page->level != level))
        page = page->bucket_next;
    if (page) {
        use_end(pool_of(box, level), page);
        use_begin(pool_of(box, level), page);
    }
    return page;
}

void cache_set_dirty(struct box *box, struct box_page *page, bool dirty)
{
    struct box_dirty *list = &box->dirty[page->level];
    if (page->dirty == dirty)
        return;
    page->dirty = dirty;
    pool_of(box, page->level)->dirty += dirty ? 1 : UINT32_MAX;
    if (dirty) {
        page->dirty_next = NULL;
        page->dirty_previous = list->last;
        *(list->last ? &list->last->dirty_next : &list->first) = page;
        list->last = page;
    } else {
        *(page->dirty_previous ? &page->dirty_previous->dirty_next : &list->first) =
            page->dirty_next;
        *(page->dirty_next ? &page->dirty_next->dirty_previous : &list->last) =
            page->dirty_previous;
    }
}

void cache_drop(struct box *box, struct box_page *page)
{
    struct box_page **link = bucket_of(box, page->level, page->index);
    while (*link != page)
        link = &(*link)->bucket_next;
    *link = page->bucket_next;
    cache_set_dirty(box, page, false);
    use_end(pool_of(box, page->level), page);
    pool_of(box, page->level)->count--;
    page->bucket_next = box->free;
    box->free = page;
}

static bool chunk_add(struct box *box)
{
    struct box_chunk *chunk = box->services->allocate(sizeof(*chunk));
    if (!chunk)
        return false;
    chunk->next = box->chunks;
    box->chunks = chunk;
    for (uint32_t i = 0; i < CHUNK_PAGES; i++) {
        chunk->pages[i].bytes = chunk->bytes[i];
        chunk->pages[i].bucket_next = box->free;
        box->free = &chunk->pages[i];
    }
    return true;
}

struct box_page *cache_add(struct box *box, unsigned level, uint64_t index)
{
    struct box_pool *pool = pool_of(box, level);
    if (pool->count == box->pool_most || (!box->free && !chunk_add(box))) {
        struct box_page *oldest = pool->oldest;
        while (oldest && oldest->dirty)
            oldest = oldest->newer;
        if (oldest)
            cache_drop(box, oldest);
    }
    struct box_page *page = box->free;
    if (!page) {
        box_fail(box, BOX_FAULT_MEMORY, 0);
        return NULL;
    }
    box->free = page->bucket_next;
    page->level = (uint8_t)level;
    page->index = index;
    struct box_page **bucket = bucket_of(box, level, index);
    page->bucket_next = *bucket;
    *bucket = page;
    use_begin(pool, page);
    pool->count++;
    return page;
}

void cache_end(struct box *box)
{
    while (box->chunks) {
        struct box_chunk *chunk = box->chunks;
        box->chunks = chunk->next;
        box_wipe(chunk, sizeof(*chunk));
        box->services->release(chunk, sizeof(*chunk));
    }
}
