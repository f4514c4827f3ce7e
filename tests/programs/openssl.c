/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL's libcrypto: SHA-256 and HMAC of known vectors, HKDF, AES-256-GCM there and back and
 * refused when altered, RSA and elliptic-curve keys made, signing, verifying.
 */
#include "check.h"
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

static void print(const char *name, const unsigned char *bytes, size_t size)
{
    printf("%s ", name);
    for (size_t i = 0; i < size; i++)
        printf("%02x", bytes[i]);
    putchar('\n');
}

static void digest(void)
{
    unsigned char out[64];
    unsigned length;
    static unsigned char million[1000000];

    CHECK(EVP_Digest("abc", 3, out, &length, EVP_sha256(), NULL) == 1);
    print("sha256", out, length);
    memset(million, 'a', sizeof million);
    CHECK(EVP_Digest(million, sizeof million, out, &length, EVP_sha256(), NULL) == 1);
    print("sha256", out, length);
    CHECK(EVP_Digest(million, sizeof million, out, &length, EVP_sha512(), NULL) == 1);
    print("sha512", out, length);
    CHECK(HMAC(EVP_sha256(), "key", 3, (const unsigned char *)"message", 7, out, &length) != NULL);
    print("hmac", out, length);

    size_t size = 42;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    CHECK(context != NULL);
    CHECK(EVP_PKEY_derive_init(context) == 1);
    CHECK(EVP_PKEY_CTX_set_hkdf_md(context, EVP_sha256()) == 1);
    CHECK(EVP_PKEY_CTX_set1_hkdf_salt(context, (const unsigned char *)"salt", 4) == 1);
    CHECK(EVP_PKEY_CTX_set1_hkdf_key(context, (const unsigned char *)"secret", 6) == 1);
    CHECK(EVP_PKEY_CTX_add1_hkdf_info(context, (const unsigned char *)"label", 5) == 1);
    CHECK(EVP_PKEY_derive(context, out, &size) == 1);
    print("hkdf", out, size);
    EVP_PKEY_CTX_free(context);
}

static void gcm(void)
{
    static unsigned char plain[100000], sealed[100000], opened[100000];
    unsigned char key[32], nonce[12], tag[16];
    int length;

    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (unsigned char)(i * 13);
    memset(key, 7, sizeof key);
    memset(nonce, 9, sizeof nonce);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    CHECK(context != NULL);
    CHECK(EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1);
    CHECK(EVP_EncryptUpdate(context, NULL, &length, (const unsigned char *)"header", 6) == 1);
    CHECK(EVP_EncryptUpdate(context, sealed, &length, plain, sizeof plain) == 1);
    CHECK(length == (int)sizeof plain);
    CHECK(EVP_EncryptFinal_ex(context, sealed, &length) == 1 && length == 0);
    CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, 16, tag) == 1);
    print("gcm", sealed, 16);
    print("tag", tag, sizeof tag);

    for (int altered = 0; altered < 2; altered++) {
        CHECK(EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1);
        CHECK(EVP_DecryptUpdate(context, NULL, &length, (const unsigned char *)"header", 6) == 1);
        sealed[50000] ^= (unsigned char)altered;
        CHECK(EVP_DecryptUpdate(context, opened, &length, sealed, sizeof sealed) == 1);
        CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, 16, tag) == 1);
        int good = EVP_DecryptFinal_ex(context, opened, &length) == 1;
        CHECK(good == !altered);
        if (good)
            CHECK(memcmp(plain, opened, sizeof plain) == 0);
        puts(good ? "opened" : "refused");
    }
    EVP_CIPHER_CTX_free(context);
}

static void sign(const char *name, EVP_PKEY *key, const EVP_MD *hash)
{
    unsigned char signature[512], message[] = "the message that is signed";
    size_t size = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    CHECK(key != NULL && context != NULL);
    CHECK(EVP_DigestSignInit(context, NULL, hash, NULL, key) == 1);
    CHECK(EVP_DigestSign(context, signature, &size, message, sizeof message) == 1);
    EVP_MD_CTX_free(context);
    for (int altered = 0; altered < 2; altered++) {
        context = EVP_MD_CTX_new();
        CHECK(context != NULL);
        message[3] ^= (unsigned char)altered;
        CHECK(EVP_DigestVerifyInit(context, NULL, hash, NULL, key) == 1);
        int good = EVP_DigestVerify(context, signature, size, message, sizeof message) == 1;
        CHECK(good == !altered);
        EVP_MD_CTX_free(context);
    }
    printf("%s signs and verifies\n", name);
    EVP_PKEY_free(key);
}

int main(void)
{
    unsigned char a[32], b[32];

    digest();
    gcm();
    sign("rsa-3072", EVP_RSA_gen(3072), EVP_sha256());
    sign("p-256", EVP_EC_gen("P-256"), EVP_sha256());
    sign("ed25519", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL);
    CHECK(RAND_bytes(a, sizeof a) == 1);
    CHECK(RAND_bytes(b, sizeof b) == 1);
    CHECK(CRYPTO_memcmp(a, b, sizeof a) != 0);
    puts("random");
    return 0;
}
