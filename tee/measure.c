/* SPDX-License-Identifier: Apache-2.0
 *
 * MRENCLAVE, record by record. Numbers in records are little-endian, as the CPU's are.
 */
/* The low-level functions of OpenSSL: the same code as EVP's, without a millisecond of looking for
 * providers and their configuration when a program starts. */
#define OPENSSL_API_COMPAT 0x10101000L

#include "measure.h"
#include "image/fail.h"

#include <assert.h>
#include <string.h>

struct record {
    char name[8]; /* zero-padded */
    uint8_t fields[56];
};
static_assert(sizeof(struct record) == 64, "a SHA-256 block");

static void update(struct measure *measure, const void *bytes, size_t size)
{
    if (!measure->failed && SHA256_Update(&measure->digest, bytes, size) != 1)
        measure->failed = true;
}

void measure_create(struct measure *measure, uint32_t ssa_frame_size, uint64_t elrange_size)
{
    measure->failed = SHA256_Init(&measure->digest) != 1;
    struct record record = {.name = "ECREATE"};
    memcpy(record.fields, &ssa_frame_size, 4);
    memcpy(record.fields + 4, &elrange_size, 8);
    update(measure, &record, sizeof(record));
}

void measure_add(struct measure *measure, uint64_t offset, uint64_t secinfo_flags)
{
    struct record record = {.name = "EADD"};
    memcpy(record.fields, &offset, 8);
    memcpy(record.fields + 8, &secinfo_flags, 8);
    update(measure, &record, sizeof(record));
}

void measure_extend(struct measure *measure, uint64_t offset, const uint8_t data[MEASURE_CHUNK])
{
    struct record record = {.name = "EEXTEND"};
    memcpy(record.fields, &offset, 8);
    update(measure, &record, sizeof(record));
    update(measure, data, MEASURE_CHUNK);
}

cella_status measure_final(struct measure *measure, uint8_t mrenclave[32], cella_error *error)
{
    uint8_t hash[32];
    if (measure->failed || SHA256_Final(hash, &measure->digest) != 1) {
        measure->failed = true;
        return fail(error, CELLA_SYSTEM,
                    "the enclave could not be measured: OpenSSL's SHA-256 failed");
    }
    measure->failed = true;
    memcpy(mrenclave, hash, sizeof(hash));
    return CELLA_OK;
}

void measure_free(struct measure *measure)
{
    measure->failed = true;
}
