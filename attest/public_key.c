/* SPDX-License-Identifier: Apache-2.0
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* EC_KEY, RSA: see public_key.h */
#include "public_key.h"

#include "ecdsa.h"
#include "sha256.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <string.h>

#define CURVES        3
#define HALF_MOST     66 /* bytes of a coordinate */
#define POINT_MOST    (1 + 2 * HALF_MOST)
#define SECURITY_BITS 112

/* ---- on curves ---- */

/* To set one up takes longer than all else of a key: it is done once. */
static struct curve {
    const char *name;
    int number;
    const ASN1_OBJECT *oid;
    EC_GROUP *group;
} curves[CURVES] = {{ECDSA_P256, NID_X9_62_prime256v1, NULL, NULL},
                    {ECDSA_P384, NID_secp384r1, NULL, NULL},
                    {"secp521r1", NID_secp521r1, NULL, NULL}};

static void set_up(void)
{
    for (int i = 0; i < CURVES; i++) {
        curves[i].oid = OBJ_nid2obj(curves[i].number);
        curves[i].group = EC_GROUP_new_by_curve_name(curves[i].number);
    }
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

/* ---- of RSA ---- */

EVP_PKEY *public_key_of_modulus(const uint8_t *modulus, size_t size, uint32_t exponent)
{
    RSA *rsa = RSA_new();
    BIGNUM *n = size <= INT32_MAX ? BN_bin2bn(modulus, (int)size, NULL) : NULL;
    BIGNUM *e = BN_new();
    EVP_PKEY *key = EVP_PKEY_new();
    bool set = rsa && n && e && BN_set_word(e, exponent) == 1 && RSA_set0_key(rsa, n, e, NULL) == 1;
    if (set && key && EVP_PKEY_assign_RSA(key, rsa) == 1)
        return key;
    if (!set) { /* else they are of `rsa` */
        BN_free(n);
        BN_free(e);
    }
    RSA_free(rsa);
    EVP_PKEY_free(key);
    return NULL;
}

/* ---- of a SubjectPublicKeyInfo ---- */

/* id-ecPublicKey, rsaEncryption */
static const uint8_t oid_ec[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
static const uint8_t oid_rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01};

/* None, or NULL: RSA's either way (RFC 4055, section 2.1), and mbed TLS writes ECDSA's with NULL
 * against RFC 5758. */
static bool no_parameters(struct der *from)
{
    struct der null;
    return from->size == 0 ||
           (der_take(from, DER_NULL, &null) && null.size == 0 && from->size == 0);
}

static EVP_PKEY *read_ec(struct der *parameters, const struct der *point)
{
    const struct curve *known = curves_ready();
    struct der name;
    if (!der_take(parameters, DER_OID, &name) || parameters->size > 0)
        return NULL;
    for (int i = 0; i < CURVES; i++)
        if (der_is(&name, OBJ_get0_data(known[i].oid), OBJ_length(known[i].oid)))
            return make_ec(known[i].group, point->bytes, point->size);
    return NULL;
}

/* RSAPublicKey: SEQUENCE { modulus, exponent }. The modulus is positive, the exponent odd and no 1,
 * with which everyone signs. */
static EVP_PKEY *read_rsa(struct der bits)
{
    struct der inside, modulus;
    uint32_t exponent;
    struct der number;
    if (!der_take(&bits, DER_SEQUENCE, &inside) || bits.size > 0 ||
        !der_take(&inside, DER_INTEGER, &modulus) || !der_is_integer(&modulus) ||
        modulus.bytes[0] >= 0x80 || !der_take(&inside, DER_INTEGER, &number) || inside.size > 0 ||
        !der_number(&number, UINT32_MAX, &exponent) || exponent < 3 || exponent % 2 == 0)
        return NULL;
    return public_key_of_modulus(modulus.bytes, modulus.size, exponent);
}

EVP_PKEY *public_key_decode(const uint8_t *der, size_t size)
{
    struct der from = {der, size}, info, algorithm, oid, bits, key;
    EVP_PKEY *made = NULL;
    if (size > INT32_MAX || !der_take(&from, DER_SEQUENCE, &info) || from.size > 0 ||
        !der_take(&info, DER_SEQUENCE, &algorithm) || !der_take(&algorithm, DER_OID, &oid) ||
        !der_take(&info, DER_BIT_STRING, &bits) || info.size > 0 || !der_bytes(&bits, &key))
        return NULL;
    if (DER_IS(&oid, oid_ec))
        made = read_ec(&algorithm, &key);
    else if (DER_IS(&oid, oid_rsa))
        made = no_parameters(&algorithm) ? read_rsa(key) : NULL;
    else
        made = d2i_PUBKEY(NULL, &der, (long)size);
    ERR_clear_error();
    return made;
}

bool public_key_hash(EVP_PKEY *key, uint8_t sha256[32])
{
    uint8_t *der = NULL;
    int size = i2d_PUBKEY(key, &der);
    bool good = size > 0 && sha256_of(der, (size_t)size, sha256);
    OPENSSL_free(der);
    return good;
}

/* ---- signatures ---- */

/* Hashes that are not weak. */
static struct hash {
    uint8_t oid[9]; /* 2.16.840.1.101.3.4.2.x */
    const char *name;
    EVP_MD *md; /* looked up once: EVP_sha256() is at each use */
} hashes[] = {
    {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01}, "SHA256", NULL},
    {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02}, "SHA384", NULL},
    {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03}, "SHA512", NULL},
};
#define HASHES (sizeof(hashes) / sizeof(hashes[0]))

static void look_up(void)
{
    for (size_t i = 0; i < HASHES; i++)
        hashes[i].md = EVP_MD_fetch(NULL, hashes[i].name, NULL);
}

/* What issuers sign with, and the number of its hash above. */
static const struct algorithm {
    uint8_t oid[9];
    uint8_t oid_size;
    bool ec; /* else RSA, PKCS #1 v1.5 */
    uint8_t hash;
} algorithms[] = {
    {{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02}, 8, true, 0},
    {{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03}, 8, true, 1},
    {{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04}, 8, true, 2},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b}, 9, false, 0},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c}, 9, false, 1},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d}, 9, false, 2},
};

static const struct algorithm *find_algorithm(const struct der *oid)
{
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
        if (der_is(oid, algorithms[i].oid, algorithms[i].oid_size))
            return &algorithms[i];
    return NULL;
}

/* id-RSASSA-PSS, id-mgf1; Ed25519, Ed448 */
static const uint8_t oid_pss[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a};
static const uint8_t oid_mgf1[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08};
static const uint8_t oid_ed25519[] = {0x2b, 0x65, 0x70}, oid_ed448[] = {0x2b, 0x65, 0x71};

static bool verify_ec(EVP_PKEY *key, const EVP_MD *hash, const struct der *signature,
                      const uint8_t *bytes, size_t size)
{
    uint8_t both[2 * HALF_MOST];
    const EC_KEY *ec = EVP_PKEY_get0_EC_KEY(key);
    size_t half = ec ? ((size_t)EC_GROUP_order_bits(EC_KEY_get0_group(ec)) + 7) / 8 : 0;
    return half > 0 && half <= HALF_MOST && der_ecdsa(signature, half, both) &&
           ecdsa_verify(key, hash, both, half, bytes, size);
}

/* NULL: not of RSA without restrictions to some padding. The functions below do without EVP's
 * layer, which looks its algorithms up anew each time. */
static RSA *rsa_of(EVP_PKEY *key)
{
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? (RSA *)EVP_PKEY_get0_RSA(key) : NULL;
}

bool public_key_verify_rsa(EVP_PKEY *key, const EVP_MD *hash, const struct der *signature,
                           const uint8_t *bytes, size_t size)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;
    RSA *rsa = rsa_of(key);
    bool good = rsa && signature->size <= INT32_MAX &&
                digest_of(hash, bytes, size, digest, &digest_size) &&
                RSA_verify(EVP_MD_get_type(hash), digest, digest_size, signature->bytes,
                           (unsigned)signature->size, rsa) == 1;
    ERR_clear_error();
    return good;
}

bool public_key_verify_pss(EVP_PKEY *key, const EVP_MD *hash, int salt, const struct der *signature,
                           const uint8_t *bytes, size_t size)
{
    uint8_t digest[EVP_MAX_MD_SIZE], encoded[OPENSSL_RSA_MAX_MODULUS_BITS / 8];
    unsigned digest_size = 0;
    RSA *rsa = rsa_of(key);
    const size_t length = rsa ? (size_t)RSA_size(rsa) : 0;
    bool good = rsa && length <= sizeof(encoded) && signature->size == length &&
                digest_of(hash, bytes, size, digest, &digest_size) &&
                RSA_public_decrypt((int)length, signature->bytes, encoded, rsa, RSA_NO_PADDING) ==
                    (int)length &&
                RSA_verify_PKCS1_PSS_mgf1(rsa, digest, hash, hash, encoded, salt) == 1;
    ERR_clear_error();
    return good;
}

/* [number] { AlgorithmIdentifier }: its OID, and its parameters. */
static bool take_tagged(struct der *from, int number, struct der *oid, struct der *parameters)
{
    struct der tagged;
    return der_take(from, DER_CONTEXT(number), &tagged) &&
           der_take(&tagged, DER_SEQUENCE, parameters) && tagged.size == 0 &&
           der_take(parameters, DER_OID, oid);
}

/* [number] { INTEGER }. */
static bool take_number(struct der *from, int number, uint32_t *value)
{
    struct der tagged, inside;
    return der_take(from, DER_CONTEXT(number), &tagged) &&
           der_take(&tagged, DER_INTEGER, &inside) && tagged.size == 0 &&
           der_number(&inside, INT32_MAX, value);
}

/* RSASSA-PSS-params (RFC 4055, section 3.1): one hash for both; what is left out would be SHA-1.
 * The trailer is 1, which AMD writes, though it need not. */
static bool verify_pss(EVP_PKEY *key, struct der *parameters, const struct der *signature,
                       const uint8_t *bytes, size_t size)
{
    struct der inside, hash, mask, mask_hash, none, more;
    uint32_t salt, trailer = 1;
    if (!der_take(parameters, DER_SEQUENCE, &inside) || parameters->size > 0 ||
        !take_tagged(&inside, 0, &hash, &none) || !no_parameters(&none) ||
        !take_tagged(&inside, 1, &mask, &more) || !DER_IS(&mask, oid_mgf1) ||
        !der_take(&more, DER_SEQUENCE, &none) || more.size > 0 ||
        !der_take(&none, DER_OID, &mask_hash) || !no_parameters(&none) ||
        !der_same(&hash, &mask_hash) || !take_number(&inside, 2, &salt) ||
        (inside.size > 0 && !take_number(&inside, 3, &trailer)) || trailer != 1 || inside.size > 0)
        return false;
    for (size_t i = 0; i < HASHES; i++)
        if (DER_IS(&hash, hashes[i].oid))
            return hashes[i].md &&
                   public_key_verify_pss(key, hashes[i].md, (int)salt, signature, bytes, size);
    return false;
}

static bool verify_edwards(EVP_PKEY *key, const struct der *signature, const uint8_t *bytes,
                           size_t size)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(context, signature->bytes, signature->size, bytes, size) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

static bool verify_by(EVP_PKEY *key, const struct algorithm *by, const struct der *signature,
                      const uint8_t *bytes, size_t size)
{
    const EVP_MD *hash = hashes[by->hash].md;
    return hash && (by->ec ? verify_ec(key, hash, signature, bytes, size)
                           : public_key_verify_rsa(key, hash, signature, bytes, size));
}

bool public_key_verify(EVP_PKEY *key, const struct der *algorithm, const struct der *signature,
                       const uint8_t *bytes, size_t size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct der from = *algorithm, inside, oid;
    bool good = false;
    pthread_once(&once, look_up);
    if (EVP_PKEY_get_security_bits(key) < SECURITY_BITS ||
        !der_take(&from, DER_SEQUENCE, &inside) || from.size > 0 ||
        !der_take(&inside, DER_OID, &oid))
        return false;
    const struct algorithm *by = find_algorithm(&oid);
    if (by)
        good = no_parameters(&inside) && verify_by(key, by, signature, bytes, size);
    else if (DER_IS(&oid, oid_pss))
        good = verify_pss(key, &inside, signature, bytes, size);
    else if ((DER_IS(&oid, oid_ed25519) && EVP_PKEY_is_a(key, "ED25519")) ||
             (DER_IS(&oid, oid_ed448) && EVP_PKEY_is_a(key, "ED448")))
        good = inside.size == 0 && verify_edwards(key, signature, bytes, size);
    ERR_clear_error();
    return good;
}
