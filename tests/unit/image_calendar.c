/* SPDX-License-Identifier: Apache-2.0
 *
 * Times of documents: the C library's calendar says the same, for every day and second; what is no
 * time is refused.
 */
#include "image/calendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void every_day_is_the_c_librarys(void **state)
{
    (void)state;
    for (time_t day = -62135596800; day < 253402300800; day += 86400) { /* years 1 to 9999 */
        struct tm parts;
        int64_t seconds;
        assert_non_null(gmtime_r(&day, &parts));
        const struct calendar_time time = {
            .year = parts.tm_year + 1900, .month = parts.tm_mon + 1, .day = parts.tm_mday};
        assert_true(calendar_seconds(&time, &seconds));
        assert_true(seconds == day);
    }
}

static void every_second_of_a_day_counts(void **state)
{
    (void)state;
    for (int second = 0; second < 86400; second++) {
        char text[32];
        int64_t seconds;
        snprintf(text, sizeof(text), "1970-01-02T%02d:%02d:%02dZ", second / 3600, second / 60 % 60,
                 second % 60);
        assert_true(calendar_read(text, strlen(text), &seconds));
        assert_true(seconds == 86400 + second);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "2020-05-18T17:49:24",
        "2020-05-18T17:49:24Z ",
        "2020-05-18 17:49:24Z",
        "2020-05-18t17:49:24Z",
        "2020/05/18T17:49:24Z",
        "2020-05-18T17-49-24Z",
        "+020-05-18T17:49:24Z",
        "2020-5--18T17:49:24Z",
        "2020- 5-18T17:49:24Z",
        "0000-05-18T17:49:24Z",
        "2020-00-18T17:49:24Z",
        "2020-13-18T17:49:24Z",
        "2020-05-00T17:49:24Z",
        "2020-05-32T17:49:24Z",
        "2020-04-31T17:49:24Z",
        "2021-02-29T17:49:24Z",
        "1900-02-29T17:49:24Z",
        "2020-02-30T17:49:24Z",
        "2020-05-18T24:00:00Z",
        "2020-05-18T17:60:24Z",
        "2020-05-18T17:49:60Z",
        "2020-05-18T17:49:xxZ",
    };
    (void)state;
    int64_t seconds;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (calendar_read(texts[i], strlen(texts[i]), &seconds))
            fail_msg("\"%s\" is a time", texts[i]);
    assert_true(calendar_read("2000-02-29T00:00:00Z", 20, &seconds));
    assert_true(seconds == 951782400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_is_the_c_librarys),
        cmocka_unit_test(every_second_of_a_day_counts),
        cmocka_unit_test(what_is_no_time_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
