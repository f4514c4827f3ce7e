/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as an image. What is accepted can be read from end to end, and its SHA-256 is its
 * identity. To get past the canonical form, the input is also tried as a sparse change to a good
 * image: groups of 8 bytes, a position (4, little-endian), and what is added to the 4 bytes there;
 * then how much is cut off at the end.
 */
#include "image/image.h"
#include "image/pack.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const uint8_t *bytes, size_t size)
{
    cella_error error = {0};
    struct image *image;
    struct image_notes notes;
    uint8_t page[4096];
    if (image_parse(bytes, size, "fuzz", &image, &error) != CELLA_OK) {
        if (error.sentence[0] == 0)
            abort();
        return;
    }
    for (size_t i = 0; i < image->page_count; i++)
        image_page_read(&image->pages[i], page);
    if (image_notes_read(image, &notes, &error) == CELLA_OK) {
        for (size_t i = 0; i < notes.site_count; i++)
            if (strlen(notes.sites[i].function) > size)
                abort();
        image_function_at(&notes, image->boot.program.entry);
        image_notes_free(&notes);
    }
    image_free(image);
}

/* The smallest program: one page, with its header. */
static size_t make_program(uint8_t *program)
{
    static const uint8_t start[64 + 56 * 2 + 4] = {
        0x7f,         'E',          'L',       'F',         2,           1,        1,
        [16] = 2,     [18] = 62,    [20] = 1,  [24] = 0xb0, [26] = 0x40, /* entry 0x4000b0 */
        [32] = 64,    [52] = 64,    [54] = 56, [56] = 1,    [64] = 1,    [68] = 5, /* PT_LOAD, R X
                                                                                    */
        [82] = 0x40,  [90] = 0x40,                                                 /* 0x400000 */
        [96] = 0xb4,  [104] = 0xb4,                                                /* sizes */
        [176] = 0x0f, 0x05,         0xf4, /* syscall; hlt */
    };
    memcpy(program, start, sizeof(start));
    return sizeof(start);
}

static const uint8_t *good_image(size_t *size)
{
    static uint8_t *bytes;
    static size_t length;
    if (!bytes) {
        cella_error error = {0};
        struct manifest *manifest;
        uint8_t program[4096];
        if (manifest_default(&manifest, &error) != CELLA_OK)
            abort();
        manifest->threads = 1;
        if (pack_bytes(program, make_program(program), "fuzz", manifest, UINT64_MAX, &bytes,
                       &length, &error) != CELLA_OK)
            abort();
        manifest_free(manifest);
    }
    *size = length;
    return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t length;
    const uint8_t *good = good_image(&length);
    use(data, size);
    uint8_t *changed = malloc(length);
    if (!changed)
        abort();
    memcpy(changed, good, length);
    for (; size >= 8; data += 8, size -= 8) {
        uint32_t at, add, value;
        memcpy(&at, data, 4);
        memcpy(&add, data + 4, 4);
        at %= (uint32_t)length - 3;
        memcpy(&value, changed + at, 4);
        value += add;
        memcpy(changed + at, &value, 4);
    }
    if (size >= 2) { /* what remains cuts the end off */
        uint16_t cut;
        memcpy(&cut, data, 2);
        length -= cut;
    }
    use(changed, length);
    free(changed);
    return 0;
}
