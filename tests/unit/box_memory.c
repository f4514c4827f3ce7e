/* SPDX-License-Identifier: Apache-2.0
 *
 * A box in memory. Writes are done by half pages, so that one may be torn.
 */
#include "box_memory.h"

#include <stdlib.h>
#include <string.h>

#define HALF (BOX_PAGE / 2)

static bool step(struct memory_box *file)
{
    if (file->last_step && file->steps >= file->last_step)
        return false;
    file->steps++;
    return true;
}

static void reach(struct memory_box *file, uint64_t size)
{
    if (size > file->room) {
        file->room = size * 2;
        file->bytes = realloc(file->bytes, file->room);
    }
    if (size > file->size)
        memset(file->bytes + file->size, 0, size - file->size);
    file->size = size;
}

static bool file_read(void *context, uint64_t offset, void *bytes, size_t size)
{
    struct memory_box *file = context;
    if (offset > file->size || size > file->size - offset)
        return false;
    memcpy(bytes, file->bytes + offset, size);
    return true;
}

static bool file_write(void *context, uint64_t offset, const void *bytes, size_t size)
{
    struct memory_box *file = context;
    for (size_t at = 0, piece; at < size; at += piece) {
        piece = size - at < HALF ? size - at : HALF;
        if (!step(file))
            return false;
        if (offset + at + piece > file->size)
            reach(file, offset + at + piece);
        memcpy(file->bytes + offset + at, (const uint8_t *)bytes + at, piece);
    }
    return true;
}

static bool file_size(void *context, uint64_t *size)
{
    *size = ((struct memory_box *)context)->size;
    return true;
}

static bool file_truncate(void *context, uint64_t size)
{
    if (!step(context))
        return false;
    reach(context, size);
    return true;
}

static bool file_sync(void *context)
{
    return step(context);
}

struct box_file memory_box_file(struct memory_box *file)
{
    return (struct box_file){
        .context = file,
        .read = file_read,
        .write = file_write,
        .size = file_size,
        .truncate = file_truncate,
        .sync = file_sync,
    };
}

void memory_box_end(struct memory_box *file)
{
    free(file->bytes);
    memset(file, 0, sizeof(*file));
}

void memory_box_copy(struct memory_box *to, const struct memory_box *from)
{
    memory_box_end(to);
    reach(to, from->size);
    memcpy(to->bytes, from->bytes, from->size);
}
