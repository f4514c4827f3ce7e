/* SPDX-License-Identifier: Apache-2.0
 *
 * AES Key Wrap against RFC 3394's vector and RFC 5649's definition; CKM_RSA_AES_KEY_WRAP there and
 * back, altered, and with another hash or key.
 */
#include "attest_test.h"

#include "keyd/wrap.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

static EVP_PKEY *rsa;

static int set_up(void **state)
{
    (void)state;
    rsa = EVP_RSA_gen(2048);
    return rsa ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    EVP_PKEY_free(rsa);
    return 0;
}

/* RFC 3394, 4.6. */
static void test_rfc3394(void **state)
{
    size_t key_size, from_size, expected_size;
    uint8_t to[64], back[64];
    (void)state;
    uint8_t *key =
        of_hex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", &key_size);
    uint8_t *from =
        of_hex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F", &from_size);
    uint8_t *expected =
        of_hex("28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21",
               &expected_size);
    assert_int_equal(wrap_aes(key, false, from, from_size, to), expected_size);
    assert_memory_equal(to, expected, expected_size);
    assert_int_equal(unwrap_aes(key, false, to, expected_size, back), from_size);
    assert_memory_equal(back, from, from_size);
    for (size_t i = 0; i < expected_size; i++) {
        to[i] ^= 1;
        assert_int_equal(unwrap_aes(key, false, to, expected_size, back), 0);
        to[i] ^= 1;
    }
    free(key);
    free(from);
    free(expected);
}

/* RFC 5649, 4.1, for more than 8 bytes: RFC 3394 of zero-padded bytes under another initial value.
 */
static void test_rfc5649(void **state)
{
    uint8_t key[32], from[104] = {0}, to[128], again[128], back[128];
    (void)state;
    RAND_bytes(key, sizeof(key));
    for (size_t size = 9; size <= 100; size++) {
        uint8_t initial[8] = {0xa6, 0x59, 0x59, 0xa6, 0, 0, 0, (uint8_t)size};
        size_t padded = (size + 7) / 8 * 8;
        int done;
        RAND_bytes(from, (int)size);
        memset(from + size, 0, padded - size);
        assert_int_equal(wrap_aes(key, true, from, size, to), WRAP_SIZE(size));
        EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
        EVP_CIPHER_CTX_set_flags(cipher, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
        assert_int_equal(EVP_EncryptInit_ex(cipher, EVP_aes_256_wrap(), NULL, key, initial), 1);
        assert_int_equal(EVP_EncryptUpdate(cipher, again, &done, from, (int)padded), 1);
        EVP_CIPHER_CTX_free(cipher);
        assert_int_equal(done, WRAP_SIZE(size));
        assert_memory_equal(to, again, (size_t)done);
        assert_int_equal(unwrap_aes(key, true, to, (size_t)done, back), size);
        assert_memory_equal(back, from, size);
    }
}

static void test_rsa_aes(void **state)
{
    static const char *const hashes[] = {"SHA1", "SHA256", "SHA384"};
    static const size_t sizes[] = {1, 16, 32, 33, 1217, WRAP_MOST};
    static uint8_t from[WRAP_MOST + 1], to[WRAP_RSA_SIZE(WRAP_MOST)], back[WRAP_SIZE(WRAP_MOST)];
    (void)state;
    RAND_bytes(from, sizeof(from));
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
            size_t size = wrap_rsa_aes(rsa, hashes[i], from, sizes[j], to);
            assert_int_equal(size, 256 + WRAP_SIZE(sizes[j]));
            assert_int_equal(unwrap_rsa_aes(rsa, hashes[i], to, size, back), sizes[j]);
            assert_memory_equal(back, from, sizes[j]);
            assert_int_equal(unwrap_rsa_aes(rsa, hashes[(i + 1) % 3], to, size, back), 0);
            for (size_t at = 0; at < size; at += 41) {
                to[at] ^= 0x20;
                assert_int_equal(unwrap_rsa_aes(rsa, hashes[i], to, size, back), 0);
                to[at] ^= 0x20;
            }
            assert_int_equal(unwrap_rsa_aes(rsa, hashes[i], to, size - 8, back), 0);
            assert_int_equal(unwrap_rsa_aes(rsa, hashes[i], to, 256, back), 0);
            assert_int_equal(unwrap_rsa_aes(rsa, hashes[i], to, 10, back), 0);
        }
    assert_int_equal(wrap_rsa_aes(rsa, "SHA1", from, WRAP_MOST + 1, to), 0);
    assert_int_equal(wrap_rsa_aes(rsa, "SHA1", from, 0, to), 0);
    EVP_PKEY *other = EVP_RSA_gen(2048);
    size_t size = wrap_rsa_aes(rsa, "SHA256", from, 32, to);
    assert_int_equal(unwrap_rsa_aes(other, "SHA256", to, size, back), 0);
    EVP_PKEY_free(other);
}

/* The mask's hash is the label's too, as Azure and PKCS#11 have it: OpenSSL's own view. */
static void test_oaep(void **state)
{
    uint8_t to[512], back[512], from[32] = {1, 2, 3};
    size_t size = sizeof(back);
    (void)state;
    assert_int_equal(wrap_oaep(rsa, "SHA256", from, 32, to), 256);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(rsa, NULL);
    assert_int_equal(EVP_PKEY_decrypt_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()), 1);
    assert_int_equal(EVP_PKEY_decrypt(context, back, &size, to, 256), 1);
    assert_int_equal(size, 32);
    assert_memory_equal(back, from, 32);
    EVP_PKEY_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc3394),
        cmocka_unit_test(test_rfc5649),
        cmocka_unit_test(test_rsa_aes),
        cmocka_unit_test(test_oaep),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
