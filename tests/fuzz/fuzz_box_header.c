/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as the header of a box. What is accepted has the recipients that it says it has, each
 * within the header; nothing opens it.
 */
#include "box/header.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cella_key key; /* seeds are sealed to zeros */
    static const uint8_t other[BOX_KEY] = {1};
    const struct cella_box_keys keys = {.keys = &key, .count = 1, .key = other};
    uint32_t count = (uint32_t)((size + BOX_PAGE - 1) / BOX_PAGE), said;
    cella_error error = {0};
    if (count < 1 || count > BOX_HEADER_PAGES)
        return 0;
    uint8_t *pages = calloc(count, BOX_PAGE), file_key[BOX_KEY];
    if (!pages)
        return 0;
    memcpy(pages, data, size);
    if (box_head_count(pages, "fuzz", &said, &error) || said != count ||
        box_head_check(pages, count, "fuzz", &error)) {
        if (!error.sentence[0] && said == count)
            abort();
        free(pages);
        return 0;
    }
    struct box_recipient recipient = {0};
    unsigned recipients = 0;
    for (; box_head_next(pages, &recipient); recipients++)
        if (recipient.content < pages ||
            recipient.content + recipient.size > pages + count * BOX_PAGE)
            abort();
    if (recipients != ((const struct box_header *)(const void *)pages)->recipients ||
        !box_head_open(pages, count, "fuzz", &keys, file_key, &error))
        abort();
    free(pages);
    return 0;
}
