/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads: create, join with a result, detach, tryjoin, own stacks of a chosen size, pthread_exit
 * from a nested call, a thread that makes threads.
 */
#include "check.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>

static sem_t done, go;

static void *square(void *argument)
{
    intptr_t n = (intptr_t)argument;

    return (void *)(n * n);
}

static void *detached(void *argument)
{
    (void)argument;
    CHECK(sem_post(&done) == 0);
    return NULL;
}

static void *wait_for_go(void *argument)
{
    CHECK(sem_wait(&go) == 0);
    return argument;
}

static void leave(intptr_t depth)
{
    if (depth < 0)
        return;
    if (depth == 0)
        pthread_exit((void *)77);
    leave(depth - 1);
    CHECK(!"returned");
}

static void *nested_exit(void *argument)
{
    leave((intptr_t)argument);
    return NULL;
}

static void *use_stack(void *argument)
{
    size_t size = (size_t)argument;
    volatile char bytes[size];

    for (size_t i = 0; i < size; i += 512)
        bytes[i] = 1;
    return (void *)(intptr_t)bytes[0];
}

static void *parent(void *argument)
{
    pthread_t child;
    void *result;

    CHECK(pthread_create(&child, NULL, square, argument) == 0);
    CHECK(pthread_join(child, &result) == 0);
    return result;
}

int main(void)
{
    pthread_t threads[8];
    void *result;
    intptr_t sum = 0;

    CHECK(sem_init(&done, 0, 0) == 0);
    CHECK(sem_init(&go, 0, 0) == 0);
    for (intptr_t i = 0; i < 8; i++)
        CHECK(pthread_create(&threads[i], NULL, square, (void *)i) == 0);
    for (int i = 7; i >= 0; i--) {
        CHECK(pthread_join(threads[i], &result) == 0);
        sum += (intptr_t)result;
    }
    printf("sum %d\n", (int)sum);

    for (int i = 0; i < 20; i++) {
        CHECK(pthread_create(&threads[0], NULL, detached, NULL) == 0);
        CHECK(pthread_detach(threads[0]) == 0);
        CHECK(sem_wait(&done) == 0);
    }
    puts("detached");

    CHECK(pthread_create(&threads[0], NULL, wait_for_go, (void *)5) == 0);
    CHECK(pthread_tryjoin_np(threads[0], &result) == EBUSY);
    CHECK(sem_post(&go) == 0);
    CHECK(pthread_join(threads[0], &result) == 0);
    CHECK(result == (void *)5);
    puts("tryjoin");

    CHECK(pthread_create(&threads[0], NULL, nested_exit, (void *)10) == 0);
    CHECK(pthread_join(threads[0], &result) == 0);
    CHECK(result == (void *)77);
    puts("pthread_exit");

    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, 4 << 20) == 0);
    CHECK(pthread_create(&threads[0], &attributes, use_stack, (void *)(intptr_t)(3 << 20)) == 0);
    CHECK(pthread_join(threads[0], &result) == 0);
    CHECK(result == (void *)1);
    CHECK(pthread_attr_destroy(&attributes) == 0);
    puts("a stack of its own");

    CHECK(pthread_create(&threads[0], NULL, parent, (void *)9) == 0);
    CHECK(pthread_join(threads[0], &result) == 0);
    printf("a thread of a thread: %d\n", (int)(intptr_t)result);
    CHECK(pthread_equal(pthread_self(), pthread_self()));
    return 0;
}
