/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a program: packing ends with an error, or with an image that can be read and whose
 * notes can be read.
 *
 * Seeds: tests/fuzz/seeds.sh
 */
#include "image/pack.h"

#include <stdlib.h>

#define STREAM_MOST (UINT64_C(16) << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct manifest *manifest;
    cella_error error = {0};
    uint8_t *bytes;
    size_t packed;
    struct image *image;
    struct image_notes notes;
    if (!manifest && manifest_default(&manifest, &error) != CELLA_OK)
        abort();
    manifest->threads = 1;
    if (pack_bytes(data, size, "fuzz", manifest, STREAM_MOST, &bytes, &packed, &error) !=
        CELLA_OK) {
        if (error.sentence[0] == 0)
            abort();
        return 0;
    }
    if (image_parse(bytes, packed, "fuzz", &image, &error) != CELLA_OK ||
        image_notes_read(image, &notes, &error) != CELLA_OK) {
        __builtin_printf("%s\n", error.sentence);
        abort();
    }
    image_notes_free(&notes);
    image_free(image);
    free(bytes);
    return 0;
}
