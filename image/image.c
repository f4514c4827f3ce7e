/* SPDX-License-Identifier: Apache-2.0
 *
 * Opens images: bytes -> records -> layout -> identity.
 */
#include "image.h"

#include "fail.h"
#include "file.h"
#include "layout.h"
#include "notes.h"
#include "sgxs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Takes the bytes over. */
static cella_status parse_owned(uint8_t *bytes, size_t size, const char *name,
                                struct image **result, cella_error *error)
{
    struct image *image = calloc(1, sizeof(*image));
    if (!image) {
        free(bytes);
        return fail(error, CELLA_MEMORY, "%s: no memory to open it", name);
    }
    image->bytes = bytes;
    image->size = size;
    cella_status status = sgxs_read(image, name, error);
    if (status == CELLA_OK)
        status = layout_check(image, name, error);
    if (status != CELLA_OK) {
        image_free(image);
        return status;
    }
    *result = image;
    return CELLA_OK;
}

cella_status image_open(const char *path, struct image **image, cella_error *error)
{
    uint8_t *bytes;
    size_t size;
    cella_status status = file_read(path, SGXS_SIZE_MOST, &bytes, &size, error);
    return status == CELLA_OK ? parse_owned(bytes, size, path, image, error) : status;
}

cella_status image_parse(const void *bytes, size_t size, const char *name, struct image **image,
                         cella_error *error)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return fail(error, CELLA_MEMORY, "%s: no memory for %zu bytes", name, size);
    if (size)
        memcpy(copy, bytes, size);
    return parse_owned(copy, size, name, image, error);
}

cella_status image_measure(const struct image *image, uint8_t mrenclave[32], cella_error *error)
{
    return digest_bytes(image->bytes, image->size, mrenclave, error);
}

void image_free(struct image *image)
{
    if (!image)
        return;
    free(image->bytes);
    free(image->pages);
    free(image);
}

void image_page_read(const struct image_page *page, uint8_t bytes[4096])
{
    for (unsigned i = 0; i < IMAGE_CHUNKS; i++)
        memcpy(bytes + i * IMAGE_CHUNK, page->data + i * IMAGE_CHUNK_STRIDE, IMAGE_CHUNK);
}

cella_status image_notes_read(const struct image *image, struct image_notes *notes,
                              cella_error *error)
{
    struct boot_span span = image->boot.notes;
    uint8_t *bytes = malloc(span.size ? span.size : 1);
    if (!bytes)
        return fail(error, CELLA_MEMORY, "notes: no memory for %llu bytes",
                    (unsigned long long)span.size);
    cella_status status =
        image_read(image, span.offset, bytes, span.size)
            ? notes_parse(bytes, span.size, notes, error)
            : fail(error, CELLA_INVALID, "notes: they lie in pages that were not added");
    free(bytes);
    return status;
}

bool image_is_sgxs(const char *path)
{
    static const char tag[8] = "ECREATE";
    char found[sizeof(tag)];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool is =
        read(fd, found, sizeof(found)) == sizeof(found) && memcmp(found, tag, sizeof(tag)) == 0;
    close(fd);
    return is;
}
