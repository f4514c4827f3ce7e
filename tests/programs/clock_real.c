/* SPDX-License-Identifier: Apache-2.0
 *
 * The wall clock: after 2025 and before 2100; time, gettimeofday and clock_gettime agree; it does
 * not go back by itself; calendar functions work in UTC.
 */
#include "check.h"
#include <sys/time.h>
#include <time.h>

int main(void)
{
    struct timespec before, after;
    struct timeval middle;

    CHECK(clock_gettime(CLOCK_REALTIME, &before) == 0);
    CHECK(gettimeofday(&middle, NULL) == 0);
    time_t seconds = time(NULL);
    CHECK(clock_gettime(CLOCK_REALTIME, &after) == 0);
    CHECK(before.tv_sec > 1735689600 && before.tv_sec < 4102444800);
    CHECK(middle.tv_sec >= before.tv_sec && middle.tv_sec <= after.tv_sec);
    CHECK(middle.tv_usec >= 0 && middle.tv_usec < 1000000);
    /* Linux's time() is that of the last tick: it may be behind by one. */
    CHECK(seconds >= before.tv_sec - 1 && seconds <= after.tv_sec);
    puts("the clocks agree");

    for (int i = 0; i < 5000; i++) {
        before = after;
        CHECK(clock_gettime(CLOCK_REALTIME, &after) == 0);
        CHECK(after.tv_sec > before.tv_sec ||
              (after.tv_sec == before.tv_sec && after.tv_nsec >= before.tv_nsec));
    }
    CHECK(clock_gettime(CLOCK_REALTIME_COARSE, &after) == 0);
    puts("and go on");

    time_t then = 1700000000;
    struct tm parts;
    char text[64];
    CHECK(gmtime_r(&then, &parts) == &parts);
    CHECK(strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %A", &parts) > 0);
    puts(text);
    CHECK(timegm(&parts) == then);
    return 0;
}
