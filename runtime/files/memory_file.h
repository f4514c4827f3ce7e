/* SPDX-License-Identifier: Apache-2.0
 *
 * Between memory files and the mappings of them (map.c).
 */
#ifndef RUNTIME_FILES_MEMORY_FILE_H
#define RUNTIME_FILES_MEMORY_FILE_H

#include "node.h"

/* One shared mapping; it holds a reference of the node. */
struct mapping {
    uint64_t start, end; /* addresses */
    uint64_t offset;     /* in the file */
    struct node *node;
    struct mapping *node_next; /* of the same node */
    struct mapping *next;      /* of all */
};

/* Makes `length` bytes at `offset` one stretch of storage and says where; under the node's lock.
 * NULL: *error is -ENOMEM, or -ENOTSUP where a mapped chunk would have to move. */
uint8_t *memory_file_contiguous(struct node *node, uint64_t offset, uint64_t length, long *error);

#endif
