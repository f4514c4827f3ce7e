/* SPDX-License-Identifier: Apache-2.0
 *
 * Condition variables: a bounded queue between three producers and three consumers loses and
 * doubles nothing; broadcast wakes all; a wait with a time limit never ends before it.
 */
#include "check.h"
#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define ITEMS 6000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER, not_full = PTHREAD_COND_INITIALIZER;
static int queue[4], queued, head, produced, consumed, released, waiting;
static long sum;
static pthread_cond_t gate;

static void *produce(void *argument)
{
    (void)argument;
    for (;;) {
        pthread_mutex_lock(&mutex);
        while (queued == 4 && produced < ITEMS)
            pthread_cond_wait(&not_full, &mutex);
        if (produced == ITEMS) {
            pthread_cond_broadcast(&not_full);
            pthread_mutex_unlock(&mutex);
            return NULL;
        }
        queue[(head + queued++) % 4] = ++produced;
        pthread_cond_signal(&not_empty);
        pthread_mutex_unlock(&mutex);
    }
}

static void *consume(void *argument)
{
    (void)argument;
    for (;;) {
        pthread_mutex_lock(&mutex);
        while (queued == 0 && consumed < ITEMS)
            pthread_cond_wait(&not_empty, &mutex);
        if (consumed == ITEMS) {
            pthread_cond_broadcast(&not_empty);
            pthread_mutex_unlock(&mutex);
            return NULL;
        }
        sum += queue[head];
        head = (head + 1) % 4;
        queued--;
        consumed++;
        pthread_cond_signal(&not_full);
        pthread_mutex_unlock(&mutex);
    }
}

static void *wait_at_gate(void *argument)
{
    (void)argument;
    pthread_mutex_lock(&mutex);
    waiting++;
    while (!released)
        pthread_cond_wait(&gate, &mutex);
    waiting--;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static int64_t nanoseconds(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static void wait_until(clockid_t clock)
{
    pthread_condattr_t attributes;
    pthread_cond_t condition;
    struct timespec until, now;

    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, clock) == 0);
    CHECK(pthread_cond_init(&condition, &attributes) == 0);
    CHECK(clock_gettime(clock, &until) == 0);
    until.tv_nsec += 30000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&mutex);
    int error;
    while ((error = pthread_cond_timedwait(&condition, &mutex, &until)) == 0)
        ; /* may wake for no reason */
    pthread_mutex_unlock(&mutex);
    CHECK(error == ETIMEDOUT);
    CHECK(clock_gettime(clock, &now) == 0);
    CHECK(nanoseconds(&now) >= nanoseconds(&until));

    until = (struct timespec){1, 0}; /* long ago */
    pthread_mutex_lock(&mutex);
    CHECK(pthread_cond_timedwait(&condition, &mutex, &until) == ETIMEDOUT);
    pthread_mutex_unlock(&mutex);
    CHECK(pthread_cond_destroy(&condition) == 0);
}

int main(void)
{
    pthread_t threads[8];

    for (int i = 0; i < 6; i++)
        CHECK(pthread_create(&threads[i], NULL, i < 3 ? produce : consume, NULL) == 0);
    for (int i = 0; i < 6; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    printf("%d items, sum %ld\n", consumed, sum);

    CHECK(pthread_cond_init(&gate, NULL) == 0);
    for (int i = 0; i < 8; i++)
        CHECK(pthread_create(&threads[i], NULL, wait_at_gate, NULL) == 0);
    for (int all = 0; !all;) {
        pthread_mutex_lock(&mutex);
        all = waiting == 8;
        if (all)
            released = 1;
        pthread_mutex_unlock(&mutex);
        sched_yield();
    }
    CHECK(pthread_cond_broadcast(&gate) == 0);
    for (int i = 0; i < 8; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(waiting == 0);
    puts("broadcast woke all");

    wait_until(CLOCK_MONOTONIC);
    wait_until(CLOCK_REALTIME);
    puts("time limits");
    return 0;
}
