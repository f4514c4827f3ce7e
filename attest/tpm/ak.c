/* SPDX-License-Identifier: Apache-2.0
 *
 * Attestation keys and certificates, remembered.
 */
#include "ak.h"

#include "attest/der.h"
#include "attest/public_key.h"
#include "attest/sha256.h"
#include "attest/x509.h"

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

/* One of each source: what the same bytes are as another is another entry. */
static const struct cache_type types[TPM_AK_SOURCES] = {
    {keep_ak, drop_ak}, {keep_ak, drop_ak}, {keep_ak, drop_ak}};

/* ---- keys ---- */

struct tpm_ak *tpm_ak_find(struct cache *cache, enum tpm_ak_source source, const uint8_t from[32])
{
    return cache_get(cache, from, &types[source]);
}

struct tpm_ak *tpm_ak_add(struct cache *cache, enum tpm_ak_source source, const uint8_t from[32],
                          EVP_PKEY *key, const uint8_t sha256[32], const struct tpm_public *public)
{
    struct tpm_ak *ak = calloc(1, sizeof(*ak));
    if (ak && sha256)
        memcpy(ak->sha256, sha256, sizeof(ak->sha256));
    if (!ak || !tpm_key_taken(key) || !(sha256 || public_key_hash(key, ak->sha256))) {
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
    cache_put(cache, from, &types[source], ak);
    return ak;
}

void tpm_ak_drop(struct tpm_ak *ak)
{
    if (ak)
        drop_ak(ak);
}

/* ---- certificates ---- */

/* Without what fills an NV index behind it: zeros, or ff. */
static size_t without_filling(const uint8_t *bytes, size_t size)
{
    uint8_t tag;
    struct der from = {bytes, size}, inside, whole;
    if (size == 0 || *bytes != 0x30 || !der_any(&from, &tag, &inside, &whole))
        return size;
    for (size_t i = whole.size; i < size; i++)
        if (bytes[i] != bytes[size - 1] || (bytes[i] != 0 && bytes[i] != 0xff))
            return size;
    return whole.size;
}

struct x509 *tpm_certificate(struct cache *cache, const uint8_t *bytes, size_t size)
{
    uint8_t key[32];
    struct x509_pool read = {NULL, 0};
    if (!sha256_of(bytes, size, key))
        return NULL;
    struct x509 *certificate = cache_get(cache, key, &x509_cached);
    if (certificate)
        return certificate;
    if (x509_read(NULL, bytes, without_filling(bytes, size), &read, 1)) {
        certificate = x509_keep(read.all[0]);
        cache_put(cache, key, &x509_cached, certificate);
    }
    x509_pool_clear(&read);
    return certificate;
}
