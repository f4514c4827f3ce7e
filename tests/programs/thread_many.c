/* SPDX-License-Identifier: Apache-2.0
 *
 * 300 threads one after another, joined and detached in turn; then 12 at once, thirty times: a
 * thread's end gives back what it took.
 */
#include "check.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>

static sem_t ended;
static pthread_barrier_t all;

static void *one(void *argument)
{
    return (void *)((intptr_t)argument + 1);
}

static void *detached(void *argument)
{
    (void)argument;
    sem_post(&ended);
    return NULL;
}

static void *together(void *argument)
{
    pthread_barrier_wait(&all);
    return argument;
}

int main(void)
{
    CHECK(sem_init(&ended, 0, 0) == 0);
    for (intptr_t i = 0; i < 300; i++) {
        pthread_t thread;
        void *result;

        CHECK(pthread_create(&thread, NULL, one, (void *)i) == 0);
        CHECK(pthread_join(thread, &result) == 0);
        CHECK(result == (void *)(i + 1));
    }
    puts("300 joined");

    for (int i = 0; i < 300; i++) {
        pthread_t thread;
        int error;

        /* A detached thread may still be on its way out when its successor is made. */
        while ((error = pthread_create(&thread, NULL, detached, NULL)) == EAGAIN)
            sched_yield();
        CHECK(error == 0);
        CHECK(pthread_detach(thread) == 0);
        CHECK(sem_wait(&ended) == 0);
    }
    puts("300 detached");

    CHECK(pthread_barrier_init(&all, NULL, 13) == 0);
    for (int round = 0; round < 30; round++) {
        pthread_t threads[12];

        for (intptr_t i = 0; i < 12; i++) {
            int error;

            while ((error = pthread_create(&threads[i], NULL, together, (void *)i)) == EAGAIN)
                sched_yield();
            CHECK(error == 0);
        }
        pthread_barrier_wait(&all);
        for (intptr_t i = 0; i < 12; i++) {
            void *result;

            CHECK(pthread_join(threads[i], &result) == 0);
            CHECK(result == (void *)i);
        }
    }
    puts("12 at once, 30 times");
    return 0;
}
