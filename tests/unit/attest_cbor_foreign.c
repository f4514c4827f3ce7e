/* SPDX-License-Identifier: Apache-2.0
 *
 * CBOR as others make it: each form that is not deterministic says the same as the one that is;
 * what is malformed, ambiguous or too much is refused.
 */
#include "attest_test.h"

#include "attest/cbor.h"

#include <stdio.h>

static uint8_t *bytes;

static bool decodes(const char *hex, struct cbor_item *item)
{
    size_t size;
    free(bytes);
    bytes = of_hex(hex, &size);
    return cbor_decode_foreign(bytes, size, item);
}

/* As text: "[1, {2: 'x'}]". */
static void show(const struct cbor_item *item, char *text, size_t size)
{
    static const char *const brackets[] = {"[]", "{}", "()"};
    struct cbor_item inner;
    char inside[512] = "";
    if (item->type < CBOR_BYTES) {
        snprintf(text, size, "%s%llu", item->type == CBOR_NEGATIVE ? "-1-" : "",
                 (unsigned long long)item->number);
    } else if (item->type < CBOR_ARRAY) {
        snprintf(text, size, "'%.*s'", (int)item->size, (const char *)item->bytes);
    } else if (item->type > CBOR_TAG) {
        snprintf(text, size, "%g/%llu", item->real, (unsigned long long)item->number);
    } else {
        for (struct cbor_reader reader = cbor_inside(item); cbor_next(&reader, &inner);) {
            size_t length = strlen(inside);
            show(&inner, inside + length, sizeof(inside) - length - 1);
            strcat(inside, " ");
        }
        snprintf(text, size, "%c%llu: %s%c", brackets[item->type - CBOR_ARRAY][0],
                 (unsigned long long)item->number, inside, brackets[item->type - CBOR_ARRAY][1]);
    }
}

static const struct {
    const char *hex, *text;
} good[] = {
    {"1817", "23"},                /* longer than needed */
    {"1b0000000000000001", "1"},   /* ... */
    {"3900ff", "-1-255"},          /* ... */
    {"580141", "'A'"},             /* ... */
    {"7a0000000161", "'a'"},       /* ... */
    {"fb3ff0000000000000", "1/0"}, /* a real number, too */
    {"faff800000", "-inf/0"},      /* ... */
    {"f6", "0/22"},                /* null */
    {"9fff", "[0: ]"},             /* of indefinite length */
    {"9f018202039f0405ffff", "[3: 1 [2: 2 3 ] [2: 4 5 ] ]"},
    {"bf61610161629f0203ffff", "{2: 'a' 1 'b' [2: 2 3 ] }"},
    {"826161bf61626163ff", "[2: 'a' {1: 'b' 'c' } ]"},
    {"a2616201616102", "{2: 'b' 1 'a' 2 }"}, /* keys in any order */
    {"a301012002410103", "{3: 1 1 -1-0 2 '\x01' 3 }"},
    {"d9ea608201d9ea6180", "(60000: [2: 1 (60001: [0: ] ) ] )"},
    {"da0000001280", "(18: [0: ] )"},
};

static void test_good(void **state)
{
    (void)state;
    struct cbor_item item;
    char text[512];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!decodes(good[i].hex, &item))
            fail_msg("%s is not decoded", good[i].hex);
        show(&item, text, sizeof(text));
        assert_string_equal(text, good[i].text);
        size_t size = strlen(good[i].hex) / 2;
        for (size_t less = 0; less < size; less++) {
            uint8_t *copy = malloc(less ? less : 1);
            memcpy(copy, bytes, less);
            assert_false(cbor_decode_foreign(copy, less, &item));
            free(copy);
        }
    }
}

static void test_wrong(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "a201020103",         /* a key twice */
        "bf01020103ff",       /* ... */
        "a20102180103",       /* ... in another encoding */
        "a2616101780161f5",   /* ... */
        "a2410101580101f5",   /* ... */
        "a1f501",             /* a key of a type that nobody has */
        "a18001",             /* ... */
        "bf01ff",             /* a key without a value */
        "bf",                 /* no end */
        "9f01",               /* ... */
        "ff",                 /* an end of nothing */
        "81ff",               /* ... */
        "a101ff",             /* ... */
        "c1ff",               /* ... */
        "9fffff",             /* ... */
        "9fff00",             /* more behind it */
        "5f42010243030405ff", /* strings in chunks */
        "7f657374726561646d696e67ff",
        "df00ff", /* no indefinite length is for these */
        "1f",
        "3f",
        "1c",
        "5c",
        "9c",
        "bd",
        "fe",
        "f800",
        "f818",
        "f81f", /* nothing at all */
        "61ff",
        "62c080", /* not UTF-8 */
        "9bffffffffffffffff",
        "bbffffffffffffffff",
        "5bffffffffffffffff",
    };
    struct cbor_item item;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (decodes(wrong[i], &item))
            fail_msg("%s is decoded", wrong[i]);
}

static void test_limits(void **state)
{
    (void)state;
    struct cbor_item item;
    char hex[8 + 8 * (CBOR_FOREIGN_ENTRIES + 1) + 4 * CBOR_DEPTH];
    for (size_t count = CBOR_FOREIGN_ENTRIES; count <= CBOR_FOREIGN_ENTRIES + 1; count++) {
        size_t at = (size_t)sprintf(hex, "bf");
        for (size_t i = 0; i < count; i++)
            at += (size_t)sprintf(hex + at, "19%04x00", (unsigned)i);
        sprintf(hex + at, "ff");
        assert_int_equal(decodes(hex, &item), count == CBOR_FOREIGN_ENTRIES);
    }
    for (size_t depth = CBOR_DEPTH; depth <= CBOR_DEPTH + 1; depth++) {
        size_t at = 0;
        for (size_t i = 0; i < depth; i++)
            at += (size_t)sprintf(hex + at, i % 2 ? "9f" : "c1");
        at += (size_t)sprintf(hex + at, "00");
        for (size_t i = 0; i < depth / 2; i++)
            at += (size_t)sprintf(hex + at, "ff");
        assert_int_equal(decodes(hex, &item), depth == CBOR_DEPTH);
    }
}

static void test_finding(void **state)
{
    (void)state;
    struct cbor_item map, item;
    assert_true(decodes("bf616202616181f6ff", &map));
    assert_true(cbor_find(&map, "a", &item) && item.type == CBOR_ARRAY && item.number == 1);
    assert_true(cbor_find(&map, "b", &item) && item.number == 2);
    assert_false(cbor_find(&map, "c", &item));
    /* The strict reader stays strict. */
    assert_false(cbor_decode(bytes, 9, &map));
}

static int clean(void **state)
{
    (void)state;
    free(bytes);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_finding),
    };
    return cmocka_run_group_tests(tests, NULL, clean);
}
