/* SPDX-License-Identifier: Apache-2.0
 *
 * Notes come back as they were written, and malformed ones are refused.
 */
#include "image_test.h"

#include "image/notes.h"

static uint8_t *make(size_t *size)
{
    struct function items[] = {{0x400000, 0x400010, "first"}, {0x400010, 0x400020, "second"}};
    struct functions functions = {items, 2};
    struct image_site sites[] = {{0x400004, IMAGE_SITE_CALL, "first"},
                                 {0x500000, IMAGE_SITE_STUB, ""}};
    struct rewrite rewrite = {.sites = sites, .site_count = 2, .left_alone = 3};
    uint8_t *bytes;
    cella_error error;
    assert_int_equal(
        notes_make("program", "{\"cella\":1}", &functions, &rewrite, &bytes, size, &error),
        CELLA_OK);
    return bytes;
}

static void test_round_trip(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = make(&size);
    struct image_notes notes;
    cella_error error;
    assert_int_equal(notes_parse(bytes, size, &notes, &error), CELLA_OK);
    assert_string_equal(notes.program, "program");
    assert_string_equal(notes.manifest, "{\"cella\":1}");
    assert_int_equal(notes.left_alone, 3);
    assert_int_equal(notes.site_count, 2);
    assert_int_equal(notes.sites[0].kind, IMAGE_SITE_CALL);
    assert_string_equal(notes.sites[0].function, "first");
    assert_int_equal(notes.sites[1].address, 0x500000);
    assert_int_equal(notes.sites[1].kind, IMAGE_SITE_STUB);
    assert_string_equal(notes.sites[1].function, "");
    assert_int_equal(notes.function_count, 2);
    assert_string_equal(image_function_at(&notes, 0x40001f)->name, "second");
    assert_string_equal(image_function_at(&notes, 0x400000)->name, "first");
    assert_null(image_function_at(&notes, 0x400020));
    assert_null(image_function_at(&notes, 0x3fffff));
    image_notes_free(&notes);
    free(bytes);
}

static void test_malformed(void **state)
{
    (void)state;
    enum { SITES = sizeof(struct notes_header), FUNCTIONS = SITES + 24, STRINGS = FUNCTIONS + 24 };
    static const struct {
        size_t at;
        uint32_t value;
        const char *sentence;
    } cases[] = {
        {0, 0, "magic"},
        {8, 3, "promises"},            /* one more site than there are */
        {8, UINT32_MAX, "promises"},   /* many more */
        {12, 1, "promises"},           /* one function fewer */
        {16, UINT32_MAX, "promises"},  /* strings */
        {24, 0xffff, "string"},        /* the program's name */
        {28, 0xffff, "string"},        /* the manifest */
        {SITES + 4, 9, "site"},        /* unknown kind */
        {SITES + 8, 0xffff, "string"}, /* name of a function */
        {SITES + 12, 0x400004, "rise"},
        {FUNCTIONS + 8, 0xffff, "string"},
        {FUNCTIONS + 12, 0x400000, "rise"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t size;
        uint8_t *bytes = make(&size);
        struct image_notes notes;
        cella_error error = {0};
        memcpy(bytes + cases[i].at, &cases[i].value, 4);
        if (notes_parse(bytes, size, &notes, &error) != CELLA_INVALID)
            fail_msg("case %zu was accepted", i);
        assert_sentence(&error, cases[i].sentence);
        free(bytes);
    }
    size_t size;
    uint8_t *bytes = make(&size);
    struct image_notes notes;
    cella_error error = {0};
    bytes[size - 1] = 'x';
    assert_int_equal(notes_parse(bytes, size, &notes, &error), CELLA_INVALID);
    assert_sentence(&error, "do not end");
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(notes_parse(bytes, cut, &notes, &error), CELLA_INVALID);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
