/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as CBOR. What is accepted is deterministic: made again from what was read, it is the
 * same bytes.
 */
#include "attest/cbor.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MOST 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_again(struct cbor_writer *to, const struct cbor_item *item)
{
    struct cbor_item inner;
    char text[TEXT_MOST + 1];
    size_t map = cbor_map_begin(to);
    switch (item->type) {
    case CBOR_UNSIGNED:
        cbor_put_unsigned(to, item->number);
        return;
    case CBOR_NEGATIVE:
        cbor_put_integer(to, -1 - (int64_t)item->number);
        return;
    case CBOR_BYTES:
        cbor_put_bytes(to, item->bytes, item->size);
        return;
    case CBOR_TEXT:
        memcpy(text, item->bytes, item->size);
        text[item->size] = 0;
        cbor_put_text(to, text);
        return;
    case CBOR_SIMPLE:
        cbor_put_bool(to, item->number == CBOR_TRUE);
        return;
    case CBOR_REAL:
        cbor_put_real(to, item->real);
        return;
    case CBOR_ARRAY:
        cbor_put_array(to, item->number);
        break;
    case CBOR_TAG:
        cbor_put_tag(to, item->number);
        break;
    default:
        break;
    }
    for (struct cbor_reader reader = cbor_inside(item); cbor_next(&reader, &inner);)
        put_again(to, &inner);
    if (item->type == CBOR_MAP)
        cbor_map_end(to, map);
}

/* False: there is an item in it for which nothing here puts one. */
static bool can_be_put(const struct cbor_item *item)
{
    struct cbor_item inner;
    for (struct cbor_reader reader = cbor_inside(item); cbor_next(&reader, &inner);)
        if (!can_be_put(&inner))
            return false;
    switch (item->type) {
    case CBOR_NEGATIVE:
        return item->number <= INT64_MAX;
    case CBOR_TEXT:
        return item->size <= TEXT_MOST && (!item->size || !memchr(item->bytes, 0, item->size));
    case CBOR_SIMPLE:
        return cbor_is_bool(item);
    default:
        return true;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cbor_item item;
    struct cbor_writer again = {0};
    if (!cbor_decode(data, size, &item) || !can_be_put(&item))
        return 0;
    put_again(&again, &item);
    if (again.failed || again.size != size || memcmp(again.bytes, data, size) != 0)
        abort();
    cbor_drop(&again);
    return 0;
}
