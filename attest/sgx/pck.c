/* SPDX-License-Identifier: Apache-2.0
 */
#include "pck.h"

#include "attest/der.h"

#include <string.h>

/* 1.2.840.113741.1.13.1 */
static const uint8_t arc[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};

/* The next { OID, value }: the last arcs of the OID below `depth` known ones, and what follows it.
 */
static bool next_field(struct der *reader, const uint8_t *above, size_t depth, uint8_t *last,
                       struct der *value)
{
    struct der oid;
    if (!der_take(reader, DER_SEQUENCE, value) || !der_take(value, DER_OID, &oid) ||
        oid.size != sizeof(arc) + depth + 1 || memcmp(oid.bytes, arc, sizeof(arc)) != 0 ||
        (depth && oid.bytes[sizeof(arc)] != *above))
        return false;
    *last = oid.bytes[oid.size - 1];
    return true;
}

static bool read_octets(struct der *value, uint8_t *to, size_t size)
{
    struct der contents;
    if (!der_take(value, DER_OCTETS, &contents) || contents.size != size || value->size > 0)
        return false;
    memcpy(to, contents.bytes, size);
    return true;
}

static bool read_number(struct der *value, uint8_t tag, uint32_t most, uint32_t *number)
{
    struct der contents;
    return der_take(value, tag, &contents) && value->size == 0 &&
           der_number(&contents, most, number);
}

static bool read_boolean(struct der *value, bool *to)
{
    struct der contents;
    return der_take(value, DER_BOOLEAN, &contents) && value->size == 0 && der_truth(&contents, to);
}

static bool read_tcb(struct der *value, struct pck *pck)
{
    static const uint8_t above[] = {2};
    struct der fields, field;
    uint32_t seen = 0;
    uint32_t number;
    uint8_t last;
    if (!der_take(value, DER_SEQUENCE, &fields) || value->size > 0)
        return false;
    while (fields.size > 0) {
        if (!next_field(&fields, above, 1, &last, &field) || last < 1 || last > 18 ||
            seen & 1U << last)
            return false;
        seen |= 1U << last;
        if (last == 18) {
            if (!read_octets(&field, pck->cpusvn, sizeof(pck->cpusvn)))
                return false;
        } else if (!read_number(&field, DER_INTEGER, last == 17 ? UINT16_MAX : UINT8_MAX,
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

static bool read_configuration(struct der *value, struct pck *pck)
{
    static const uint8_t above[] = {7};
    bool *const to[] = {&pck->dynamic_platform, &pck->cached_keys, &pck->smt_enabled};
    struct der fields, field;
    unsigned seen = 0;
    uint8_t last;
    if (!der_take(value, DER_SEQUENCE, &fields) || value->size > 0)
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

static bool read_field(uint8_t which, struct der *value, struct pck *pck)
{
    uint32_t number;
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
        if (!read_number(value, DER_ENUMERATED, 2, &number))
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
    struct der from = {bytes, size}, fields, value;
    unsigned seen = 0;
    uint8_t which;
    *pck = (struct pck){0};
    if (!der_take(&from, DER_SEQUENCE, &fields) || from.size > 0)
        return false;
    while (fields.size > 0) {
        if (!next_field(&fields, NULL, 0, &which, &value) || which > 7 || seen & 1U << which ||
            !read_field(which, &value, pck))
            return false;
        seen |= 1U << which;
    }
    return (seen & 0x3e) == 0x3e; /* 1 to 5 */
}
