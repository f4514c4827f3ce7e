/* SPDX-License-Identifier: Apache-2.0
 *
 * AES-256-GCM by OpenSSL. The key is set once: a message costs a nonce, not a key schedule.
 */
#include "aead.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

EVP_CIPHER_CTX *aead_new(const uint8_t key[BOX_KEY], bool seals)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (cipher && EVP_CipherInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, NULL, seals) == 1)
        return cipher;
    EVP_CIPHER_CTX_free(cipher);
    return NULL;
}

/* All but the tag. */
static bool pass(EVP_CIPHER_CTX *cipher, const uint8_t nonce[BOX_NONCE], const void *additional,
                 size_t additional_size, const void *from, size_t size, void *to)
{
    int done;
    if (size > INT_MAX || additional_size > INT_MAX)
        return false;
    return EVP_CipherInit_ex(cipher, NULL, NULL, NULL, nonce, -1) == 1 &&
           (!additional_size ||
            EVP_CipherUpdate(cipher, NULL, &done, additional, (int)additional_size) == 1) &&
           (!size ||
            (EVP_CipherUpdate(cipher, to, &done, from, (int)size) == 1 && done == (int)size));
}

bool aead_seal(EVP_CIPHER_CTX *cipher, const uint8_t nonce[BOX_NONCE], const void *additional,
               size_t additional_size, const void *from, size_t size, void *to,
               uint8_t tag[BOX_TAG])
{
    int done;
    uint8_t none[EVP_MAX_BLOCK_LENGTH];
    return pass(cipher, nonce, additional, additional_size, from, size, to) &&
           EVP_CipherFinal_ex(cipher, none, &done) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, BOX_TAG, tag) == 1;
}

bool aead_open(EVP_CIPHER_CTX *cipher, const uint8_t nonce[BOX_NONCE], const void *additional,
               size_t additional_size, const void *from, size_t size, void *to,
               const uint8_t tag[BOX_TAG])
{
    int done;
    uint8_t none[EVP_MAX_BLOCK_LENGTH];
    if (pass(cipher, nonce, additional, additional_size, from, size, to) &&
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, BOX_TAG, (void *)(uintptr_t)tag) == 1 &&
        EVP_CipherFinal_ex(cipher, none, &done) == 1)
        return true;
    if (size)
        OPENSSL_cleanse(to, size);
    return false;
}

bool aead_nonces(uint8_t *bytes, size_t size)
{
    return RAND_bytes(bytes, (int)size) == 1;
}

void aead_sha256(const void *bytes, size_t size, uint8_t digest[32])
{
    SHA256(bytes, size, digest);
}

bool aead_is_zero(const uint8_t *bytes, size_t size)
{
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++)
        any |= bytes[i];
    return any == 0;
}
