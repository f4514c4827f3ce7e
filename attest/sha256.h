/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 of what a cached verdict hangs on. OpenSSL's SHA256() looks the algorithm up at each
 * call, which takes longer than to hash so few bytes, and EVP_Digest makes a context; here the hash
 * itself is called.
 */
#ifndef ATTEST_SHA256_H
#define ATTEST_SHA256_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Looked up once. */
const EVP_MD *sha256_algorithm(void);
/* False: OpenSSL failed; `hash` is then nothing. */
bool sha256_of(const void *bytes, size_t size, uint8_t hash[32]);
/* The same by any algorithm. */
bool digest_of(const EVP_MD *by, const void *bytes, size_t size, uint8_t digest[EVP_MAX_MD_SIZE],
               unsigned *digest_size);

#endif
