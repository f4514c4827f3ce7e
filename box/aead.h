/* SPDX-License-Identifier: Apache-2.0
 *
 * AES-256-GCM by OpenSSL: one key, many messages, each under a nonce of its own. And what goes with
 * it: SHA-256, nonces.
 */
#ifndef BOX_AEAD_H
#define BOX_AEAD_H

#include "../runtime/box/format.h"

#include <openssl/evp.h>
#include <stddef.h>

/* For sealing or for opening under that key; EVP_CIPHER_CTX_free wipes it. NULL: no memory. */
EVP_CIPHER_CTX *aead_new(const uint8_t key[BOX_KEY], bool seals);
/* `to` may be `from`. `size` of zero: only the additional data is sealed. */
bool aead_seal(EVP_CIPHER_CTX *cipher, const uint8_t nonce[BOX_NONCE], const void *additional,
               size_t additional_size, const void *from, size_t size, void *to,
               uint8_t tag[BOX_TAG]);
/* False: it is not what was sealed; `to` is then zeros. */
bool aead_open(EVP_CIPHER_CTX *cipher, const uint8_t nonce[BOX_NONCE], const void *additional,
               size_t additional_size, const void *from, size_t size, void *to,
               const uint8_t tag[BOX_TAG]);

/* Random bytes, for nonces: of which `size` is at most 2^30. */
bool aead_nonces(uint8_t *bytes, size_t size);

void aead_sha256(const void *bytes, size_t size, uint8_t digest[32]);

bool aead_is_zero(const uint8_t *bytes, size_t size);

#endif
