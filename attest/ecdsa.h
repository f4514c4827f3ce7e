/* SPDX-License-Identifier: Apache-2.0
 *
 * ECDSA signatures as evidence carries them: r, then s, of one length, big-endian.
 */
#ifndef ATTEST_ECDSA_H
#define ATTEST_ECDSA_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ECDSA_P256 "prime256v1"
#define ECDSA_P384 "secp384r1"

/* A key on this curve. */
bool ecdsa_is_key(const EVP_PKEY *key, const char *curve);

/* True: `key` signed `bytes`. `signature`: r and s, each of `half` bytes. */
bool ecdsa_verify(EVP_PKEY *key, const EVP_MD *hash, const uint8_t *signature, size_t half,
                  const void *bytes, size_t size);

#endif
