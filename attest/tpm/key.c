/* SPDX-License-Identifier: Apache-2.0
 *
 * Attestation keys, of the numbers that TPMs and JSON have of them.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* RSA: see public_key.h */
#include "attest/ecdsa.h"
#include "attest/public_key.h"
#include "structures.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <string.h>

#define RSA_LEAST 2048
#define RSA_MOST  4096

static const struct curve {
    uint16_t id;
    const char *name;
    size_t size; /* of a coordinate */
} curves[] = {{0x0003, "prime256v1", 32}, {0x0004, "secp384r1", 48}, {0x0005, "secp521r1", 66}};
#define CURVES (sizeof(curves) / sizeof(*curves))

EVP_PKEY *tpm_rsa_key(const uint8_t *modulus, size_t size, uint32_t exponent)
{
    EVP_PKEY *key = size <= RSA_MOST / 8 ? public_key_of_modulus(modulus, size, exponent) : NULL;
    if (tpm_key_taken(key))
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

EVP_PKEY *tpm_ecc_key(uint16_t curve, const uint8_t *x, size_t x_size, const uint8_t *y,
                      size_t y_size)
{
    uint8_t point[2 * 66] = {0};
    size_t i = 0;
    while (i < CURVES && curves[i].id != curve)
        i++;
    if (i == CURVES || x_size > curves[i].size || y_size > curves[i].size)
        return NULL;
    size_t size = curves[i].size;
    memcpy(point + size - x_size, x, x_size); /* leading zeros may be left out */
    memcpy(point + 2 * size - y_size, y, y_size);
    return public_key_of_point(curves[i].name, point, size);
}

static bool rsa_taken(EVP_PKEY *key)
{
    const BIGNUM *modulus = NULL, *exponent = NULL;
    const RSA *rsa = EVP_PKEY_get0_RSA(key);
    int bits = EVP_PKEY_get_bits(key);
    if (rsa)
        RSA_get0_key(rsa, &modulus, &exponent, NULL);
    return modulus && exponent && bits >= RSA_LEAST && bits <= RSA_MOST && bits % 8 == 0 &&
           BN_is_odd(modulus) && BN_is_odd(exponent) && BN_num_bits(exponent) > 16 &&
           BN_num_bits(exponent) <= 32;
}

/* A curve by its name: parameters that are written out may be another curve with the same points
 * but for the generator. That the point is on it whoever made the key has checked. */
static bool ecc_taken(EVP_PKEY *key)
{
    int written_out = 0;
    if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                               &written_out) == 1 &&
        written_out)
        return false;
    for (size_t i = 0; i < CURVES; i++)
        if (ecdsa_is_key(key, curves[i].name))
            return true;
    return false;
}

bool tpm_key_taken(EVP_PKEY *key)
{
    return key && (EVP_PKEY_is_a(key, "RSA") ? rsa_taken(key) : ecc_taken(key));
}
