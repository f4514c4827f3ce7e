/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a box, with a cipher that takes everything for authentic: what the owner of a key,
 * or who breaks the cipher, can make of it. The input is also tried as a sparse change to a good
 * box: groups of 8 bytes, a position (4, little-endian), and what is added to the 4 bytes there.
 */
#include "../../runtime/box/core.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_MOST (UINT64_C(4) << 20)

struct file {
    uint8_t *bytes;
    uint64_t size;
};

/* ---- a cipher that is none ---- */

static void *allocate(size_t size)
{
    return size < FILE_MOST ? calloc(1, size) : NULL;
}

static void release(void *memory, size_t size)
{
    (void)size;
    free(memory);
}

static void fill(void *bytes, size_t size)
{
    memset(bytes, 1, size);
}

static void digest(const void *bytes, size_t size, uint8_t result[32])
{
    (void)bytes;
    (void)size;
    memset(result, 2, 32);
}

static void *key_begin(const uint8_t key[BOX_KEY])
{
    (void)key;
    return malloc(1);
}

static bool seal(void *key, struct box_seal *to_seal, const void *additional,
                 size_t additional_size, const void *from, void *to, size_t size)
{
    (void)key;
    (void)additional;
    (void)additional_size;
    memset(to_seal->tag, 3, sizeof(to_seal->tag));
    if (size)
        memmove(to, from, size);
    return true;
}

static bool open_any(void *key, const struct box_seal *sealed, const void *additional,
                     size_t additional_size, const void *from, void *to, size_t size)
{
    struct box_seal copy = *sealed;
    return seal(key, &copy, additional, additional_size, from, to, size);
}

static const struct box_services services = {
    .allocate = allocate,
    .release = release,
    .random = fill,
    .sha256 = digest,
    .key_begin = key_begin,
    .key_end = free,
    .seal = seal,
    .open = open_any,
};

/* ---- a file ---- */

static bool file_read(void *context, uint64_t offset, void *bytes, size_t size)
{
    const struct file *file = context;
    if (offset > file->size || size > file->size - offset)
        return false;
    memcpy(bytes, file->bytes + offset, size);
    return true;
}

static bool file_truncate(void *context, uint64_t size)
{
    struct file *file = context;
    if (size > FILE_MOST)
        return false;
    if (size > file->size)
        memset(file->bytes + file->size, 0, size - file->size);
    file->size = size;
    return true;
}

static bool file_write(void *context, uint64_t offset, const void *bytes, size_t size)
{
    struct file *file = context;
    if (offset > FILE_MOST || size > FILE_MOST - offset ||
        (offset + size > file->size && !file_truncate(file, offset + size)))
        return false;
    memcpy(file->bytes + offset, bytes, size);
    return true;
}

static bool file_size(void *context, uint64_t *size)
{
    *size = ((struct file *)context)->size;
    return true;
}

static bool file_sync(void *context)
{
    (void)context;
    return true;
}

static struct box_opening opening_of(struct file *file, bool writable)
{
    static const uint8_t key[BOX_KEY];
    return (struct box_opening){
        .services = &services,
        .file = {file, file_read, file_write, file_size, file_truncate, file_sync},
        .key = key,
        .writable = writable,
    };
}

/* ---- what is done with it ---- */

static void use(struct file *file, bool writable)
{
    static uint8_t bytes[3 * BOX_PAGE];
    struct box_fault fault;
    struct box_opening opening = opening_of(file, writable);
    struct box *box = box_open(&opening, &fault);
    if (!box) {
        if (!fault.kind)
            abort();
        return;
    }
    uint64_t size = box_size(box), places[] = {0, 100, size / 2, size - size % BOX_PAGE};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        int64_t done = box_read(box, places[i], bytes, sizeof(bytes));
        if (done > (int64_t)sizeof(bytes) || (done < 0 && !box_fault(box).kind))
            abort();
    }
    if (writable) {
        box_write(box, size / 2, bytes, sizeof(bytes));
        box_rename(box, "n", 1, "m", 1);
        box_truncate(box, size / 3);
        box_commit(box);
        box_write(box, size < FILE_MOST ? size + 9000 : 0, bytes, 7);
    }
    box_close(box);
}

static void use_both(const uint8_t *bytes, size_t size)
{
    struct file file = {malloc(FILE_MOST), size < FILE_MOST ? size : FILE_MOST};
    if (!file.bytes)
        abort();
    memcpy(file.bytes, bytes, file.size);
    use(&file, false);
    use(&file, true);
    free(file.bytes);
}

static const struct file *good(void)
{
    static struct file file;
    static uint8_t bytes[140 * BOX_PAGE];
    struct box_fault fault;
    if (!file.bytes) {
        file.bytes = malloc(FILE_MOST);
        struct box_opening opening = opening_of(&file, true);
        opening.name = "x";
        opening.name_size = 1;
        struct box *box = box_create(&opening, true, &fault);
        if (!box || !box_write(box, 0, bytes, sizeof(bytes)) || box_close(box).kind)
            abort();
    }
    return &file;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct file *start = good();
    use_both(data, size);
    uint8_t *changed = malloc(start->size);
    if (!changed)
        abort();
    memcpy(changed, start->bytes, start->size);
    for (; size >= 8; data += 8, size -= 8) {
        uint32_t at, add, value;
        memcpy(&at, data, 4);
        memcpy(&add, data + 4, 4);
        /* most in the header, the superblocks and the first node */
        at %= at >> 30 ? 4 * BOX_PAGE : (uint32_t)start->size - 3;
        memcpy(&value, changed + at, 4);
        value += add;
        memcpy(changed + at, &value, 4);
    }
    use_both(changed, start->size);
    free(changed);
    return 0;
}
