/* SPDX-License-Identifier: Apache-2.0
 *
 * Public keys as JWK. OpenSSL makes keys of the numbers and checks them; lengths are checked here.
 */
#include "recipient.h"

#include "image/base64.h"
#include "image/fail.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>

#define NUMBER     512u /* bytes of a number, at most: RSA of 4096 bits */
#define LEAST_BITS 2048
#define MOST_BITS  4096

static const struct curve {
    const char *name, *group;
    size_t size; /* of a coordinate */
} curves[] = {{"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}, {"P-521", "secp521r1", 66}};
#define CURVES (sizeof(curves) / sizeof(curves[0]))

/* ---- reading ---- */

/* A member in base64url, of 1 to NUMBER bytes. */
static cella_status read_number(const json_t *jwk, const char *name, uint8_t bytes[NUMBER],
                                size_t *size, cella_error *error)
{
    const json_t *value = json_object_get(jwk, name);
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);
    uint8_t room[BASE64_BYTES(BASE64_TEXT(NUMBER))];
    if (!text || length >= BASE64_TEXT(NUMBER) ||
        !base64_read(BASE64_URL, text, length, room, size) || *size == 0 || *size > NUMBER)
        return fail(error, CELLA_INVALID,
                    "recipient: %s: must be 1 to %u bytes in base64url without padding", name,
                    NUMBER);
    memcpy(bytes, room, *size);
    return CELLA_OK;
}

static EVP_PKEY *make_key(const char *type, OSSL_PARAM_BLD *builder)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (!parameters || !context || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    return key;
}

static cella_status read_rsa(const json_t *jwk, struct recipient *recipient, cella_error *error)
{
    uint8_t modulus[NUMBER], exponent[NUMBER];
    size_t modulus_size, exponent_size;
    cella_status status = read_number(jwk, "n", modulus, &modulus_size, error);
    if (status == CELLA_OK)
        status = read_number(jwk, "e", exponent, &exponent_size, error);
    if (status)
        return status;
    recipient->kind = RECIPIENT_RSA;
    BIGNUM *n = BN_bin2bn(modulus, (int)modulus_size, NULL);
    BIGNUM *e = BN_bin2bn(exponent, (int)exponent_size, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    /* As FIPS 186 wants them; a small exponent or an even modulus would give the key away. */
    if (!n || !e || !builder || modulus[0] == 0 || exponent[0] == 0 ||
        BN_num_bits(n) < LEAST_BITS || BN_num_bits(n) > MOST_BITS || !BN_is_odd(n) ||
        !BN_is_odd(e) || BN_num_bits(e) < 17 || BN_num_bits(e) > 32)
        status = fail(error, CELLA_INVALID,
                      "recipient: an RSA key must have an odd modulus of %d to %d bits and an odd "
                      "exponent from 65537 to 2^32, without zeros before them",
                      LEAST_BITS, MOST_BITS);
    else if (OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
             OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) != 1 ||
             !(recipient->key = make_key("RSA", builder)))
        status = fail(error, CELLA_INVALID, "recipient: OpenSSL makes no RSA key of it");
    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    BN_free(e);
    return status;
}

static bool is_on_curve(EVP_PKEY *key)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    bool good = context && EVP_PKEY_public_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    return good;
}

static cella_status read_ec(const json_t *jwk, const struct curve *curve,
                            struct recipient *recipient, cella_error *error)
{
    uint8_t point[1 + 2 * NUMBER] = {4}; /* uncompressed */
    size_t x_size, y_size;
    cella_status status = read_number(jwk, "x", point + 1, &x_size, error);
    if (status == CELLA_OK && x_size == curve->size)
        status = read_number(jwk, "y", point + 1 + curve->size, &y_size, error);
    if (status)
        return status;
    recipient->kind = RECIPIENT_EC;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (x_size != curve->size || y_size != curve->size)
        status = fail(error, CELLA_INVALID, "recipient: x and y of %s must have %zu bytes each",
                      curve->name, curve->size);
    else if (!builder ||
             OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->group,
                                             0) != 1 ||
             OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point,
                                              1 + 2 * curve->size) != 1 ||
             !(recipient->key = make_key("EC", builder)) || !is_on_curve(recipient->key))
        status = fail(error, CELLA_INVALID, "recipient: x and y are no point of %s", curve->name);
    OSSL_PARAM_BLD_free(builder);
    return status;
}

static cella_status read_x25519(const json_t *jwk, struct recipient *recipient, cella_error *error)
{
    uint8_t x[NUMBER];
    size_t size;
    cella_status status = read_number(jwk, "x", x, &size, error);
    if (status)
        return status;
    recipient->kind = RECIPIENT_X25519;
    if (size != 32 ||
        !(recipient->key = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, x, size)))
        return fail(error, CELLA_INVALID, "recipient: x of X25519 must have 32 bytes");
    memcpy(recipient->raw, x, 32);
    return CELLA_OK;
}

static const struct curve *find_curve(const char *name)
{
    for (size_t i = 0; i < CURVES; i++)
        if (strcmp(curves[i].name, name) == 0)
            return &curves[i];
    return NULL;
}

/* Every member is known; a private key that somebody sends is told so, not taken. */
static cella_status check_members(const json_t *jwk, const char *const *of_the_type,
                                  cella_error *error)
{
    static const char *const of_any[] = {"kty", "kid", "use", "alg", "key_ops", NULL};
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)jwk, name, value)
    {
        size_t i = 0, j = 0;
        while (of_any[i] && strcmp(of_any[i], name) != 0)
            i++;
        while (of_the_type[j] && strcmp(of_the_type[j], name) != 0)
            j++;
        if (!of_any[i] && !of_the_type[j])
            return fail(error, CELLA_INVALID, "recipient: %.40s: %s", name,
                        strcmp(name, "d") == 0 ? "that is a private key: make a new one, and send "
                                                 "its public half"
                                               : "unknown member");
    }
    return CELLA_OK;
}

static cella_status read_type(const json_t *jwk, struct recipient *recipient, cella_error *error)
{
    static const char *const rsa[] = {"n", "e", NULL};
    static const char *const ec[] = {"crv", "x", "y", NULL};
    static const char *const okp[] = {"crv", "x", NULL};
    const char *type = json_string_value(json_object_get(jwk, "kty"));
    const char *name = json_string_value(json_object_get(jwk, "crv"));
    const struct curve *curve = name ? find_curve(name) : NULL;
    cella_status status;
    if (type && strcmp(type, "RSA") == 0) {
        status = check_members(jwk, rsa, error);
        return status ? status : read_rsa(jwk, recipient, error);
    }
    if (type && strcmp(type, "EC") == 0 && curve) {
        status = check_members(jwk, ec, error);
        return status ? status : read_ec(jwk, curve, recipient, error);
    }
    if (type && strcmp(type, "OKP") == 0 && name && strcmp(name, "X25519") == 0) {
        status = check_members(jwk, okp, error);
        return status ? status : read_x25519(jwk, recipient, error);
    }
    return fail(error, CELLA_INVALID,
                "recipient: must be a JWK with kty RSA, EC (crv P-256, P-384, P-521) or OKP (crv "
                "X25519)");
}

static cella_status hash_key(struct recipient *recipient, cella_error *error)
{
    uint8_t *der = NULL;
    int size = i2d_PUBKEY(recipient->key, &der);
    if (size <= 0)
        return fail(error, CELLA_INVALID, "recipient: the key cannot be written as DER");
    SHA256(der, (size_t)size, recipient->sha256);
    OPENSSL_free(der);
    return CELLA_OK;
}

cella_status recipient_read(const json_t *jwk, struct recipient *recipient, cella_error *error)
{
    memset(recipient, 0, sizeof(*recipient));
    if (!json_is_object(jwk))
        return fail(error, CELLA_INVALID, "recipient: must be a JWK, an object");
    const json_t *kid = json_object_get(jwk, "kid");
    if (kid && (!json_is_string(kid) || json_string_length(kid) > RECIPIENT_KID ||
                strlen(json_string_value(kid)) != json_string_length(kid)))
        return fail(error, CELLA_INVALID, "recipient: kid: must be text of at most %u bytes",
                    RECIPIENT_KID);
    if (kid)
        strcpy(recipient->kid, json_string_value(kid));
    cella_status status = read_type(jwk, recipient, error);
    return status ? status : hash_key(recipient, error);
}

void recipient_drop(struct recipient *recipient)
{
    EVP_PKEY_free(recipient->key);
    recipient->key = NULL;
}

/* ---- of keys that are at hand ---- */

cella_status recipient_of(EVP_PKEY *key, struct recipient *recipient, cella_error *error)
{
    json_t *jwk = recipient_jwk(key);
    cella_status status = recipient_read(jwk, recipient, error);
    json_decref(jwk);
    return status;
}

static json_t *number(const uint8_t *bytes, size_t size)
{
    char text[BASE64_TEXT(NUMBER)];
    return size <= NUMBER ? json_string(base64_write(BASE64_URL, bytes, size, text)) : NULL;
}

static json_t *big_number(EVP_PKEY *key, const char *name, size_t least)
{
    BIGNUM *value = NULL;
    uint8_t bytes[NUMBER];
    json_t *text = NULL;
    if (EVP_PKEY_get_bn_param(key, name, &value) == 1 && BN_num_bytes(value) <= (int)NUMBER) {
        size_t size = (size_t)BN_num_bytes(value) > least ? (size_t)BN_num_bytes(value) : least;
        if (BN_bn2binpad(value, bytes, (int)size) == (int)size)
            text = number(bytes, size);
    }
    BN_free(value);
    return text;
}

static json_t *ec_jwk(EVP_PKEY *key)
{
    char group[32];
    size_t size;
    if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
                                       &size) != 1)
        return NULL;
    for (size_t i = 0; i < CURVES; i++)
        if (strcmp(curves[i].group, group) == 0)
            return json_pack("{s:s, s:s, s:o, s:o}", "kty", "EC", "crv", curves[i].name, "x",
                             big_number(key, OSSL_PKEY_PARAM_EC_PUB_X, curves[i].size), "y",
                             big_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, curves[i].size));
    return NULL;
}

json_t *recipient_jwk(EVP_PKEY *key)
{
    uint8_t raw[32];
    size_t size = sizeof(raw);
    if (EVP_PKEY_is_a(key, "RSA"))
        return json_pack("{s:s, s:o, s:o}", "kty", "RSA", "n",
                         big_number(key, OSSL_PKEY_PARAM_RSA_N, 0), "e",
                         big_number(key, OSSL_PKEY_PARAM_RSA_E, 0));
    if (EVP_PKEY_is_a(key, "EC"))
        return ec_jwk(key);
    if (EVP_PKEY_is_a(key, "X25519") && EVP_PKEY_get_raw_public_key(key, raw, &size) == 1)
        return json_pack("{s:s, s:s, s:o}", "kty", "OKP", "crv", "X25519", "x", number(raw, size));
    return NULL;
}
