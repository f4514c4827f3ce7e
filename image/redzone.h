/* SPDX-License-Identifier: Apache-2.0
 *
 * May something live below rsp at a system call? The psABI lets a function use the 128 bytes below
 * rsp (the red zone); `call *%rax` pushes its return address there.
 *
 * The answer is "no" only when it is proved: no instruction that belongs to the same flow of
 * control reads, writes or takes an address below rsp. That needs, at every instruction, rsp and
 * the registers that were copied from it, relative to one another: a forward dataflow analysis.
 *
 * It holds for code that follows the psABI, in that
 *   1. a register is subtracted from rsp only to lower it (alloca);
 *   2. calls keep rsp, rbx, rbp, r12..r15;
 *   3. a stack address that went through memory points to what was above rsp when it was made;
 *   4. an access with an index register goes below the displacement only in a function that calls
 *      nothing (compilers give a red zone to no other).
 */
#ifndef IMAGE_REDZONE_H
#define IMAGE_REDZONE_H

#include "code.h"

struct redzone {
    uint32_t *group;  /* a step -> the lowest step that control flow connects it with; owned */
    uint8_t *facts;   /* a step -> enum redzone_fact of its group's steps, at [group]; owned */
    uint8_t *reached; /* a step -> 1 when flow from the first step leads here; owned */
};

enum redzone_fact {
    REDZONE_USED = 1u << 0,     /* an access below rsp, or one that may be */
    REDZONE_INDEXED = 1u << 1,  /* a stack access with an index register */
    REDZONE_CALLS = 1u << 2,    /* something is called */
    REDZONE_INDIRECT = 1u << 3, /* a jump that leads nobody knows where */
    REDZONE_LEAVES = 1u << 4,   /* a jump out of this code */
};

/* `pieces`: the code may be several functions one after another, so that code to which no jump
 * leads is a function's start rather than the target of an indirect jump. */
cella_status redzone_analyse(const struct code *code, bool pieces, struct redzone *redzone,
                             cella_error *error);
void redzone_free(struct redzone *redzone);

/* True when control flow connects two steps. */
bool redzone_is_connected(const struct redzone *redzone, size_t a, size_t b);
/* What the flow that step `index` belongs to does. */
uint8_t redzone_facts(const struct redzone *redzone, size_t index);
/* True when it is proved that nothing lives below rsp, as far as this code goes. */
bool redzone_is_free(uint8_t facts);

#endif
