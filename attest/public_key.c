/* SPDX-License-Identifier: Apache-2.0
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* EC_KEY, RSA: see public_key.h */
#include "public_key.h"

#include "ecdsa.h"

#include <openssl/asn1t.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <string.h>

#define CURVES        3
#define POINT_MOST    (1 + 2 * 66)
#define SECURITY_BITS 112

/* ---- on curves ---- */

/* To set one up takes longer than all else of a key: it is done once. */
static struct curve {
    const char *name;
    int number;
    EC_GROUP *group;
} curves[CURVES] = {{ECDSA_P256, NID_X9_62_prime256v1, NULL},
                    {ECDSA_P384, NID_secp384r1, NULL},
                    {"secp521r1", NID_secp521r1, NULL}};

static void set_up(void)
{
    for (int i = 0; i < CURVES; i++)
        curves[i].group = EC_GROUP_new_by_curve_name(curves[i].number);
}

static const struct curve *curves_ready(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_up);
    return curves;
}

/* A point in one of the encodings of SEC 1; the one at infinity, of a single byte, is no key. */
static EVP_PKEY *make_ec(const EC_GROUP *group, const uint8_t *encoded, size_t size)
{
    EC_KEY *ec = group && size > 1 ? EC_KEY_new() : NULL;
    EVP_PKEY *key = EVP_PKEY_new();
    if (ec && key && EC_KEY_set_group(ec, group) == 1 &&
        EC_KEY_oct2key(ec, encoded, size, NULL) == 1 && EVP_PKEY_assign_EC_KEY(key, ec) == 1)
        return key;
    EC_KEY_free(ec);
    EVP_PKEY_free(key);
    return NULL;
}

EVP_PKEY *public_key_of_point(const char *curve, const uint8_t *point, size_t half)
{
    uint8_t encoded[POINT_MOST] = {POINT_CONVERSION_UNCOMPRESSED};
    EVP_PKEY *key = NULL;
    const struct curve *known = curves_ready();
    if (2 * half > sizeof(encoded) - 1)
        return NULL;
    memcpy(encoded + 1, point, 2 * half);
    for (int i = 0; i < CURVES; i++)
        if (strcmp(known[i].name, curve) == 0)
            key = make_ec(known[i].group, encoded, 1 + 2 * half);
    ERR_clear_error();
    return key;
}

static EVP_PKEY *read_ec(const X509_ALGOR *algorithm, const uint8_t *point, size_t size)
{
    int type;
    const void *value;
    const struct curve *known = curves_ready();
    X509_ALGOR_get0(NULL, &type, &value, algorithm);
    for (int i = 0; type == V_ASN1_OBJECT && i < CURVES; i++)
        if (OBJ_obj2nid(value) == known[i].number)
            return make_ec(known[i].group, point, size);
    return NULL;
}

/* ---- of RSA ---- */

/* Takes `rsa`. */
static EVP_PKEY *make_rsa(RSA *rsa)
{
    EVP_PKEY *key = rsa ? EVP_PKEY_new() : NULL;
    if (key && EVP_PKEY_assign_RSA(key, rsa) == 1)
        return key;
    RSA_free(rsa);
    EVP_PKEY_free(key);
    return NULL;
}

EVP_PKEY *public_key_of_modulus(const uint8_t *modulus, size_t size, uint32_t exponent)
{
    RSA *rsa = RSA_new();
    BIGNUM *n = size <= INT32_MAX ? BN_bin2bn(modulus, (int)size, NULL) : NULL;
    BIGNUM *e = BN_new();
    if (rsa && n && e && BN_set_word(e, exponent) == 1 && RSA_set0_key(rsa, n, e, NULL) == 1)
        return make_rsa(rsa);
    RSA_free(rsa);
    BN_free(n);
    BN_free(e);
    return NULL;
}

/* ---- of a SubjectPublicKeyInfo ---- */

EVP_PKEY *public_key_read(X509_PUBKEY *info, const uint8_t *der, size_t size)
{
    ASN1_OBJECT *kind;
    X509_ALGOR *algorithm;
    const uint8_t *inside;
    int inside_size;
    EVP_PKEY *key = NULL;
    if (size > INT32_MAX ||
        X509_PUBKEY_get0_param(&kind, &inside, &inside_size, &algorithm, info) != 1)
        return NULL;
    int number = OBJ_obj2nid(kind);
    if (number == NID_X9_62_id_ecPublicKey)
        key = read_ec(algorithm, inside, (size_t)inside_size);
    else if (number == NID_rsaEncryption)
        key = make_rsa(d2i_RSA_PUBKEY(NULL, &der, (long)size));
    else
        key = d2i_PUBKEY(NULL, &der, (long)size);
    ERR_clear_error();
    return key;
}

EVP_PKEY *public_key_decode(const uint8_t *der, size_t size)
{
    const uint8_t *at = der;
    OSSL_LIB_CTX *context = public_key_no_decoders();
    X509_PUBKEY *info = context && size <= INT32_MAX ? X509_PUBKEY_new_ex(context, NULL) : NULL;
    if (info)
        ASN1_item_d2i((ASN1_VALUE **)&info, &at, (long)size, ASN1_ITEM_rptr(X509_PUBKEY));
    EVP_PKEY *key = info && at == der + size ? public_key_read(info, der, size) : NULL;
    X509_PUBKEY_free(info);
    ERR_clear_error();
    return key;
}

static OSSL_LIB_CTX *no_decoders;

static void make_context(void)
{
    no_decoders = OSSL_LIB_CTX_new();
    /* Without this provider the default one would be loaded at first need. */
    if (no_decoders && !OSSL_PROVIDER_load(no_decoders, "null")) {
        OSSL_LIB_CTX_free(no_decoders);
        no_decoders = NULL;
    }
}

OSSL_LIB_CTX *public_key_no_decoders(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_context);
    return no_decoders;
}

/* ---- signatures ---- */

static bool verify_ec(EVP_PKEY *key, const EVP_MD *hash, const ASN1_BIT_STRING *signature,
                      const uint8_t *bytes, size_t size)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;
    EC_KEY *ec = (EC_KEY *)EVP_PKEY_get0_EC_KEY(key);
    return ec && hash && EVP_Digest(bytes, size, digest, &digest_size, hash, NULL) == 1 &&
           ECDSA_verify(0, digest, (int)digest_size, ASN1_STRING_get0_data(signature),
                        ASN1_STRING_length(signature), ec) == 1;
}

/* Any algorithm that OpenSSL knows. It would encode anew what was signed; of a string that is said
 * to be a whole SEQUENCE it takes the bytes as they are. */
static bool verify_other(EVP_PKEY *key, const X509_ALGOR *algorithm,
                         const ASN1_BIT_STRING *signature, const uint8_t *bytes, size_t size)
{
    ASN1_STRING *whole = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
    bool good =
        whole && ASN1_STRING_set(whole, bytes, (int)size) == 1 &&
        ASN1_item_verify(ASN1_ITEM_rptr(ASN1_SEQUENCE), algorithm, signature, whole, key) == 1;
    ASN1_STRING_free(whole);
    return good;
}

/* The hash of RSA-PSS stands in its parameters; without any it is SHA-1. */
static int pss_hash(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *oid = NULL;
    RSA_PSS_PARAMS *parameters =
        ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), algorithm->parameter);
    if (parameters && parameters->hashAlgorithm)
        X509_ALGOR_get0(&oid, NULL, NULL, parameters->hashAlgorithm);
    int hash = oid ? OBJ_obj2nid(oid) : NID_sha1;
    RSA_PSS_PARAMS_free(parameters);
    return hash;
}

static bool is_strong(const EVP_PKEY *key, int hash, int kind)
{
    bool of_its_own = kind == NID_ED25519 || kind == NID_ED448;
    return EVP_PKEY_get_security_bits(key) >= SECURITY_BITS &&
           (of_its_own || hash == NID_sha256 || hash == NID_sha384 || hash == NID_sha512);
}

bool public_key_verify(EVP_PKEY *key, const X509_ALGOR *algorithm, const ASN1_BIT_STRING *signature,
                       const uint8_t *bytes, size_t size)
{
    const ASN1_OBJECT *oid;
    int hash = NID_undef, kind = NID_undef;
    bool whole_bytes = (signature->flags & 7) == 0; /* how many bits of the last byte are not its */
    X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
    OBJ_find_sigid_algs(OBJ_obj2nid(oid), &hash, &kind);
    if (OBJ_obj2nid(oid) == NID_rsassaPss)
        hash = pss_hash(algorithm);
    bool good = size <= INT32_MAX && whole_bytes && is_strong(key, hash, kind) &&
                (kind == NID_X9_62_id_ecPublicKey
                     ? verify_ec(key, EVP_get_digestbynid(hash), signature, bytes, size)
                     : verify_other(key, algorithm, signature, bytes, size));
    ERR_clear_error();
    return good;
}
