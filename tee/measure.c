/* SPDX-License-Identifier: Apache-2.0
 *
 * MRENCLAVE, record by record. Numbers in records are little-endian, as the CPU's are.
 */
#include "measure.h"
#include "image/fail.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

struct record {
    char name[8]; /* zero-padded */
    uint8_t fields[56];
};
static_assert(sizeof(struct record) == 64, "a SHA-256 block");

static void update(struct measure *measure, const void *bytes, size_t size)
{
    if (!measure->failed && EVP_DigestUpdate(measure->digest, bytes, size) != 1)
        measure->failed = true;
}

void measure_create(struct measure *measure, uint32_t ssa_frame_size, uint64_t elrange_size)
{
    measure->digest = EVP_MD_CTX_new();
    measure->failed =
        !measure->digest || EVP_DigestInit_ex(measure->digest, EVP_sha256(), NULL) != 1;
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
    if (measure->failed || EVP_DigestFinal_ex(measure->digest, hash, NULL) != 1) {
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
    EVP_MD_CTX_free(measure->digest);
    measure->digest = NULL;
    measure->failed = true;
}
