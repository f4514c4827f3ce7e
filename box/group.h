/* SPDX-License-Identifier: Apache-2.0
 *
 * Sealing and opening go by groups: a leaf node and its 128 blocks, which lie behind one another.
 * Several threads may do so, a group each, in any order.
 */
#ifndef BOX_GROUP_H
#define BOX_GROUP_H

#include "../runtime/box/format.h"

#include <stddef.h>

#define GROUP_PAGES (1 + BOX_FANOUT)
#define GROUP_BYTES (BOX_FANOUT * BOX_PAGE) /* of content */

struct group_additional { /* of a block (level 0) or a node */
    uint8_t is_for;
    uint8_t file_id[BOX_ID];
    uint8_t level;
    uint8_t index[8];
};
static_assert(sizeof(struct group_additional) == 26, "part of the format");

struct group_additional group_additional(const uint8_t file_id[BOX_ID], unsigned level,
                                         uint64_t index);
bool group_is_hole(const struct box_seal *seal);
/* Nodes of a level over so many blocks. */
uint64_t group_nodes(unsigned level, uint64_t blocks);
/* Calls the function with the context from several threads at once, this one included; returns when
 * all have. `bytes`: how much work there is. */
void group_run(void (*work)(void *context), void *context, uint64_t bytes);

#endif
