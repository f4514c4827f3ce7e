/* SPDX-License-Identifier: Apache-2.0
 *
 * A reader of the little DER that the extension has: definite lengths in their shortest form.
 */
#include "pck.h"

#include "attest/reader.h"

#include <string.h>

#define DER_BOOLEAN    0x01
#define DER_INTEGER    0x02
#define DER_OCTETS     0x04
#define DER_OID        0x06
#define DER_ENUMERATED 0x0a
#define DER_SEQUENCE   0x30

/* 1.2.840.113741.1.13.1 */
static const uint8_t arc[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};

/* The contents of the next value, if it has this tag. */
static bool der_next(struct reader *reader, uint8_t tag, struct reader *contents)
{
    const uint8_t *found = read_bytes(reader, 1);
    size_t size = (size_t)read_little(reader, 1);
    if (size > 0x82)
        return false;
    if (size >= 0x80) {
        size_t digits = size - 0x80;
        size = (size_t)read_big(reader, digits);
        if (size < (digits == 2 ? 0x100 : 0x80))
            return false;
    }
    const uint8_t *bytes = read_bytes(reader, size);
    *contents = (struct reader){.bytes = bytes, .size = size};
    return bytes && *found == tag;
}

/* The next { OID, value }: the last arcs of the OID below `depth` known ones, and what follows it.
 */
static bool next_field(struct reader *reader, const uint8_t *above, size_t depth, uint8_t *last,
                       struct reader *value)
{
    struct reader oid;
    if (!der_next(reader, DER_SEQUENCE, value) || !der_next(value, DER_OID, &oid) ||
        oid.size != sizeof(arc) + depth + 1 || memcmp(oid.bytes, arc, sizeof(arc)) != 0 ||
        (depth && oid.bytes[sizeof(arc)] != *above))
        return false;
    *last = oid.bytes[oid.size - 1];
    return true;
}

static bool read_octets(struct reader *value, uint8_t *to, size_t size)
{
    struct reader contents;
    if (!der_next(value, DER_OCTETS, &contents) || contents.size != size || value->size > 0)
        return false;
    memcpy(to, contents.bytes, size);
    return true;
}

/* 0 to `most`. */
static bool read_integer(struct reader *value, uint8_t tag, uint64_t most, uint64_t *number)
{
    struct reader contents;
    if (!der_next(value, tag, &contents) || value->size > 0 || contents.size == 0 ||
        contents.size > 4 || contents.bytes[0] >= 0x80 ||
        (contents.size > 1 && contents.bytes[0] == 0 && contents.bytes[1] < 0x80))
        return false;
    *number = big_endian(contents.bytes, contents.size);
    return *number <= most;
}

static bool read_boolean(struct reader *value, bool *to)
{
    struct reader contents;
    if (!der_next(value, DER_BOOLEAN, &contents) || value->size > 0 || contents.size != 1 ||
        (contents.bytes[0] != 0 && contents.bytes[0] != 0xff))
        return false;
    *to = contents.bytes[0] != 0;
    return true;
}

static bool read_tcb(struct reader *value, struct pck *pck)
{
    static const uint8_t above[] = {2};
    struct reader fields, field;
    uint32_t seen = 0;
    uint64_t number;
    uint8_t last;
    if (!der_next(value, DER_SEQUENCE, &fields) || value->size > 0)
        return false;
    while (fields.size > 0) {
        if (!next_field(&fields, above, 1, &last, &field) || last < 1 || last > 18 ||
            seen & 1U << last)
            return false;
        seen |= 1U << last;
        if (last == 18) {
            if (!read_octets(&field, pck->cpusvn, sizeof(pck->cpusvn)))
                return false;
        } else if (!read_integer(&field, DER_INTEGER, last == 17 ? UINT16_MAX : UINT8_MAX,
                                 &number)) {
            return false;
        } else if (last == 17) {
            pck->pcesvn = (uint16_t)number;
        } else {
            pck->components[last - 1] = (uint8_t)number;
        }
    }
    return seen == 0x7fffe;
}

static bool read_configuration(struct reader *value, struct pck *pck)
{
    static const uint8_t above[] = {7};
    bool *const to[] = {&pck->dynamic_platform, &pck->cached_keys, &pck->smt_enabled};
    struct reader fields, field;
    unsigned seen = 0;
    uint8_t last;
    if (!der_next(value, DER_SEQUENCE, &fields) || value->size > 0)
        return false;
    while (fields.size > 0) {
        if (!next_field(&fields, above, 1, &last, &field) || last < 1 || last > 3 ||
            seen & 1U << last || !read_boolean(&field, to[last - 1]))
            return false;
        seen |= 1U << last;
    }
    pck->has_configuration = true;
    return true;
}

static bool read_field(uint8_t which, struct reader *value, struct pck *pck)
{
    uint64_t number;
    switch (which) {
    case 1:
        return read_octets(value, pck->ppid, sizeof(pck->ppid));
    case 2:
        return read_tcb(value, pck);
    case 3:
        return read_octets(value, pck->pceid, sizeof(pck->pceid));
    case 4:
        return read_octets(value, pck->fmspc, sizeof(pck->fmspc));
    case 5:
        if (!read_integer(value, DER_ENUMERATED, 2, &number))
            return false;
        pck->sgx_type = (uint8_t)number;
        return true;
    case 6:
        pck->has_platform_instance = true;
        return read_octets(value, pck->platform_instance, sizeof(pck->platform_instance));
    case 7:
        return read_configuration(value, pck);
    default:
        return false;
    }
}

bool pck_read(const uint8_t *bytes, size_t size, struct pck *pck)
{
    struct reader reader = {.bytes = bytes, .size = size}, fields, value;
    unsigned seen = 0;
    uint8_t which;
    *pck = (struct pck){0};
    if (!der_next(&reader, DER_SEQUENCE, &fields) || reader.size > 0)
        return false;
    while (fields.size > 0) {
        if (!next_field(&fields, NULL, 0, &which, &value) || which > 7 || seen & 1U << which ||
            !read_field(which, &value, pck))
            return false;
        seen |= 1U << which;
    }
    return (seen & 0x3e) == 0x3e; /* 1 to 5 */
}
