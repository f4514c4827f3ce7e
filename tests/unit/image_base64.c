/* SPDX-License-Identifier: Apache-2.0
 *
 * Base64: RFC 4648's own vectors, all lengths there and back, and every text that is not the one of
 * its bytes.
 */
#include "attest_test.h"

#include "image/base64.h"

static void reads(enum base64_form form, const char *text, const char *expected)
{
    uint8_t bytes[64];
    size_t size;
    if (base64_read(form, text, strlen(text), bytes, &size) != (expected != NULL))
        fail_msg("\"%s\" should%s be read", text, expected ? "" : " not");
    if (expected) {
        assert_int_equal(size, strlen(expected));
        assert_memory_equal(bytes, expected, size);
    }
}

static void test_vectors(void **state)
{
    static const struct {
        const char *bytes, *padded, *url;
    } vectors[] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xfb\xff\xbe", "+/++", "-_--"},
    };
    char text[64];
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const char *bytes = vectors[i].bytes;
        assert_string_equal(base64_write(BASE64, bytes, strlen(bytes), text), vectors[i].padded);
        assert_string_equal(base64_write(BASE64_URL, bytes, strlen(bytes), text), vectors[i].url);
        reads(BASE64, vectors[i].padded, bytes);
        reads(BASE64_URL, vectors[i].url, bytes);
    }
}

static void test_lengths(void **state)
{
    (void)state;
    for (int form = BASE64; form <= BASE64_URL; form++)
        for (size_t size = 0; size < 300; size++) {
            uint8_t *bytes = malloc(size + 1), *back;
            char *text = malloc(BASE64_TEXT(size)); /* exact, so that ASan sees an overrun */
            size_t back_size;
            for (size_t i = 0; i < size; i++)
                bytes[i] = (uint8_t)(i * 37 + size);
            size_t length = strlen(base64_write((enum base64_form)form, bytes, size, text));
            assert_true(length < BASE64_TEXT(size));
            back = malloc(BASE64_BYTES(length));
            assert_true(base64_read((enum base64_form)form, text, length, back, &back_size));
            assert_int_equal(back_size, size);
            assert_memory_equal(back, bytes, size);
            free(bytes);
            free(text);
            free(back);
        }
}

static void test_refused(void **state)
{
    static const char *const padded[] = {"Zg",    "Zg=",  "Zg===", "Z===",     "====",
                                         "Zh==",  "Zm9=", "Zm9v=", "Zg==Zg==", "Zm 9",
                                         "Zm9\n", "-_--", "=Zg=",  "Z"};
    static const char *const url[] = {"Zg==", "Zm8=", "Z", "Zh", "Zm9", "+/++", "Zm9vY", "Zm9v\n"};
    (void)state;
    for (size_t i = 0; i < sizeof(padded) / sizeof(padded[0]); i++)
        reads(BASE64, padded[i], NULL);
    for (size_t i = 0; i < sizeof(url) / sizeof(url[0]); i++)
        reads(BASE64_URL, url[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
