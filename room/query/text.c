/* SPDX-License-Identifier: Apache-2.0
 *
 * Fields of data as values. Numbers have one reading: no blanks, no plus sign, no hexadecimal, no
 * names of numbers, nothing out of range.
 */
#include "text.h"

#include "../../image/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static inline bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

bool text_integer(const char *text, size_t size, int64_t *value)
{
    bool negative = size && text[0] == '-';
    uint64_t sum = 0;
    size_t at = negative;
    if (at == size)
        return false;
    for (; at < size; at++) {
        if (!is_digit(text[at]) || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(text[at] - '0'), &sum))
            return false;
    }
    if (sum > (uint64_t)INT64_MAX + negative)
        return false;
    *value = (int64_t)(negative ? -sum : sum);
    return true;
}

/* A decimal number taken apart: digits * 10^exponent, where `exact` says that all digits are in. */
struct decimal {
    bool negative, exact;
    uint64_t digits;
    int exponent;
};

/* Digits from `at` on; those after 19 may not fit. */
static size_t take_digits(const char *text, size_t size, size_t at, struct decimal *number)
{
    for (; at < size && is_digit(text[at]); at++) {
        if (number->digits >= UINT64_MAX / 10 - 1)
            number->exact = false;
        else
            number->digits = number->digits * 10 + (uint64_t)(text[at] - '0');
    }
    return at;
}

static size_t take_exponent(const char *text, size_t size, size_t at, struct decimal *number)
{
    bool negative = at < size && text[at] == '-';
    if (at < size && (text[at] == '-' || text[at] == '+'))
        at++;
    int exponent = 0;
    size_t start = at;
    for (; at < size && is_digit(text[at]); at++)
        if (exponent < 100000)
            exponent = exponent * 10 + (text[at] - '0');
    number->exponent += negative ? -exponent : exponent;
    return at == start ? SIZE_MAX : at; /* an exponent has digits */
}

static bool take_apart(const char *text, size_t size, struct decimal *number)
{
    *number = (struct decimal){.negative = size && text[0] == '-', .exact = true};
    size_t start = number->negative;
    size_t at = take_digits(text, size, start, number);
    size_t digits = at - start;
    if (at < size && text[at] == '.') {
        size_t point = ++at;
        at = take_digits(text, size, point, number);
        digits += at - point;
        if (at - point > 1000)
            number->exact = false;
        else
            number->exponent = -(int)(at - point);
    }
    if (digits && at < size && (text[at] == 'e' || text[at] == 'E'))
        at = take_exponent(text, size, at + 1, number);
    return digits && at == size;
}

static bool long_real(const char *text, size_t size, double *value)
{
    char room[64], *copy = size < sizeof(room) ? room : malloc(size + 1);
    if (!copy)
        return false;
    memcpy(copy, text, size);
    copy[size] = 0;
    *value = strtod(copy, NULL);
    if (copy != room)
        free(copy);
    return isfinite(*value);
}

bool text_real(const char *text, size_t size, double *value)
{
    /* Both factors are exact doubles, so that one operation rounds once (Clinger 1990). */
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    struct decimal number;
    if (!take_apart(text, size, &number))
        return false;
    if (!number.exact || number.digits > UINT64_C(1) << 53 || number.exponent < -22 ||
        number.exponent > 22)
        return long_real(text, size, value);
    double digits = (double)number.digits;
    digits = number.exponent < 0 ? digits / tens[-number.exponent] : digits * tens[number.exponent];
    *value = number.negative ? -digits : digits;
    return true;
}

bool text_boolean(const char *text, size_t size, int64_t *value)
{
    static const char *const words[] = {"0", "false", "FALSE", "1", "true", "TRUE"};
    for (size_t i = 0; i < 6; i++) {
        if (strlen(words[i]) == size && memcmp(words[i], text, size) == 0) {
            *value = i >= 3;
            return true;
        }
    }
    return false;
}

bool text_is_date(const char *text, size_t size)
{
    static const char days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year, month, day;
    if (size != 10 || text[4] != '-' || text[7] != '-' || text[0] == '-' || text[5] == '-' ||
        text[8] == '-' || !text_integer(text, 4, &year) || !text_integer(text + 5, 2, &month) ||
        !text_integer(text + 8, 2, &day))
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] &&
           (month != 2 || day < 29 || leap);
}

size_t text_utf8(const char *text, size_t size)
{
    size_t good = utf8_prefix(text, size);
    const char *zero = good ? memchr(text, 0, good) : NULL;
    return zero ? (size_t)(zero - text) : good;
}
