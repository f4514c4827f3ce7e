/* SPDX-License-Identifier: Apache-2.0
 *
 * The runtime's AES-256-GCM: NIST's vectors (the GCM specification's test cases 13 to 16, CAVP),
 * and OpenSSL's own implementation for all lengths around the assembly's steps.
 */
#include "../../box/aead.h"
#include "../../image/hex.h"
#include "../../runtime/gcm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 300

static size_t bytes_of(const char *text, uint8_t *bytes)
{
    size_t size = strlen(text) / 2;
    assert_true(size <= MOST && hex_read(text, bytes, size));
    return size;
}

static void vectors(void **state)
{
    static const struct {
        const char *key, *nonce, *additional, *plain, *sealed, *tag;
    } cases[] = {
        {"0000000000000000000000000000000000000000000000000000000000000000",
         "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
        {"0000000000000000000000000000000000000000000000000000000000000000",
         "000000000000000000000000", "", "00000000000000000000000000000000",
         "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"},
        {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
         "cafebabefacedbaddecaf888", "",
         "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e24"
         "49a6b525b16aedf5aa0de657ba637b391aafd255",
         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b10"
         "56828838c5f61e6393ba7a0abcc9f662898015ad",
         "b094dac5d93471bdec1a502270e3cc6c"},
        {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
         "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
         "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e24"
         "49a6b525b16aedf5aa0de657ba637b39",
         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b10"
         "56828838c5f61e6393ba7a0abcc9f662",
         "76fc6ece0f4e1768cddf8853bb2d551b"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[MOST], nonce[MOST], additional[MOST], plain[MOST], sealed[MOST], tag[MOST];
        uint8_t out[MOST], out_tag[GCM_TAG];
        struct gcm_key key;
        bytes_of(cases[i].key, bytes);
        bytes_of(cases[i].nonce, nonce);
        size_t more = bytes_of(cases[i].additional, additional);
        size_t size = bytes_of(cases[i].plain, plain);
        bytes_of(cases[i].sealed, sealed);
        bytes_of(cases[i].tag, tag);
        gcm_key_begin(&key, bytes);
        gcm_seal(&key, nonce, additional, more, plain, out, size, out_tag);
        assert_memory_equal(out, sealed, size);
        assert_memory_equal(out_tag, tag, GCM_TAG);
        assert_true(gcm_open(&key, nonce, additional, more, out, out, size, tag));
        assert_memory_equal(out, plain, size);
    }
}

static void as_openssl(void **state)
{
    static uint8_t plain[4200], ours[4200], theirs[4200];
    uint8_t bytes[32], nonce[GCM_NONCE], additional[70], tag[GCM_TAG], their_tag[GCM_TAG];
    struct gcm_key key;
    (void)state;
    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t size = 0; size < sizeof(plain); size = size < 800 ? size + 1 : size + 211) {
        memset(bytes, (int)size, sizeof(bytes));
        memset(nonce, (int)size + 1, sizeof(nonce));
        memset(additional, (int)size + 2, sizeof(additional));
        size_t more = size % sizeof(additional);
        EVP_CIPHER_CTX *cipher = aead_new(bytes, true);
        gcm_key_begin(&key, bytes);
        gcm_seal(&key, nonce, additional, more, plain, ours, size, tag);
        assert_true(aead_seal(cipher, nonce, additional, more, plain, size, theirs, their_tag));
        EVP_CIPHER_CTX_free(cipher);
        assert_memory_equal(ours, theirs, size);
        assert_memory_equal(tag, their_tag, GCM_TAG);
        assert_true(gcm_open(&key, nonce, additional, more, theirs, ours, size, tag));
        assert_memory_equal(ours, plain, size);
    }
}

/* Every bit of what is sealed counts; what does not open leaves nothing. */
static void not_authentic(void **state)
{
    static const uint8_t zeros[320];
    uint8_t plain[320], sealed[320], out[320], tag[GCM_TAG], nonce[GCM_NONCE] = {1};
    uint8_t additional[20] = {2};
    const uint8_t bytes[32] = {3};
    struct gcm_key key;
    (void)state;
    gcm_key_begin(&key, bytes);
    memset(plain, 'x', sizeof(plain));
    gcm_seal(&key, nonce, additional, sizeof(additional), plain, sealed, sizeof(sealed), tag);
    struct {
        uint8_t *bytes;
        size_t size;
    } parts[] = {{sealed, sizeof(sealed)},
                 {tag, sizeof(tag)},
                 {nonce, sizeof(nonce)},
                 {additional, sizeof(additional)}};
    for (size_t part = 0; part < 4; part++) {
        for (size_t bit = 0; bit < 8 * parts[part].size; bit++) {
            parts[part].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(gcm_open(&key, nonce, additional, sizeof(additional), sealed, out,
                                  sizeof(out), tag));
            assert_memory_equal(out, zeros, sizeof(out));
            parts[part].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    assert_false(
        gcm_open(&key, nonce, additional, sizeof(additional), sealed, out, sizeof(out) - 1, tag));
    assert_true(
        gcm_open(&key, nonce, additional, sizeof(additional), sealed, out, sizeof(out), tag));
}

static void registers_come_back(void **state)
{
    struct vector_state saved;
    uint64_t before[4] = {1, 2, 3, 4}, after[4] = {0};
    (void)state;
    __asm__ volatile("vmovdqu %0, %%ymm5" : : "m"(before) : "xmm5");
    vector_save(&saved);
    __asm__ volatile("vzeroall" : : : "xmm5");
    vector_restore(&saved);
    __asm__ volatile("vmovdqu %%ymm5, %0" : "=m"(after));
    assert_memory_equal(before, after, sizeof(before));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(as_openssl),
        cmocka_unit_test(not_authentic),
        cmocka_unit_test(registers_come_back),
    };
    if (!gcm_start())
        return 77; /* skipped */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
