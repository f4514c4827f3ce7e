/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads DER (ITU-T X.690): definite lengths in their shortest form, tags of one byte. Nothing is
 * copied: what is read points into the bytes that were given.
 */
#ifndef ATTEST_DER_H
#define ATTEST_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DER_BOOLEAN      0x01
#define DER_INTEGER      0x02
#define DER_BIT_STRING   0x03
#define DER_OCTETS       0x04
#define DER_NULL         0x05
#define DER_OID          0x06
#define DER_ENUMERATED   0x0a
#define DER_UTF8         0x0c
#define DER_IA5          0x16
#define DER_UTC_TIME     0x17
#define DER_TIME         0x18
#define DER_SEQUENCE     0x30
#define DER_SET          0x31
#define DER_CONTEXT(tag) (0xa0 | (tag)) /* [tag], constructed */

struct der {
    const uint8_t *bytes;
    size_t size;
};

/* Takes one object off the front of `from`: what is inside of it, and all of it (may be NULL).
 * False: there is none, or it is no DER; `from` is then worth nothing. */
bool der_any(struct der *from, uint8_t *tag, struct der *inside, struct der *whole);
/* The same where it has to have this tag; an OBJECT IDENTIFIER is in its shortest form. */
bool der_take(struct der *from, uint8_t tag, struct der *inside);
/* The same where it may be absent: true, and nothing inside (bytes are NULL). */
bool der_optional(struct der *from, uint8_t tag, struct der *inside);

/* What is inside of an INTEGER or ENUMERATED: its shortest form. */
bool der_is_integer(const struct der *inside);
/* From 0 to `most`, which has 32 bits. */
bool der_number(const struct der *inside, uint32_t most, uint32_t *number);
bool der_truth(const struct der *inside, bool *truth);
/* The whole bytes of a BIT STRING. False: it has others. */
bool der_bytes(const struct der *inside, struct der *bytes);

/* Of a UTCTime or GeneralizedTime as RFC 5280 has them (section 4.1.2.5): seconds since 1970.
 * False: neither. */
bool der_time(uint8_t tag, const struct der *inside, int64_t *time);

/* The bytes of an OBJECT IDENTIFIER in dots, such as "2.5.29.15". */
#define DER_OID_MOST 32
size_t der_oid(const char *dotted, uint8_t bytes[DER_OID_MOST]);

/* r and s of an ECDSA signature (RFC 3279, section 2.2.3), each padded to `half` bytes. False: it
 * is malformed, negative, or longer. */
bool der_ecdsa(const struct der *der, size_t half, uint8_t *signature);

bool der_is(const struct der *one, const void *bytes, size_t size);
#define DER_IS(one, array) der_is(one, array, sizeof(array))
static inline bool der_same(const struct der *one, const struct der *other)
{
    return der_is(one, other->bytes, other->size);
}

#endif
