/* SPDX-License-Identifier: Apache-2.0
 */
#include "sha256.h"

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
    return EVP_Digest(bytes, size, hash, NULL, sha256_algorithm(), NULL) == 1;
}
