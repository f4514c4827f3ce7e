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

struct pack {
    struct runtime_load runtime;
    struct elf_program program;
    struct functions functions;
    struct rewrite rewrite;
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
    put_elf(output, &pack->program);
    put_region(output, pack->program.high, TEE_PAGE_R | TEE_PAGE_X, pack->rewrite.stubs,
               pack->rewrite.stubs_size);
    put_region(output, boot->blob.offset, TEE_PAGE_R, pack->blob.bytes, pack->blob.size);
    put_threads(output, boot);
}

static cella_status load_program(struct pack *pack, const uint8_t *bytes, size_t size,
                                 const char *name)
{
    static const struct elf_rules rules = {LAYOUT_PROGRAM_PIE, LAYOUT_PROGRAM_LOW,
                                           LAYOUT_PROGRAM_HIGH};
    cella_status status = elf_load(bytes, size, name, &rules, &pack->program, pack->error);
    if (status == CELLA_OK)
        status = functions_from_symbols(&pack->program, &pack->functions, pack->error);
    if (status == CELLA_OK)
        status = rewrite_program(&pack->program, &pack->functions, &pack->rewrite, pack->error);
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
    pack->blob.address = align_up(pack->program.high + pack->rewrite.stubs_size, LAYOUT_PAGE);
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

static void fill_boot(struct pack *pack, const struct manifest *manifest)
{
    struct boot_header *boot = &pack->boot;
    const struct elf_program *runtime = &pack->runtime.program, *program = &pack->program;
    boot->magic = BOOT_MAGIC;
    boot->version = BOOT_VERSION;
    boot->runtime = (struct boot_span){runtime->low, runtime->high - runtime->low};
    boot->runtime_enter = pack->runtime.enter;
    boot->runtime_syscall = pack->runtime.syscall_entry;
    boot->program = (struct boot_span){program->low, program->high - program->low};
    boot->program_entry = program->entry;
    boot->program_headers = program->headers;
    boot->program_header_count = program->header_count;
    boot->program_header_size = sizeof(Elf64_Phdr);
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
    cella_status status = load_program(&pack, program, program_size, name);
    if (status == CELLA_OK)
        status = runtime_load(&pack.runtime, error);
    if (status == CELLA_OK)
        status = fill_blob(&pack, name, manifest);
    if (status == CELLA_OK) {
        fill_boot(&pack, manifest);
        status = write_stream(&pack, name, most, bytes, size);
    }
    runtime_unload(&pack.runtime);
    elf_unload(&pack.program);
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
