/* SPDX-License-Identifier: Apache-2.0
 *
 * Wrapping of keys under keys: AES Key Wrap (RFC 3394), with padding (RFC 5649), and what PKCS#11
 * calls CKM_RSA_AES_KEY_WRAP: a fresh AES-256 key under RSA-OAEP, then the key to be wrapped under
 * it by AES Key Wrap with padding.
 */
#ifndef KEYD_WRAP_H
#define KEYD_WRAP_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WRAP_KEY  32u   /* of the wrapping key: AES-256 */
#define WRAP_MOST 8192u /* bytes that are wrapped, at most */
/* Room for `size` bytes wrapped, with or without padding. */
#define WRAP_SIZE(size) (((size) + 7) / 8 * 8 + 8)
/* The room that CKM_RSA_AES_KEY_WRAP takes: an RSA ciphertext of at most 4096 bits before it. */
#define WRAP_RSA_SIZE(size) (512 + WRAP_SIZE(size))

/* Return the size, or 0: OpenSSL failed, or (unwrapping) this is not what the key wrapped. */
size_t wrap_aes(const uint8_t key[WRAP_KEY], bool padded, const uint8_t *from, size_t size,
                uint8_t *to);
size_t unwrap_aes(const uint8_t key[WRAP_KEY], bool padded, const uint8_t *from, size_t size,
                  uint8_t *to);

/* RSA-OAEP, its hash also MGF1's. `to` takes 512 bytes. */
size_t wrap_oaep(EVP_PKEY *rsa, const char *hash, const uint8_t *from, size_t size, uint8_t *to);
size_t unwrap_oaep(EVP_PKEY *rsa, const char *hash, const uint8_t *from, size_t size,
                   uint8_t to[512]);

/* CKM_RSA_AES_KEY_WRAP. */
size_t wrap_rsa_aes(EVP_PKEY *rsa, const char *hash, const uint8_t *from, size_t size, uint8_t *to);
size_t unwrap_rsa_aes(EVP_PKEY *rsa, const char *hash, const uint8_t *from, size_t size,
                      uint8_t *to);

#endif
