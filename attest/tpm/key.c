/* SPDX-License-Identifier: Apache-2.0
 *
 * Attestation keys, of the numbers that TPMs and JSON have of them.
 */
#include "structures.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <string.h>

#define RSA_LEAST 2048
#define RSA_MOST  4096

static const struct curve {
    uint16_t id;
    const char *name;
    size_t size; /* of a coordinate */
} curves[] = {{0x0003, "prime256v1", 32}, {0x0004, "secp384r1", 48}, {0x0005, "secp521r1", 66}};
#define CURVES (sizeof(curves) / sizeof(*curves))

/* What is no key of its algorithm is none here: points off their curve, even moduli. */
static EVP_PKEY *make(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (!parameters || !context || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1 ||
        !tpm_key_taken(key)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    return key;
}

EVP_PKEY *tpm_rsa_key(const uint8_t *modulus, size_t size, uint32_t exponent)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *number = size <= RSA_MOST / 8 ? BN_bin2bn(modulus, (int)size, NULL) : NULL;
    if (build && number && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, number) &&
        OSSL_PARAM_BLD_push_uint32(build, OSSL_PKEY_PARAM_RSA_E, exponent))
        key = make("RSA", build);
    BN_free(number);
    OSSL_PARAM_BLD_free(build);
    return key;
}

EVP_PKEY *tpm_ecc_key(uint16_t curve, const uint8_t *x, size_t x_size, const uint8_t *y,
                      size_t y_size)
{
    uint8_t point[1 + 2 * 66] = {4};
    size_t i = 0;
    while (i < CURVES && curves[i].id != curve)
        i++;
    if (i == CURVES || x_size > curves[i].size || y_size > curves[i].size)
        return NULL;
    size_t size = curves[i].size;
    memcpy(point + 1 + size - x_size, x, x_size); /* leading zeros may be left out */
    memcpy(point + 1 + 2 * size - y_size, y, y_size);
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (build &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curves[i].name, 0) &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * size))
        key = make("EC", build);
    OSSL_PARAM_BLD_free(build);
    return key;
}

static bool rsa_taken(EVP_PKEY *key)
{
    BIGNUM *modulus = NULL, *exponent = NULL;
    int bits = EVP_PKEY_get_bits(key);
    bool taken = bits >= RSA_LEAST && bits <= RSA_MOST && bits % 8 == 0 &&
                 EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) == 1 &&
                 EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
                 BN_is_odd(modulus) && BN_is_odd(exponent) && BN_num_bits(exponent) > 16 &&
                 BN_num_bits(exponent) <= 32;
    BN_free(modulus);
    BN_free(exponent);
    return taken;
}

/* A curve by its name: parameters that are written out may be another curve with the same points
 * but for the generator. */
static bool ecc_taken(EVP_PKEY *key)
{
    char name[32];
    int written_out = 1;
    if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
                               &written_out) == 1 &&
        written_out)
        return false;
    if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof(name), NULL) !=
        1)
        return false;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    bool taken = false;
    for (size_t i = 0; i < CURVES; i++)
        taken |= strcmp(curves[i].name, name) == 0;
    taken = taken && context && EVP_PKEY_public_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    return taken;
}

bool tpm_key_taken(EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "RSA") ? rsa_taken(key) : EVP_PKEY_is_a(key, "EC") && ecc_taken(key);
}
