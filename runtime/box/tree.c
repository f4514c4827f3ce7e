/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks and the nodes over them: found, authenticated, brought into the cache.
 */
#include "inside.h"

#define READ_AHEAD 16u /* blocks, where reads go on from one another */

void tree_additional(const struct box *box, unsigned level, uint64_t index,
                     uint8_t to[BOX_ADDITIONAL])
{
    to[0] = level ? BOX_FOR_NODE : BOX_FOR_DATA;
    memcpy(to + 1, box->file_id, BOX_ID);
    to[17] = (uint8_t)level;
    memcpy(to + 18, &index, sizeof(index));
}

bool seal_is_zero(const struct box_seal *seal)
{
    static const struct box_seal zero;
    return memcmp(seal, &zero, sizeof(zero)) == 0;
}

uint64_t tree_page(const struct box *box, unsigned level, uint64_t index)
{
    return box_base(box) + (level ? box_place_node(level, index) : box_place_data(index));
}

struct box_entry *tree_entries(struct box_page *node)
{
    return (struct box_entry *)(void *)node->bytes;
}

static bool open_page(struct box *box, unsigned level, uint64_t index, const struct box_seal *seal,
                      const uint8_t *from, uint8_t *to)
{
    uint8_t additional[BOX_ADDITIONAL];
    tree_additional(box, level, index, additional);
    return box->services->open(box->key, seal, additional, sizeof(additional), from, to, BOX_PAGE);
}

static bool node_load(struct box *box, struct box_page *page, const struct box_seal *seal)
{
    if (seal_is_zero(seal)) {
        memset(page->bytes, 0, BOX_PAGE);
        return true;
    }
    uint64_t block = page->index * box_span(page->level);
    if (!commit_read_page(box, tree_page(box, page->level, page->index), box->staging))
        return box_fail(box, BOX_FAULT_INPUT_OUTPUT, block);
    return open_page(box, page->level, page->index, seal, box->staging, page->bytes) ||
           box_fail(box, BOX_FAULT_NODE, block);
}

struct box_page *tree_node(struct box *box, unsigned level, uint64_t index)
{
    struct box_page *page = cache_find(box, level, index);
    if (page)
        return page;
    struct box_seal seal = box->root;
    if (level < box->levels) {
        struct box_page *parent = tree_node(box, level + 1, index / BOX_FANOUT);
        if (!parent)
            return NULL;
        seal = tree_entries(parent)[index % BOX_FANOUT].seal;
    }
    page = cache_add(box, level, index);
    if (page && !node_load(box, page, &seal)) {
        cache_drop(box, page);
        return NULL;
    }
    return page;
}

/* How many blocks from `block` on, at most `most`, lie behind one another and are neither holes
 * nor in the cache. */
static uint32_t run_length(struct box *box, struct box_page *leaf, uint64_t block, uint64_t most)
{
    const struct box_entry *entries = tree_entries(leaf);
    uint64_t left = BOX_FANOUT - block % BOX_FANOUT;
    uint32_t run = 0;
    most = box->overlay ? 1 : most < left ? most : left;
    most = most < STAGING_PAGES ? most : STAGING_PAGES;
    while (run < most && !seal_is_zero(&entries[(block + run) % BOX_FANOUT].seal) &&
           (run == 0 || !cache_find(box, 0, block + run)))
        run++;
    return run;
}

/* The blocks of a run, which are in box->staging; the first one last, so that it is not given up
 * for another. Those behind it are not yet asked for: one that is not authentic is left for who
 * asks. */
static struct box_page *run_open(struct box *box, struct box_page *leaf, uint64_t block,
                                 uint32_t run)
{
    const struct box_entry *entries = tree_entries(leaf);
    struct box_page *page = NULL;
    while (run--) {
        page = cache_add(box, 0, block + run);
        if (!page)
            return NULL;
        if (open_page(box, 0, block + run, &entries[(block + run) % BOX_FANOUT].seal,
                      box->staging + run * (size_t)BOX_PAGE, page->bytes))
            continue;
        cache_drop(box, page);
        page = NULL;
    }
    if (!page)
        box_fail(box, BOX_FAULT_BLOCK, block);
    return page;
}

struct box_page *tree_data(struct box *box, uint64_t block, uint64_t ahead)
{
    if (block == box->next_block && ahead < READ_AHEAD)
        ahead = READ_AHEAD;
    box->next_block = block + 1;
    struct box_page *page = cache_find(box, 0, block);
    if (page)
        return page;
    struct box_page *leaf = tree_node(box, 1, block / BOX_FANOUT);
    if (!leaf)
        return NULL;
    uint32_t run = run_length(box, leaf, block, ahead);
    if (run == 0) {
        page = cache_add(box, 0, block);
        if (page)
            memset(page->bytes, 0, BOX_PAGE);
        return page;
    }
    uint64_t first = tree_page(box, 0, block);
    if (run == 1 ? !commit_read_page(box, first, box->staging)
                 : !box->file.read(box->file.context, first * BOX_PAGE, box->staging,
                                   run * (size_t)BOX_PAGE)) {
        box_fail(box, BOX_FAULT_INPUT_OUTPUT, block);
        return NULL;
    }
    return run_open(box, leaf, block, run);
}

bool tree_path_dirty(struct box *box, uint64_t block)
{
    for (unsigned level = box->levels; level; level--) {
        struct box_page *node = tree_node(box, level, block / box_span(level));
        if (!node)
            return false;
        cache_set_dirty(box, node, true);
    }
    return true;
}

bool tree_grow(struct box *box, uint64_t blocks)
{
    while (box->levels < box_levels(blocks)) {
        struct box_page *node = cache_add(box, box->levels + 1, 0);
        if (!node)
            return false;
        memset(node->bytes, 0, BOX_PAGE);
        tree_entries(node)[0].seal = box->root;
        memset(&box->root, 0, sizeof(box->root));
        box->levels++;
        cache_set_dirty(box, node, true);
    }
    return true;
}

/* Blocks from `blocks` on are no more. */
static void drop_from(struct box *box, uint64_t blocks)
{
    for (int i = 0; i < 2; i++) {
        for (struct box_page *page = box->pools[i].oldest, *next; page; page = next) {
            next = page->newer;
            if (page->index * box_span(page->level) >= blocks)
                cache_drop(box, page);
        }
    }
}

bool tree_shrink(struct box *box, uint64_t blocks)
{
    drop_from(box, blocks);
    while (box->levels > box_levels(blocks)) {
        struct box_page *top = blocks ? tree_node(box, box->levels, 0) : NULL;
        if (blocks && !top)
            return false;
        memset(&box->root, 0, sizeof(box->root));
        if (top) {
            box->root = tree_entries(top)[0].seal;
            cache_drop(box, top);
        }
        box->levels--;
    }
    if (!blocks)
        return true;
    if (!tree_path_dirty(box, blocks - 1))
        return false;
    for (unsigned level = 1; level <= box->levels; level++) {
        struct box_page *node = tree_node(box, level, (blocks - 1) / box_span(level));
        uint64_t kept = (blocks - 1) / box_span(level - 1) % BOX_FANOUT + 1;
        if (!node)
            return false;
        memset(tree_entries(node) + kept, 0, (BOX_FANOUT - kept) * sizeof(struct box_entry));
    }
    return true;
}
