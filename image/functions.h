/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the functions of a program are: from its symbol table, or, in a stripped program, from the
 * unwind tables (.eh_frame; LSB core specification, "Exception Frames"; DWARF 5 section 6.4).
 * Both are hints of a program about itself: a wrong one can only harm that program.
 */
#ifndef IMAGE_FUNCTIONS_H
#define IMAGE_FUNCTIONS_H

#include "elf.h"

struct function {
    uint64_t start, end; /* start < end, inside one executable segment */
    const char *name;    /* points into the file; "" where there is no symbol */
};

struct functions {
    struct function *items; /* rising starts, one a start; owned */
    size_t count;
};

cella_status functions_from_symbols(const struct elf_program *program, struct functions *functions,
                                    cella_error *error);
cella_status functions_from_frames(const struct elf_program *program, struct functions *functions,
                                   cella_error *error);
void functions_free(struct functions *functions);

/* The smallest known function that holds an address, or NULL. */
const struct function *functions_at(const struct functions *functions, uint64_t address);
/* Narrows [*start, *end), which holds `address`, to where no known function reaches. */
void functions_gap(const struct functions *functions, uint64_t address, uint64_t *start,
                   uint64_t *end);

/* Appends; false: no memory. Used by both sources; functions_settle ends it. */
bool functions_add(struct functions *functions, const struct elf_program *program, uint64_t start,
                   uint64_t size, const char *name);
void functions_settle(struct functions *functions, const struct elf_program *program);

#endif
