/* SPDX-License-Identifier: Apache-2.0
 *
 * MRENCLAVE against records written out by hand, and against a fixed value, so that no change of
 * both sides at once can pass.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tee/measure.h"

#include <openssl/sha.h>
#include <string.h>

/* From the records below, computed with Python's hashlib. */
static const uint8_t fixed[32] = {0x80, 0xfa, 0xad, 0x28, 0x2e, 0xd3, 0x86, 0xe2, 0x99, 0xe8, 0xe6,
                                  0xc5, 0x70, 0x5f, 0xdd, 0x17, 0x8a, 0xb2, 0x1e, 0xb5, 0xdc, 0x81,
                                  0xe2, 0xb9, 0x14, 0x2f, 0xef, 0xda, 0xb5, 0xd8, 0x33, 0x87};

static void test_records(void **state)
{
    (void)state;
    uint8_t stream[64 + 64 + 64 + 256] = {0};
    uint8_t data[256], expected[32], found[32];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)i;

    memcpy(stream, "ECREATE\0\1\0\0\0\0\0\x40\0\0\0\0\0", 20);
    memcpy(stream + 64, "EADD\0\0\0\0\0\0\2\0\0\0\0\0\5\2\0\0\0\0\0\0", 24);
    memcpy(stream + 128, "EEXTEND\0\0\1\2\0\0\0\0\0", 16);
    memcpy(stream + 192, data, sizeof(data));
    SHA256(stream, sizeof(stream), expected);
    assert_memory_equal(expected, fixed, 32);

    struct measure measure;
    cella_error error = {0};
    measure_create(&measure, 1, 0x400000);
    measure_add(&measure, 0x20000, 0x205);
    measure_extend(&measure, 0x20100, data);
    assert_int_equal(measure_final(&measure, found, &error), CELLA_OK);
    assert_memory_equal(found, expected, 32);
    measure_free(&measure);
}

static void test_final_is_final(void **state)
{
    (void)state;
    struct measure measure;
    cella_error error = {0};
    uint8_t hash[32], untouched[32];
    measure_create(&measure, 1, 4096);
    assert_int_equal(measure_final(&measure, hash, &error), CELLA_OK);
    memset(untouched, 0x77, 32);
    memcpy(hash, untouched, 32);
    measure_add(&measure, 0, 0x205);
    assert_int_equal(measure_final(&measure, hash, &error), CELLA_SYSTEM);
    assert_true(strstr(error.sentence, "could not be measured"));
    assert_memory_equal(hash, untouched, 32);
    measure_free(&measure);
    assert_int_equal(measure_final(&measure, hash, &error), CELLA_SYSTEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_final_is_final),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
