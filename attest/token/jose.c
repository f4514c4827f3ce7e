/* SPDX-License-Identifier: Apache-2.0
 *
 * base64url and signatures.
 */
#include "jose.h"

#include "attest/ecdsa.h"
#include "image/base64.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#define RSA_LEAST 2048 /* bits */
#define RSA_MOST  8192

/* ---- base64url ---- */

uint8_t *jose_decode(const char *text, size_t length, size_t *size)
{
    uint8_t *bytes = malloc(BASE64_BYTES(length) + 1);
    if (bytes && base64_read(BASE64_URL, text, length, bytes, size)) {
        bytes[*size] = 0;
        return bytes;
    }
    free(bytes);
    return NULL;
}

char *jose_encode(const void *bytes, size_t size)
{
    char *text = malloc(BASE64_TEXT(size));
    return text ? base64_write(BASE64_URL, bytes, size, text) : NULL;
}

/* ---- algorithms ---- */

static const struct jose_algorithm algorithms[] = {
    {"ES256", ECDSA_P256, 32, EVP_sha256, false},
    {"ES384", ECDSA_P384, 48, EVP_sha384, false},
    {"PS256", NULL, 0, EVP_sha256, true},
    {"RS256", NULL, 0, EVP_sha256, false},
};

const struct jose_algorithm *jose_algorithm(const char *name)
{
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
        if (strcmp(algorithms[i].name, name) == 0)
            return &algorithms[i];
    return NULL;
}

const struct jose_algorithm *jose_algorithm_of(const EVP_PKEY *key)
{
    const struct jose_algorithm *es256 = jose_algorithm("ES256"), *rs256 = jose_algorithm("RS256");
    return jose_fits(es256, key) ? es256 : jose_fits(rs256, key) ? rs256 : NULL;
}

bool jose_fits(const struct jose_algorithm *algorithm, const EVP_PKEY *key)
{
    if (algorithm->curve)
        return ecdsa_is_key(key, algorithm->curve);
    int bits = key && EVP_PKEY_is_a(key, "RSA") ? EVP_PKEY_get_bits(key) : 0;
    return bits >= RSA_LEAST && bits <= RSA_MOST;
}

/* The salt of PS256 is as long as its hash (RFC 7518, section 3.5). */
static bool set_padding(const struct jose_algorithm *algorithm, EVP_PKEY_CTX *context)
{
    return !algorithm->pss ||
           (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1);
}

bool jose_verify(const struct jose_algorithm *algorithm, EVP_PKEY *key, const void *bytes,
                 size_t size, const uint8_t *signature, size_t signature_size)
{
    if (algorithm->curve)
        return signature_size == 2 * algorithm->half &&
               ecdsa_verify(key, algorithm->hash(), signature, algorithm->half, bytes, size);
    EVP_PKEY_CTX *padding = NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context &&
                EVP_DigestVerifyInit(context, &padding, algorithm->hash(), NULL, key) == 1 &&
                set_padding(algorithm, padding) &&
                EVP_DigestVerify(context, signature, signature_size, bytes, size) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return good;
}

/* ---- signing ---- */

/* DER to r and s. */
static bool split(const struct jose_algorithm *algorithm, uint8_t **signature, size_t *size)
{
    const uint8_t *at = *signature;
    int half = (int)algorithm->half;
    ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &at, (long)*size);
    uint8_t *raw = malloc(2 * algorithm->half);
    bool good = both && raw && BN_bn2binpad(ECDSA_SIG_get0_r(both), raw, half) == half &&
                BN_bn2binpad(ECDSA_SIG_get0_s(both), raw + half, half) == half;
    ECDSA_SIG_free(both);
    free(*signature);
    *signature = raw;
    *size = 2 * algorithm->half;
    return good;
}

bool jose_sign(const struct jose_algorithm *algorithm, EVP_PKEY *key, const void *bytes,
               size_t size, uint8_t **signature, size_t *signature_size)
{
    EVP_PKEY_CTX *padding = NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    *signature = NULL;
    *signature_size = 0;
    bool good = context &&
                EVP_DigestSignInit(context, &padding, algorithm->hash(), NULL, key) == 1 &&
                set_padding(algorithm, padding) &&
                EVP_DigestSign(context, NULL, signature_size, bytes, size) == 1 &&
                (*signature = malloc(*signature_size)) != NULL &&
                EVP_DigestSign(context, *signature, signature_size, bytes, size) == 1 &&
                (!algorithm->curve || split(algorithm, signature, signature_size));
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    if (good)
        return true;
    free(*signature);
    *signature = NULL;
    return false;
}
