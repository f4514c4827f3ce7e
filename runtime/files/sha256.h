/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 (FIPS 180-4), for the files that the manifest binds by hash.
 */
#ifndef RUNTIME_FILES_SHA256_H
#define RUNTIME_FILES_SHA256_H

#include "../runtime.h"

struct sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes */
    uint8_t block[64];
};

void sha256_begin(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t size);
void sha256_end(struct sha256 *hash, uint8_t digest[32]);

#endif
