/* SPDX-License-Identifier: Apache-2.0
 *
 * A model's report has its figures, lets no text of a result be markup, and refuses what is no
 * result. tests/room/report.py reads whole pages as XML.
 */
#include "room/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WHOLE "\"n\": 2088, \"events\": 871, \"auc\": 0.7412, \"log_likelihood\": -1235.132"
#define CONSTANT                                                                                   \
    "{\"term\": \"constant\", \"estimate\": -1, \"standard_error\": 0.1, \"p\": 0.5, " WHOLE "}"
#define ROW(term)                                                                                  \
    "{\"term\": \"" term                                                                           \
    "\", \"estimate\": 0.6931471805599453, \"standard_error\": 0.1, \"p\": 0.00001, " WHOLE "}"

static cella_status make(const char *first, const char *second, char **html, cella_error *error)
{
    struct report_result results[] = {{"joint <1>", first, strlen(first)},
                                      {"north", second, second ? strlen(second) : 0}};
    return report_make("Title & \"more\"", results, second ? 2 : 1, html, error);
}

static void assert_has(const char *html, const char *text)
{
    if (!strstr(html, text))
        fail_msg("the page does not have: %s", text);
}

static void test_figures(void **state)
{
    (void)state;
    char *html;
    cella_error error;
    assert_int_equal(make("[" CONSTANT "," ROW("grade3") "]", "[" CONSTANT "]", &html, &error),
                     CELLA_OK);
    assert_has(html, "<td>2.00 (1.64 to 2.43)</td><td>&lt; 0.0001</td>"); /* exp(ln 2 +- 0.196) */
    assert_has(html, "<td>2088</td><td>871</td><td>0.741</td><td>-1235.13</td>");
    assert_has(html, "<td>not there</td>"); /* north has no such term */
    assert_has(html, "grade3 2.00, from 1.64 to 2.43.");
    assert_null(strstr(html, ">constant<"));
    assert_null(strstr(html, "http://www.w3.org/1999/xlink"));
    free(html);
}

static void test_text_is_no_markup(void **state)
{
    (void)state;
    char *html;
    cella_error error;
    assert_int_equal(make("[" CONSTANT "," ROW("<script>'\\u0001&") "]", NULL, &html, &error),
                     CELLA_OK);
    assert_null(strstr(html, "<script"));
    assert_has(html, "&#60;script&#62;&#39; &#38;");
    assert_has(html, "<title>Title &#38; &#34;more&#34;</title>");
    assert_has(html, "joint &#60;1&#62;");
    free(html);
}

static void test_interval_without_end(void **state)
{
    (void)state;
    char *html;
    cella_error error;
    assert_int_equal(make("[{\"term\": \"a\", \"estimate\": 0, \"standard_error\": 1e300, \"p\": "
                          "1, " WHOLE "}]",
                          NULL, &html, &error),
                     CELLA_OK);
    assert_has(html, "(0.00 to inf)");
    assert_null(strstr(html, "nan"));
    assert_null(strstr(html, "=\"inf"));
    free(html);
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "{}",
        "[]",
        "[1]",
        "[" CONSTANT "]", /* no term */
        "[" ROW("a") "," ROW("a") "]",
        "[" CONSTANT ", {\"term\": \"a\"}]",
        "[" CONSTANT ", {\"term\": 1, \"estimate\": 0, \"standard_error\": 1, \"p\": 1}]",
        "[" CONSTANT ", {\"term\": \"a\", \"estimate\": 0, \"standard_error\": -1, \"p\": 1}]",
        "[" CONSTANT ", {\"term\": \"a\", \"estimate\": 0, \"standard_error\": 1, \"p\": 2}]",
        "[" CONSTANT ", {\"term\": \"a\", \"estimate\": null, \"standard_error\": 1, \"p\": 1}]",
        "[{\"term\": \"a\", \"estimate\": 0, \"standard_error\": 1, \"p\": 1}]", /* linear */
        "[{\"term\": \"a\", \"term\": \"a\"}]",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char *html;
        cella_error error = {0};
        if (make(wrong[i], NULL, &html, &error) != CELLA_INVALID)
            fail_msg("taken: %s", wrong[i]);
        assert_true(error.sentence[0]);
    }
}

static void test_another_term_beside(void **state)
{
    (void)state;
    char *html;
    cella_error error;
    assert_int_equal(make("[" ROW("a") "]", "[" ROW("b") "]", &html, &error), CELLA_INVALID);
    assert_int_equal(make("[" ROW("a") "]", "[" ROW("a") "," ROW("a") "]", &html, &error),
                     CELLA_INVALID);
}

static void test_counts(void **state)
{
    (void)state;
    struct report_result results[REPORT_RESULTS_MOST + 1] = {0};
    char *html;
    cella_error error;
    assert_int_equal(report_make("", results, 0, &html, &error), CELLA_INVALID);
    assert_int_equal(report_make("", results, REPORT_RESULTS_MOST + 1, &html, &error),
                     CELLA_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_text_is_no_markup),
        cmocka_unit_test(test_interval_without_end),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_another_term_beside),
        cmocka_unit_test(test_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
