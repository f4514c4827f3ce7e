/* SPDX-License-Identifier: Apache-2.0
 *
 * Sleeps never end early: nanosleep, clock_nanosleep (relative, absolute, in the past), usleep,
 * poll without descriptors, a futex that nobody wakes; threads sleep at the same time.
 */
#include "check.h"
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define MILLISECOND INT64_C(1000000)

static int64_t now(void)
{
    struct timespec time;

    CHECK(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void *sleep_a_little(void *argument)
{
    int64_t start = now();

    (void)argument;
    CHECK(usleep(30000) == 0);
    CHECK(now() - start >= 30 * MILLISECOND);
    return NULL;
}

int main(void)
{
    struct timespec length = {0, 20 * MILLISECOND}, until, past = {0, 0};
    pthread_t threads[6];

    int64_t start = now();
    CHECK(nanosleep(&length, NULL) == 0);
    CHECK(now() - start >= 20 * MILLISECOND);
    start = now();
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &length, NULL) == 0);
    CHECK(now() - start >= 20 * MILLISECOND);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    until.tv_sec += until.tv_nsec >= 980000000;
    until.tv_nsec = (until.tv_nsec + 20000000) % 1000000000;
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == 0);
    CHECK(now() >= (int64_t)until.tv_sec * 1000000000 + until.tv_nsec);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &past, NULL) == 0);
    CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &past, NULL) == 0);
    puts("nanosleep");

    start = now();
    CHECK(poll(NULL, 0, 20) == 0);
    CHECK(now() - start >= 20 * MILLISECOND);
    puts("poll");

    start = now();
    for (int i = 0; i < 6; i++)
        CHECK(pthread_create(&threads[i], NULL, sleep_a_little, NULL) == 0);
    for (int i = 0; i < 6; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(now() - start >= 30 * MILLISECOND);
    puts("threads");

    length.tv_nsec = 1000000000;
    CHECK_ERROR(nanosleep(&length, NULL), EINVAL);
    length = (struct timespec){-1, 0};
    CHECK_ERROR(nanosleep(&length, NULL), EINVAL);
    puts("errors");
    return 0;
}
