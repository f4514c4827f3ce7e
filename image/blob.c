/* SPDX-License-Identifier: Apache-2.0
 *
 * Fills the blob region.
 */
#include "blob.h"

#include "fail.h"
#include "file.h"

#include <stdlib.h>
#include <string.h>

#define CARRIED_MOST (UINT64_C(1) << 30) /* bytes of one carried file */

static bool reserve(struct blob *blob, size_t size)
{
    if (size <= blob->capacity - blob->size)
        return true;
    size_t capacity = blob->capacity ? blob->capacity : LAYOUT_PAGE;
    while (capacity - blob->size < size)
        capacity *= 2;
    uint8_t *bytes = realloc(blob->bytes, capacity);
    if (!bytes)
        return false;
    blob->bytes = bytes;
    blob->capacity = capacity;
    return true;
}

bool blob_put(struct blob *blob, const void *bytes, size_t size, struct boot_span *span)
{
    if (!reserve(blob, size))
        return false;
    *span = (struct boot_span){blob->address + blob->size, size};
    if (size)
        memcpy(blob->bytes + blob->size, bytes, size);
    blob->size += size;
    return true;
}

bool blob_align(struct blob *blob, size_t alignment)
{
    static const uint8_t zeros[LAYOUT_PAGE];
    struct boot_span span;
    size_t over = blob->size % alignment;
    return over == 0 || blob_put(blob, zeros, alignment - over, &span);
}

/* Strings with their NULs. */
static bool put_strings(struct blob *blob, char *const *strings, struct boot_span *span)
{
    struct boot_span one;
    *span = (struct boot_span){blob->address + blob->size, 0};
    for (; strings && *strings; strings++) {
        if (!blob_put(blob, *strings, strlen(*strings) + 1, &one))
            return false;
        span->size += one.size;
    }
    return true;
}

static cella_status no_memory(cella_error *error)
{
    return fail(error, CELLA_MEMORY, "no memory for the image's files and strings");
}

static cella_status put_file(struct blob *blob, const struct manifest_file *from,
                             struct boot_file *file, cella_error *error)
{
    cella_status status = CELLA_OK;
    uint8_t *content = NULL;
    size_t size = 0;
    bool room;
    *file = (struct boot_file){.kind = from->kind, .flags = from->flags, .size = from->size};
    if (from->kind == BOOT_FILE_MEASURED)
        status = file_read(from->resolved, CARRIED_MOST, &content, &size, error);
    else if (from->kind == BOOT_FILE_HASHED)
        status = file_digest(from->resolved, file->sha256, &file->size, error);
    if (status != CELLA_OK)
        return status;
    if (from->kind == BOOT_FILE_BOX)
        memcpy(file->sha256, from->version, sizeof(file->sha256));
    room = blob_put(blob, from->path, strlen(from->path), &file->path) &&
           blob_put(blob, from->key, from->key ? strlen(from->key) : 0, &file->key);
    if (content)
        room = room && blob_put(blob, content, size, &file->content);
    else
        room = room && blob_put(blob, from->source, from->source ? strlen(from->source) : 0,
                                &file->content);
    free(content);
    return room ? CELLA_OK : no_memory(error);
}

/* A memory directory that every program gets, unless its manifest names the path. */
static struct manifest_file tmp_file = {.path = (char[]){"/tmp"}, .kind = BOOT_FILE_MEMORY};

static cella_status put_files(struct blob *blob, const struct manifest *manifest,
                              struct boot_span *span, cella_error *error)
{
    bool named = false;
    for (size_t i = 0; i < manifest->file_count; i++)
        named |= strcmp(manifest->files[i].path, tmp_file.path) == 0;
    size_t count = manifest->file_count + (named ? 0 : 1);
    struct boot_file *table = calloc(count, sizeof(*table));
    if (!table)
        return no_memory(error);
    cella_status status = CELLA_OK;
    for (size_t i = 0; i < count && status == CELLA_OK; i++)
        status = put_file(blob, i < manifest->file_count ? &manifest->files[i] : &tmp_file,
                          &table[i], error);
    if (status == CELLA_OK &&
        !(blob_align(blob, 8) && blob_put(blob, table, count * sizeof(*table), span)))
        status = no_memory(error);
    free(table);
    return status;
}

/* argv of the agent: its name, then what the manifest says. */
static bool put_agent_arguments(struct blob *blob, const struct manifest *manifest,
                                struct boot_span *span)
{
    char *const name[] = {(char *)file_name(manifest->agent), NULL};
    struct boot_span others;
    if (!put_strings(blob, name, span) || !put_strings(blob, manifest->agent_arguments, &others))
        return false;
    span->size += others.size;
    return true;
}

cella_status blob_put_manifest(struct blob *blob, const struct manifest *manifest,
                               const char *program, struct boot_header *boot, cella_error *error)
{
    char *const alone[] = {(char *)program, NULL};
    char *const *arguments = manifest->arguments ? manifest->arguments : (char **)alone;
    boot->flags = (manifest->arguments_host ? BOOT_ARGUMENTS_HOST : 0u) |
                  (manifest->environment_host ? BOOT_ENVIRONMENT_HOST : 0u) |
                  (manifest->clock ? BOOT_CLOCK : 0u) | (manifest->network ? BOOT_NETWORK : 0u) |
                  (manifest->statistics ? BOOT_STATISTICS : 0u) |
                  (manifest->attestation ? BOOT_ATTESTATION : 0u);
    if (!put_strings(blob, manifest->arguments_host ? NULL : arguments, &boot->arguments) ||
        !put_strings(blob, manifest->environment, &boot->environment) ||
        !put_strings(blob, manifest->insecure_keys, &boot->insecure_keys) ||
        !blob_put(blob, manifest->working_directory, strlen(manifest->working_directory),
                  &boot->directory) ||
        (manifest->agent && !put_agent_arguments(blob, manifest, &boot->agent_arguments)))
        return no_memory(error);
    return put_files(blob, manifest, &boot->files, error);
}
