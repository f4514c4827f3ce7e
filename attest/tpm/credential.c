/* SPDX-License-Identifier: Apache-2.0
 *
 * Endorsement keys, and TPM2_MakeCredential.
 */
#include "credential.h"

#include "image/fail.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#define IDENTITY        "IDENTITY" /* with its NUL */
#define COORDINATE_MOST 66

/* fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, restricted, decrypt; the newer one
 * also userWithAuth. Policies: PolicySecret of the endorsement hierarchy; the newer one PolicyOR of
 * that and another. */
#define OLDER 0x000300b2u
#define NEWER 0x000300f2u
#define POLICY_A                                                                                   \
    {                                                                                              \
        0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7,  \
            0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33,    \
            0x14, 0x69, 0xaa                                                                       \
    }
#define POLICY_B                                                                                   \
    {                                                                                              \
        0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50, 0xbc, 0x53, 0xd8, 0x82, 0xbc, 0xf5, 0xfd, 0x3a,  \
            0x1a, 0x07, 0x41, 0x48, 0xbb, 0x35, 0xd3, 0xb4, 0xe4, 0xcb, 0x1c, 0x0a, 0xd9, 0xbd,    \
            0xe4, 0x19, 0xca, 0xcb, 0x47, 0xba, 0x09, 0x69, 0x96, 0x46, 0x15, 0x0f, 0x9f, 0xc0,    \
            0x00, 0xf3, 0xf8, 0x0e, 0x12                                                           \
    }

static const struct tpm_endorsement kinds[] = {
    {"ecc-p256", "prime256v1", 0x01c0000a, OLDER, TPM_SHA256, 128, 3, 32, 32, POLICY_A},
    {"rsa-2048", NULL, 0x01c00002, OLDER, TPM_SHA256, 128, 0, 256, 256, POLICY_A},
    {"ecc-p384", "secp384r1", 0x01c00016, NEWER, TPM_SHA384, 256, 4, 48, 0, POLICY_B},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const struct tpm_endorsement *tpm_endorsement(size_t index)
{
    return index < KINDS ? &kinds[index] : NULL;
}

const struct tpm_endorsement *tpm_endorsement_named(const char *name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

const struct tpm_endorsement *tpm_endorsement_of(EVP_PKEY *key)
{
    char curve[32] = "";
    if (EVP_PKEY_is_a(key, "EC"))
        EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof(curve), NULL);
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].curve ? strcmp(kinds[i].curve, curve) == 0
                           : EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) == 2048)
            return &kinds[i];
    return NULL;
}

/* ---- a seed that only that TPM learns ---- */

struct seed {
    const struct tpm_hash *hash;
    uint8_t bytes[TPM_HASH_MOST]; /* as many as a digest has */
};

static size_t put(uint8_t *to, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(value >> 8 * (size - 1 - i));
    return size;
}

static size_t put_bytes(uint8_t *to, const void *bytes, size_t size)
{
    memcpy(to, bytes, size);
    return size;
}

/* RSA: a random one, under OAEP (B.10.3). */
static bool share_by_rsa(EVP_PKEY *key, struct seed *seed, struct tpm_credential *credential)
{
    void *label = OPENSSL_memdup(IDENTITY, sizeof(IDENTITY));
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    credential->secret_size = sizeof(credential->secret);
    bool good = label && context && RAND_priv_bytes(seed->bytes, (int)seed->hash->size) == 1 &&
                EVP_PKEY_encrypt_init(context) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
                EVP_PKEY_CTX_set_rsa_oaep_md(context, tpm_hash_md(seed->hash)) == 1 &&
                EVP_PKEY_CTX_set_rsa_mgf1_md(context, tpm_hash_md(seed->hash)) == 1;
    if (good && EVP_PKEY_CTX_set0_rsa_oaep_label(context, label, sizeof(IDENTITY)) == 1)
        label = NULL; /* the context's now */
    good = good && !label &&
           EVP_PKEY_encrypt(context, credential->secret, &credential->secret_size, seed->bytes,
                            seed->hash->size) == 1;
    OPENSSL_free(label);
    EVP_PKEY_CTX_free(context);
    return good;
}

static bool coordinate(EVP_PKEY *key, const char *name, uint8_t *to, size_t size)
{
    BIGNUM *number = NULL;
    bool good = EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
                BN_bn2binpad(number, to, (int)size) == (int)size;
    BN_free(number);
    return good;
}

static bool agree(EVP_PKEY *own, EVP_PKEY *key, uint8_t *z, size_t size)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
    size_t got = size;
    bool good = context && EVP_PKEY_derive_init(context) == 1 &&
                EVP_PKEY_derive_set_peer(context, key) == 1 &&
                EVP_PKEY_derive(context, z, &got) == 1 && got == size;
    EVP_PKEY_CTX_free(context);
    return good;
}

/* ECC: of an ephemeral key and this one (C.6.3), by KDFe: one hash is enough for it. */
static bool share_by_ecc(const struct tpm_endorsement *kind, EVP_PKEY *key, struct seed *seed,
                         struct tpm_credential *credential)
{
    uint8_t text[4 + sizeof(IDENTITY) + 3 * COORDINATE_MOST], y[COORDINATE_MOST];
    const size_t size = kind->size;
    EVP_PKEY *own = EVP_EC_gen(kind->curve);
    size_t at = put(text, 1, 4);
    bool good = own && agree(own, key, text + at, size);
    at += size;
    at += put_bytes(text + at, IDENTITY, sizeof(IDENTITY));
    const uint8_t *x = text + at;
    good = good && coordinate(own, OSSL_PKEY_PARAM_EC_PUB_X, text + at, size) &&
           coordinate(own, OSSL_PKEY_PARAM_EC_PUB_Y, y, size) &&
           coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, text + at + size, size) &&
           tpm_digest(seed->hash, text, at + 2 * size, seed->bytes);
    if (good) {
        uint8_t *to = credential->secret; /* TPMS_ECC_POINT */
        to += put(to, size, 2);
        to += put_bytes(to, x, size);
        to += put(to, size, 2);
        to += put_bytes(to, y, size);
        credential->secret_size = (size_t)(to - credential->secret);
    }
    OPENSSL_cleanse(text, sizeof(text));
    EVP_PKEY_free(own);
    return good;
}

/* ---- what is derived of it ---- */

/* KDFa, where one HMAC is enough. */
static bool derive(const struct seed *seed, const char *label, const uint8_t *context,
                   size_t context_size, size_t bits, uint8_t key[TPM_HASH_MOST])
{
    uint8_t text[4 + 16 + TPM_HASH_MOST + 2 + 4];
    size_t at = put(text, 1, 4);
    at += put_bytes(text + at, label, strlen(label) + 1);
    at += put_bytes(text + at, context, context_size);
    at += put(text + at, bits, 4);
    return HMAC(tpm_hash_md(seed->hash), seed->bytes, (int)seed->hash->size, text, at, key, NULL);
}

static bool encrypt(const struct tpm_endorsement *kind, const uint8_t *key, uint8_t *bytes,
                    size_t size)
{
    static const uint8_t zeros[16];
    int done;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool good =
        context &&
        EVP_EncryptInit_ex(context, kind->aes == 128 ? EVP_aes_128_cfb128() : EVP_aes_256_cfb128(),
                           NULL, key, zeros) == 1 &&
        EVP_EncryptUpdate(context, bytes, &done, bytes, (int)size) == 1 && (size_t)done == size;
    EVP_CIPHER_CTX_free(context);
    return good;
}

/* The HMAC as a TPM2B, then the secret as a TPM2B that is encrypted; the HMAC is over that and the
 * name. */
static bool seal(const struct tpm_endorsement *kind, const struct seed *seed, const uint8_t *name,
                 size_t name_size, const uint8_t secret[TPM_CREDENTIAL],
                 struct tpm_credential *credential)
{
    uint8_t key[TPM_HASH_MOST], covered[2 + TPM_CREDENTIAL + 2 + TPM_HASH_MOST];
    size_t size = put(covered, TPM_CREDENTIAL, 2);
    size += put_bytes(covered + size, secret, TPM_CREDENTIAL);
    bool good = derive(seed, "STORAGE", name, name_size, kind->aes, key) &&
                encrypt(kind, key, covered, size) &&
                derive(seed, "INTEGRITY", (const uint8_t *)"", 0, 8 * seed->hash->size, key);
    put_bytes(covered + size, name, name_size);
    uint8_t *to = credential->blob;
    to += put(to, seed->hash->size, 2);
    good = good && HMAC(tpm_hash_md(seed->hash), key, (int)seed->hash->size, covered,
                        size + name_size, to, NULL);
    to += seed->hash->size;
    to += put_bytes(to, covered, size);
    credential->blob_size = (size_t)(to - credential->blob);
    OPENSSL_cleanse(key, sizeof(key));
    OPENSSL_cleanse(covered, sizeof(covered));
    return good;
}

/* In OpenSSL's newer form, which alone tells coordinates: keys of certificates are in the older
 * one (public_key.h). NULL: no memory. */
static EVP_PKEY *renew(EVP_PKEY *key)
{
    uint8_t *der = NULL;
    int size = i2d_PUBKEY(key, &der);
    const uint8_t *at = der;
    EVP_PKEY *renewed = size > 0 ? d2i_PUBKEY(NULL, &at, size) : NULL;
    OPENSSL_free(der);
    return renewed;
}

cella_status tpm_credential_make(const struct tpm_endorsement *kind, EVP_PKEY *key,
                                 const uint8_t *name, size_t name_size,
                                 const uint8_t secret[TPM_CREDENTIAL],
                                 struct tpm_credential *credential, cella_error *error)
{
    struct seed seed = {.hash = tpm_hash(kind->hash)};
    EVP_PKEY *renewed = renew(key);
    memset(credential, 0, sizeof(*credential));
    bool good = renewed && name_size <= 2 + TPM_HASH_MOST &&
                (kind->curve ? share_by_ecc(kind, renewed, &seed, credential)
                             : share_by_rsa(renewed, &seed, credential)) &&
                seal(kind, &seed, name, name_size, secret, credential);
    OPENSSL_cleanse(&seed, sizeof(seed));
    EVP_PKEY_free(renewed);
    ERR_clear_error();
    return good ? CELLA_OK
                : fail(error, CELLA_SYSTEM, "OpenSSL seals nothing to the endorsement key");
}
