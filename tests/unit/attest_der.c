/* SPDX-License-Identifier: Apache-2.0
 *
 * DER: each way to be wrong, and what else an encoder would call right. OIDs against OpenSSL's.
 */
#include "attest_made.h"

#include <openssl/objects.h>
#include <stdbool.h>

/* ---- objects ---- */

struct object_case {
    const char *text;
    bool good;
    size_t inside, left; /* bytes */
};

static void check_object(const struct object_case *one)
{
    struct made made = made_of(one->text);
    uint8_t *bytes = made_exact(&made), tag;
    struct der from = {bytes, made.size}, inside, whole;
    bool good = der_any(&from, &tag, &inside, &whole);
    if (good != one->good)
        fail_msg("\"%s\" is %s", one->text, good ? "read" : "refused");
    if (good) {
        assert_int_equal(tag, bytes[0]);
        assert_int_equal(inside.size, one->inside);
        assert_int_equal(from.size, one->left);
        assert_ptr_equal(whole.bytes, bytes);
        assert_int_equal(whole.size, made.size - from.size);
        assert_ptr_equal(inside.bytes + inside.size, bytes + whole.size);
        assert_ptr_equal(from.bytes, bytes + whole.size);
    }
    free(bytes);
}

static void lengths_are_shortest_and_within(void **state)
{
    (void)state;
    static const struct object_case cases[] = {
        {"", false, 0, 0},
        {"30", false, 0, 0},
        {"3000", true, 0, 0},
        {"0000", true, 0, 0},
        {"300000", true, 0, 1},
        {"3001", false, 0, 0},
        {"300100", true, 1, 0},
        {"30020000ff", true, 2, 1},
        {"3080 0000", false, 0, 0}, /* indefinite */
        {"3081", false, 0, 0},
        {"308100", false, 0, 0}, /* not the shortest form */
        {"308101 00", false, 0, 0},
        {"30820001 00", false, 0, 0},
        {"3082", false, 0, 0},
        {"308201", false, 0, 0},
        {"3083010000", false, 0, 0}, /* beyond the end */
        {"3084ffffffff", false, 0, 0},
        {"308500000000 00", false, 0, 0}, /* of 5 bytes */
        {"3085000000000100", false, 0, 0},
        {"3088ffffffffffffffff", false, 0, 0},
        {"30ff", false, 0, 0},
        {"1f0100", false, 0, 0}, /* tags of more bytes */
        {"3f0100", false, 0, 0},
        {"bf2300", false, 0, 0},
        {"ff8100", false, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_object(&cases[i]);
}

/* An object whose length is written with this many bytes. */
static bool is_read(size_t length, unsigned digits)
{
    uint8_t *bytes = calloc(1, 2 + digits + length), tag;
    assert_non_null(bytes);
    bytes[0] = DER_OCTETS;
    bytes[1] = (uint8_t)(digits ? 0x80 | digits : length);
    for (unsigned i = 0; i < digits; i++)
        bytes[2 + i] = (uint8_t)(length >> 8 * (digits - 1 - i));
    struct der from = {bytes, 2 + digits + length}, inside;
    bool good = der_any(&from, &tag, &inside, NULL) && inside.size == length && from.size == 0;
    from = (struct der){bytes, 1 + digits + length}; /* one byte less than it says */
    assert_false(der_any(&from, &tag, &inside, NULL));
    free(bytes);
    return good;
}

static void each_length_has_one_form(void **state)
{
    (void)state;
    static const struct {
        size_t length;
        unsigned digits;
    } cases[] = {{0, 0},     {1, 0},      {0x7f, 0},    {0x80, 1},     {0xff, 1},
                 {0x100, 2}, {0xffff, 2}, {0x10000, 3}, {0xffffff, 3}, {0x1000000, 4}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (unsigned digits = cases[i].digits; digits <= 5; digits++)
            assert_int_equal(is_read(cases[i].length, digits), digits == cases[i].digits);
}

/* Of as many bytes as there are: what is behind it would do for any length that is read of it. */
static void no_other_length_begins_so(void **state)
{
    (void)state;
    for (unsigned first = 0x80; first < 0x100; first += first == 0x80 ? 5 : 1)
        for (uint8_t rest = 0; rest < 2; rest++) {
            uint8_t bytes[600], tag;
            struct der from = {bytes, sizeof(bytes)}, inside;
            memset(bytes, rest, sizeof(bytes));
            bytes[0] = DER_SEQUENCE;
            bytes[1] = (uint8_t)first;
            bytes[first == 0x80 ? 2 : 1 + first - 0x80] = 1;
            if (der_any(&from, &tag, &inside, NULL))
                fail_msg("a length that begins with %02x is read as %zu", first, inside.size);
        }
}

static void objects_are_taken_by_tag(void **state)
{
    (void)state;
    struct made made = made_of("02{05} 04{'ab'} 3000");
    struct der from = made_der(&made), inside;
    assert_true(der_optional(&from, DER_OCTETS, &inside));
    assert_null(inside.bytes);
    assert_int_equal(inside.size, 0);
    assert_true(der_optional(&from, DER_INTEGER, &inside));
    assert_true(der_is(&inside, "\5", 1));
    assert_true(der_take(&from, DER_OCTETS, &inside));
    assert_true(der_is(&inside, "ab", 2));
    assert_false(der_is(&inside, "ab", 1));
    assert_false(der_is(&inside, "ac", 2));
    struct der before = from;
    assert_false(der_take(&before, DER_SET, &inside));
    assert_true(der_optional(&from, DER_SEQUENCE, &inside)); /* empty, but there */
    assert_non_null(inside.bytes);
    assert_int_equal(inside.size, 0);
    assert_int_equal(from.size, 0);
    assert_false(der_take(&from, DER_SEQUENCE, &inside));
    assert_true(der_optional(&from, DER_SEQUENCE, &inside));
    assert_null(inside.bytes);
    made = made_of("0405 00"); /* it is there, and cut off */
    from = made_der(&made);
    assert_false(der_optional(&from, DER_OCTETS, &inside));
}

/* ---- values ---- */

static void integers_are_shortest(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"", false},
        {"00", true},
        {"7f", true},
        {"80", true},
        {"ff", true},
        {"0000", false},
        {"007f", false},
        {"0080", true},
        {"00ff", true},
        {"ff80", false},
        {"ffff", false},
        {"ff7f", true},
        {"ff00", true},
        {"8000", true},
        {"0100", true},
        {"000001", false},
        {"00000080", false},
        {"ffff00", false},
        {"00800000000000000000", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made made = made_of(cases[i].text);
        struct der inside = made_der(&made);
        if (der_is_integer(&inside) != cases[i].good)
            fail_msg("INTEGER %s", cases[i].text);
    }
}

static void numbers_are_within(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t most;
        bool good;
        uint32_t number;
    } cases[] = {
        {"", 9, false, 0},
        {"00", 0, true, 0},
        {"01", 0, false, 0},
        {"09", 9, true, 9},
        {"0a", 9, false, 0},
        {"80", UINT32_MAX, false, 0}, /* negative */
        {"ff", UINT32_MAX, false, 0},
        {"ffffffff", UINT32_MAX, false, 0},
        {"007f", UINT32_MAX, false, 0}, /* padded */
        {"0000000001", UINT32_MAX, false, 0},
        {"0080", UINT32_MAX, true, 0x80},
        {"7fffffff", INT32_MAX, true, INT32_MAX},
        {"0080000000", INT32_MAX, false, 0},
        {"0080000000", UINT32_MAX, true, 0x80000000},
        {"00ffffffff", UINT32_MAX, true, UINT32_MAX},
        {"0100000000", UINT32_MAX, false, 0}, /* 0 in 32 bits */
        {"7fffffffff", UINT32_MAX, false, 0},
        {"00ffffffffff", UINT32_MAX, false, 0},
        {"010000000000000001", UINT32_MAX, false, 0}, /* 1 in 64 bits */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made made = made_of(cases[i].text);
        struct der inside = made_der(&made);
        uint32_t number = 0;
        bool good = der_number(&inside, cases[i].most, &number);
        if (good != cases[i].good || (good && number != cases[i].number))
            fail_msg("number %s: %d, %u", cases[i].text, good, number);
    }
}

static void truth_is_one_of_two_bytes(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 0x100; value++) {
        const uint8_t byte = (uint8_t)value;
        const struct der inside = {&byte, 1};
        bool truth = value == 0;
        assert_int_equal(der_truth(&inside, &truth), value == 0 || value == 0xff);
        if (value == 0 || value == 0xff)
            assert_int_equal(truth, value == 0xff);
    }
    static const uint8_t both[] = {0xff, 0xff};
    bool truth;
    assert_false(der_truth(&(struct der){both, 2}, &truth));
    assert_false(der_truth(&(struct der){both, 0}, &truth));
}

static void bit_strings_are_of_whole_bytes(void **state)
{
    (void)state;
    struct der bytes;
    uint8_t text[] = {0, 'a', 'b'};
    assert_true(der_bytes(&(struct der){text, 3}, &bytes));
    assert_true(der_is(&bytes, "ab", 2));
    assert_true(der_bytes(&(struct der){text, 1}, &bytes));
    assert_int_equal(bytes.size, 0);
    assert_false(der_bytes(&(struct der){text, 0}, &bytes));
    for (unsigned unused = 1; unused < 0x100; unused++) {
        text[0] = (uint8_t)unused;
        assert_false(der_bytes(&(struct der){text, 3}, &bytes));
    }
}

/* ---- object identifiers ---- */

static void oids_are_as_openssl_writes_them(void **state)
{
    (void)state;
    static const char *const oids[] = {
        "0.0",
        "0.39",
        "1.0",
        "1.39",
        "2.0",
        "2.39",
        "2.40",
        "2.47",
        "2.48",
        "2.999",
        "2.5.4.3",
        "2.5.29.15",
        "2.5.29.37",
        "1.2.840.10045.4.3.2",
        "1.2.127",
        "1.2.128",
        "1.2.16383",
        "1.2.16384",
        "1.2.2097151",
        "1.2.2097152",
        "1.2.268435455",
        "1.2.268435456",
        "1.2.4294967295",
        "0.6.9.42.840.113741.1337.6",
        "1.2.840.113741.1.13.1",
        "1.3.6.1.4.1.3704.1.3.1",
        "2.16.840.1.101.3.4.2.1",
        "1.3.6.1.5.5.7.3.1",
        "2.23.133.8.3",
    };
    for (size_t i = 0; i < sizeof(oids) / sizeof(oids[0]); i++) {
        uint8_t bytes[DER_OID_MOST];
        size_t size = der_oid(oids[i], bytes);
        ASN1_OBJECT *object = OBJ_txt2obj(oids[i], 1);
        assert_non_null(object);
        if (size != OBJ_length(object) || memcmp(bytes, OBJ_get0_data(object), size) != 0)
            fail_msg("%s has other bytes", oids[i]);
        ASN1_OBJECT_free(object);
    }
}

static void oids_are_shortest(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"06{00}", true},       {"06{2a}", true},    {"06{2a8100}", true}, {"06{2affff7f}", true},
        {"06{}", false},        {"06{80}", false},   {"06{8001}", false},  {"06{2a8001}", false},
        {"06{2a818001}", true}, {"06{2a81}", false}, {"06{ff}", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made made = made_of(cases[i].text);
        struct der from = made_der(&made), inside;
        if (der_take(&from, DER_OID, &inside) != cases[i].good)
            fail_msg("%s", cases[i].text);
    }
}

static void an_oid_fits_its_room(void **state)
{
    (void)state;
    uint8_t *bytes = malloc(DER_OID_MOST); /* so that ASan sees an overrun */
    assert_int_equal(der_oid("1.2.4294967295.4294967295.4294967295.4294967295.4294967295."
                             "4294967295.4294967295.4294967295",
                             bytes),
                     DER_OID_MOST);
    free(bytes);
}

/* ---- times ---- */

struct time_case {
    uint8_t tag;
    const char *text;
    int64_t seconds; /* INT64_MIN: refused */
};

static void check_times(const struct time_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(cases[i].text);
        uint8_t *exact = malloc(size + 1);
        int64_t seconds = INT64_MIN;
        memcpy(exact, cases[i].text, size + 1);
        exact = realloc(exact, size ? size : 1);
        bool good = der_time(cases[i].tag, &(struct der){exact, size}, &seconds);
        if (good != (cases[i].seconds != INT64_MIN) || (good && seconds != cases[i].seconds))
            fail_msg("%s: %d, %lld", cases[i].text, good, (long long)seconds);
        free(exact);
    }
}
#define CHECK_TIMES(cases) check_times(cases, sizeof(cases) / sizeof((cases)[0]))

static void times_are_read(void **state)
{
    (void)state;
    static const struct time_case cases[] = {
        {DER_UTC_TIME, "700101000000Z", 0},          {DER_UTC_TIME, "691231235959Z", -1},
        {DER_UTC_TIME, "500101000000Z", -631152000}, /* 1950 */
        {DER_UTC_TIME, "491231235959Z", 2524607999}, /* 2049 */
        {DER_UTC_TIME, "000229120000Z", 951825600},  {DER_UTC_TIME, "231114221320Z", 1700000000},
        {DER_TIME, "20231114221320Z", 1700000000},   {DER_TIME, "19700101000000Z", 0},
        {DER_TIME, "20491231235959Z", 2524607999},   {DER_TIME, "20500101000000Z", 2524608000},
        {DER_TIME, "99991231235959Z", 253402300799}, {DER_TIME, "00010101000000Z", -62135596800},
        {DER_TIME, "20000229000000Z", 951782400},    {DER_TIME, "24000229000000Z", 13574563200},
    };
    CHECK_TIMES(cases);
}

static void fields_of_times_are_within(void **state)
{
    (void)state;
#define WRONG_TIME(rest)                                                                           \
    {DER_UTC_TIME, "23" rest, INT64_MIN},                                                          \
    {                                                                                              \
        DER_TIME, "2023" rest, INT64_MIN                                                           \
    }
    static const struct time_case cases[] = {
        WRONG_TIME("0014221320Z"),
        WRONG_TIME("1314221320Z"), /* month */
        WRONG_TIME("9914221320Z"),
        WRONG_TIME("1100221320Z"), /* day */
        WRONG_TIME("1131221320Z"),
        WRONG_TIME("0229221320Z"),
        WRONG_TIME("0132221320Z"),
        WRONG_TIME("1114241320Z"),
        WRONG_TIME("1114226020Z"), /* hour, minute */
        WRONG_TIME("1114221360Z"),
        WRONG_TIME("1114221399Z"), /* second */
        WRONG_TIME("1-14221320Z"),
        WRONG_TIME("11 4221320Z"),
        WRONG_TIME("1114+21320Z"),
        WRONG_TIME("11142213 0Z"),
        WRONG_TIME("111422132:Z"),
        WRONG_TIME("111422132/Z"),
        {DER_TIME, "00000101000000Z", INT64_MIN}, /* year */
        {DER_TIME, "-0010101000000Z", INT64_MIN},
        {DER_TIME, "19000229000000Z", INT64_MIN},
        {DER_TIME, "21000229000000Z", INT64_MIN},
        {DER_UTC_TIME, "-10101000000Z", INT64_MIN},
        {DER_UTC_TIME, "x10101000000Z", INT64_MIN},
    };
    CHECK_TIMES(cases);
}

static void times_have_one_form_each(void **state)
{
    (void)state;
    static const struct time_case cases[] = {
        WRONG_TIME(""),
        WRONG_TIME("Z"),
        WRONG_TIME("11142213Z"), /* no seconds */
        WRONG_TIME("1114221320"),
        WRONG_TIME("1114221320z"),
        WRONG_TIME("1114221320+"),
        WRONG_TIME("1114221320+0000"),
        WRONG_TIME("1114221320-0100"), /* offsets */
        WRONG_TIME("1114221320.5Z"),
        WRONG_TIME("1114221320.0Z"), /* fractions */
        WRONG_TIME("1114221320,5Z"),
        WRONG_TIME("1114221320ZZ"),
        WRONG_TIME(" 1114221320Z"),
        {DER_UTC_TIME, "20231114221320Z", INT64_MIN}, /* the other's form */
        {DER_TIME, "231114221320Z", INT64_MIN},
        {DER_OCTETS, "231114221320Z", INT64_MIN},
        {DER_OCTETS, "20231114221320Z", INT64_MIN},
        {0x37, "231114221320Z", INT64_MIN}, /* constructed */
        {0x38, "20231114221320Z", INT64_MIN},
        {0x97, "231114221320Z", INT64_MIN},
        {DER_UTC_TIME, "", INT64_MIN},
        {DER_TIME, "", INT64_MIN},
    };
    CHECK_TIMES(cases);
}

/* ---- signatures ---- */

static const struct {
    const char *text, *signature; /* of two halves of 2 bytes; NULL: refused */
} signatures[] = {
    {"30{02{01} 02{02}}", "00010002"},
    {"30{02{7fff} 02{0102}}", "7fff0102"},
    {"30{02{00ffff} 02{008000}}", "ffff8000"},
    {"30{02{00} 02{00}}", "00000000"}, /* that they are above zero is not DER's */
    {"30{02{0080} 02{01}}", "00800001"},
    {"30{02{0001} 02{02}}", NULL}, /* padded */
    {"30{02{01} 02{0002}}", NULL},
    {"30{02{00007fff} 02{01}}", NULL},
    {"30{02{80} 02{01}}", NULL}, /* negative */
    {"30{02{01} 02{ffff}}", NULL},
    {"30{02{010000} 02{01}}", NULL}, /* too long */
    {"30{02{01} 02{00800000}}", NULL},
    {"30{02{} 02{01}}", NULL}, /* empty, absent */
    {"30{02{01} 02{}}", NULL},
    {"30{02{01}}", NULL},
    {"30{}", NULL},
    {"", NULL},
    {"30{02{01} 02{02}} 00", NULL}, /* more */
    {"30{02{01} 02{02} 00}", NULL},
    {"30{02{01} 02{02} 02{03}}", NULL},
    {"31{02{01} 02{02}}", NULL}, /* of another tag */
    {"30{0a{01} 02{02}}", NULL},
    {"30{02{01} 03{02}}", NULL},
    {"3080 02{01} 02{02} 0000", NULL},
    {"308106 02{01} 02{02}", NULL},
    {"30{02810101 02{02}}", NULL},
};

static void ecdsa_is_two_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
        struct made made = made_of(signatures[i].text), expected;
        uint8_t *exact = made_exact(&made), signature[5] = {0xa5, 0xa5, 0xa5, 0xa5, 0xa5};
        bool good = der_ecdsa(&(struct der){exact, made.size}, 2, signature);
        if (good != (signatures[i].signature != NULL))
            fail_msg("%s is %s", signatures[i].text, good ? "read" : "refused");
        if (good) {
            expected = made_of(signatures[i].signature);
            assert_memory_equal(signature, expected.bytes, 4);
        }
        assert_int_equal(signature[4], 0xa5);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_are_shortest_and_within),
        cmocka_unit_test(each_length_has_one_form),
        cmocka_unit_test(no_other_length_begins_so),
        cmocka_unit_test(objects_are_taken_by_tag),
        cmocka_unit_test(integers_are_shortest),
        cmocka_unit_test(numbers_are_within),
        cmocka_unit_test(truth_is_one_of_two_bytes),
        cmocka_unit_test(bit_strings_are_of_whole_bytes),
        cmocka_unit_test(oids_are_as_openssl_writes_them),
        cmocka_unit_test(oids_are_shortest),
        cmocka_unit_test(an_oid_fits_its_room),
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(fields_of_times_are_within),
        cmocka_unit_test(times_have_one_form_each),
        cmocka_unit_test(ecdsa_is_two_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
