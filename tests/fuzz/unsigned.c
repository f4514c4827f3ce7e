/* SPDX-License-Identifier: Apache-2.0
 *
 * Linked into the targets whose names end with _unsigned, in place of what checks signatures
 * (-Wl,--wrap, so each is called from another file than it is in): each is taken as its key's, but
 * one that ends with a byte of 255. So what comes after the check is reached by any bytes.
 */
#include "attest/ecdsa.h"
#include "attest/public_key.h"
#include "attest/x509.h"

#include <openssl/evp.h>

bool __wrap_ecdsa_verify(EVP_PKEY *key, const EVP_MD *hash, const uint8_t *signature, size_t half,
                         const void *bytes, size_t size);
int __wrap_EVP_DigestVerify(EVP_MD_CTX *context, const uint8_t *signature, size_t size,
                            const uint8_t *bytes, size_t bytes_size);
bool __wrap_x509_verify(const struct x509_signed *object, EVP_PKEY *key);

bool __wrap_public_key_verify_rsa(EVP_PKEY *key, const EVP_MD *hash, const struct der *signature,
                                  const uint8_t *bytes, size_t size);
bool __wrap_public_key_verify_pss(EVP_PKEY *key, const EVP_MD *hash, int salt,
                                  const struct der *signature, const uint8_t *bytes, size_t size);

static bool is_good(const uint8_t *signature, size_t size)
{
    return size > 0 && signature[size - 1] != 255;
}

bool __wrap_ecdsa_verify(EVP_PKEY *key, const EVP_MD *hash, const uint8_t *signature, size_t half,
                         const void *bytes, size_t size)
{
    (void)key, (void)hash, (void)bytes, (void)size;
    return is_good(signature, 2 * half);
}

int __wrap_EVP_DigestVerify(EVP_MD_CTX *context, const uint8_t *signature, size_t size,
                            const uint8_t *bytes, size_t bytes_size)
{
    (void)context, (void)bytes, (void)bytes_size;
    return is_good(signature, size);
}

bool __wrap_x509_verify(const struct x509_signed *object, EVP_PKEY *key)
{
    (void)key;
    return is_good(object->signature.bytes, object->signature.size);
}

bool __wrap_public_key_verify_rsa(EVP_PKEY *key, const EVP_MD *hash, const struct der *signature,
                                  const uint8_t *bytes, size_t size)
{
    (void)key, (void)hash, (void)bytes, (void)size;
    return is_good(signature->bytes, signature->size);
}

bool __wrap_public_key_verify_pss(EVP_PKEY *key, const EVP_MD *hash, int salt,
                                  const struct der *signature, const uint8_t *bytes, size_t size)
{
    (void)key, (void)hash, (void)salt, (void)bytes, (void)size;
    return is_good(signature->bytes, signature->size);
}
