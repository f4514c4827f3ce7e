/* SPDX-License-Identifier: Apache-2.0
 *
 * Changes one object of DER and keeps the lengths above it right, so that what comes behind the
 * first length is reached.
 */
#ifndef FUZZ_DER_H
#define FUZZ_DER_H

#include "attest/der.h"

#include <string.h>

#define CHANGE_MOST  (1 << 15) /* bytes of one that is changed */
#define CHANGE_DEPTH 16

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

struct change {
    uint8_t bytes[CHANGE_MOST];
    size_t size;
    bool full;
};

static inline unsigned change_random(unsigned *seed, unsigned below)
{
    *seed = *seed * 1103515245 + 12345;
    return (*seed >> 16) % below;
}

static inline void change_put(struct change *to, const void *bytes, size_t size)
{
    to->full |= size > sizeof(to->bytes) - to->size;
    if (to->full || size == 0)
        return;
    memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

/* tag, length, inside */
static inline void change_put_object(struct change *to, uint8_t tag, const uint8_t *inside,
                                     size_t size)
{
    const uint8_t head[] = {tag, 0x82, (uint8_t)(size >> 8), (uint8_t)size};
    const uint8_t middle[] = {tag, 0x81, (uint8_t)size}, small[] = {tag, (uint8_t)size};
    if (size < 0x80)
        change_put(to, small, sizeof(small));
    else if (size < 0x100)
        change_put(to, middle, sizeof(middle));
    else
        change_put(to, head, sizeof(head));
    change_put(to, inside, size);
}

/* Whether there are objects inside: it is constructed, or a string that holds just one. `skip`:
 * bytes before it. */
static inline bool change_is_nested(uint8_t tag, struct der inside, size_t *skip)
{
    struct der one;
    uint8_t found;
    *skip = tag == DER_BIT_STRING && inside.size > 0;
    if (tag & 0x20)
        return inside.size > 0;
    inside.bytes += *skip;
    inside.size -= *skip;
    return (tag == DER_BIT_STRING || tag == DER_OCTETS) && der_any(&inside, &found, &one, NULL) &&
           inside.size == 0 && one.size > 0;
}

static inline void change_some(struct der from, struct change *to, unsigned *seed, int depth);

/* What is inside of one: deeper down, or any way. */
static inline void change_inside(uint8_t tag, const struct der *inside, struct change *to,
                                 unsigned *seed, int depth)
{
    static struct change rooms[CHANGE_DEPTH + 1];
    struct change *room = &rooms[depth];
    size_t skip;
    room->size = 0;
    room->full = false;
    if (depth < CHANGE_DEPTH && change_is_nested(tag, *inside, &skip)) {
        change_put(room, inside->bytes, skip);
        change_some((struct der){inside->bytes + skip, inside->size - skip}, room, seed, depth + 1);
    } else {
        change_put(room, inside->bytes, inside->size);
        if (!room->full)
            room->size =
                LLVMFuzzerMutate(room->bytes, room->size,
                                 room->size + 16 < CHANGE_MOST ? room->size + 16 : CHANGE_MOST);
    }
    to->full |= room->full;
    change_put_object(to, tag, room->bytes, room->size);
}

/* One of the objects that stand behind each other in `from`; `next` is the one behind it. */
static inline void change_one(uint8_t tag, const struct der *inside, const struct der *whole,
                              struct der *next, struct change *to, unsigned *seed, int depth)
{
    static const uint8_t tags[] = {1, 2, 3, 4, 5, 6, 0xc, 0x13, 0x17, 0x18, 0x30, 0x31, 0xa0, 0xa3};
    struct der one, other = {NULL, 0};
    uint8_t found;
    switch (depth > 0 ? change_random(seed, 16) : 15) {
    case 0: /* without it */
        break;
    case 1: /* twice */
        change_put(to, whole->bytes, whole->size);
        change_put(to, whole->bytes, whole->size);
        break;
    case 2: /* behind the next */
        if (next->size > 0 && der_any(next, &found, &one, &other))
            change_put(to, other.bytes, other.size);
        change_put(to, whole->bytes, whole->size);
        break;
    case 3: /* as another type */
        change_put_object(to, tags[change_random(seed, sizeof(tags))], inside->bytes, inside->size);
        break;
    default:
        change_inside(tag, inside, to, seed, depth);
    }
}

static inline void change_some(struct der from, struct change *to, unsigned *seed, int depth)
{
    struct der left = from, inside, whole;
    unsigned count = 0;
    uint8_t tag;
    while (left.size > 0 && der_any(&left, &tag, &inside, NULL))
        count++;
    const unsigned chosen = change_random(seed, count ? count : 1);
    for (unsigned i = 0; from.size > 0; i++) {
        left = from;
        if (!der_any(&left, &tag, &inside, &whole)) { /* what is no DER stays as it is */
            change_put(to, from.bytes, from.size);
            return;
        }
        if (i == chosen)
            change_one(tag, &inside, &whole, &left, to, seed, depth);
        else
            change_put(to, whole.bytes, whole.size);
        from = left;
    }
}

/* The new size; 0: it is no DER, or too large. */
static inline size_t der_change(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    static struct change made;
    struct der from = {data, size}, inside;
    uint8_t tag;
    made.size = 0;
    made.full = false;
    if (!der_any(&from, &tag, &inside, NULL) || from.size > 0)
        return 0;
    change_some((struct der){data, size}, &made, &seed, 0);
    if (made.full || made.size > most)
        return 0;
    memcpy(data, made.bytes, made.size);
    return made.size;
}

#endif
