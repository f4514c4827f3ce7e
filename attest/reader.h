/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads hostile bytes from the front, in either order. A read beyond the end gives zeros and sets
 * `failed`, which stays: a parser reads all its fields and asks once.
 */
#ifndef ATTEST_READER_H
#define ATTEST_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
    const uint8_t *bytes; /* what is left */
    size_t size;
    bool failed;
};

/* The next `size` bytes, or NULL. */
static inline const uint8_t *read_bytes(struct reader *reader, size_t size)
{
    if (reader->failed || size > reader->size) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *bytes = reader->bytes;
    reader->bytes += size;
    reader->size -= size;
    return bytes;
}

/* Unsigned numbers of at most 8 bytes, in place. */
static inline uint64_t little_endian(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static inline uint64_t big_endian(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static inline uint64_t read_little(struct reader *reader, size_t size)
{
    const uint8_t *bytes = read_bytes(reader, size);
    return bytes ? little_endian(bytes, size) : 0;
}

static inline uint64_t read_big(struct reader *reader, size_t size)
{
    const uint8_t *bytes = read_bytes(reader, size);
    return bytes ? big_endian(bytes, size) : 0;
}

#endif
