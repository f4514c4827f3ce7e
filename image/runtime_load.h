/* SPDX-License-Identifier: Apache-2.0
 *
 * The runtime that every image carries, loaded at LAYOUT_RUNTIME and relocated.
 */
#ifndef IMAGE_RUNTIME_LOAD_H
#define IMAGE_RUNTIME_LOAD_H

#include "elf.h"

struct runtime_load {
    struct elf_program program;
    uint64_t enter;         /* runtime_enter */
    uint64_t syscall_entry; /* runtime_syscall_entry */
};

cella_status runtime_load(struct runtime_load *runtime, cella_error *error);
void runtime_unload(struct runtime_load *runtime);

#endif
