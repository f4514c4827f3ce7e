/* SPDX-License-Identifier: Apache-2.0
 *
 * Hashes of values, for tables in memory. Of texts: FNV-1a (Fowler, Noll, Vo), mixed.
 */
#ifndef ROOM_QUERY_HASH_H
#define ROOM_QUERY_HASH_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t hash_number(uint64_t value)
{
    value ^= value >> 32;
    value *= UINT64_C(0x9e3779b97f4a7c15);
    value ^= value >> 29;
    value *= UINT64_C(0xbf58476d1ce4e5b9);
    return value ^ value >> 32;
}

static inline uint64_t hash_text(const char *text, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    return hash_number(hash);
}

/* Of several values, one after another. */
static inline uint64_t hash_both(uint64_t before, uint64_t value)
{
    return before * 31 + value;
}

#endif
