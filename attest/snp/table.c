/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificate tables: read.
 */
#include "table.h"

#include "attest/reader.h"
#include "attest/x509.h"

#include <string.h>

#define GUID_SIZE         16
#define CERTIFICATES_MOST 8 /* of a table; some hosts put ASK and ARK in one entry */

static const struct {
    uint8_t guid[GUID_SIZE];
    enum snp_table_kind kind;
} guids[] = {
    /* VCEK: 63da758d-e664-4564-adc5-f4b93be8accd */
    {{0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac,
      0xcd},
     SNP_TABLE_CERTIFICATE},
    /* VLEK: a8074bc2-a25a-483e-aae6-39c045a0b8a1 */
    {{0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8,
      0xa1},
     SNP_TABLE_CERTIFICATE},
    /* ASK, and ASVK: 4ab7b379-bbac-4fe4-a02f-05aef327c782 */
    {{0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7,
      0x82},
     SNP_TABLE_CERTIFICATE},
    /* ARK: c0b406a4-a803-4952-9743-3fb6014cd0ae */
    {{0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0,
      0xae},
     SNP_TABLE_CERTIFICATE},
    /* CRL: 92f81bc3-5811-4d3d-97ff-d19f88dc67ea */
    {{0x92, 0xf8, 0x1b, 0xc3, 0x58, 0x11, 0x4d, 0x3d, 0x97, 0xff, 0xd1, 0x9f, 0x88, 0xdc, 0x67,
      0xea},
     SNP_TABLE_CRL},
};

static enum snp_table_kind kind_of(const uint8_t *guid)
{
    for (size_t i = 0; i < sizeof(guids) / sizeof(guids[0]); i++)
        if (memcmp(guids[i].guid, guid, GUID_SIZE) == 0)
            return guids[i].kind;
    return SNP_TABLE_OTHER;
}

bool snp_table_recognise(const uint8_t *bytes, size_t size)
{
    return size >= GUID_SIZE && kind_of(bytes) != SNP_TABLE_OTHER;
}

bool snp_table_read(const uint8_t *bytes, size_t size, struct snp_table *table)
{
    static const uint8_t none[GUID_SIZE];
    struct reader reader = {.bytes = bytes, .size = size};
    memset(table, 0, sizeof(*table));
    for (;;) {
        const uint8_t *guid = read_bytes(&reader, GUID_SIZE);
        uint64_t offset = read_little(&reader, 4), length = read_little(&reader, 4);
        if (reader.failed)
            return false;
        if (memcmp(guid, none, GUID_SIZE) == 0 && offset == 0 && length == 0)
            break;
        if (table->count == SNP_TABLE_MOST || offset > size || length > size - offset)
            return false;
        table->entries[table->count++] =
            (struct snp_table_entry){kind_of(guid), bytes + offset, length};
    }
    for (size_t i = 0; i < table->count; i++)
        if (table->entries[i].bytes < reader.bytes)
            return false; /* it points into the entries */
    return true;
}

bool snp_table_certificates(const struct snp_table *table, struct x509_pool *to)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->entries[i].kind == SNP_TABLE_CERTIFICATE &&
            !x509_read(NULL, table->entries[i].bytes, table->entries[i].size, to,
                       CERTIFICATES_MOST))
            return false;
    return to->count <= CERTIFICATES_MOST;
}
