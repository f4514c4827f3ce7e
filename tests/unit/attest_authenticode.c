/* SPDX-License-Identifier: Apache-2.0
 *
 * Authenticode's hash, of PE files made here, with each byte changed: what signing changes does not
 * count, everything else does. (That real ones come to what firmware measured is in tests/hosts.)
 */
#include "attest_test.h"

#include <cella/verify.h>

#include <openssl/evp.h>

#define PE         0x80
#define OPTIONAL   (PE + 24)
#define CHECKSUM   (OPTIONAL + 64)
#define DIRECTORY  (OPTIONAL + 112 + 8 * 4)
#define TABLE      (OPTIONAL + 240)
#define HEADERS    0x400
#define SIZE       0x1000
#define SIGNATURES 0xf00

static uint8_t file[SIZE];

static void put(size_t at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        file[at + i] = (uint8_t)(value >> 8 * i);
}

/* PE32+; the second section of the table comes first in the file, the third is in memory alone; 256
 * bytes behind the sections, then 256 of signatures. */
static void make_file(void)
{
    for (size_t i = 0; i < SIZE; i++)
        file[i] = (uint8_t)(i * 7 + i / 256);
    put(0, 0x5a4d, 2);
    put(0x3c, PE, 4);
    put(PE, 0x4550, 4);
    put(PE + 6, 3, 2);
    put(PE + 20, 240, 2);
    put(OPTIONAL, 0x20b, 2);
    put(OPTIONAL + 60, HEADERS, 4);
    put(OPTIONAL + 108, 16, 4);
    put(DIRECTORY, SIGNATURES, 4);
    put(DIRECTORY + 4, SIZE - SIGNATURES, 4);
    put(TABLE + 16, 0x600, 4);
    put(TABLE + 20, 0x800, 4);
    put(TABLE + 40 + 16, 0x400, 4);
    put(TABLE + 40 + 20, 0x400, 4);
    put(TABLE + 80 + 16, 0, 4);
    put(TABLE + 80 + 20, 0xffffffff, 4);
}

static void expect_hash_of(const uint8_t found[32], const size_t (*ranges)[2], size_t count)
{
    uint8_t expected[32];
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
    for (size_t i = 0; i < count; i++)
        EVP_DigestUpdate(hash, file + ranges[i][0], ranges[i][1] - ranges[i][0]);
    EVP_DigestFinal_ex(hash, expected, NULL);
    EVP_MD_CTX_free(hash);
    assert_memory_equal(found, expected, 32);
}

static void test_hash(void **state)
{
    (void)state;
    static const size_t ranges[][2] = {
        {0, CHECKSUM},  {CHECKSUM + 4, DIRECTORY}, {DIRECTORY + 8, HEADERS}, {0x400, 0x800},
        {0x800, 0xe00}, {0xe00, SIGNATURES}};
    static const size_t plain[][2] = {{0, CHECKSUM}, {CHECKSUM + 4, SIZE}};
    uint8_t digest[32];
    cella_error error;
    make_file();
    assert_int_equal(cella_boot_image_digest(file, SIZE, digest, &error), CELLA_OK);
    expect_hash_of(digest, ranges, sizeof(ranges) / sizeof(ranges[0]));
    /* PE32, too short for that directory: nothing but the checksum is left out. */
    put(OPTIONAL, 0x10b, 2);
    put(OPTIONAL + 92, 4, 4);
    assert_int_equal(cella_boot_image_digest(file, SIZE, digest, &error), CELLA_OK);
    expect_hash_of(digest, plain, sizeof(plain) / sizeof(plain[0]));
}

static bool is_signing(size_t at)
{
    return (at >= CHECKSUM && at < CHECKSUM + 4) || (at >= DIRECTORY && at < DIRECTORY + 8) ||
           at >= SIGNATURES;
}

static void test_bytes(void **state)
{
    (void)state;
    uint8_t digest[32], changed[32];
    cella_error error;
    make_file();
    assert_int_equal(cella_boot_image_digest(file, SIZE, digest, &error), CELLA_OK);
    for (size_t at = 0; at < SIZE; at++) {
        file[at] ^= 1;
        cella_status status = cella_boot_image_digest(file, SIZE, changed, &error);
        bool same = status == CELLA_OK && memcmp(digest, changed, 32) == 0;
        if (at >= DIRECTORY + 4 && at < DIRECTORY + 8) /* how long signatures are */
            assert_false(same);
        else if (same != is_signing(at))
            fail_msg("byte %zu", at);
        file[at] ^= 1;
    }
}

static void expect_none(size_t size)
{
    uint8_t digest[32];
    cella_error error;
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, file, size);
    assert_int_equal(cella_boot_image_digest(exact, size, digest, &error), CELLA_INVALID);
    free(exact);
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint64_t value;
        size_t size;
    } rows[] = {
        {0, 0x4d5a, 2},
        {0x3c, SIZE, 4},
        {0x3c, 0xffffffff, 4},
        {0x3c, SIZE - PE, 4},
        {PE, 0x4551, 4},
        {PE + 6, 97, 2},
        {PE + 20, 111, 2},
        {PE + 20, 0xffff, 2},
        {OPTIONAL, 0x107, 2},
        {OPTIONAL + 60, SIZE + 1, 4},
        {OPTIONAL + 60, TABLE - 1, 4},
        {DIRECTORY + 4, 0xffffffff, 4},
        {DIRECTORY + 4, 0x201, 4}, /* into the sections */
        {TABLE + 16, 0xffffffff, 4},
        {TABLE + 16, 0x801, 4},
        {TABLE + 20, SIZE + 1, 4},
        {TABLE + 40 + 16, 0xc00, 4}, /* more than the file has, where they overlap */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        make_file();
        put(rows[i].at, rows[i].value, rows[i].size);
        expect_none(SIZE);
    }
    make_file();
    for (size_t size = 0; size < 0xe00; size++)
        expect_none(size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
