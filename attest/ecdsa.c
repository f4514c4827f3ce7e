/* SPDX-License-Identifier: Apache-2.0
 *
 * ECDSA: r and s, verified. That each is in 1 to n - 1 OpenSSL checks.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* EC_KEY: see ecdsa_verify */
#include "ecdsa.h"

#include "sha256.h"

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

/* NULL: no memory. */
static ECDSA_SIG *read_signature(const uint8_t *signature, size_t half)
{
    ECDSA_SIG *both = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, (int)half, NULL);
    BIGNUM *s = BN_bin2bn(signature + half, (int)half, NULL);
    if (both && r && s && ECDSA_SIG_set0(both, r, s) == 1)
        return both;
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(both);
    return NULL;
}

/* Without EVP's layer, which wants DER and looks its algorithms up anew each time: a tenth of the
 * time that a P-256 signature takes. */
bool ecdsa_verify(EVP_PKEY *key, const EVP_MD *hash, const uint8_t *signature, size_t half,
                  const void *bytes, size_t size)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;
    EC_KEY *ec = (EC_KEY *)EVP_PKEY_get0_EC_KEY(key);
    ECDSA_SIG *both = read_signature(signature, half);
    bool good = ec && both && digest_of(hash, bytes, size, digest, &digest_size) &&
                ECDSA_do_verify(digest, (int)digest_size, both, ec) == 1;
    ECDSA_SIG_free(both);
    ERR_clear_error();
    return good;
}
