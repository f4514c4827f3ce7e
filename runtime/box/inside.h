/* SPDX-License-Identifier: Apache-2.0
 *
 * What the core's files share: an open box and its cache.
 *
 * The cache holds plaintext pages by (level, index): data blocks are level 0, nodes 1 and up, in a
 * pool each. What must always hold:
 *   1. a dirty page is never evicted, and all nodes above it are in the cache and dirty, so a
 *      commit reads nothing;
 *   2. bytes of the last block behind the content are zeros;
 *   3. entries of a node for blocks behind the content are zeros.
 */
#ifndef RUNTIME_BOX_INSIDE_H
#define RUNTIME_BOX_INSIDE_H

#include "core.h"

#ifdef __STDC_HOSTED__
#if __STDC_HOSTED__
#include <string.h>
#else
#include "../runtime.h"
#endif
#endif

#define STAGING_PAGES 32u /* that go to or come from the host at once */
#define CACHE_BUCKETS 4096u
#define JOURNAL_ENTRY 8u

struct box_page {
    struct box_page *bucket_next; /* or of the free ones */
    struct box_page *newer, *older;
    struct box_page *dirty_next, *dirty_previous;
    uint64_t index;
    uint8_t level;
    bool dirty;
    uint8_t *bytes;
};

struct box_pool {
    struct box_page *newest, *oldest;
    uint32_t count, dirty;
};

struct box_dirty { /* of one level, in the order in which they became so */
    struct box_page *first, *last;
};

struct box_chunk;

struct box {
    const struct box_services *services;
    struct box_file file;
    void *key;
    struct box_fault fault;
    bool writable;
    bool former;  /* the header answers to another name, too */
    bool changed; /* something is to be committed */
    uint32_t header_pages;
    uint8_t file_id[BOX_ID];
    struct box_super super; /* the last one written */
    uint64_t size;          /* now */
    unsigned levels;        /* of nodes, now */
    struct box_seal root;   /* of the node at the top as last sealed */
    uint64_t messages;      /* under this key, by now */
    uint64_t file_pages;    /* that the host's file has at least */
    uint64_t next_block;    /* a read of it goes on from the last one */
    uint64_t *overlay;      /* read-only: targets of a journal that was found */
    uint8_t *staging;       /* STAGING_PAGES */
    uint64_t staged_page;   /* commit: where the staged pages belong */
    uint32_t staged;        /* commit: how many there are */
    uint32_t pool_most;
    struct box_pool pools[2]; /* data, nodes */
    struct box_dirty dirty[BOX_LEVELS + 1];
    struct box_page *free;
    struct box_chunk *chunks;
    struct box_page *buckets[CACHE_BUCKETS];
};

/* Remembers the first fault. Always false. */
bool box_fail(struct box *box, enum box_fault_kind kind, uint64_t block);

/* ---- cache.c ---- */
struct box_page *cache_find(struct box *box, unsigned level, uint64_t index);
/* A page for what is not in the cache, with anything in it. NULL: BOX_FAULT_MEMORY. */
struct box_page *cache_add(struct box *box, unsigned level, uint64_t index);
void cache_drop(struct box *box, struct box_page *page);
void cache_set_dirty(struct box *box, struct box_page *page, bool dirty);
void cache_end(struct box *box);

/* ---- tree.c ---- */
#define BOX_ADDITIONAL 26u
/* The additional data of a data block (level 0) or node. */
void tree_additional(const struct box *box, unsigned level, uint64_t index,
                     uint8_t to[BOX_ADDITIONAL]);
bool seal_is_zero(const struct box_seal *seal);
/* A page of the file, counted from its start. */
uint64_t tree_page(const struct box *box, unsigned level, uint64_t index);
struct box_entry *tree_entries(struct box_page *node);
/* NULL: box->fault. */
struct box_page *tree_node(struct box *box, unsigned level, uint64_t index);
/* A data block; up to `ahead` of them are fetched at once. */
struct box_page *tree_data(struct box *box, uint64_t block, uint64_t ahead);
/* Makes all nodes above a block dirty. */
bool tree_path_dirty(struct box *box, uint64_t block);
/* Brings the tree to another size. */
bool tree_grow(struct box *box, uint64_t blocks);
bool tree_shrink(struct box *box, uint64_t blocks);

/* ---- commit.c ---- */
/* Finds the superblock that counts, checks the file's size against it and sees to its journal. */
bool commit_begin(struct box *box, const uint8_t *version);
/* The first superblock of a new box. */
bool commit_create(struct box *box);
/* The last one: nobody is writing any more. */
bool commit_finish(struct box *box);
/* Reads a page, where the journal of a read-only opening has it. */
bool commit_read_page(struct box *box, uint64_t page, uint8_t *bytes);

/* ---- header.c ---- */
bool header_open(struct box *box, const struct box_opening *opening);
bool header_create(struct box *box, const struct box_opening *opening, bool wrapped);

static inline uint64_t box_base(const struct box *box)
{
    return box->header_pages + UINT64_C(2);
}

#endif
