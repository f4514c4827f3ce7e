/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes as lower-case hexadecimal. Also of secrets: no table is indexed by one.
 */
#include "hex.h"

static char digit(unsigned value)
{
    return (char)(value + '0' + (value > 9) * ('a' - '0' - 10));
}

char *hex_write(const uint8_t *bytes, size_t size, char *text)
{
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digit(bytes[i] >> 4);
        text[2 * i + 1] = digit(bytes[i] & 15);
    }
    text[2 * size] = 0;
    return text;
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
    for (size_t i = 0; i < size; i++) {
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
    return hex_digits(text, bytes, size) && text[2 * size] == 0;
}
