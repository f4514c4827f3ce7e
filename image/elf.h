/* SPDX-License-Identifier: Apache-2.0
 *
 * A static ELF64 program for x86-64 (System V gABI; AMD64 psABI) as the pages it wants.
 * Accepted: ET_EXEC, and ET_DYN that asks for no interpreter and no library (static-PIE).
 * Relocations of a static-PIE are left to the program's own start-up code.
 *
 * Invariants of a loaded program:
 *   1. low and high are page aligned, inside the rules' range, and span every segment;
 *   2. no page is writable and executable;
 *   3. the entry point lies in an executable segment, the program headers in a loaded one.
 */
#ifndef IMAGE_ELF_H
#define IMAGE_ELF_H

#include <cella/error.h>
#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_rules {
    uint64_t pie_base; /* where a position independent program is put */
    uint64_t low;      /* segments start here or above */
    uint64_t high;     /* and end here or below */
};

struct elf_segment {
    uint64_t address; /* base included */
    uint64_t memory_size;
    uint64_t file_size;
    uint64_t file_offset;
    uint64_t flags; /* TEE_PAGE_R, W, X */
};

struct elf_program {
    const char *name;     /* for errors; the caller's */
    const uint8_t *bytes; /* the file; the caller's */
    size_t size;
    uint64_t base; /* what was added to the file's addresses */
    uint64_t entry;
    uint64_t headers; /* address of the program headers */
    uint32_t header_count;
    struct elf_segment *segments; /* rising, owned */
    size_t segment_count;
    uint64_t low, high;
    uint8_t *memory;     /* high - low bytes, owned */
    uint8_t *page_flags; /* one a page; 0: no page here; owned */
};

/* A section as the file's headers name it; `bytes` is NULL for one without bytes in the file. */
struct elf_section {
    uint64_t address; /* base included */
    const uint8_t *bytes;
    uint64_t size;
    uint32_t type;
    uint64_t flags; /* SHF_ */
    uint32_t link;
};

/* On success *program is the caller's to elf_unload; it keeps pointing to `bytes` and `name`. */
cella_status elf_load(const uint8_t *bytes, size_t size, const char *name,
                      const struct elf_rules *rules, struct elf_program *program,
                      cella_error *error);
void elf_unload(struct elf_program *program);

/* Sections are a hint only: nothing is loaded from them. A file whose section headers are missing
 * or malformed has none. */
size_t elf_section_count(const struct elf_program *program);
bool elf_section(const struct elf_program *program, size_t index, struct elf_section *section);

/* The loaded bytes at an address, when `size` of them lie in one segment; else NULL. */
uint8_t *elf_at(const struct elf_program *program, uint64_t address, uint64_t size);
/* The executable segment that holds an address, or NULL. */
const struct elf_segment *elf_executable_at(const struct elf_program *program, uint64_t address);

#endif
