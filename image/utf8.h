/* SPDX-License-Identifier: Apache-2.0
 *
 * UTF-8 (RFC 3629).
 */
#ifndef IMAGE_UTF8_H
#define IMAGE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The length of the sequence that starts here, 0 where there is none. */
static inline size_t utf8_sequence(const uint8_t *at, size_t left)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    size_t more = *at < 0x80 ? 0 : *at < 0xe0 ? 1 : *at < 0xf0 ? 2 : 3;
    uint32_t point = more ? *at & (0x3fu >> more) : *at;
    if (more && (*at < 0xc2 || *at > 0xf4 || left <= more))
        return 0;
    for (size_t i = 1; i <= more; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (at[i] & 0x3f);
    }
    bool good = point >= least[more] && point <= 0x10ffff && (point < 0xd800 || point >= 0xe000);
    return good ? more + 1 : 0;
}

/* How many bytes from the start are UTF-8; `size` where all are. */
static inline size_t utf8_prefix(const void *text, size_t size)
{
    const uint8_t *bytes = text;
    size_t at = 0;
    for (size_t length = 1; length && at < size; at += length) {
        uint64_t word = UINT64_MAX;
        if (size - at >= sizeof(word))
            memcpy(&word, bytes + at, sizeof(word));
        bool ascii = !(word & UINT64_C(0x8080808080808080));
        length = ascii ? sizeof(word) : utf8_sequence(bytes + at, size - at);
    }
    return at;
}

#endif
