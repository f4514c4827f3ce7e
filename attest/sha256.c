/* SPDX-License-Identifier: Apache-2.0
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Init: see sha256.h */
#include "sha256.h"

#include <openssl/objects.h>
#include <openssl/sha.h>
#include <pthread.h>

static const EVP_MD *algorithm;

static void look_up(void)
{
    algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!algorithm)
        algorithm = EVP_sha256();
}

const EVP_MD *sha256_algorithm(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, look_up);
    return algorithm;
}

bool sha256_of(const void *bytes, size_t size, uint8_t hash[32])
{
    SHA256_CTX context;
    return SHA256_Init(&context) && SHA256_Update(&context, bytes, size) &&
           SHA256_Final(hash, &context);
}

bool digest_of(const EVP_MD *by, const void *bytes, size_t size, uint8_t digest[EVP_MAX_MD_SIZE],
               unsigned *digest_size)
{
    if (EVP_MD_get_type(by) != NID_sha256)
        return EVP_Digest(bytes, size, digest, digest_size, by, NULL) == 1;
    *digest_size = SHA256_DIGEST_LENGTH;
    return sha256_of(bytes, size, digest);
}
