/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes as lower-case hexadecimal. Also of secrets: no table is indexed by one.
 */
#include "hex.h"

#include <string.h>

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Eight digits of four bytes, the first of each in the lowest byte: as they stand in memory. */
static uint64_t digits(uint64_t four)
{
    uint64_t spread = (four | four << 16) & UINT64_C(0x0000ffff0000ffff);
    spread = (spread | spread << 8) & UINT64_C(0x00ff00ff00ff00ff);
    uint64_t values =
        (spread >> 4 & UINT64_C(0x000f000f000f000f)) | (spread & UINT64_C(0x000f000f000f000f)) << 8;
    uint64_t letters = (values + EACH(6)) >> 4 & EACH(1); /* 1 where it is above 9 */
    return values + EACH('0') + letters * ('a' - '0' - 10);
}

char *hex_write(const uint8_t *bytes, size_t size, char *text)
{
    size_t i = 0;
    for (uint32_t four; i + 4 <= size; i += 4) {
        memcpy(&four, bytes + i, 4);
        uint64_t eight = digits(four);
        memcpy(text + 2 * i, &eight, 8);
    }
    for (; i < size; i++) {
        uint64_t two = digits(bytes[i]);
        memcpy(text + 2 * i, &two, 2);
    }
    text[2 * size] = 0;
    return text;
}

/* The four bytes of these eight digits, whatever they are: what they are not, `digits` of them is
 * not either. */
static uint32_t four_of(uint64_t text)
{
    uint64_t values = ((text & EACH(0x0f)) + (text >> 6 & EACH(1)) * 9) & EACH(0x0f);
    uint64_t spread =
        (values & UINT64_C(0x000f000f000f000f)) << 4 | (values >> 8 & UINT64_C(0x000f000f000f000f));
    spread = (spread | spread >> 8) & UINT64_C(0x0000ffff0000ffff);
    return (uint32_t)(spread | spread >> 16);
}

/* 0..15, or -1. */
static int value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool hex_digits(const char *text, uint8_t *bytes, size_t size)
{
    size_t i = 0;
    for (uint64_t eight; i + 4 <= size; i += 4) {
        memcpy(&eight, text + 2 * i, 8);
        uint32_t four = four_of(eight);
        if (digits(four) != eight)
            return false;
        memcpy(bytes + i, &four, 4);
    }
    for (; i < size; i++) {
        int high = value(text[2 * i]);
        int low = high < 0 ? -1 : value(text[2 * i + 1]);
        if (low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool hex_read(const char *text, uint8_t *bytes, size_t size)
{
    return strnlen(text, 2 * size + 1) == 2 * size && hex_digits(text, bytes, size);
}
