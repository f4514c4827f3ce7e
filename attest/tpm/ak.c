/* SPDX-License-Identifier: Apache-2.0
 *
 * Attestation keys and certificates, remembered.
 */
#include "ak.h"

#include "attest/sha256.h"
#include "attest/x509.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

static void keep_ak(void *object)
{
    __atomic_add_fetch(&((struct tpm_ak *)object)->references, 1, __ATOMIC_RELAXED);
}

static void drop_ak(void *object)
{
    struct tpm_ak *ak = object;
    if (__atomic_sub_fetch(&ak->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    EVP_PKEY_free(ak->key);
    free(ak);
}

static const struct cache_type ak_type = {keep_ak, drop_ak};

/* The cache is one for all kinds of things. */
static bool hash_of(const char kind[16], const void *bytes, size_t size, uint8_t key[32])
{
    uint8_t parts[16 + 32];
    memcpy(parts, kind, 16);
    return sha256_of(bytes, size, parts + 16) && sha256_of(parts, sizeof(parts), key);
}

/* ---- keys ---- */

struct tpm_ak *tpm_ak_find(struct cache *cache, const char from[16], const void *bytes, size_t size)
{
    uint8_t key[32];
    return hash_of(from, bytes, size, key) ? cache_get(cache, key, &ak_type) : NULL;
}

static bool hash_info(EVP_PKEY *key, uint8_t sha256[32])
{
    uint8_t *der = NULL;
    int size = i2d_PUBKEY(key, &der);
    bool good = size > 0 && sha256_of(der, (size_t)size, sha256);
    OPENSSL_free(der);
    return good;
}

struct tpm_ak *tpm_ak_add(struct cache *cache, const char from[16], const void *bytes, size_t size,
                          EVP_PKEY *key, const uint8_t sha256[32], const struct tpm_public *public)
{
    uint8_t hash[32];
    struct tpm_ak *ak = calloc(1, sizeof(*ak));
    if (ak && sha256)
        memcpy(ak->sha256, sha256, sizeof(ak->sha256));
    if (!ak || !tpm_key_taken(key) || !(sha256 || hash_info(key, ak->sha256)) ||
        !hash_of(from, bytes, size, hash)) {
        free(ak);
        return NULL;
    }
    EVP_PKEY_up_ref(key);
    ak->key = key;
    ak->references = 1;
    if (public) {
        ak->has_attributes = true;
        ak->attributes = public->attributes;
        ak->name_size = public->name_size;
        memcpy(ak->name, public->name, sizeof(ak->name));
    }
    cache_put(cache, hash, &ak_type, ak);
    return ak;
}

void tpm_ak_drop(struct tpm_ak *ak)
{
    if (ak)
        drop_ak(ak);
}

/* ---- certificates ---- */

struct x509 *tpm_certificate(struct cache *cache, const uint8_t *bytes, size_t size)
{
    uint8_t key[32];
    struct x509_pool read = {NULL, 0};
    if (!hash_of("tpm certificate", bytes, size, key))
        return NULL;
    struct x509 *certificate = cache_get(cache, key, &x509_cached);
    if (certificate)
        return certificate;
    if (x509_read(NULL, bytes, size, &read, 1)) {
        certificate = x509_keep(read.all[0]);
        cache_put(cache, key, &x509_cached, certificate);
    }
    x509_pool_clear(&read);
    return certificate;
}
