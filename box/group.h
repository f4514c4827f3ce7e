/* SPDX-License-Identifier: Apache-2.0
 *
 * A group is a leaf node and its 128 blocks, which lie behind one another. Sealing and opening go
 * by batches of some groups, so that few, large reads and writes are made. Several threads may do
 * so, a batch each, in any order.
 */
#ifndef BOX_GROUP_H
#define BOX_GROUP_H

#include "../runtime/box/format.h"

#include <stddef.h>

#define GROUP_BYTES  (BOX_FANOUT * BOX_PAGE) /* of content */
#define BATCH_GROUPS 4u
#define BATCH_BLOCKS (BATCH_GROUPS * BOX_FANOUT)
#define BATCH_BYTES  (BATCH_BLOCKS * BOX_PAGE) /* of content */
/* Besides: a leaf over each group, and in the first batch the node above, which needs it from the
 * second group on. Other nodes stand between batches. */
#define BATCH_NODES (BATCH_GROUPS + 1)
#define BATCH_PAGES (BATCH_BLOCKS + BATCH_NODES)
static_assert(BOX_FANOUT % BATCH_GROUPS == 0, "nodes above the leaves stand between batches");

struct batch {
    uint64_t block, group; /* the first ones */
    size_t blocks, groups;
    uint64_t place; /* of its first page, a leaf */
    size_t pages;
};

struct group_additional { /* of a block (level 0) or a node */
    uint8_t is_for;
    uint8_t file_id[BOX_ID];
    uint8_t level;
    uint8_t index[8];
};
static_assert(sizeof(struct group_additional) == 26, "part of the format");

struct group_additional group_additional(const uint8_t file_id[BOX_ID], unsigned level,
                                         uint64_t index);
/* Of a content of so many blocks. */
struct batch batch_of(uint64_t number, uint64_t blocks);
/* The pages of a group among those of its batch. */
uint8_t *batch_group(const struct batch *batch, uint64_t group, uint8_t *pages);
/* Room for BATCH_PAGES; NULL: no memory. `bytes`: how much content goes through it, at most. */
uint8_t *batch_new(uint64_t bytes);
void batch_end(uint8_t *pages, uint64_t bytes); /* wiped, where it was touched; NULL: nothing */
bool group_is_hole(const struct box_seal *seal);
/* Nodes of a level over so many blocks. */
uint64_t group_nodes(unsigned level, uint64_t blocks);
/* Calls the function with the context from several threads at once, this one included; returns when
 * all have. `bytes`: how much work there is. */
void group_run(void (*work)(void *context), void *context, uint64_t bytes);

#endif
