/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes as base64: six bits a letter.
 */
#include "base64.h"

#include <string.h>

static const char common[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
static const char *const last_two[] = {[BASE64] = "+/", [BASE64_URL] = "-_"};

static char letter(enum base64_form form, unsigned value)
{
    return value < 62 ? common[value] : last_two[form][value - 62];
}

/* 0..63, or -1. */
static int value(enum base64_form form, char letter)
{
    if (letter >= 'A' && letter <= 'Z')
        return letter - 'A';
    if (letter >= 'a' && letter <= 'z')
        return letter - 'a' + 26;
    if (letter >= '0' && letter <= '9')
        return letter - '0' + 52;
    if (letter == last_two[form][0])
        return 62;
    return letter == last_two[form][1] ? 63 : -1;
}

char *base64_write(enum base64_form form, const void *bytes, size_t size, char *text)
{
    const uint8_t *from = bytes;
    char *to = text;
    for (size_t i = 0; i < size; i += 3) {
        size_t here = size - i < 3 ? size - i : 3;
        unsigned group = (unsigned)from[i] << 16;
        group |= here > 1 ? (unsigned)from[i + 1] << 8 : 0;
        group |= here > 2 ? from[i + 2] : 0;
        for (size_t j = 0; j < here + 1; j++)
            *to++ = letter(form, group >> (18 - 6 * j) & 63);
        for (size_t j = here; j < 3 && form == BASE64; j++)
            *to++ = '=';
    }
    *to = 0;
    return text;
}

/* The letters of a text, padding taken off; SIZE_MAX: it is not of this form. */
static size_t letters(enum base64_form form, const char *text, size_t length)
{
    size_t count = length;
    if (form == BASE64 && length) {
        if (length % 4)
            return SIZE_MAX;
        count -= (text[length - 1] == '=') + (text[length - 1] == '=' && text[length - 2] == '=');
    }
    return count % 4 == 1 ? SIZE_MAX : count;
}

bool base64_read(enum base64_form form, const char *text, size_t length, uint8_t *bytes,
                 size_t *size)
{
    size_t count = letters(form, text, length);
    unsigned group = 0, bits = 0;
    *size = 0;
    if (count == SIZE_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        int six = value(form, text[i]);
        if (six < 0)
            return false;
        group = group << 6 | (unsigned)six;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes[(*size)++] = (uint8_t)(group >> bits);
            group &= (1u << bits) - 1;
        }
    }
    return group == 0; /* bits that are no byte */
}
