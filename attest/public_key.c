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
#include <pthread.h>
#include <string.h>

#define CURVES     3
#define POINT_MOST (1 + 2 * 66)

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

/* ---- of certificates ---- */

static EVP_PKEY *read_rsa(const uint8_t *der, size_t size)
{
    RSA *rsa = d2i_RSA_PUBKEY(NULL, &der, (long)size);
    EVP_PKEY *key = rsa ? EVP_PKEY_new() : NULL;
    if (key && EVP_PKEY_assign_RSA(key, rsa) == 1)
        return key;
    RSA_free(rsa);
    EVP_PKEY_free(key);
    return NULL;
}

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
        key = read_rsa(der, size);
    else
        key = d2i_PUBKEY(NULL, &der, (long)size);
    ERR_clear_error();
    return key;
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

bool public_key_verify(EVP_PKEY *key, const X509_ALGOR *algorithm, const ASN1_BIT_STRING *signature,
                       const uint8_t *bytes, size_t size)
{
    const ASN1_OBJECT *oid;
    int hash = NID_undef, kind = NID_undef;
    X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
    OBJ_find_sigid_algs(OBJ_obj2nid(oid), &hash, &kind);
    bool whole_bytes = (signature->flags & 7) == 0; /* how many bits of the last byte are not its */
    bool good = size <= INT32_MAX && whole_bytes &&
                (kind == NID_X9_62_id_ecPublicKey
                     ? verify_ec(key, EVP_get_digestbynid(hash), signature, bytes, size)
                     : verify_other(key, algorithm, signature, bytes, size));
    ERR_clear_error();
    return good;
}
