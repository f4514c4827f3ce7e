/* SPDX-License-Identifier: Apache-2.0
 *
 * The three bytes eb 67 90, again and again. Decoded from any of them they are harmless:
 *   from eb: jmp +0x67, 105 bytes forward of its start, which is 35 whole patterns: again an eb;
 *   from 67: `67 90`, a nop;
 *   from 90: a nop.
 * A chain of jumps is five long at most. Behind the pattern follow nops, as far as any jump goes,
 * then the jump into the runtime; the rest of the page traps.
 */
#include "trampoline.h"

#include "../runtime/boot.h"

#include <string.h>

#define REACH 107u /* of a jump in the last pattern */

void trampoline_write(uint8_t page[4096], uint64_t target)
{
    static const uint8_t pattern[3] = {0xeb, 0x67, 0x90};
    memset(page, 0xcc, LAYOUT_PAGE); /* int3 */
    for (unsigned i = 0; i < TRAMPOLINE_BYTES; i++)
        page[i] = pattern[i % sizeof(pattern)];
    /* 512 is not a multiple of 3: the last eb would miss its distance. Complete it. */
    unsigned at = TRAMPOLINE_BYTES;
    for (; at % sizeof(pattern); at++)
        page[at] = pattern[at % sizeof(pattern)];
    memset(page + at, 0x90, REACH);
    at += REACH;
    int32_t displacement = (int32_t)((int64_t)target - (at + 5));
    page[at] = 0xe9;
    memcpy(page + at + 1, &displacement, sizeof(displacement));
}
