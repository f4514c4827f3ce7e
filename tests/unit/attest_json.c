/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON in place: what is accepted keeps its bytes, and each way to be malformed.
 */
#include "attest_test.h"

#include "attest/json.h"

#include <stdio.h>

static cella_error error;

/* Out of a copy of exactly that size, so that ASan sees an overrun. */
static cella_status decode(const char *text, struct scan_item *item, uint8_t **copy)
{
    size_t size = strlen(text);
    *copy = malloc(size + 1);
    assert_non_null(*copy);
    uint8_t *bytes = realloc(*copy, size ? size : 1);
    memcpy(bytes, text, size);
    *copy = bytes;
    return scan_decode(bytes, size, "test", item, &error);
}

static void refuses(const char *text, const char *sentence)
{
    struct scan_item item;
    uint8_t *copy;
    if (decode(text, &item, &copy) != CELLA_INVALID)
        fail_msg("%s was accepted", text);
    assert_sentence(&error, sentence);
    assert_int_equal(item.type, SCAN_NONE);
    free(copy);
}

static void test_leaves(void **state)
{
    static const struct {
        const char *text;
        enum scan_type type;
    } good[] = {
        {"true", SCAN_TRUE},
        {" false ", SCAN_FALSE},
        {"\tnull\r\n", SCAN_NULL},
        {"0", SCAN_NUMBER},
        {"\"\"", SCAN_TEXT},
        {"\"\\u0041\\n\\\"\"", SCAN_TEXT},
        {"[]", SCAN_ARRAY},
        {"{}", SCAN_OBJECT},
        {"[1,[2,{}],\"]\"]", SCAN_ARRAY},
        {"[ ]", SCAN_ARRAY},
        {"{ }", SCAN_OBJECT},
        {"{\"\":{\"\":1}}", SCAN_OBJECT},
        {"[[[[[[[[[[[[]]]]]]]]]]]]", SCAN_ARRAY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct scan_item item;
        uint8_t *copy;
        assert_int_equal(decode(good[i].text, &item, &copy), CELLA_OK);
        assert_int_equal(item.type, good[i].type);
        free(copy);
    }
}

static void test_malformed(void **state)
{
    static const char *const bad[][2] = {
        {"", "cut off"},
        {"  ", "cut off"},
        {"{", "no key"},
        {"[", "cut off"},
        {"[1", "neither comma nor end"},
        {"[1,]", "no value"},
        {"[,1]", "no value"},
        {"{\"a\"}", "no colon"},
        {"{\"a\":}", "no value"},
        {"{\"a\":1,}", "no key"},
        {"{a:1}", "no key"},
        {"{\"a\":1 \"b\":2}", "neither comma nor end"},
        {"{\"a\":1]", "neither comma nor end"},
        {"[1}", "neither comma nor end"},
        {"1 2", "behind the end"},
        {"{}{}", "behind the end"},
        {"\"a", "without an end"},
        {"\"a\\", "escape"},
        {"\"\\x\"", "escape"},
        {"\"\\u00\"", "escape"},
        {"\"\\u0000\"", "escape"},
        {"\"\\u0080\"", "escape"},
        {"\"\\u0141\"", "escape"},
        {"\"\x01\"", "printable"},
        {"\"\n\"", "printable"},
        {"\"\xc3\xbc\"", "printable"},
        {"{\"a\\u0041\":1}", "escape in a key"},
        {"{\"a\":1,\"a\":2}", "twice"},
        {"{\"b\":{\"a\":1,\"c\":0,\"a\":2}}", "twice"},
        {"-1", "sign"},
        {"[-0]", "sign"},
        {"+1", "no value"},
        {"01", "leading zero"},
        {"00", "leading zero"},
        {"1.0", "fraction"},
        {"1e3", "fraction"},
        {"1E3", "fraction"},
        {"18446744073709551616", "64 bits"},
        {"10000000000000000000000000000000000", "64 bits"},
        {"tru", "no value"},
        {"True", "no value"},
        {"nul", "no value"},
        {"NaN", "no value"},
        {"'a'", "no value"},
        {"/* */ 1", "no value"},
        {"\xef\xbb\xbf{}", "no value"},
        {"[[[[[[[[[[[[[]]]]]]]]]]]]]", "too deep"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refuses(bad[i][0], bad[i][1]);
}

static void test_no_byte_is_zero(void **state)
{
    (void)state;
    struct scan_item item;
    assert_int_equal(scan_decode((const uint8_t *)"{}\0", 3, "test", &item, &error), CELLA_INVALID);
    assert_int_equal(scan_decode((const uint8_t *)"\0", 1, "test", &item, &error), CELLA_INVALID);
    assert_int_equal(scan_decode((const uint8_t *)"[1\0]", 4, "test", &item, &error),
                     CELLA_INVALID);
}

static void test_many_keys(void **state)
{
    (void)state;
    for (int count = SCAN_KEYS; count <= SCAN_KEYS + 1; count++) {
        char text[16 * (SCAN_KEYS + 2)];
        int used = sprintf(text, "{");
        for (int i = 0; i < count; i++)
            used += sprintf(text + used, "%s\"k%d\":0", i ? "," : "", i);
        sprintf(text + used, "}");
        struct scan_item item;
        uint8_t *copy;
        assert_int_equal(decode(text, &item, &copy), count == SCAN_KEYS ? CELLA_OK : CELLA_INVALID);
        free(copy);
    }
}

static void test_large(void **state)
{
    (void)state;
    struct scan_item item;
    uint8_t *bytes = malloc(SCAN_SIZE + 1);
    assert_non_null(bytes);
    memset(bytes, ' ', SCAN_SIZE + 1);
    bytes[0] = '1';
    assert_int_equal(scan_decode(bytes, SCAN_SIZE, "test", &item, &error), CELLA_OK);
    assert_int_equal(scan_decode(bytes, SCAN_SIZE + 1, "test", &item, &error), CELLA_INVALID);
    free(bytes);
}

/* The bytes of an object inside are handed out as they came, with all of their white space. */
static void test_range(void **state)
{
    static const char inner[] = "{ \"x\" : [ 1, \"}\\\"{\" ,2 ],\n\"y\":{}}";
    char text[128];
    struct scan_item item, value;
    uint8_t *copy;
    (void)state;
    sprintf(text, " {\"before\":\"{\", \"inner\": %s , \"after\" : [] } ", inner);
    assert_int_equal(decode(text, &item, &copy), CELLA_OK);
    assert_true(scan_find(&item, "inner", &value));
    assert_int_equal(value.type, SCAN_OBJECT);
    assert_int_equal(value.size, strlen(inner));
    assert_memory_equal(value.bytes, inner, value.size);
    assert_ptr_equal(value.bytes, copy + (strstr(text, inner) - text));
    assert_false(scan_find(&item, "Inner", &value));
    assert_false(scan_find(&item, "inne", &value));
    assert_int_equal(value.type, SCAN_NONE);
    assert_int_equal(scan_count(&item), 3);
    free(copy);
}

static void test_array(void **state)
{
    struct scan_item item, key, value;
    uint8_t *copy;
    uint64_t sum = 0, number;
    (void)state;
    assert_int_equal(decode("[ 1 , 2,3, 255 ]", &item, &copy), CELLA_OK);
    for (struct scan_reader reader = scan_inside(&item); scan_next(&reader, &key, &value);) {
        assert_int_equal(key.type, SCAN_NONE);
        assert_true(scan_number(&value, 255, &number));
        sum += number;
    }
    assert_int_equal(sum, 261);
    assert_int_equal(scan_count(&item), 4);
    free(copy);
    assert_int_equal(decode("[18446744073709551615]", &item, &copy), CELLA_OK);
    struct scan_reader reader = scan_inside(&item);
    assert_true(scan_next(&reader, &key, &value));
    assert_true(scan_number(&value, UINT64_MAX, &number) && number == UINT64_MAX);
    assert_false(scan_number(&value, UINT64_MAX - 1, &number));
    free(copy);
}

static void test_fields(void **state)
{
    static const struct {
        const char *text, *sentence; /* NULL: good */
    } cases[] = {
        {"{\"number\":1,\"text\":\"a\"}", NULL},
        {"{\"text\":\"a\",\"number\":1,\"maybe\":[]}", NULL},
        {"{\"text\":\"a\"}", "\"number\": missing"},
        {"{\"text\":1,\"number\":1}", "\"text\": not a text"},
        {"{\"text\":\"a\",\"number\":\"1\"}", "\"number\": not a number"},
        {"{\"text\":\"a\",\"number\":1,\"maybe\":{}}", "\"maybe\": not an array"},
        {"{\"text\":\"a\",\"number\":1,\"more\":1}", "\"more\": unknown"},
        {"{\"Text\":\"a\",\"number\":1}", "\"Text\": unknown"},
        {"[]", "not an object"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scan_item item, number, text, maybe;
        const struct scan_field fields[] = {{"number", SCAN_NUMBER, &number, false},
                                            {"text", SCAN_TEXT, &text, false},
                                            {"maybe", SCAN_ARRAY, &maybe, true}};
        uint8_t *copy;
        assert_int_equal(decode(cases[i].text, &item, &copy), CELLA_OK);
        cella_status status = scan_fields(&item, "test", fields, 3, &error);
        assert_int_equal(status, cases[i].sentence ? CELLA_INVALID : CELLA_OK);
        if (cases[i].sentence)
            assert_sentence(&error, cases[i].sentence);
        else
            assert_int_equal(maybe.type, i == 1 ? SCAN_ARRAY : SCAN_NONE);
        free(copy);
    }
}

static void test_texts(void **state)
{
    struct scan_item item;
    uint8_t *copy, bytes[2];
    char text[5];
    (void)state;
    assert_int_equal(decode("\"A0fF\"", &item, &copy), CELLA_OK);
    assert_true(scan_hex(&item, bytes, 2) && bytes[0] == 0xa0 && bytes[1] == 0xff);
    assert_false(scan_hex(&item, bytes, 1));
    assert_true(scan_copy_text(&item, text, 4));
    assert_string_equal(text, "A0fF");
    assert_false(scan_copy_text(&item, text, 3));
    free(copy);
    assert_int_equal(decode("\"A0g0\"", &item, &copy), CELLA_OK);
    assert_false(scan_hex(&item, bytes, 2));
    free(copy);
    assert_int_equal(decode("\"\\u0041\"", &item, &copy), CELLA_OK);
    assert_false(scan_copy_text(&item, text, 4));
    assert_false(scan_is_text(&item, "A"));
    free(copy);
}

static void test_times(void **state)
{
    static const char *const bad[] = {
        "\"2018-16-06T10:12:17Z\"", "\"2018-06-31T10:12:17Z\"",  "\"2018-02-29T10:12:17Z\"",
        "\"2018-06-06T24:12:17Z\"", "\"2018-06-06T10:60:17Z\"",  "\"2018-06-06T10:12:60Z\"",
        "\"2018-06-06T10:12:17\"",  "\"2018-06-06 10:12:17Z\"",  "\"2018-06-06T10:12:17+0\"",
        "\"2018-6-06T10:12:17ZZ\"", "\"2018-06-06T10:12:17Zx\"", "\"1969-12-31T23:59:59Z\"",
        "\"2018-00-06T10:12:17Z\"", "\"+018-06-06T10:12:17Z\"",  "20180606",
    };
    struct scan_item item;
    uint8_t *copy;
    int64_t time;
    (void)state;
    assert_int_equal(decode("\"2024-02-29T23:59:58Z\"", &item, &copy), CELLA_OK);
    assert_true(scan_time(&item, &time));
    assert_int_equal(time, 1709251198);
    free(copy);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(decode(bad[i], &item, &copy), CELLA_OK);
        if (scan_time(&item, &time))
            fail_msg("%s was accepted", bad[i]);
        free(copy);
    }
}

static void test_unescape(void **state)
{
    struct scan_item item;
    uint8_t *copy;
    size_t size;
    (void)state;
    assert_int_equal(decode("\"a\\n\\\"\\\\\\/\\b\\f\\r\\t\\u0041\\u007f{}\"", &item, &copy),
                     CELLA_OK);
    uint8_t *plain = scan_unescape(&item, &size);
    assert_non_null(plain);
    assert_int_equal(size, 13);
    assert_memory_equal(plain, "a\n\"\\/\b\f\r\tA\x7f{}", 13);
    free(plain);
    free(copy);
}

/* Every byte in every place of a text that is passed over eight bytes at a time. */
static void test_every_character(void **state)
{
    char text[32];
    struct scan_item item;
    (void)state;
    for (size_t place = 1; place < sizeof(text) - 1; place++)
        for (int character = 0; character < 256; character++) {
            memset(text, 'A', sizeof(text));
            text[0] = text[sizeof(text) - 1] = '"';
            text[place] = (char)character;
            bool good =
                character >= ' ' && character <= '~' && character != '"' && character != '\\';
            if ((scan_decode((uint8_t *)text, sizeof(text), "test", &item, NULL) == CELLA_OK) !=
                good)
                fail_msg("0x%02x at %zu should%s be read", character, place, good ? "" : " not");
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaves),    cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_large),     cmocka_unit_test(test_no_byte_is_zero),
        cmocka_unit_test(test_many_keys), cmocka_unit_test(test_range),
        cmocka_unit_test(test_array),     cmocka_unit_test(test_fields),
        cmocka_unit_test(test_texts),     cmocka_unit_test(test_times),
        cmocka_unit_test(test_unescape),  cmocka_unit_test(test_every_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
