/* SPDX-License-Identifier: Apache-2.0
 *
 * Loads the runtime (a static-PIE linked at 0) and does what a dynamic loader would: it has none.
 */
#include "runtime_load.h"

#include "../runtime/boot.h"
#include "fail.h"

#include <string.h>

extern const uint8_t runtime_blob[], runtime_blob_end[];

static const char runtime_name[] = "the runtime";

static cella_status relocate_one(struct elf_program *program, const Elf64_Rela *relocation,
                                 cella_error *error)
{
    uint64_t value = program->base + (uint64_t)relocation->r_addend;
    uint8_t *at = elf_at(program, program->base + relocation->r_offset, sizeof(value));
    if (ELF64_R_TYPE(relocation->r_info) != R_X86_64_RELATIVE || !at)
        return fail(error, CELLA_INVALID,
                    "%s: relocation of type %u at 0x%llx; only relative ones inside it are "
                    "supported: build it with hidden visibility and without thread-local data",
                    program->name, (unsigned)ELF64_R_TYPE(relocation->r_info),
                    (unsigned long long)relocation->r_offset);
    memcpy(at, &value, sizeof(value));
    return CELLA_OK;
}

static cella_status relocate(struct elf_program *program, cella_error *error)
{
    for (size_t i = 0; i < elf_section_count(program); i++) {
        struct elf_section section;
        if (!elf_section(program, i, &section) || !(section.flags & SHF_ALLOC))
            continue;
        if (section.type == SHT_REL && section.size)
            return fail(error, CELLA_INVALID, "%s: relocations without addends", program->name);
        if (section.type != SHT_RELA)
            continue;
        for (uint64_t at = 0; section.size - at >= sizeof(Elf64_Rela); at += sizeof(Elf64_Rela)) {
            Elf64_Rela relocation;
            memcpy(&relocation, section.bytes + at, sizeof(relocation));
            cella_status status = relocate_one(program, &relocation, error);
            if (status != CELLA_OK)
                return status;
        }
    }
    return CELLA_OK;
}

static bool find_symbol(const struct elf_program *program, const char *name, uint64_t *address)
{
    for (size_t i = 0; i < elf_section_count(program); i++) {
        struct elf_section table, strings;
        if (!elf_section(program, i, &table) || table.type != SHT_SYMTAB ||
            !elf_section(program, table.link, &strings) || !strings.bytes)
            continue;
        for (uint64_t at = 0; table.size - at >= sizeof(Elf64_Sym); at += sizeof(Elf64_Sym)) {
            Elf64_Sym symbol;
            memcpy(&symbol, table.bytes + at, sizeof(symbol));
            if (symbol.st_shndx == SHN_UNDEF || symbol.st_name >= strings.size ||
                strncmp((const char *)strings.bytes + symbol.st_name, name,
                        strings.size - symbol.st_name) != 0)
                continue;
            *address = program->base + symbol.st_value;
            return elf_executable_at(program, *address) != NULL;
        }
    }
    return false;
}

cella_status runtime_load(struct runtime_load *runtime, cella_error *error)
{
    static const struct elf_rules rules = {LAYOUT_RUNTIME, LAYOUT_RUNTIME, LAYOUT_PROGRAM_LOW};
    struct runtime_load made;
    cella_status status = elf_load(runtime_blob, (size_t)(runtime_blob_end - runtime_blob),
                                   runtime_name, &rules, &made.program, error);
    if (status != CELLA_OK)
        return status;
    made.enter = made.program.entry;
    if (made.program.low != LAYOUT_RUNTIME)
        status = fail(error, CELLA_INVALID, "%s: not linked at 0", runtime_name);
    else
        status = relocate(&made.program, error);
    if (status == CELLA_OK &&
        !find_symbol(&made.program, "runtime_syscall_entry", &made.syscall_entry))
        status = fail(error, CELLA_INVALID, "%s: no runtime_syscall_entry", runtime_name);
    if (status != CELLA_OK) {
        elf_unload(&made.program);
        return status;
    }
    *runtime = made;
    return CELLA_OK;
}

void runtime_unload(struct runtime_load *runtime)
{
    elf_unload(&runtime->program);
}
