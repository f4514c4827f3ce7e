/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes and reads notes.
 */
#include "notes.h"

#include "fail.h"

#include <stdlib.h>
#include <string.h>

static uint32_t put_string(char *strings, size_t *at, const char *text)
{
    if (!*text)
        return 0;
    size_t size = strlen(text) + 1;
    uint32_t offset = (uint32_t)*at;
    memcpy(strings + *at, text, size);
    *at += size;
    return offset;
}

cella_status notes_make(const char *program, const char *manifest,
                        const struct functions *functions, const struct rewrite *rewrite,
                        uint8_t **bytes, size_t *size, cella_error *error)
{
    size_t strings_size = 1 + strlen(program) + 1 + strlen(manifest) + 1;
    for (size_t i = 0; i < functions->count; i++)
        strings_size += strlen(functions->items[i].name) + 1;
    size_t total = sizeof(struct notes_header) + rewrite->site_count * sizeof(struct notes_site) +
                   functions->count * sizeof(struct notes_function) + strings_size;
    uint8_t *buffer = total <= UINT32_MAX ? calloc(1, total) : NULL;
    if (!buffer)
        return fail(error, CELLA_MEMORY, "%s: no memory for %zu bytes of notes", program, total);

    struct notes_header *header = (struct notes_header *)buffer;
    struct notes_site *sites = (struct notes_site *)(header + 1);
    struct notes_function *names = (struct notes_function *)(sites + rewrite->site_count);
    char *strings = (char *)(names + functions->count);
    size_t at = 1;
    *header = (struct notes_header){
        .magic = NOTES_MAGIC,
        .site_count = (uint32_t)rewrite->site_count,
        .function_count = (uint32_t)functions->count,
        .left_alone = (uint32_t)rewrite->left_alone,
        .program = put_string(strings, &at, program),
        .manifest = put_string(strings, &at, manifest),
    };
    for (size_t i = 0; i < functions->count; i++) {
        const struct function *function = &functions->items[i];
        names[i] = (struct notes_function){
            .address = (uint32_t)function->start,
            .size = (uint32_t)(function->end - function->start),
            .name = put_string(strings, &at, function->name),
        };
    }
    for (size_t i = 0; i < rewrite->site_count; i++) {
        const struct image_site *site = &rewrite->sites[i];
        const struct function *function = functions_at(functions, site->address);
        sites[i] = (struct notes_site){
            .address = (uint32_t)site->address,
            .kind = site->kind,
            .function = function ? names[function - functions->items].name : 0,
        };
    }
    header->strings_size = (uint32_t)at;
    *bytes = buffer;
    *size = (size_t)(strings - (char *)buffer) + at;
    return CELLA_OK;
}

/* The strings, once the last byte is known to be a NUL. */
struct strings {
    char *text;
    uint32_t size;
    bool wrong; /* an offset lay outside */
};

static char *get_string(struct strings *strings, uint32_t offset)
{
    if (offset < strings->size)
        return strings->text + offset;
    strings->wrong = true;
    return strings->text;
}

cella_status notes_parse(const uint8_t *bytes, size_t size, struct image_notes *result,
                         cella_error *error)
{
    struct notes_header header;
    if (size < sizeof(header))
        return fail(error, CELLA_INVALID, "notes: truncated inside their header");
    memcpy(&header, bytes, sizeof(header));
    if (header.magic != NOTES_MAGIC)
        return fail(error, CELLA_INVALID, "notes: their magic number is wrong");
    uint64_t expected = sizeof(header) + (uint64_t)header.site_count * sizeof(struct notes_site) +
                        (uint64_t)header.function_count * sizeof(struct notes_function) +
                        header.strings_size;
    if (expected != size)
        return fail(error, CELLA_INVALID, "notes: %zu bytes where their header promises %llu", size,
                    (unsigned long long)expected);
    const uint8_t *at = bytes + sizeof(header);
    const uint8_t *names = at + header.site_count * sizeof(struct notes_site);
    const uint8_t *text = names + header.function_count * sizeof(struct notes_function);
    if (header.strings_size == 0 || text[header.strings_size - 1] != 0)
        return fail(error, CELLA_INVALID, "notes: their strings do not end");

    struct image_notes notes = {
        .sites = calloc(header.site_count + 1, sizeof(struct image_site)),
        .functions = calloc(header.function_count + 1, sizeof(struct image_function)),
        .storage = malloc(header.strings_size),
        .site_count = header.site_count,
        .function_count = header.function_count,
        .left_alone = header.left_alone,
    };
    if (!notes.sites || !notes.functions || !notes.storage) {
        image_notes_free(&notes);
        return fail(error, CELLA_MEMORY, "notes: no memory for %zu bytes", size);
    }
    memcpy(notes.storage, text, header.strings_size);
    struct strings strings = {notes.storage, header.strings_size, false};
    bool wrong = false;
    for (uint32_t i = 0; i < header.site_count; i++) {
        struct notes_site site;
        memcpy(&site, at + i * sizeof(site), sizeof(site));
        wrong |= site.kind != IMAGE_SITE_CALL && site.kind != IMAGE_SITE_STUB;
        wrong |= i && site.address <= notes.sites[i - 1].address;
        notes.sites[i] = (struct image_site){
            .address = site.address,
            .kind = (enum image_site_kind)site.kind,
            .function = get_string(&strings, site.function),
        };
    }
    for (uint32_t i = 0; i < header.function_count; i++) {
        struct notes_function function;
        memcpy(&function, names + i * sizeof(function), sizeof(function));
        wrong |= i && function.address <= notes.functions[i - 1].address;
        notes.functions[i] = (struct image_function){
            .address = function.address,
            .size = function.size,
            .name = get_string(&strings, function.name),
        };
    }
    notes.program = get_string(&strings, header.program);
    notes.manifest = get_string(&strings, header.manifest);
    if (wrong || strings.wrong) {
        image_notes_free(&notes);
        return fail(error, CELLA_INVALID,
                    wrong ? "notes: a list in them does not rise, or holds an "
                            "unknown kind of site"
                          : "notes: a string lies outside them");
    }
    *result = notes;
    return CELLA_OK;
}

void image_notes_free(struct image_notes *notes)
{
    free(notes->sites);
    free(notes->functions);
    free(notes->storage);
    *notes = (struct image_notes){0};
}

const struct image_function *image_function_at(const struct image_notes *notes, uint64_t address)
{
    size_t low = 0, high = notes->function_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (notes->functions[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    const struct image_function *function = &notes->functions[low - 1];
    return address - function->address < function->size ? function : NULL;
}
