/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks of PEM: what may stand around them, and each way to be malformed.
 */
#include "attest_test.h"

#include "attest/pem.h"
#include "image/base64.h"

#include <stdbool.h>
#include <stdio.h>

#define BEGIN  "-----BEGIN CERTIFICATE-----"
#define END    "-----END CERTIFICATE-----"
#define BLOCK  BEGIN "\nYWJj\n" END "\n" /* "abc" */

#define FAILED (-1)

/* How many blocks a text has, each of `inside`; or FAILED. */
static int read_all(const char *text, size_t size, const char *inside)
{
    uint8_t *exact = malloc(size ? size : 1); /* so that ASan sees an overrun */
    memcpy(exact, text, size);
    struct pem_reader reader = pem_read(exact, size);
    struct pem_block block;
    int count = 0;
    for (; pem_next(&reader, &block); count++)
        assert_true(der_is(&block.inside, inside, strlen(inside)));
    assert_false(pem_next(&reader, &block)); /* it stays so */
    bool failed = reader.failed;
    pem_end(&reader);
    pem_end(&reader);
    free(exact);
    return failed ? FAILED : count;
}

struct pem_case {
    const char *text;
    int blocks;
};

static void check(const struct pem_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int found = read_all(cases[i].text, strlen(cases[i].text), "abc");
        if (found != cases[i].blocks)
            fail_msg("\"%s\": %d, expected %d", cases[i].text, found, cases[i].blocks);
    }
}
#define CHECK(cases) check(cases, sizeof(cases) / sizeof((cases)[0]))

static void other_text_may_stand_around(void **state)
{
    (void)state;
    static const struct pem_case cases[] = {
        {"", 0},
        {"\n", 0},
        {"text", 0},
        {BLOCK, 1},
        {BEGIN "\nYWJj\n" END, 1}, /* no newline at the end */
        {BLOCK BLOCK, 2},
        {BLOCK "\n\n" BLOCK "\n", 2},
        {"subject=/CN=a\nissuer=/CN=b\n" BLOCK "between: -----\n" BLOCK "behind", 2},
        {"-----\n-----BEGIN\n-----BEGIN -\n" BLOCK, 1},
        {"----BEGIN CERTIFICATE-----\n" BLOCK, 1},
        {"-----BEGIN CERTIFICATE----\n" BLOCK, 1},
        {"-----begin CERTIFICATE-----\n" BLOCK, 1},
        {"-----BEGIN CERTIFICATE----- text\n" BLOCK, 1},
        {" " BEGIN "\n" BLOCK, 1}, /* a mark starts its line */
        {END "\n" BLOCK END "\n", 1},
        {"\xef\xbb\xbf" BLOCK BLOCK, 2}, /* the mark of UTF-8 */
        {"\xef\xbb" BLOCK BLOCK, 1},
        {"\xef\xbb\xbf\xef\xbb\xbf" BLOCK BLOCK, 1},
    };
    CHECK(cases);
}

static void lines_end_in_white_space(void **state)
{
    (void)state;
    static const struct pem_case cases[] = {
        {BEGIN "\r\nYWJj\r\n" END "\r\n", 1},
        {BEGIN "\r\nYWJj\r\n" END "\r", 1},
        {BEGIN " \t\nYWJj \t \n" END " \r \n", 1},
        {BEGIN "\nYW\nJ\nj\n" END "\n", 1},       /* lines of any length */
        {BEGIN "\n\nYWJj\n" END "\n", FAILED},    /* blank lines */
        {BEGIN "\nYWJj\n \r\n" END "\n", FAILED}, /* what stands before would be headers */
        {BEGIN "\nYWJj\n\nYWJj\n" END "\n", FAILED},
        {BEGIN "\n YWJj\n" END "\n", FAILED},
        {BEGIN "\nYW Jj\n" END "\n", FAILED},
        {BEGIN "\nYW\rJj\n" END "\n", FAILED},
        {BEGIN "\nYWJj\v\n" END "\n", FAILED},
        {BEGIN "\nYWJj\f\n" END "\n", FAILED},
        {BEGIN "\rYWJj\r" END "\r", FAILED}, /* one line */
    };
    CHECK(cases);
}

static void blocks_end_as_they_begin(void **state)
{
    (void)state;
    static const struct pem_case cases[] = {
        {BEGIN, FAILED},
        {BEGIN "\n", FAILED},
        {BEGIN "\nYWJj", FAILED},
        {BEGIN "\nYWJj\n", FAILED},
        {BEGIN "\nYWJj\n" END "x", FAILED},
        {BEGIN "\nYWJj\n-----END CERTIFICATE----", FAILED},
        {BEGIN "\nYWJj\n-----END CERTIFICATE", FAILED},
        {BEGIN "\nYWJj\n-----END X509 CRL-----\n", FAILED},
        {BEGIN "\nYWJj\n-----END CERTIFICATES-----\n", FAILED},
        {BEGIN "\nYWJj\n-----END CERTIFICAT-----\n", FAILED},
        {BEGIN "\nYWJj\n-----END certificate-----\n", FAILED},
        {BEGIN "\nYWJj\n-----END -----\n", FAILED},
        {BEGIN "\nYWJj\n " END "\n", FAILED},
        {BEGIN "\nYWJj" END "\n", FAILED},
        {BEGIN "\n" END "\n", FAILED}, /* nothing inside */
        {BEGIN "\n\n \n" END "\n", FAILED},
        {BEGIN "\n" BLOCK, FAILED}, /* one inside of another */
        {BEGIN "\nYWJj\n" BLOCK, FAILED},
        {BEGIN "\n" BLOCK END "\n", FAILED},
        {BLOCK BEGIN "\nYWJj\n", FAILED}, /* behind a good one */
        {BEGIN "\nYWJ\n" END "\n" BLOCK, FAILED},
    };
    CHECK(cases);
}

static void base64_is_strict(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "Y",
        "YW",
        "YWJ",
        "YWJjY",
        "YWJj=",
        "YWI",
        "YWJ=",
        "YW==",
        "YW=J",
        "=WJj",
        "====",
        "YWJj====",
        "YWJjYQ",
        "YWJjYQ=",
        "YWJjYQ==\nYWJj",
        "YQ==YWJj",
        "YWJ-",
        "YWJ_",
        "YWJ*",
        "YW\xc3\xa4",
        "-YWJj",
        "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nYWJj",
        "Comment: a\n\nYWJj",
        "YWJj\nComment: a",
        "=24D\nYWJj",
        "YWJj\n=24D",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[256];
        int size = snprintf(text, sizeof(text), BEGIN "\n%s\n" END "\n", wrong[i]);
        if (read_all(text, (size_t)size, "abc") != FAILED)
            fail_msg("%s is read", wrong[i]);
    }
}

static void no_byte_is_skipped(void **state)
{
    (void)state;
    static const char block[] = BLOCK;
    for (size_t at = 0; at < sizeof(block) - 1; at++)
        for (unsigned value = 0; value < 0x100; value++) {
            char text[sizeof(block)];
            memcpy(text, block, sizeof(text));
            text[at] = (char)value;
            /* The letters say what is inside; a mark that is none leaves other text, or is cut
             * off. What may change is white space. */
            bool letter = at >= sizeof(BEGIN) && at < sizeof(BEGIN) + 4;
            bool end = at == sizeof(block) - 2;
            if (letter || value == (uint8_t)block[at])
                continue;
            int found = read_all(text, sizeof(block) - 1, "abc");
            bool white = value == ' ' || value == '\t' || value == '\r' || value == '\n';
            if (found == 1 && !(end && white))
                fail_msg("byte %zu may be %02x", at, value);
        }
}

static void a_nul_is_no_white_space(void **state)
{
    (void)state;
    static const char behind[] = BEGIN "\nYWJj\0\n" END "\n",
                      within[] = BEGIN "\nYW\0Jj\n" END "\n", mark[] = BEGIN "\0\nYWJj\n" END "\n",
                      last[] = BEGIN "\nYWJj\n" END "\0", before[] = "\0\n" BLOCK;
    assert_int_equal(read_all(behind, sizeof(behind) - 1, ""), FAILED);
    assert_int_equal(read_all(within, sizeof(within) - 1, ""), FAILED);
    assert_int_equal(read_all(mark, sizeof(mark) - 1, ""), 0);
    assert_int_equal(read_all(last, sizeof(last), ""), FAILED);
    assert_int_equal(read_all(before, sizeof(before) - 1, "abc"), 1);
}

static void labels_are_whole(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        bool certificate, list, key;
    } cases[] = {
        {"CERTIFICATE", true, false, false},
        {"X509 CERTIFICATE", true, false, false},
        {"X509 CRL", false, true, false},
        {"PUBLIC KEY", false, false, true},
        {"TRUSTED CERTIFICATE", false, false, false},
        {"CERTIFICATE REQUEST", false, false, false},
        {"RSA PUBLIC KEY", false, false, false},
        {"PRIVATE KEY", false, false, false},
        {"CERTIFICATE ", false, false, false},
        {"CRL", false, false, false},
        {"", false, false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[128];
        struct pem_block block;
        int size = snprintf(text, sizeof(text), "-----BEGIN %s-----\nYWJj\n-----END %s-----\n",
                            cases[i].label, cases[i].label);
        struct pem_reader reader = pem_read((const uint8_t *)text, (size_t)size);
        assert_true(pem_next(&reader, &block));
        assert_true(der_is(&block.label, cases[i].label, strlen(cases[i].label)));
        assert_int_equal(pem_is_certificate(&block), cases[i].certificate);
        assert_int_equal(pem_is_list(&block), cases[i].list);
        assert_int_equal(pem_is_public_key(&block), cases[i].key);
        pem_end(&reader);
    }
}

/* Each size, in lines of each length; the second block is the longer, the third the shorter. */
static void blocks_of_each_size_are_read(void **state)
{
    (void)state;
    for (size_t size = 1; size <= 100; size++)
        for (size_t line = 1; line <= 140; line += line < 8 ? 1 : 33) {
            uint8_t bytes[100];
            char letters[BASE64_TEXT(100)], text[1024] = BLOCK BEGIN "\n";
            memset(bytes, (int)(size + line), sizeof(bytes));
            base64_write(BASE64, bytes, size, letters);
            size_t used = strlen(text);
            for (size_t at = 0; at < strlen(letters); at += line)
                used += (size_t)sprintf(text + used, "%.*s\n", (int)line, letters + at);
            used += (size_t)sprintf(text + used, END "\n" BLOCK);
            struct pem_reader reader = pem_read((const uint8_t *)text, used);
            struct pem_block block;
            assert_true(pem_next(&reader, &block) && der_is(&block.inside, "abc", 3));
            assert_true(pem_next(&reader, &block) && der_is(&block.inside, bytes, size));
            assert_true(pem_next(&reader, &block) && der_is(&block.inside, "abc", 3));
            assert_false(pem_next(&reader, &block) || reader.failed);
            pem_end(&reader);
        }
}

static void cut_off_it_is_not_the_same(void **state)
{
    (void)state;
    static const char both[] = BLOCK BLOCK;
    const size_t first = sizeof(BLOCK) - 1, second = first + sizeof(BEGIN) - 1;
    for (size_t size = 0; size < 2 * first - 1; size++) {
        int found = read_all(both, size, "abc");
        /* A mark that is not whole is other text. */
        int expected = size < sizeof(BEGIN) - 1 ? 0
                       : size < first - 1       ? FAILED
                       : size < second          ? 1
                                                : FAILED;
        if (found != expected)
            fail_msg("%zu bytes: %d", size, found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_text_may_stand_around),
        cmocka_unit_test(lines_end_in_white_space),
        cmocka_unit_test(blocks_end_as_they_begin),
        cmocka_unit_test(base64_is_strict),
        cmocka_unit_test(no_byte_is_skipped),
        cmocka_unit_test(a_nul_is_no_white_space),
        cmocka_unit_test(labels_are_whole),
        cmocka_unit_test(blocks_of_each_size_are_read),
        cmocka_unit_test(cut_off_it_is_not_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
