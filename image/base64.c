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

#define LETTER 0x40 /* beside the six bits: it is one */
#define COMMON                                                                                     \
    ['A'] = LETTER | 0, ['B'] = LETTER | 1, ['C'] = LETTER | 2, ['D'] = LETTER | 3,                \
    ['E'] = LETTER | 4, ['F'] = LETTER | 5, ['G'] = LETTER | 6, ['H'] = LETTER | 7,                \
    ['I'] = LETTER | 8, ['J'] = LETTER | 9, ['K'] = LETTER | 10, ['L'] = LETTER | 11,              \
    ['M'] = LETTER | 12, ['N'] = LETTER | 13, ['O'] = LETTER | 14, ['P'] = LETTER | 15,            \
    ['Q'] = LETTER | 16, ['R'] = LETTER | 17, ['S'] = LETTER | 18, ['T'] = LETTER | 19,            \
    ['U'] = LETTER | 20, ['V'] = LETTER | 21, ['W'] = LETTER | 22, ['X'] = LETTER | 23,            \
    ['Y'] = LETTER | 24, ['Z'] = LETTER | 25, ['a'] = LETTER | 26, ['b'] = LETTER | 27,            \
    ['c'] = LETTER | 28, ['d'] = LETTER | 29, ['e'] = LETTER | 30, ['f'] = LETTER | 31,            \
    ['g'] = LETTER | 32, ['h'] = LETTER | 33, ['i'] = LETTER | 34, ['j'] = LETTER | 35,            \
    ['k'] = LETTER | 36, ['l'] = LETTER | 37, ['m'] = LETTER | 38, ['n'] = LETTER | 39,            \
    ['o'] = LETTER | 40, ['p'] = LETTER | 41, ['q'] = LETTER | 42, ['r'] = LETTER | 43,            \
    ['s'] = LETTER | 44, ['t'] = LETTER | 45, ['u'] = LETTER | 46, ['v'] = LETTER | 47,            \
    ['w'] = LETTER | 48, ['x'] = LETTER | 49, ['y'] = LETTER | 50, ['z'] = LETTER | 51,            \
    ['0'] = LETTER | 52, ['1'] = LETTER | 53, ['2'] = LETTER | 54, ['3'] = LETTER | 55,            \
    ['4'] = LETTER | 56, ['5'] = LETTER | 57, ['6'] = LETTER | 58, ['7'] = LETTER | 59,            \
    ['8'] = LETTER | 60, ['9'] = LETTER | 61

static const uint8_t values[2][256] = {
    [BASE64] = {COMMON, ['+'] = LETTER | 62, ['/'] = LETTER | 63},
    [BASE64_URL] = {COMMON, ['-'] = LETTER | 62, ['_'] = LETTER | 63},
};

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

/* Four letters as three bytes. */
static bool read_four(const uint8_t value[256], const char *text, uint8_t *bytes)
{
    unsigned a = value[(uint8_t)text[0]], b = value[(uint8_t)text[1]];
    unsigned c = value[(uint8_t)text[2]], d = value[(uint8_t)text[3]];
    unsigned group = (a & 63) << 18 | (b & 63) << 12 | (c & 63) << 6 | (d & 63);
    bytes[0] = (uint8_t)(group >> 16);
    bytes[1] = (uint8_t)(group >> 8);
    bytes[2] = (uint8_t)group;
    return a & b & c & d & LETTER;
}

bool base64_read(enum base64_form form, const char *text, size_t length, uint8_t *bytes,
                 size_t *size)
{
    const uint8_t *value = values[form];
    size_t count = letters(form, text, length), whole = count / 4 * 4;
    uint8_t last[3];
    char rest[4] = {'A', 'A', 'A', 'A'}; /* zeros */
    *size = 0;
    if (count == SIZE_MAX)
        return false;
    for (size_t i = 0; i < whole; i += 4, *size += 3)
        if (!read_four(value, text + i, bytes + *size))
            return false;
    memcpy(rest, text + whole, count - whole);
    if (!read_four(value, rest, last))
        return false;
    size_t more = (count - whole) * 3 / 4;
    memcpy(bytes + *size, last, more);
    *size += more;
    return more == 2 ? last[2] == 0 : more == 1 ? last[1] == 0 : true; /* bits that are no byte */
}
