/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys as JSON, and sets of them.
 */
#include "jose.h"

#include "attest/ecdsa.h"
#include "attest/strict.h"
#include "image/base64.h"
#include "image/fail.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RSA_BYTES 1024 /* of n, at most */
#define EXPONENT  4    /* bytes of e, at most */
#define X5C_MOST  65536

static const struct curve {
    const char *name, *openssl;
    size_t size; /* bytes of a coordinate */
} curves[] = {{"P-256", ECDSA_P256, 32}, {"P-384", ECDSA_P384, 48}};
#define CURVES (sizeof(curves) / sizeof(curves[0]))

/* ---- reading ---- */

/* The bytes of a member in base64url, `least` to `most` of them; NULL: something else. */
static uint8_t *read_member(const json_t *jwk, const char *name, size_t least, size_t most,
                            size_t *size)
{
    const json_t *member = json_object_get(jwk, name);
    if (!json_is_string(member) || json_string_length(member) > BASE64_TEXT(most))
        return NULL;
    uint8_t *bytes = jose_decode(json_string_value(member), json_string_length(member), size);
    if (bytes && *size >= least && *size <= most)
        return bytes;
    free(bytes);
    return NULL;
}

/* Takes the parameters over. NULL: they are no key, such as a point that is not on its curve. */
static EVP_PKEY *make_key(const char *type, OSSL_PARAM_BLD *parameters)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *built = OSSL_PARAM_BLD_to_param(parameters);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (!built || !context || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, built) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(built);
    ERR_clear_error();
    return key;
}

static EVP_PKEY *make_point(const struct curve *curve, const uint8_t *x, const uint8_t *y)
{
    uint8_t point[1 + 2 * 48] = {POINT_CONVERSION_UNCOMPRESSED};
    memcpy(point + 1, x, curve->size);
    memcpy(point + 1 + curve->size, y, curve->size);
    OSSL_PARAM_BLD *parameters = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    if (parameters &&
        OSSL_PARAM_BLD_push_utf8_string(parameters, OSSL_PKEY_PARAM_GROUP_NAME, curve->openssl,
                                        0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(parameters, OSSL_PKEY_PARAM_PUB_KEY, point,
                                         1 + 2 * curve->size) == 1)
        key = make_key("EC", parameters);
    OSSL_PARAM_BLD_free(parameters);
    return key;
}

static cella_status read_ec(const json_t *jwk, const char *name, EVP_PKEY **key, cella_error *error)
{
    const char *named = json_string_value(json_object_get(jwk, "crv"));
    const struct curve *curve = NULL;
    size_t size;
    for (size_t i = 0; named && i < CURVES; i++)
        if (strcmp(curves[i].name, named) == 0)
            curve = &curves[i];
    if (!curve)
        return fail(error, named ? CELLA_UNSUPPORTED : CELLA_INVALID,
                    "%s: crv must be P-256 or P-384", name);
    uint8_t *x = read_member(jwk, "x", curve->size, curve->size, &size);
    uint8_t *y = read_member(jwk, "y", curve->size, curve->size, &size);
    *key = x && y ? make_point(curve, x, y) : NULL;
    cella_status status = CELLA_OK;
    if (!x || !y)
        status = fail(error, CELLA_INVALID, "%s: x and y must be %zu bytes each in base64url", name,
                      curve->size);
    else if (!*key)
        status = fail(error, CELLA_INVALID, "%s: x and y are no point of %s", name, curve->name);
    free(x);
    free(y);
    return status;
}

static EVP_PKEY *make_rsa(const uint8_t *n, size_t n_size, const uint8_t *e, size_t e_size)
{
    BIGNUM *modulus = BN_bin2bn(n, (int)n_size, NULL), *exponent = BN_bin2bn(e, (int)e_size, NULL);
    OSSL_PARAM_BLD *parameters = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    if (modulus && exponent && parameters &&
        OSSL_PARAM_BLD_push_BN(parameters, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(parameters, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
        key = make_key("RSA", parameters);
    OSSL_PARAM_BLD_free(parameters);
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

static cella_status no_rsa(const char *name, cella_error *error)
{
    return fail(error, CELLA_INVALID, "%s: n and e are no RSA key", name);
}

/* Wherever it was read: with an exponent of 1 a ciphertext is the text, and a signature is
 * anybody's. */
static cella_status check_rsa(const EVP_PKEY *key, const char *name, cella_error *error)
{
    BIGNUM *n = NULL, *e = NULL;
    bool good = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
                EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_odd(n) &&
                BN_is_odd(e) && !BN_is_one(e) && BN_num_bytes(e) <= EXPONENT;
    BN_free(n);
    BN_free(e);
    if (!good)
        return no_rsa(name, error);
    if (!jose_fits(jose_algorithm("RS256"), key))
        return fail(error, CELLA_UNSUPPORTED, "%s: an RSA key of %d bits; 2048 to 8192 are read",
                    name, EVP_PKEY_get_bits(key));
    return CELLA_OK;
}

static cella_status read_rsa(const json_t *jwk, const char *name, EVP_PKEY **key,
                             cella_error *error)
{
    size_t n_size = 0, e_size = 0;
    uint8_t *n = read_member(jwk, "n", 1, RSA_BYTES, &n_size);
    uint8_t *e = read_member(jwk, "e", 1, EXPONENT, &e_size);
    cella_status status = CELLA_OK;
    if (!n || !e || n[0] == 0 || e[0] == 0)
        status = fail(error, CELLA_INVALID,
                      "%s: n and e must be numbers in base64url, without zeros in front, of at "
                      "most %d and %d bytes",
                      name, RSA_BYTES, EXPONENT);
    else if (!(*key = make_rsa(n, n_size, e, e_size)))
        status = no_rsa(name, error);
    free(n);
    free(e);
    return status;
}

/* The key of the first certificate of x5c, which is all that Azure Attestation's sets have of a
 * key. Whose certificate it is does not matter: the set is what is trusted. */
static cella_status read_x5c(const json_t *jwk, const char *name, EVP_PKEY **key,
                             cella_error *error)
{
    const json_t *first = json_array_get(json_object_get(jwk, "x5c"), 0);
    size_t length = json_string_length(first), size = 0;
    if (!json_is_string(first) || length > X5C_MOST)
        return fail(error, CELLA_INVALID, "%s: x5c must be a list of certificates in base64", name);
    uint8_t *bytes = malloc(BASE64_BYTES(length));
    const uint8_t *at = bytes;
    X509 *certificate = NULL;
    if (bytes && base64_read(BASE64, json_string_value(first), length, bytes, &size))
        certificate = d2i_X509(NULL, &at, (long)size);
    if (certificate && at == bytes + size)
        *key = X509_get_pubkey(certificate);
    X509_free(certificate);
    free(bytes);
    ERR_clear_error();
    return *key ? CELLA_OK
                : fail(error, CELLA_INVALID, "%s: x5c has no certificate with a usable key", name);
}

static cella_status read_key(const json_t *jwk, const char *name, EVP_PKEY **key,
                             cella_error *error)
{
    const char *type = json_string_value(json_object_get(jwk, "kty"));
    bool rsa = type && strcmp(type, "RSA") == 0;
    if (!type)
        return fail(error, CELLA_INVALID, "%s: kty is missing", name);
    if (!rsa && strcmp(type, "EC") != 0)
        return fail(error, CELLA_UNSUPPORTED, "%s: kty must be EC or RSA", name);
    bool bare = !json_object_get(jwk, rsa ? "n" : "x");
    cella_status status = bare && json_object_get(jwk, "x5c") ? read_x5c(jwk, name, key, error)
                          : rsa                               ? read_rsa(jwk, name, key, error)
                                                              : read_ec(jwk, name, key, error);
    if (status == CELLA_OK && EVP_PKEY_is_a(*key, "EC") == rsa)
        status = fail(error, CELLA_INVALID, "%s: x5c is of a key of another kty", name);
    if (status == CELLA_OK && rsa)
        status = check_rsa(*key, name, error);
    return status;
}

/* Where a certificate is beside the key, it is of that key. */
static cella_status compare_x5c(const json_t *jwk, const char *name, const EVP_PKEY *key,
                                cella_error *error)
{
    EVP_PKEY *other = NULL;
    cella_status status = read_x5c(jwk, name, &other, error);
    if (status == CELLA_OK && EVP_PKEY_eq(key, other) != 1)
        status = fail(error, CELLA_INVALID, "%s: x5c is of another key", name);
    EVP_PKEY_free(other);
    return status;
}

cella_status jwk_read(const json_t *jwk, const char *name, EVP_PKEY **key, cella_error *error)
{
    *key = NULL;
    if (!json_is_object(jwk))
        return fail(error, CELLA_INVALID, "%s: a key must be an object", name);
    if (json_object_get(jwk, "d") || json_object_get(jwk, "k"))
        return fail(error, CELLA_INVALID, "%s: a private or symmetric key; a public one is wanted",
                    name);
    cella_status status = read_key(jwk, name, key, error);
    if (status == CELLA_OK && json_object_get(jwk, "x5c"))
        status = compare_x5c(jwk, name, *key, error);
    if (status == CELLA_OK && !jose_fits(jose_algorithm("RS256"), *key) &&
        !jose_fits(jose_algorithm("ES256"), *key) && !jose_fits(jose_algorithm("ES384"), *key))
        status = fail(error, CELLA_UNSUPPORTED, "%s: no key of RSA, P-256 or P-384", name);
    if (status) {
        EVP_PKEY_free(*key);
        *key = NULL;
    }
    return status;
}

/* ---- writing ---- */

static json_t *number_text(const EVP_PKEY *key, const char *parameter, size_t size)
{
    uint8_t bytes[RSA_BYTES];
    char text[BASE64_TEXT(RSA_BYTES)];
    BIGNUM *number = NULL;
    int length = -1;
    if (EVP_PKEY_get_bn_param(key, parameter, &number) == 1) {
        size = size ? size : (size_t)BN_num_bytes(number);
        if (size <= sizeof(bytes))
            length = BN_bn2binpad(number, bytes, (int)size);
    }
    BN_free(number);
    return length < 0 ? NULL : json_string(base64_write(BASE64_URL, bytes, (size_t)length, text));
}

json_t *jwk_write(const EVP_PKEY *key)
{
    /* json_pack frees what it was given where it fails. */
    for (size_t i = 0; i < CURVES; i++)
        if (ecdsa_is_key(key, curves[i].openssl))
            return json_pack("{s:s, s:s, s:o, s:o}", "crv", curves[i].name, "kty", "EC", "x",
                             number_text(key, OSSL_PKEY_PARAM_EC_PUB_X, curves[i].size), "y",
                             number_text(key, OSSL_PKEY_PARAM_EC_PUB_Y, curves[i].size));
    if (!jose_fits(jose_algorithm("RS256"), key))
        return NULL;
    return json_pack("{s:o, s:s, s:o}", "e", number_text(key, OSSL_PKEY_PARAM_RSA_E, 0), "kty",
                     "RSA", "n", number_text(key, OSSL_PKEY_PARAM_RSA_N, 0));
}

bool jwk_thumbprint(const EVP_PKEY *key, char text[JWK_THUMBPRINT])
{
    uint8_t sha256[32];
    json_t *jwk = jwk_write(key);
    char *canonical = jwk ? json_dumps(jwk, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (canonical)
        base64_write(BASE64_URL, SHA256((const uint8_t *)canonical, strlen(canonical), sha256), 32,
                     text);
    json_decref(jwk);
    free(canonical);
    return canonical != NULL;
}

/* ---- sets ---- */

static bool lists(const json_t *list, const char *wanted)
{
    const json_t *one;
    size_t i;
    json_array_foreach(list, i, one)
    {
        if (json_is_string(one) && strcmp(json_string_value(one), wanted) == 0)
            return true;
    }
    return false;
}

/* Says itself that it is for something else. */
static bool is_for_others(const json_t *jwk)
{
    const json_t *use = json_object_get(jwk, "use"), *operations = json_object_get(jwk, "key_ops");
    return (use && (!json_is_string(use) || strcmp(json_string_value(use), "sig") != 0)) ||
           (operations && !lists(operations, "verify"));
}

static cella_status read_one(struct jwks *set, const json_t *jwk, const char *name,
                             cella_error *error)
{
    const json_t *kid = json_object_get(jwk, "kid"), *algorithm = json_object_get(jwk, "alg");
    struct jwks_key *to = &set->keys[set->count];
    if (kid && !json_is_string(kid))
        return fail(error, CELLA_INVALID, "%s: kid must be a string", name);
    for (size_t i = 0; kid && i < set->count; i++)
        if (set->keys[i].kid && strcmp(set->keys[i].kid, json_string_value(kid)) == 0)
            return fail(error, CELLA_INVALID, "%s: two keys have the kid \"%.80s\"", name,
                        json_string_value(kid));
    if (algorithm && (!json_is_string(algorithm) || json_string_length(algorithm) > 7 ||
                      !jose_algorithm(json_string_value(algorithm))))
        return CELLA_OK; /* for another algorithm */
    cella_status status = jwk_read(jwk, name, &to->key, error);
    if (status)
        return status == CELLA_UNSUPPORTED ? CELLA_OK : status;
    snprintf(to->algorithm, sizeof(to->algorithm), "%s",
             algorithm ? json_string_value(algorithm) : "");
    to->kid = kid ? strdup(json_string_value(kid)) : NULL;
    set->count++;
    return kid && !to->kid ? fail(error, CELLA_MEMORY, "%s: no memory to read it", name) : CELLA_OK;
}

static cella_status read_keys(struct jwks *set, const json_t *keys, const char *name,
                              cella_error *error)
{
    const json_t *jwk;
    size_t i;
    if (!json_is_array(keys) || json_array_size(keys) > JWKS_MOST)
        return fail(error, CELLA_INVALID, "%s: \"keys\" must be a list of at most %d keys", name,
                    JWKS_MOST);
    json_array_foreach(keys, i, jwk)
    {
        cella_status status = is_for_others(jwk) ? CELLA_OK : read_one(set, jwk, name, error);
        if (status)
            return status;
    }
    return set->count ? CELLA_OK
                      : fail(error, CELLA_INVALID,
                             "%s: no key in it verifies ES256, ES384, PS256 or RS256", name);
}

cella_status jwks_read(const void *bytes, size_t size, const char *name, struct jwks **set,
                       cella_error *error)
{
    json_t *object;
    *set = NULL;
    cella_status status = strict_object(bytes, size, name, &object, error);
    if (status)
        return status;
    struct jwks *read = calloc(1, sizeof(*read));
    if (!read)
        status = fail(error, CELLA_MEMORY, "%s: no memory to read it", name);
    else
        status = read_keys(read, json_object_get(object, "keys"), name, error);
    json_decref(object);
    if (status)
        jwks_free(read);
    else
        *set = read;
    return status;
}

void jwks_free(struct jwks *set)
{
    for (size_t i = 0; set && i < set->count; i++) {
        free(set->keys[i].kid);
        EVP_PKEY_free(set->keys[i].key);
    }
    free(set);
}

json_t *jwks_write(const EVP_PKEY *key)
{
    char kid[JWK_THUMBPRINT];
    const struct jose_algorithm *algorithm = jose_algorithm_of(key);
    json_t *jwk = algorithm ? jwk_write(key) : NULL;
    if (!jwk || !jwk_thumbprint(key, kid) || json_object_set_new(jwk, "kid", json_string(kid)) ||
        json_object_set_new(jwk, "alg", json_string(algorithm->name)) ||
        json_object_set_new(jwk, "use", json_string("sig"))) {
        json_decref(jwk);
        return NULL;
    }
    return json_pack("{s:[o]}", "keys", jwk);
}
