/* SPDX-License-Identifier: Apache-2.0
 */
#include "der.h"

#include "image/calendar.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH_MOST 4 /* bytes of a length */

bool der_is(const struct der *one, const void *bytes, size_t size)
{
    return one->size == size && (size == 0 || memcmp(one->bytes, bytes, size) == 0);
}

size_t der_oid(const char *dotted, uint8_t bytes[DER_OID_MOST])
{
    size_t size = 0;
    char *at;
    uint64_t first = strtoull(dotted, &at, 10);
    for (bool second = true; *at == '.'; second = false) {
        uint64_t arc = strtoull(at + 1, &at, 10) + (second ? 40 * first : 0);
        int digits = 1; /* of 7 bits */
        while (digits < 5 && arc >> 7 * digits)
            digits++;
        for (; digits > 0 && size < DER_OID_MOST; digits--)
            bytes[size++] = (uint8_t)((arc >> 7 * (digits - 1) & 0x7f) | (digits > 1 ? 0x80 : 0));
    }
    return size;
}

/* Takes a length, which has to be the rest's or less. */
static bool take_length(struct der *from, size_t *length)
{
    if (from->size == 0)
        return false;
    size_t digits = from->bytes[0] >= 0x80 ? from->bytes[0] - 0x80U : 0;
    *length = digits ? 0 : from->bytes[0];
    if (from->bytes[0] == 0x80 || digits > LENGTH_MOST || digits > from->size - 1)
        return false;
    for (size_t i = 1; i <= digits; i++)
        *length = *length << 8 | from->bytes[i];
    if (digits && (*length < 0x80 || from->bytes[1] == 0))
        return false; /* not the shortest form */
    from->bytes += 1 + digits;
    from->size -= 1 + digits;
    return *length <= from->size;
}

bool der_any(struct der *from, uint8_t *tag, struct der *inside, struct der *whole)
{
    const uint8_t *begin = from->bytes;
    size_t length;
    if (from->size == 0 || (begin[0] & 0x1f) == 0x1f) /* a tag of more bytes */
        return false;
    *tag = begin[0];
    from->bytes++;
    from->size--;
    if (!take_length(from, &length))
        return false;
    *inside = (struct der){from->bytes, length};
    from->bytes += length;
    from->size -= length;
    if (whole)
        *whole = (struct der){begin, (size_t)(from->bytes - begin)};
    return true;
}

/* Numbers of 7 bits a byte, each in its shortest form. */
static bool is_oid(const struct der *inside)
{
    bool begins = true;
    for (size_t i = 0; i < inside->size; i++) {
        if (begins && inside->bytes[i] == 0x80)
            return false;
        begins = inside->bytes[i] < 0x80;
    }
    return inside->size > 0 && begins;
}

bool der_take(struct der *from, uint8_t tag, struct der *inside)
{
    uint8_t found;
    return der_any(from, &found, inside, NULL) && found == tag &&
           (tag != DER_OID || is_oid(inside));
}

bool der_optional(struct der *from, uint8_t tag, struct der *inside)
{
    *inside = (struct der){NULL, 0};
    return from->size == 0 || from->bytes[0] != tag || der_take(from, tag, inside);
}

bool der_is_integer(const struct der *inside)
{
    if (inside->size < 2)
        return inside->size == 1;
    bool high = inside->bytes[1] >= 0x80;
    return inside->bytes[0] != (high ? 0xff : 0);
}

bool der_number(const struct der *inside, uint32_t most, uint32_t *number)
{
    uint64_t value = 0;
    if (!der_is_integer(inside) || inside->size > 5 || inside->bytes[0] >= 0x80)
        return false;
    for (size_t i = 0; i < inside->size; i++)
        value = value << 8 | inside->bytes[i];
    *number = (uint32_t)value;
    return value <= most;
}

bool der_truth(const struct der *inside, bool *truth)
{
    if (inside->size != 1 || (inside->bytes[0] != 0 && inside->bytes[0] != 0xff))
        return false;
    *truth = inside->bytes[0] != 0;
    return true;
}

bool der_bytes(const struct der *inside, struct der *bytes)
{
    if (inside->size == 0 || inside->bytes[0] != 0)
        return false;
    *bytes = (struct der){inside->bytes + 1, inside->size - 1};
    return true;
}

bool der_time(uint8_t tag, const struct der *inside, int64_t *time)
{
    const bool utc = tag == DER_UTC_TIME;
    const char *text = (const char *)inside->bytes;
    if ((!utc && tag != DER_TIME) || inside->size != (utc ? 13 : 15) ||
        text[inside->size - 1] != 'Z')
        return false;
    int year = calendar_digits(text, utc ? 2 : 4);
    text += utc ? 2 : 4;
    const struct calendar_time parts = {
        .year = !utc || year < 0 ? year : year + (year < 50 ? 2000 : 1900),
        .month = calendar_digits(text, 2),
        .day = calendar_digits(text + 2, 2),
        .hour = calendar_digits(text + 4, 2),
        .minute = calendar_digits(text + 6, 2),
        .second = calendar_digits(text + 8, 2),
    };
    return calendar_seconds(&parts, time);
}

/* Padded to `half` bytes. */
static bool take_number(struct der *from, size_t half, uint8_t *to)
{
    struct der number;
    if (!der_take(from, DER_INTEGER, &number) || !der_is_integer(&number) ||
        number.bytes[0] >= 0x80)
        return false;
    if (number.bytes[0] == 0) {
        number.bytes++;
        number.size--;
    }
    if (number.size > half)
        return false;
    memset(to, 0, half - number.size);
    memcpy(to + half - number.size, number.bytes, number.size);
    return true;
}

bool der_ecdsa(const struct der *der, size_t half, uint8_t *signature)
{
    struct der from = *der, inside;
    return der_take(&from, DER_SEQUENCE, &inside) && from.size == 0 &&
           take_number(&inside, half, signature) && take_number(&inside, half, signature + half) &&
           inside.size == 0;
}
