/* SPDX-License-Identifier: Apache-2.0
 *
 * A box in memory, for tests: a file that can be copied, altered, and stopped after so many bytes.
 */
#ifndef TESTS_UNIT_BOX_MEMORY_H
#define TESTS_UNIT_BOX_MEMORY_H

#include "../../box/cipher.h"

struct memory_box {
    uint8_t *bytes;
    uint64_t size, room;
    uint64_t steps;     /* half pages written, syncs and truncations so far */
    uint64_t last_step; /* after so many nothing is done any more; 0: no end */
};

struct box_file memory_box_file(struct memory_box *file);
void memory_box_end(struct memory_box *file);
void memory_box_copy(struct memory_box *to, const struct memory_box *from);

#endif
