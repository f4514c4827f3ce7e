/* SPDX-License-Identifier: Apache-2.0
 *
 * Wrapping by OpenSSL's ciphers.
 */
#include "wrap.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string.h>

static size_t cipher(const uint8_t key[WRAP_KEY], bool padded, bool wraps, const uint8_t *from,
                     size_t size, uint8_t *to)
{
    int done = 0;
    const EVP_CIPHER *which = padded ? EVP_aes_256_wrap_pad() : EVP_aes_256_wrap();
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool good = context && size >= 1 && size <= WRAP_SIZE(WRAP_MOST);
    if (good) {
        EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
        good = EVP_CipherInit_ex(context, which, NULL, key, NULL, wraps) == 1 &&
               EVP_CipherUpdate(context, to, &done, from, (int)size) == 1 && done > 0;
    }
    EVP_CIPHER_CTX_free(context);
    return good ? (size_t)done : 0;
}

size_t wrap_aes(const uint8_t key[WRAP_KEY], bool padded, const uint8_t *from, size_t size,
                uint8_t *to)
{
    return size <= WRAP_MOST ? cipher(key, padded, true, from, size, to) : 0;
}

size_t unwrap_aes(const uint8_t key[WRAP_KEY], bool padded, const uint8_t *from, size_t size,
                  uint8_t *to)
{
    return size >= 16 && size % 8 == 0 ? cipher(key, padded, false, from, size, to) : 0;
}

static size_t oaep(EVP_PKEY *rsa, const char *hash, bool wraps, const uint8_t *from, size_t size,
                   uint8_t *to)
{
    size_t done = 512;
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE,
                                         (char *)(uintptr_t)OSSL_PKEY_RSA_PAD_MODE_OAEP, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST,
                                         (char *)(uintptr_t)hash, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST,
                                         (char *)(uintptr_t)hash, 0),
        OSSL_PARAM_construct_end()};
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(rsa, NULL);
    bool good = context && EVP_PKEY_get_size(rsa) <= 512 &&
                (wraps ? EVP_PKEY_encrypt_init_ex(context, parameters) == 1 &&
                             EVP_PKEY_encrypt(context, to, &done, from, size) == 1
                       : EVP_PKEY_decrypt_init_ex(context, parameters) == 1 &&
                             EVP_PKEY_decrypt(context, to, &done, from, size) == 1);
    EVP_PKEY_CTX_free(context);
    return good ? done : 0;
}

size_t wrap_oaep(EVP_PKEY *rsa, const char *hash, const uint8_t *from, size_t size, uint8_t *to)
{
    return oaep(rsa, hash, true, from, size, to);
}

size_t unwrap_oaep(EVP_PKEY *rsa, const char *hash, const uint8_t *from, size_t size,
                   uint8_t to[512])
{
    return oaep(rsa, hash, false, from, size, to);
}

size_t wrap_rsa_aes(EVP_PKEY *rsa, const char *hash, const uint8_t *from, size_t size, uint8_t *to)
{
    uint8_t key[WRAP_KEY];
    size_t first = 0, second = 0;
    if (RAND_bytes(key, sizeof(key)) == 1 && (first = wrap_oaep(rsa, hash, key, sizeof(key), to)))
        second = wrap_aes(key, true, from, size, to + first);
    OPENSSL_cleanse(key, sizeof(key));
    return second ? first + second : 0;
}

size_t unwrap_rsa_aes(EVP_PKEY *rsa, const char *hash, const uint8_t *from, size_t size,
                      uint8_t *to)
{
    uint8_t key[512];
    int first = EVP_PKEY_get_size(rsa);
    size_t done = 0;
    if (first > 0 && size > (size_t)first &&
        unwrap_oaep(rsa, hash, from, (size_t)first, key) == WRAP_KEY)
        done = unwrap_aes(key, true, from + first, size - (size_t)first, to);
    OPENSSL_cleanse(key, sizeof(key));
    return done;
}
