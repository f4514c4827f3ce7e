/* SPDX-License-Identifier: Apache-2.0
 *
 * Loads a static ELF program. Decoding (checks, no effects) comes first, loading cannot fail but
 * for memory. Every offset, size and address in the file is hostile.
 */
#include "elf.h"

#include "../runtime/boot.h"
#include "../tee/tee.h"
#include "fail.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HEADERS_MOST 128u

static uint64_t page_down(uint64_t address)
{
    return address & ~(LAYOUT_PAGE - 1);
}

static uint64_t page_up(uint64_t address)
{
    return (address + LAYOUT_PAGE - 1) & ~(LAYOUT_PAGE - 1);
}

static cella_status check_identity(const Elf64_Ehdr *header, const char *name, cella_error *error)
{
    if (header->e_ident[EI_CLASS] == ELFCLASS32)
        return fail(error, CELLA_UNSUPPORTED,
                    "%s: a 32-bit program; build it for x86-64 (without -m32)", name);
    if (header->e_ident[EI_CLASS] != ELFCLASS64)
        return fail(error, CELLA_INVALID, "%s: ELF class %u is unknown", name,
                    header->e_ident[EI_CLASS]);
    if (header->e_ident[EI_DATA] != ELFDATA2LSB)
        return fail(error, CELLA_UNSUPPORTED,
                    "%s: a big-endian program; build it for x86-64, which is little-endian", name);
    if (header->e_ident[EI_VERSION] != EV_CURRENT || header->e_version != EV_CURRENT)
        return fail(error, CELLA_INVALID, "%s: its ELF version is not 1", name);
    if (header->e_machine != EM_X86_64)
        return fail(error, CELLA_UNSUPPORTED,
                    "%s: a program for another machine (ELF machine %u); build it for x86-64", name,
                    header->e_machine);
    if (header->e_ident[EI_OSABI] != ELFOSABI_SYSV && header->e_ident[EI_OSABI] != ELFOSABI_GNU)
        return fail(error, CELLA_UNSUPPORTED,
                    "%s: a program for another system (ELF OS/ABI %u); build it for Linux", name,
                    header->e_ident[EI_OSABI]);
    if (header->e_type == ET_REL)
        return fail(error, CELLA_UNSUPPORTED,
                    "%s: a relocatable object, not a program; link it with -static", name);
    if (header->e_type == ET_CORE)
        return fail(error, CELLA_UNSUPPORTED, "%s: a core dump, not a program", name);
    if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
        return fail(error, CELLA_INVALID, "%s: ELF type %u is unknown", name, header->e_type);
    return CELLA_OK;
}

static cella_status check_headers(const Elf64_Ehdr *header, size_t size, const char *name,
                                  cella_error *error)
{
    if (header->e_phnum == 0)
        return fail(error, CELLA_INVALID, "%s: no program headers, so nothing to load", name);
    if (header->e_phentsize != sizeof(Elf64_Phdr))
        return fail(error, CELLA_INVALID, "%s: its program headers are %u bytes each, not 56", name,
                    header->e_phentsize);
    if (header->e_phnum > HEADERS_MOST)
        return fail(error, CELLA_UNSUPPORTED, "%s: %u program headers; at most %u are supported",
                    name, header->e_phnum, HEADERS_MOST);
    uint64_t bytes = (uint64_t)header->e_phnum * sizeof(Elf64_Phdr);
    if (header->e_phoff > size || bytes > size - header->e_phoff)
        return fail(error, CELLA_INVALID,
                    "%s: truncated: its program headers lie outside the file; copy or link it anew",
                    name);
    return CELLA_OK;
}

/* Looks through PT_DYNAMIC for what makes a program dynamic. */
static cella_status check_dynamic(const uint8_t *bytes, size_t size, const Elf64_Phdr *dynamic,
                                  bool executable, const char *name, cella_error *error)
{
    if (dynamic->p_offset > size || dynamic->p_filesz > size - dynamic->p_offset)
        return fail(error, CELLA_INVALID,
                    "%s: truncated: its dynamic section lies outside the file", name);
    bool pie = executable;
    for (uint64_t at = 0; dynamic->p_filesz - at >= sizeof(Elf64_Dyn); at += sizeof(Elf64_Dyn)) {
        Elf64_Dyn entry;
        memcpy(&entry, bytes + dynamic->p_offset + at, sizeof(entry));
        if (entry.d_tag == DT_NULL)
            break;
        if (entry.d_tag == DT_NEEDED)
            return fail(error, CELLA_UNSUPPORTED,
                        "%s: needs shared libraries (DT_NEEDED); link it with -static", name);
        if (entry.d_tag == DT_FLAGS_1 && (entry.d_un.d_val & DF_1_PIE))
            pie = true;
    }
    if (!pie)
        return fail(error, CELLA_UNSUPPORTED,
                    "%s: a shared library, not a program; link a program with -static", name);
    return CELLA_OK;
}

static cella_status check_kind(const uint8_t *bytes, size_t size, const Elf64_Ehdr *header,
                               const Elf64_Phdr *headers, const char *name, cella_error *error)
{
    bool dynamic = false;
    for (uint32_t i = 0; i < header->e_phnum; i++) {
        if (headers[i].p_type == PT_INTERP)
            return fail(error, CELLA_UNSUPPORTED,
                        "%s: dynamically linked (it asks for an interpreter); link it with -static",
                        name);
        if (headers[i].p_type == PT_GNU_STACK && (headers[i].p_flags & PF_X))
            return fail(error, CELLA_UNSUPPORTED,
                        "%s: wants an executable stack; link it with -z noexecstack (and add a "
                        ".note.GNU-stack section to its assembly files)",
                        name);
    }
    for (uint32_t i = 0; i < header->e_phnum; i++) {
        if (headers[i].p_type != PT_DYNAMIC)
            continue;
        dynamic = true;
        cella_status status =
            check_dynamic(bytes, size, &headers[i], header->e_type == ET_EXEC, name, error);
        if (status != CELLA_OK)
            return status;
    }
    if (header->e_type == ET_DYN && !dynamic)
        return fail(error, CELLA_UNSUPPORTED,
                    "%s: position independent without a dynamic section, so it cannot relocate "
                    "itself; link it with -static-pie or -static",
                    name);
    return CELLA_OK;
}

static uint64_t page_flags_of(uint32_t flags)
{
    /* x86 pages that can be written or run can be read. */
    return TEE_PAGE_R | ((flags & PF_W) ? TEE_PAGE_W : 0) | ((flags & PF_X) ? TEE_PAGE_X : 0);
}

static cella_status check_segment(const Elf64_Phdr *header, uint32_t index, size_t size,
                                  const struct elf_rules *rules, uint64_t base, const char *name,
                                  cella_error *error)
{
    if (header->p_filesz > header->p_memsz)
        return fail(error, CELLA_INVALID,
                    "%s: segment %u has more bytes in the file than in memory", name, index);
    if (header->p_offset > size || header->p_filesz > size - header->p_offset)
        return fail(error, CELLA_INVALID,
                    "%s: truncated: segment %u lies outside the file; copy or link it anew", name,
                    index);
    uint64_t start, end;
    if (__builtin_add_overflow(header->p_vaddr, base, &start) ||
        __builtin_add_overflow(start, header->p_memsz, &end) || end > UINT64_MAX - LAYOUT_PAGE)
        return fail(error, CELLA_INVALID,
                    "%s: segment %u wraps around the end of the address space", name, index);
    if ((header->p_flags & PF_W) && (header->p_flags & PF_X))
        return fail(error, CELLA_UNSUPPORTED,
                    "%s: segment %u is writable and executable; link it without -N/--omagic and "
                    "without writable code sections",
                    name, index);
    if (page_down(start) < rules->low)
        return fail(error, CELLA_UNSUPPORTED,
                    "%s: segment %u starts at 0x%llx, below 0x%llx which cella keeps for itself; "
                    "link it with -Wl,-Ttext-segment=0x400000 or with -static-pie",
                    name, index, (unsigned long long)start, (unsigned long long)rules->low);
    if (page_up(end) > rules->high)
        return fail(error, CELLA_UNSUPPORTED,
                    "%s: segment %u ends at 0x%llx, above 0x%llx; make its static data smaller or "
                    "link it lower (-Wl,-Ttext-segment=0x400000)",
                    name, index, (unsigned long long)end, (unsigned long long)rules->high);
    return CELLA_OK;
}

static int compare_segments(const void *a, const void *b)
{
    const struct elf_segment *left = a, *right = b;
    return (left->address > right->address) - (left->address < right->address);
}

/* Segments of `headers`, in rising order; no two overlap. */
static cella_status decode_segments(const Elf64_Ehdr *header, const Elf64_Phdr *headers,
                                    const struct elf_rules *rules, struct elf_program *program,
                                    cella_error *error)
{
    const char *name = program->name;
    for (uint32_t i = 0; i < header->e_phnum; i++) {
        if (headers[i].p_type != PT_LOAD || headers[i].p_memsz == 0)
            continue;
        cella_status status =
            check_segment(&headers[i], i, program->size, rules, program->base, name, error);
        if (status != CELLA_OK)
            return status;
        program->segments[program->segment_count++] = (struct elf_segment){
            .address = headers[i].p_vaddr + program->base,
            .memory_size = headers[i].p_memsz,
            .file_size = headers[i].p_filesz,
            .file_offset = headers[i].p_offset,
            .flags = page_flags_of(headers[i].p_flags),
        };
    }
    if (program->segment_count == 0)
        return fail(error, CELLA_INVALID, "%s: no loadable segment, so nothing to run", name);
    qsort(program->segments, program->segment_count, sizeof(*program->segments), compare_segments);
    for (size_t i = 1; i < program->segment_count; i++) {
        const struct elf_segment *before = &program->segments[i - 1], *here = &program->segments[i];
        if (before->address + before->memory_size > here->address)
            return fail(error, CELLA_INVALID, "%s: segments overlap at 0x%llx", name,
                        (unsigned long long)here->address);
        if (page_down(before->address + before->memory_size - 1) == page_down(here->address) &&
            ((before->flags | here->flags) & (TEE_PAGE_W | TEE_PAGE_X)) ==
                (TEE_PAGE_W | TEE_PAGE_X))
            return fail(error, CELLA_UNSUPPORTED,
                        "%s: the page at 0x%llx holds both code and writable data; link it with "
                        "-Wl,-z,separate-code and without -N/-n",
                        name, (unsigned long long)page_down(here->address));
    }
    const struct elf_segment *last = &program->segments[program->segment_count - 1];
    program->low = page_down(program->segments[0].address);
    program->high = page_up(last->address + last->memory_size);
    return CELLA_OK;
}

/* The entry point and the program headers, as addresses. */
static cella_status decode_addresses(const Elf64_Ehdr *header, struct elf_program *program,
                                     cella_error *error)
{
    program->header_count = header->e_phnum;
    program->entry = header->e_entry + program->base;
    if (!elf_executable_at(program, program->entry))
        return fail(error, CELLA_INVALID,
                    "%s: its entry point 0x%llx is in no executable segment; link it with a start "
                    "function (-e)",
                    program->name, (unsigned long long)program->entry);
    uint64_t bytes = (uint64_t)header->e_phnum * sizeof(Elf64_Phdr);
    for (size_t i = 0; i < program->segment_count; i++) {
        const struct elf_segment *segment = &program->segments[i];
        if (header->e_phoff < segment->file_offset)
            continue;
        uint64_t into = header->e_phoff - segment->file_offset;
        if (into > segment->file_size || bytes > segment->file_size - into)
            continue;
        program->headers = segment->address + into;
        return CELLA_OK;
    }
    return fail(error, CELLA_UNSUPPORTED,
                "%s: its program headers are in no loaded segment, so it cannot find its own "
                "thread-local data; link it without -n/-N",
                program->name);
}

static cella_status load(struct elf_program *program, cella_error *error)
{
    uint64_t span = program->high - program->low;
    program->page_flags = calloc(span / LAYOUT_PAGE, 1);
    /* Sparse: bss and gaps take no memory until they are touched. */
    void *memory = mmap(NULL, span, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    program->memory = memory == MAP_FAILED ? NULL : memory;
    if (!program->page_flags || !program->memory)
        return fail(error, CELLA_MEMORY, "%s: no memory for %llu bytes of program", program->name,
                    (unsigned long long)span);
    for (size_t i = 0; i < program->segment_count; i++) {
        const struct elf_segment *segment = &program->segments[i];
        if (segment->file_size)
            memcpy(program->memory + (segment->address - program->low),
                   program->bytes + segment->file_offset, segment->file_size);
        uint64_t first = (page_down(segment->address) - program->low) / LAYOUT_PAGE;
        uint64_t end =
            (page_up(segment->address + segment->memory_size) - program->low) / LAYOUT_PAGE;
        for (uint64_t page = first; page < end; page++)
            program->page_flags[page] |= (uint8_t)segment->flags;
    }
    return CELLA_OK;
}

cella_status elf_load(const uint8_t *bytes, size_t size, const char *name,
                      const struct elf_rules *rules, struct elf_program *result, cella_error *error)
{
    Elf64_Ehdr header;
    if (size < SELFMAG || memcmp(bytes, ELFMAG, SELFMAG) != 0)
        return fail(error, CELLA_INVALID, "%s: not an ELF program; give a static x86-64 program",
                    name);
    /* The class stands before anything whose size depends on it. */
    if (size > EI_CLASS && bytes[EI_CLASS] == ELFCLASS32)
        return fail(error, CELLA_UNSUPPORTED,
                    "%s: a 32-bit program; build it for x86-64 (without -m32)", name);
    if (size < sizeof(header))
        return fail(error, CELLA_INVALID,
                    "%s: truncated inside the ELF header; copy or link it anew", name);
    memcpy(&header, bytes, sizeof(header));
    cella_status status = check_identity(&header, name, error);
    if (status == CELLA_OK)
        status = check_headers(&header, size, name, error);
    if (status != CELLA_OK)
        return status;

    Elf64_Phdr headers[HEADERS_MOST];
    memcpy(headers, bytes + header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr));
    status = check_kind(bytes, size, &header, headers, name, error);
    if (status != CELLA_OK)
        return status;

    struct elf_program program = {
        .name = name,
        .bytes = bytes,
        .size = size,
        .base = header.e_type == ET_DYN ? rules->pie_base : 0,
        .segments = calloc(header.e_phnum, sizeof(struct elf_segment)),
    };
    if (!program.segments)
        return fail(error, CELLA_MEMORY, "%s: no memory for its segments", name);
    status = decode_segments(&header, headers, rules, &program, error);
    if (status == CELLA_OK)
        status = decode_addresses(&header, &program, error);
    if (status == CELLA_OK)
        status = load(&program, error);
    if (status != CELLA_OK) {
        elf_unload(&program);
        return status;
    }
    *result = program;
    return CELLA_OK;
}

void elf_unload(struct elf_program *program)
{
    if (program->memory)
        munmap(program->memory, program->high - program->low);
    free(program->page_flags);
    free(program->segments);
    *program = (struct elf_program){0};
}

size_t elf_section_count(const struct elf_program *program)
{
    Elf64_Ehdr header;
    memcpy(&header, program->bytes, sizeof(header));
    uint64_t bytes = (uint64_t)header.e_shnum * sizeof(Elf64_Shdr);
    if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shoff > program->size ||
        bytes > program->size - header.e_shoff)
        return 0;
    return header.e_shnum;
}

bool elf_section(const struct elf_program *program, size_t index, struct elf_section *section)
{
    Elf64_Ehdr header;
    Elf64_Shdr here;
    if (index >= elf_section_count(program))
        return false;
    memcpy(&header, program->bytes, sizeof(header));
    memcpy(&here, program->bytes + header.e_shoff + index * sizeof(here), sizeof(here));
    bool has_bytes = here.sh_type != SHT_NOBITS && here.sh_type != SHT_NULL;
    if (has_bytes &&
        (here.sh_offset > program->size || here.sh_size > program->size - here.sh_offset))
        return false;
    *section = (struct elf_section){
        .address = here.sh_addr + program->base,
        .bytes = has_bytes ? program->bytes + here.sh_offset : NULL,
        .size = here.sh_size,
        .type = here.sh_type,
        .flags = here.sh_flags,
        .link = here.sh_link,
    };
    return true;
}

static const struct elf_segment *segment_at(const struct elf_program *program, uint64_t address)
{
    for (size_t i = 0; i < program->segment_count; i++) {
        const struct elf_segment *segment = &program->segments[i];
        if (address >= segment->address && address - segment->address < segment->memory_size)
            return segment;
    }
    return NULL;
}

uint8_t *elf_at(const struct elf_program *program, uint64_t address, uint64_t size)
{
    const struct elf_segment *segment = segment_at(program, address);
    if (!segment || size > segment->memory_size - (address - segment->address))
        return NULL;
    return program->memory + (address - program->low);
}

const struct elf_segment *elf_executable_at(const struct elf_program *program, uint64_t address)
{
    const struct elf_segment *segment = segment_at(program, address);
    return segment && (segment->flags & TEE_PAGE_X) ? segment : NULL;
}
