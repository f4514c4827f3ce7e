/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 of what a cached verdict hangs on. OpenSSL's SHA256() looks the algorithm up at each
 * call, which takes longer than to hash so few bytes; here it is looked up once.
 */
#ifndef ATTEST_SHA256_H
#define ATTEST_SHA256_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

const EVP_MD *sha256_algorithm(void);
/* False: no memory; `hash` is then nothing. */
bool sha256_of(const void *bytes, size_t size, uint8_t hash[32]);

#endif
