/* SPDX-License-Identifier: Apache-2.0
 *
 * The hash algorithms of TPMs and of their logs.
 */
#include "hash.h"

#include "attest/sha256.h"

#include <openssl/err.h>
#include <pthread.h>
#include <string.h>

static const struct tpm_hash hashes[] = {
    {TPM_SHA1, "sha1", 20, EVP_sha1},
    {TPM_SHA256, "sha256", 32, EVP_sha256},
    {TPM_SHA384, "sha384", 48, EVP_sha384},
    {TPM_SHA512, "sha512", 64, EVP_sha512},
    {0x0012, "sm3_256", 32, EVP_sm3},
    {0x0027, "sha3-256", 32, EVP_sha3_256},
    {0x0028, "sha3-384", 48, EVP_sha3_384},
    {0x0029, "sha3-512", 64, EVP_sha3_512},
    {0, "md5", 16, EVP_md5},
    {0, "sha224", 28, EVP_sha224},
    {0, "sm3", 32, EVP_sm3},
};
#define HASHES (sizeof(hashes) / sizeof(*hashes))

static const EVP_MD *fetched[HASHES];

/* What OpenSSL does not offer stays as it is: using it fails. */
static void fetch(void)
{
    for (size_t i = 0; i < HASHES; i++) {
        fetched[i] = EVP_MD_fetch(NULL, EVP_MD_get0_name(hashes[i].md()), NULL);
        if (!fetched[i])
            fetched[i] = hashes[i].md();
    }
    ERR_clear_error();
}

const EVP_MD *tpm_hash_md(const struct tpm_hash *hash)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fetch);
    return fetched[hash - hashes];
}

const struct tpm_hash *tpm_hash(uint16_t id)
{
    for (size_t i = 0; i < HASHES; i++)
        if (id != 0 && hashes[i].id == id)
            return &hashes[i];
    return NULL;
}

const struct tpm_hash *tpm_hash_named(const char *name, size_t size)
{
    for (size_t i = 0; i < HASHES; i++)
        if (strlen(hashes[i].name) == size && memcmp(hashes[i].name, name, size) == 0)
            return &hashes[i];
    return NULL;
}

bool tpm_digest(const struct tpm_hash *hash, const void *bytes, size_t size, uint8_t *digest)
{
    unsigned length;
    return digest_of(tpm_hash_md(hash), bytes, size, digest, &length);
}

bool tpm_extend(const struct tpm_hash *hash, uint8_t *value, const void *digest, size_t size)
{
    uint8_t both[2 * TPM_HASH_MOST];
    if (size > TPM_HASH_MOST)
        return false;
    memcpy(both, value, hash->size);
    memcpy(both + hash->size, digest, size);
    return tpm_digest(hash, both, hash->size + size, value);
}

bool tpm_digest_is(const struct tpm_hash *hash, const uint8_t *digest, const void *bytes,
                   size_t size)
{
    uint8_t own[TPM_HASH_MOST];
    return tpm_digest(hash, bytes, size, own) && memcmp(own, digest, hash->size) == 0;
}
