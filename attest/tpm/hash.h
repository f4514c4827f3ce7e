/* SPDX-License-Identifier: Apache-2.0
 *
 * The hash algorithms of TPMs and of their logs (TCG Algorithm Registry, TPM_ALG_ID).
 */
#ifndef TPM_HASH_H
#define TPM_HASH_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TPM_HASH_MOST 64 /* bytes of a digest */

#define TPM_SHA1      0x0004
#define TPM_SHA256    0x000b
#define TPM_SHA384    0x000c
#define TPM_SHA512    0x000d

struct tpm_hash {
    uint16_t id;      /* 0: known to IMA, but no bank of a TPM */
    const char *name; /* as Linux and tpm2-tools write it */
    size_t size;      /* of a digest */
    const EVP_MD *(*md)(void);
};

/* For OpenSSL: looked up there once, which takes longer than to hash what TPMs hash. */
const EVP_MD *tpm_hash_md(const struct tpm_hash *hash);

/* NULL: not one that we know. */
const struct tpm_hash *tpm_hash(uint16_t id);
const struct tpm_hash *tpm_hash_named(const char *name, size_t size);

/* False: no memory. */
bool tpm_digest(const struct tpm_hash *hash, const void *bytes, size_t size, uint8_t *digest);
/* `value` becomes the hash of itself and `digest`, which may be of another size. */
bool tpm_extend(const struct tpm_hash *hash, uint8_t *value, const void *digest, size_t size);
/* Whether `digest`, of the hash's size, is that of these bytes. */
bool tpm_digest_is(const struct tpm_hash *hash, const uint8_t *digest, const void *bytes,
                   size_t size);

#endif
