/* SPDX-License-Identifier: Apache-2.0
 *
 * Thread-local variables: initialised in each thread, apart from those of other threads, aligned.
 */
#include "check.h"
#include <pthread.h>
#include <stdint.h>

static __thread int initialised = 41;
static __thread char zero[5000];
static __thread _Alignas(64) double aligned = 0.5;

static void *thread(void *argument)
{
    int number = (int)(intptr_t)argument;

    for (int round = 0; round < 100; round++) {
        CHECK(initialised == 41 + round * number);
        CHECK(zero[number] == (char)round);
        CHECK((uintptr_t)&aligned % 64 == 0);
        CHECK(aligned == 0.5 + round);
        initialised += number;
        zero[number]++;
        aligned += 1;
        errno = number;
        sched_yield();
        CHECK(errno == number);
    }
    return &initialised;
}

int main(void)
{
    pthread_t threads[8];

    for (int i = 0; i < 8; i++)
        CHECK(pthread_create(&threads[i], NULL, thread, (void *)(intptr_t)(i + 1)) == 0);
    for (int i = 0; i < 8; i++) {
        void *address;

        CHECK(pthread_join(threads[i], &address) == 0);
        CHECK(address != &initialised);
    }
    CHECK(initialised == 41 && zero[3] == 0 && aligned == 0.5);
    thread((void *)(intptr_t)1);
    puts("thread-local variables");
    return 0;
}
