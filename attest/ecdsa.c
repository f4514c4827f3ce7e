/* SPDX-License-Identifier: Apache-2.0
 *
 * ECDSA: r and s, verified. That each is in 1 to n - 1 OpenSSL checks.
 */
#include "ecdsa.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <string.h>

bool ecdsa_is_key(const EVP_PKEY *key, const char *curve)
{
    char name[32] = "";
    return key && EVP_PKEY_is_a(key, "EC") &&
           EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) == 1 && strcmp(name, curve) == 0;
}

/* DER, to be freed by OPENSSL_free. NULL: no memory. */
static uint8_t *write_der(const uint8_t *signature, size_t half, size_t *size)
{
    uint8_t *der = NULL;
    ECDSA_SIG *both = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, (int)half, NULL);
    BIGNUM *s = BN_bin2bn(signature + half, (int)half, NULL);
    if (both && r && s && ECDSA_SIG_set0(both, r, s) == 1) {
        int length = i2d_ECDSA_SIG(both, &der);
        *size = length > 0 ? (size_t)length : 0;
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(both);
    return der;
}

bool ecdsa_verify(EVP_PKEY *key, const EVP_MD *hash, const uint8_t *signature, size_t half,
                  const void *bytes, size_t size)
{
    size_t der_size = 0;
    uint8_t *der = write_der(signature, half, &der_size);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = der && context && EVP_DigestVerifyInit(context, NULL, hash, NULL, key) == 1 &&
                EVP_DigestVerify(context, der, der_size, bytes, size) == 1;
    EVP_MD_CTX_free(context);
    OPENSSL_free(der);
    ERR_clear_error();
    return good;
}
