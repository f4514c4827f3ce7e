/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as CBOR that somebody else made: what is accepted can be walked to its last leaf, and
 * each container has as many items inside as it says. What is deterministic is read alike.
 */
#include "attest/cbor.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good)
        abort();
}

static void walk(const struct cbor_item *item)
{
    struct cbor_item inner;
    uint64_t count = 0;
    must(item->foreign);
    for (struct cbor_reader reader = cbor_inside(item);; count++) {
        bool more = reader.size > 0;
        must(cbor_next(&reader, &inner) == more);
        if (!more)
            break;
        walk(&inner);
    }
    if (item->type == CBOR_ARRAY || item->type == CBOR_MAP)
        must(count == item->number * (item->type == CBOR_MAP ? 2 : 1));
    if (item->type == CBOR_TAG)
        must(count == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cbor_item item, strict;
    if (!cbor_decode_foreign(data, size, &item))
        return 0;
    walk(&item);
    if (cbor_decode(data, size, &strict))
        must(strict.type == item.type && strict.number == item.number && strict.size == item.size &&
             strict.bytes == item.bytes);
    return 0;
}
