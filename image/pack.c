/* SPDX-License-Identifier: Apache-2.0
 *
 * Packs a program: loads and rewrites it, lays everything out as runtime/boot.h says, and writes
 * the stream. The same inputs give the same bytes: nothing of the machine, the time or the folder
 * goes in.
 */
#include "pack.h"

#include "../tee/tee.h"
#include "blob.h"
#include "fail.h"
#include "file.h"
#include "functions.h"
#include "layout.h"
#include "notes.h"
#include "rewrite.h"
#include "runtime_load.h"
#include "sgxs.h"
#include "trampoline.h"

#include <stdlib.h>
#include <string.h>

#define PROGRAM_MOST (UINT64_C(1) << 30) /* bytes of a program's file */
#define AGENT_ALIGN  UINT64_C(0x200000)

/* A program of the image. */
struct part {
    struct elf_program elf;
    struct functions functions;
    struct rewrite rewrite;
};

struct pack {
    struct runtime_load runtime;
    struct part program;
    struct part agent; /* without pages: there is none */
    uint8_t *agent_file;
    struct functions functions; /* of both */
    struct rewrite rewrite;     /* of both, without stubs */
    struct blob blob;
    struct boot_header boot;
    cella_error *error;
};

static uint64_t align_up(uint64_t value, uint64_t alignment)
{
    return (value + alignment - 1) & ~(alignment - 1);
}

/* What makes the stream bytes: `stream` NULL only counts them. */
struct output {
    uint8_t *stream;
    size_t size;
};

static void put_page(struct output *output, uint64_t offset, uint64_t flags, const uint8_t *page)
{
    output->size += output->stream
                        ? sgxs_write_page(output->stream + output->size, offset, flags, page)
                        : SGXS_PAGE_BYTES;
}

/* Bytes whose last page may be cut. */
static void put_region(struct output *output, uint64_t offset, uint64_t flags, const uint8_t *bytes,
                       size_t size)
{
    for (size_t at = 0; at < size; at += LAYOUT_PAGE) {
        uint8_t page[LAYOUT_PAGE] = {0};
        memcpy(page, bytes + at, size - at < LAYOUT_PAGE ? size - at : LAYOUT_PAGE);
        put_page(output, offset + at, TEE_PAGE_REG | flags, page);
    }
}

static void put_elf(struct output *output, const struct elf_program *program)
{
    for (uint64_t at = 0; at < program->high - program->low; at += LAYOUT_PAGE) {
        uint8_t flags = program->page_flags[at / LAYOUT_PAGE];
        if (flags)
            put_page(output, program->low + at, TEE_PAGE_REG | flags, program->memory + at);
    }
}

static void put_part(struct output *output, const struct part *part)
{
    put_elf(output, &part->elf);
    put_region(output, part->elf.high, TEE_PAGE_R | TEE_PAGE_X, part->rewrite.stubs,
               part->rewrite.stubs_size);
}

static void put_threads(struct output *output, const struct boot_header *boot)
{
    for (uint32_t thread = 0; thread < boot->thread_count; thread++) {
        uint8_t tcs[LAYOUT_PAGE];
        layout_tcs(boot, thread, tcs);
        for (unsigned page = 0; page < THREAD_PAGES; page++) {
            uint64_t offset =
                boot->threads + ((uint64_t)thread * THREAD_PAGES + page) * LAYOUT_PAGE;
            int64_t flags = layout_thread_page_flags(page);
            if (flags >= 0)
                put_page(output, offset, (uint64_t)flags, page == THREAD_PAGE_TCS ? tcs : NULL);
        }
    }
}

static void put_all(struct output *output, const struct pack *pack)
{
    const struct boot_header *boot = &pack->boot;
    uint8_t page[LAYOUT_PAGE];
    if (output->stream)
        sgxs_write_create(output->stream, 1, boot->elrange_size);
    output->size = IMAGE_RECORD;
    trampoline_write(page, boot->runtime_syscall);
    put_page(output, LAYOUT_TRAMPOLINE, TEE_PAGE_REG | TEE_PAGE_R | TEE_PAGE_X, page);
    memset(page, 0, sizeof(page));
    memcpy(page, boot, sizeof(*boot));
    put_page(output, LAYOUT_BOOT, TEE_PAGE_REG | TEE_PAGE_R, page);
    put_elf(output, &pack->runtime.program);
    put_part(output, &pack->program);
    put_part(output, &pack->agent);
    put_region(output, boot->blob.offset, TEE_PAGE_R, pack->blob.bytes, pack->blob.size);
    put_threads(output, boot);
}

static cella_status load_part(struct part *part, const uint8_t *bytes, size_t size,
                              const char *name, const struct elf_rules *rules, cella_error *error)
{
    cella_status status = elf_load(bytes, size, name, rules, &part->elf, error);
    if (status == CELLA_OK)
        status = functions_from_symbols(&part->elf, &part->functions, error);
    if (status == CELLA_OK)
        status = rewrite_program(&part->elf, &part->functions, &part->rewrite, error);
    return status;
}

static uint64_t part_end(const struct part *part)
{
    return align_up(part->elf.high + part->rewrite.stubs_size, LAYOUT_PAGE);
}

static void part_free(struct part *part)
{
    elf_unload(&part->elf);
    functions_free(&part->functions);
    rewrite_free(&part->rewrite);
}

static bool has_fixed_place(const uint8_t *bytes, size_t size)
{
    Elf64_Ehdr header;
    if (size < sizeof(header))
        return false;
    memcpy(&header, bytes, sizeof(header));
    return memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_type == ET_EXEC;
}

/* The agent lies behind the program, wherever that ends. */
static cella_status load_agent(struct pack *pack, const struct manifest *manifest)
{
    size_t size;
    const char *name = manifest->agent;
    uint64_t base = align_up(part_end(&pack->program), AGENT_ALIGN);
    cella_status status =
        file_read(manifest->agent_resolved, PROGRAM_MOST, &pack->agent_file, &size, pack->error);
    if (status != CELLA_OK)
        return status;
    if (has_fixed_place(pack->agent_file, size))
        return fail(pack->error, CELLA_UNSUPPORTED,
                    "%s: an agent has to fit beside any program: link it with -static-pie", name);
    if (base >= LAYOUT_PROGRAM_HIGH)
        return fail(pack->error, CELLA_UNSUPPORTED,
                    "%s: there is no room for an agent behind the program, which ends at 0x%llx",
                    name, (unsigned long long)part_end(&pack->program));
    const struct elf_rules rules = {base, base, LAYOUT_PROGRAM_HIGH};
    return load_part(&pack->agent, pack->agent_file, size, name, &rules, pack->error);
}

/* Copies `count` items of each of two arrays one behind the other; NULL: no memory. */
static void *join(const void *first, size_t first_count, const void *second, size_t second_count,
                  size_t size)
{
    uint8_t *both = calloc(first_count + second_count + 1, size);
    if (both && first_count)
        memcpy(both, first, first_count * size);
    if (both && second_count)
        memcpy(both + first_count * size, second, second_count * size);
    return both;
}

/* Addresses rise: all of the agent's lie behind all of the program's. */
static bool join_parts(struct pack *pack)
{
    const struct part *program = &pack->program, *agent = &pack->agent;
    pack->functions.count = program->functions.count + agent->functions.count;
    pack->functions.items =
        join(program->functions.items, program->functions.count, agent->functions.items,
             agent->functions.count, sizeof(*pack->functions.items));
    pack->rewrite.site_count = program->rewrite.site_count + agent->rewrite.site_count;
    pack->rewrite.left_alone = program->rewrite.left_alone + agent->rewrite.left_alone;
    pack->rewrite.sites =
        join(program->rewrite.sites, program->rewrite.site_count, agent->rewrite.sites,
             agent->rewrite.site_count, sizeof(*pack->rewrite.sites));
    return pack->functions.items && pack->rewrite.sites;
}

static cella_status load_programs(struct pack *pack, const uint8_t *bytes, size_t size,
                                  const char *name, const struct manifest *manifest)
{
    static const struct elf_rules rules = {LAYOUT_PROGRAM_PIE, LAYOUT_PROGRAM_LOW,
                                           LAYOUT_PROGRAM_HIGH};
    cella_status status = load_part(&pack->program, bytes, size, name, &rules, pack->error);
    if (status == CELLA_OK && manifest->agent)
        status = load_agent(pack, manifest);
    if (status == CELLA_OK && !join_parts(pack))
        status = fail(pack->error, CELLA_MEMORY, "%s: no memory for its functions", name);
    return status;
}

/* The table by which the runtime tells a system call from a call through a null pointer. */
static bool put_sites(struct pack *pack)
{
    uint32_t places = 8;
    while (places < 4 * pack->rewrite.site_count)
        places *= 2;
    uint32_t *table = calloc(places, sizeof(*table));
    if (!table)
        return false;
    for (size_t i = 0; i < pack->rewrite.site_count; i++) {
        if (pack->rewrite.sites[i].kind != IMAGE_SITE_CALL)
            continue;
        uint32_t address = (uint32_t)pack->rewrite.sites[i].address + 2; /* behind call *%rax */
        uint32_t at = boot_site_slot(address, places);
        while (table[at])
            at = (at + 1) & (places - 1);
        table[at] = address;
    }
    bool put = blob_align(&pack->blob, 8) &&
               blob_put(&pack->blob, table, places * sizeof(*table), &pack->boot.sites);
    free(table);
    return put;
}

static cella_status fill_blob(struct pack *pack, const char *name, const struct manifest *manifest)
{
    struct boot_header *boot = &pack->boot;
    pack->blob.address = part_end(pack->agent.elf.memory ? &pack->agent : &pack->program);
    cella_status status =
        blob_put_manifest(&pack->blob, manifest, file_name(name), boot, pack->error);
    if (status != CELLA_OK)
        return status;
    if (!put_sites(pack))
        return fail(pack->error, CELLA_MEMORY, "%s: no memory for its table of sites", name);
    uint8_t *notes;
    size_t notes_size;
    char *text = manifest_text(manifest);
    if (!text)
        return fail(pack->error, CELLA_MEMORY, "%s: no memory for its manifest", name);
    status = notes_make(file_name(name), text, &pack->functions, &pack->rewrite, &notes,
                        &notes_size, pack->error);
    free(text);
    if (status != CELLA_OK)
        return status;
    if (!blob_align(&pack->blob, 8) || !blob_put(&pack->blob, notes, notes_size, &boot->notes))
        status = fail(pack->error, CELLA_MEMORY, "%s: no memory for its notes", name);
    free(notes);
    return status;
}

static struct boot_program boot_program(const struct elf_program *elf)
{
    return (struct boot_program){
        .pages = {elf->low, elf->high - elf->low},
        .entry = elf->entry,
        .headers = elf->headers,
        .header_count = elf->header_count,
        .header_size = sizeof(Elf64_Phdr),
    };
}

static void fill_boot(struct pack *pack, const struct manifest *manifest)
{
    struct boot_header *boot = &pack->boot;
    const struct elf_program *runtime = &pack->runtime.program;
    boot->magic = BOOT_MAGIC;
    boot->version = BOOT_VERSION;
    boot->runtime = (struct boot_span){runtime->low, runtime->high - runtime->low};
    boot->runtime_enter = pack->runtime.enter;
    boot->runtime_syscall = pack->runtime.syscall_entry;
    boot->program = boot_program(&pack->program.elf);
    if (manifest->agent)
        boot->agent = boot_program(&pack->agent.elf);
    boot->blob = (struct boot_span){pack->blob.address, align_up(pack->blob.size, LAYOUT_PAGE)};
    boot->threads = boot->blob.offset + boot->blob.size;
    boot->thread_count = manifest->threads;
    uint64_t threads_end =
        boot->threads + (uint64_t)boot->thread_count * THREAD_PAGES * LAYOUT_PAGE;
    boot->heap = (struct boot_span){align_up(threads_end, LAYOUT_HEAP_ALIGN),
                                    align_up(manifest->heap_size, LAYOUT_HEAP_ALIGN)};
    boot->stack_size = STACK_SIZE;
    boot->elrange_size = LAYOUT_PAGE;
    while (boot->elrange_size < boot->heap.offset + boot->heap.size)
        boot->elrange_size *= 2;
}

static cella_status write_stream(const struct pack *pack, const char *name, uint64_t most,
                                 uint8_t **bytes, size_t *size)
{
    struct output output = {0};
    put_all(&output, pack);
    if (output.size > most)
        return fail(pack->error, CELLA_UNSUPPORTED,
                    "%s: its image would have %zu bytes, more than %llu; make its static data or "
                    "the files that it carries smaller (\"carry\": false)",
                    name, output.size, (unsigned long long)most);
    output.stream = malloc(output.size);
    if (!output.stream)
        return fail(pack->error, CELLA_MEMORY, "%s: no memory for an image of %zu bytes", name,
                    output.size);
    put_all(&output, pack);
    *bytes = output.stream;
    *size = output.size;
    return CELLA_OK;
}

cella_status pack_bytes(const uint8_t *program, size_t program_size, const char *name,
                        const struct manifest *manifest, uint64_t most, uint8_t **bytes,
                        size_t *size, cella_error *error)
{
    struct pack pack = {.error = error};
    cella_status status = load_programs(&pack, program, program_size, name, manifest);
    if (status == CELLA_OK)
        status = runtime_load(&pack.runtime, error);
    if (status == CELLA_OK)
        status = fill_blob(&pack, name, manifest);
    if (status == CELLA_OK) {
        fill_boot(&pack, manifest);
        status = write_stream(&pack, name, most, bytes, size);
    }
    runtime_unload(&pack.runtime);
    part_free(&pack.program);
    part_free(&pack.agent);
    free(pack.agent_file);
    functions_free(&pack.functions);
    rewrite_free(&pack.rewrite);
    free(pack.blob.bytes);
    return status;
}

cella_status image_pack(const char *program, const struct manifest *manifest, uint8_t **bytes,
                        size_t *size, cella_error *error)
{
    uint8_t *file;
    size_t file_size;
    cella_status status = file_read(program, PROGRAM_MOST, &file, &file_size, error);
    if (status != CELLA_OK)
        return status;
    status = pack_bytes(file, file_size, program, manifest, SGXS_SIZE_MOST, bytes, size, error);
    free(file);
    return status;
}
