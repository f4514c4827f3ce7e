/* SPDX-License-Identifier: Apache-2.0
 *
 * Rewrites every `syscall` (0f 05) of a loaded program into `call *%rax` (ff d0), which leads
 * through page 0 into the runtime. Where the pushed return address might damage the red zone the
 * call is made out of line, 128 bytes lower on the stack.
 *
 * What holds afterwards: every instruction that was a `syscall` has been rewritten, and no other
 * byte of the program but those of a site's neighbours that moved into its stub. A program for
 * which that cannot be done is refused with the place named.
 */
#ifndef IMAGE_REWRITE_H
#define IMAGE_REWRITE_H

#include "elf.h"
#include "functions.h"
#include "image.h"

struct rewrite {
    struct image_site *sites; /* rising addresses, owned; names point into the program's file */
    size_t site_count;
    uint8_t *stubs; /* code for `stubs_address`, owned */
    size_t stubs_size;
    size_t left_alone; /* byte pairs that look like system calls but are part of something else */
};

/* `functions` come from the program's symbols. Stubs will lie at program->high. */
cella_status rewrite_program(struct elf_program *program, const struct functions *functions,
                             struct rewrite *rewrite, cella_error *error);
void rewrite_free(struct rewrite *rewrite);

#endif
