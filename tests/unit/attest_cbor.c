/* SPDX-License-Identifier: Apache-2.0
 *
 * CBOR: the examples of RFC 8949, appendix A, each way to be malformed or not deterministic, and
 * that what is made is what is read.
 */
#include "attest_test.h"

#include "attest/cbor.h"

#include <math.h>
#include <stdio.h>

static bool decodes(const char *hex)
{
    struct cbor_item item;
    size_t size;
    uint8_t *bytes = of_hex(hex, &size);
    bool good = cbor_decode(bytes, size, &item);
    free(bytes);
    return good;
}

/* RFC 8949, appendix A: those in the deterministic encoding ... */
static const char *const examples[] = {
    "00",
    "01",
    "0a",
    "17",
    "1818",
    "1819",
    "1864",
    "1903e8",
    "1a000f4240",
    "1b000000e8d4a51000",
    "1bffffffffffffffff",
    "c249010000000000000000",
    "3bffffffffffffffff",
    "c349010000000000000000",
    "20",
    "29",
    "3863",
    "3903e7",
    "f90000",
    "f98000",
    "f93c00",
    "fb3ff199999999999a",
    "f93e00",
    "f97bff",
    "fa47c35000",
    "fa7f7fffff",
    "fb7e37e43c8800759c",
    "f90001",
    "f90400",
    "f9c400",
    "fbc010666666666666",
    "f97c00",
    "f97e00",
    "f9fc00",
    "f4",
    "f5",
    "f6",
    "f7",
    "f0",
    "f8ff",
    "c074323031332d30332d32315432303a30343a30305a",
    "c11a514b67b0",
    "c1fb41d452d9ec200000",
    "d74401020304",
    "d818456449455446",
    "d82076687474703a2f2f7777772e6578616d706c652e636f6d",
    "40",
    "4401020304",
    "60",
    "6161",
    "6449455446",
    "62225c",
    "62c3bc",
    "63e6b0b4",
    "64f0908591",
    "80",
    "83010203",
    "8301820203820405",
    "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
    "a0",
    "a201020304",
    "a26161016162820203",
    "826161a161626163",
    "a56161614161626142616361436164614461656145",
};

/* ... and those that are not: of indefinite length, or longer than needed; simple(24) is in RFC
 * 7049 only. */
static const char *const other_examples[] = {
    "fa7f800000",
    "fa7fc00000",
    "faff800000",
    "fb7ff0000000000000",
    "fb7ff8000000000000",
    "fbfff0000000000000",
    "f818",
    "5f42010243030405ff",
    "7f657374726561646d696e67ff",
    "9fff",
    "9f018202039f0405ffff",
    "9f01820203820405ff",
    "83018202039f0405ff",
    "83019f0203ff820405",
    "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff",
    "bf61610161629f0203ffff",
    "826161bf61626163ff",
    "bf6346756ef563416d7421ff",
};

static const char *const malformed[] = {
    "",
    "18",
    "1900",
    "1a000000",
    "1b00000000000000",
    "41",
    "6261",
    "81",
    "8201",
    "a1",
    "a101",
    "a20102",
    "c1",
    "d8",
    "f9",
    "f900",
    "fa000000",
    "fb00000000000000",
    "1c",
    "1d",
    "1e",
    "1f",
    "3c",
    "5c",
    "7d",
    "9e",
    "bc",
    "dd",
    "fc",
    "fd",
    "fe",
    "ff",
    "df",
    "3f",
    "0000",
    "f4f4",
    "f800",
    "f817",
    "f81f",
    "1817",
    "190017",
    "1900ff",
    "1a0000ffff",
    "1b00000000ffffffff",
    "3817",
    "5800",
    "580141",
    "7800",
    "9800",
    "b800",
    "d801",
    "a201020100",
    "a202010101",
    "a2616101616101",
    "a2616201616101",
    "a26161011801f4",
    "fa3f800000",
    "fb3ff0000000000000",
    "fb7ff8000000000001",
    "f97e01",
    "f9fe00",
    "61ff",
    "61c0",
    "62c080",
    "62c1bf",
    "63e08080",
    "63eda080",
    "63edbfbf",
    "64f0808080",
    "64f4908080",
    "64f5808080",
    "6180",
    "62c341",
    "62e6b0",
    "9bffffffffffffffff",
    "bbffffffffffffffff",
    "5bffffffffffffffff",
    "7bffffffffffffffff",
    "9b8000000000000000",
};

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
        if (!decodes(examples[i]))
            fail_msg("%s is not decoded", examples[i]);
    for (size_t i = 0; i < sizeof(other_examples) / sizeof(other_examples[0]); i++)
        if (decodes(other_examples[i]))
            fail_msg("%s is decoded", other_examples[i]);
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
        if (decodes(malformed[i]))
            fail_msg("%s is decoded", malformed[i]);
}

static void test_truncated(void **state)
{
    (void)state;
    struct cbor_item item;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        size_t size;
        uint8_t *bytes = of_hex(examples[i], &size);
        for (size_t less = 0; less < size; less++) {
            uint8_t *copy = malloc(less ? less : 1);
            memcpy(copy, bytes, less);
            assert_false(cbor_decode(copy, less, &item));
            free(copy);
        }
        free(bytes);
    }
}

static void check(struct cbor_writer *writer, const char *hex)
{
    size_t wanted_size, size;
    uint8_t *wanted = of_hex(hex, &wanted_size), *bytes;
    cella_error error;
    assert_int_equal(cbor_finish(writer, &bytes, &size, &error), CELLA_OK);
    if (size != wanted_size || memcmp(bytes, wanted, size) != 0)
        fail_msg("not %s", hex);
    free(bytes);
    free(wanted);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *hex;
    } integers[] = {{0, "00"},
                    {23, "17"},
                    {24, "1818"},
                    {255, "18ff"},
                    {256, "190100"},
                    {65535, "19ffff"},
                    {65536, "1a00010000"},
                    {INT64_C(1) << 32, "1b0000000100000000"},
                    {-1, "20"},
                    {-24, "37"},
                    {-25, "3818"},
                    {-1000, "3903e7"},
                    {INT64_MAX, "1b7fffffffffffffff"},
                    {INT64_MIN, "3b7fffffffffffffff"}};
    static const struct {
        double value;
        const char *hex;
    } reals[] = {{0.0, "f90000"},
                 {-0.0, "f98000"},
                 {1.0, "f93c00"},
                 {1.1, "fb3ff199999999999a"},
                 {1.5, "f93e00"},
                 {65504.0, "f97bff"},
                 {65505.0, "fa477fe100"},
                 {65536.0, "fa47800000"},
                 {100000.0, "fa47c35000"},
                 {3.4028234663852886e+38, "fa7f7fffff"},
                 {1.0e+300, "fb7e37e43c8800759c"},
                 {5.960464477539063e-8, "f90001"},
                 {6.103515625e-5, "f90400"},
                 {2.9802322387695312e-8, "fa33000000"},
                 {6.0975551605224609e-5, "f903ff"},
                 {-4.0, "f9c400"},
                 {-4.1, "fbc010666666666666"},
                 {4.9406564584124654e-324, "fb0000000000000001"},
                 {INFINITY, "f97c00"},
                 {-INFINITY, "f9fc00"},
                 {NAN, "f97e00"}};
    struct cbor_writer writer = {0};
    for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++) {
        cbor_put_integer(&writer, integers[i].value);
        check(&writer, integers[i].hex);
        assert_true(decodes(integers[i].hex));
    }
    for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++) {
        struct cbor_item item;
        size_t size;
        uint8_t *bytes = of_hex(reals[i].hex, &size);
        cbor_put_real(&writer, reals[i].value);
        check(&writer, reals[i].hex);
        assert_true(cbor_decode(bytes, size, &item));
        assert_int_equal(item.type, CBOR_REAL);
        if (memcmp(&item.real, &reals[i].value, sizeof(double)) != 0 && !isnan(item.real))
            fail_msg("%s is %g", reals[i].hex, item.real);
        free(bytes);
    }
    cbor_put_unsigned(&writer, UINT64_MAX);
    check(&writer, "1bffffffffffffffff");
}

static void test_maps(void **state)
{
    (void)state;
    struct cbor_writer writer = {0};
    cella_error error;
    uint8_t *bytes;
    size_t size;
    /* The order of RFC 8949, section 4.2.1: 10, 100, -1, "z", "aa", [100], [-1], false */
    size_t map = cbor_map_begin(&writer);
    cbor_put_bool(&writer, false);
    cbor_put_unsigned(&writer, 0);
    cbor_put_array(&writer, 1);
    cbor_put_integer(&writer, -1);
    size_t empty = cbor_map_begin(&writer);
    cbor_map_end(&writer, empty);
    cbor_put_text(&writer, "aa");
    cbor_put_bytes(&writer, "x", 1);
    cbor_put_array(&writer, 1);
    cbor_put_unsigned(&writer, 100);
    cbor_put_tag(&writer, 1);
    cbor_put_unsigned(&writer, 2);
    cbor_put_text(&writer, "z");
    cbor_put_bool(&writer, true);
    cbor_put_integer(&writer, -1);
    cbor_put_unsigned(&writer, 1);
    cbor_put_unsigned(&writer, 100);
    cbor_put_unsigned(&writer, 2);
    cbor_put_unsigned(&writer, 10);
    cbor_put_unsigned(&writer, 3);
    cbor_map_end(&writer, map);
    check(&writer,
          "a80a0318640220016"
          "17af562616141788118"
          "64c1028120a0f400");
    map = cbor_map_begin(&writer);
    cbor_map_end(&writer, map);
    check(&writer, "a0");
    /* A key twice, text that is not UTF-8: nothing is made. */
    map = cbor_map_begin(&writer);
    for (unsigned i = 0; i < 2; i++) {
        cbor_put_text(&writer, "a");
        cbor_put_unsigned(&writer, i);
    }
    cbor_map_end(&writer, map);
    assert_int_not_equal(cbor_finish(&writer, &bytes, &size, &error), CELLA_OK);
    cbor_put_text(&writer, "\xff");
    assert_int_not_equal(cbor_finish(&writer, &bytes, &size, &error), CELLA_OK);
}

static void test_depth(void **state)
{
    (void)state;
    char hex[2 * CBOR_DEPTH + 5];
    for (unsigned i = 0; i < CBOR_DEPTH; i++)
        memcpy(hex + 2 * i, i % 2 ? "81" : "c1", 2);
    memcpy(hex + (size_t)2 * CBOR_DEPTH, "00", 3);
    assert_true(decodes(hex));
    memcpy(hex + (size_t)2 * CBOR_DEPTH, "8100", 5);
    assert_false(decodes(hex));
}

static void test_reading(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = of_hex("a36162f561630561616361006200", &size);
    struct cbor_item map, item;
    assert_false(cbor_decode(bytes, size, &map));
    free(bytes);
    bytes = of_hex("a3616163610062616205616282f40a", &size);
    assert_true(cbor_decode(bytes, size, &map) == false); /* not sorted */
    free(bytes);
    bytes = of_hex(
        "a361616361006261"
        "6282f40a"
        "626263"
        "05",
        &size);
    assert_true(cbor_decode(bytes, size, &map));
    char text[4];
    assert_true(cbor_find(&map, "a", &item) && !cbor_copy_text(&item, text, 3)); /* a NUL in it */
    assert_true(cbor_find(&map, "b", &item) && item.type == CBOR_ARRAY && item.number == 2);
    struct cbor_reader reader = cbor_inside(&item);
    assert_true(cbor_next(&reader, &item) && cbor_is_bool(&item) && item.number == CBOR_FALSE);
    assert_true(cbor_next(&reader, &item) && item.number == 10 && !cbor_is_bool(&item));
    assert_false(cbor_next(&reader, &item));
    assert_true(cbor_find(&map, "bc", &item) && item.number == 5);
    assert_false(cbor_find(&map, "c", &item));
    free(bytes);
}

static void test_fields(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        const char *sentence;
    } wrong[] = {
        {"", "thing: is not one map"},
        {"01", "thing: is not one map"},
        {"a0", "thing: a: missing"},
        {"a1616101", "thing: b: missing"},
        {"a26161206162420102", "thing: a: must be a number from 0"},
        {"a2616101616241ff", "thing: b: 1 bytes, must be 2"},
        {"a26161016162626162", "thing: b: must be bytes"},
        {"a3616101616242010261630"
         "0",
         "does not know"},
        {"a3010061610161624201"
         "02",
         "does not know"},
    };
    struct cbor_item a, b;
    const struct cbor_field fields[] = {{"a", CBOR_UNSIGNED, 0, &a}, {"b", CBOR_BYTES, 2, &b}};
    cella_error error;
    size_t size;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        uint8_t *bytes = of_hex(wrong[i].hex, &size);
        assert_int_equal(cbor_fields(bytes, size, "thing", fields, 2, &error), CELLA_INVALID);
        assert_sentence(&error, wrong[i].sentence);
        free(bytes);
    }
    uint8_t *bytes = of_hex("a26161016162420102", &size);
    assert_int_equal(cbor_fields(bytes, size, "thing", fields, 2, &error), CELLA_OK);
    assert_int_equal(a.number, 1);
    assert_memory_equal(b.bytes, "\1\2", 2);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_maps),
        cmocka_unit_test(test_depth),   cmocka_unit_test(test_reading),
        cmocka_unit_test(test_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
