/* SPDX-License-Identifier: Apache-2.0
 *
 * Mutexes: normal, recursive, error checking, with a time limit, robust against nothing but what
 * POSIX says; counters under contention are exact.
 */
#include "check.h"
#include <pthread.h>
#include <time.h>

#define THREADS 6
#define ROUNDS  20000

static pthread_mutex_t normal = PTHREAD_MUTEX_INITIALIZER, recursive, checking;
static pthread_spinlock_t spin;
static long counter, spun, nested;

static pthread_mutex_t make(int type)
{
    pthread_mutex_t mutex;
    pthread_mutexattr_t attributes;

    CHECK(pthread_mutexattr_init(&attributes) == 0);
    CHECK(pthread_mutexattr_settype(&attributes, type) == 0);
    CHECK(pthread_mutex_init(&mutex, &attributes) == 0);
    CHECK(pthread_mutexattr_destroy(&attributes) == 0);
    return mutex;
}

static void *count(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(pthread_mutex_lock(&normal) == 0);
        counter++;
        CHECK(pthread_mutex_unlock(&normal) == 0);
        CHECK(pthread_spin_lock(&spin) == 0);
        spun++;
        CHECK(pthread_spin_unlock(&spin) == 0);
        if (i % 10 == 0) {
            CHECK(pthread_mutex_lock(&recursive) == 0);
            CHECK(pthread_mutex_lock(&recursive) == 0);
            nested++;
            CHECK(pthread_mutex_unlock(&recursive) == 0);
            CHECK(pthread_mutex_unlock(&recursive) == 0);
        }
    }
    return NULL;
}

static void *other(void *argument)
{
    struct timespec soon;

    (void)argument;
    CHECK(pthread_mutex_trylock(&normal) == EBUSY);
    CHECK(pthread_mutex_trylock(&recursive) == EBUSY);
    CHECK(pthread_mutex_unlock(&checking) == EPERM);
    CHECK(clock_gettime(CLOCK_REALTIME, &soon) == 0);
    soon.tv_nsec += 20000000;
    if (soon.tv_nsec >= 1000000000) {
        soon.tv_sec++;
        soon.tv_nsec -= 1000000000;
    }
    CHECK(pthread_mutex_timedlock(&normal, &soon) == ETIMEDOUT);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];

    recursive = make(PTHREAD_MUTEX_RECURSIVE);
    checking = make(PTHREAD_MUTEX_ERRORCHECK);
    CHECK(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, count, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    printf("%ld %ld %ld\n", counter, spun, nested);

    CHECK(pthread_mutex_lock(&checking) == 0);
    CHECK(pthread_mutex_lock(&checking) == EDEADLK);
    CHECK(pthread_mutex_lock(&normal) == 0);
    CHECK(pthread_mutex_lock(&recursive) == 0);
    CHECK(pthread_mutex_trylock(&recursive) == 0);
    CHECK(pthread_create(&threads[0], NULL, other, NULL) == 0);
    CHECK(pthread_join(threads[0], NULL) == 0);
    CHECK(pthread_mutex_unlock(&checking) == 0);
    CHECK(pthread_mutex_unlock(&checking) == EPERM);
    puts("kinds of mutexes");
    return 0;
}
