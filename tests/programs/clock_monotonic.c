/* SPDX-License-Identifier: Apache-2.0
 *
 * Clocks that never go back: in a loop, and across four threads that pass the latest time on;
 * resolution, process and thread time, errors.
 */
#include "check.h"
#include <pthread.h>
#include <stdint.h>
#include <time.h>

static int64_t latest;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static int64_t now(clockid_t clock)
{
    struct timespec time;

    CHECK(clock_gettime(clock, &time) == 0);
    CHECK(time.tv_nsec >= 0 && time.tv_nsec < 1000000000);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void *pass_on(void *argument)
{
    (void)argument;
    for (int i = 0; i < 20000; i++) {
        pthread_mutex_lock(&mutex);
        int64_t time = now(CLOCK_MONOTONIC);
        CHECK(time >= latest);
        latest = time;
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

int main(void)
{
    const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,      CLOCK_MONOTONIC_COARSE,
                                CLOCK_BOOTTIME,  CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
    pthread_t threads[4];
    struct timespec resolution;

    for (size_t c = 0; c < sizeof clocks / sizeof clocks[0]; c++) {
        int64_t last = now(clocks[c]);

        for (int i = 0; i < 5000; i++) {
            int64_t time = now(clocks[c]);

            CHECK(time >= last);
            last = time;
        }
    }
    puts("never back");

    int64_t start = now(CLOCK_MONOTONIC);
    while (now(CLOCK_MONOTONIC) == start)
        ;
    puts("goes on");

    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, pass_on, NULL) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    puts("never back across threads");

    CHECK(clock_getres(CLOCK_MONOTONIC, &resolution) == 0);
    CHECK(resolution.tv_sec == 0 && resolution.tv_nsec > 0);
    CHECK_ERROR(clock_gettime(999, &resolution), EINVAL);
    CHECK(clock() != (clock_t)-1);
    puts("resolution and errors");
    return 0;
}
