/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto sha|aes SECONDS: MB/s of OpenSSL's SHA-256 or AES-128-GCM over a buffer of 1 MiB.
 */
#include "measure.h"

#include <openssl/evp.h>

#define SIZE 1048576

static unsigned char in[SIZE], out[SIZE];

static int sha(void)
{
    return EVP_Digest(in, SIZE, out, NULL, EVP_sha256(), NULL) == 1;
}

static int aes(void)
{
    static EVP_CIPHER_CTX *context;
    static const unsigned char key[16] = "0123456789abcdef", nonce[12];
    int size;
    if (!context)
        context = EVP_CIPHER_CTX_new();
    return context && EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), NULL, key, nonce) == 1 &&
           EVP_EncryptUpdate(context, out, &size, in, SIZE) == 1 &&
           EVP_EncryptFinal_ex(context, out, &size) == 1;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    int (*work)(void) = strcmp(argv[1], "sha") == 0 ? sha : aes;
    double seconds = atof(argv[2]), began, time;
    size_t turns = 0;
    for (int i = 0; i < 20; i++)
        if (!work())
            return measure_failed(argv[1]);
    began = measure_now();
    do {
        if (!work())
            return measure_failed(argv[1]);
        turns++;
        time = measure_now() - began;
    } while (time < seconds);
    return measure_print((double)turns * SIZE / time / 1e6);
}
