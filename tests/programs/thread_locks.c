/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader-writer locks, barriers, semaphores, pthread_once, keys with destructors.
 */
#include "check.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <time.h>

#define THREADS 6

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static sem_t semaphore;
static long first, second, serial, initialised, destroyed, permits, most;
static long phase[THREADS];

static void *read_and_write(void *argument)
{
    intptr_t number = (intptr_t)argument;

    for (int i = 0; i < 2000; i++) {
        if ((i + number) % 8 == 0) {
            CHECK(pthread_rwlock_wrlock(&rwlock) == 0);
            first++;
            second++;
        } else {
            CHECK(pthread_rwlock_rdlock(&rwlock) == 0);
            CHECK(first == second);
        }
        CHECK(pthread_rwlock_unlock(&rwlock) == 0);
    }
    return NULL;
}

static void *meet(void *argument)
{
    intptr_t number = (intptr_t)argument;

    for (long i = 1; i <= 200; i++) {
        phase[number] = i;
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            __atomic_fetch_add(&serial, 1, __ATOMIC_RELAXED);
        for (int other = 0; other < THREADS; other++)
            CHECK(phase[other] == i);
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

static void *permit(void *argument)
{
    (void)argument;
    for (int i = 0; i < 500; i++) {
        CHECK(sem_wait(&semaphore) == 0);
        long now = __atomic_add_fetch(&permits, 1, __ATOMIC_SEQ_CST);
        CHECK(now <= 2);
        if (now > __atomic_load_n(&most, __ATOMIC_RELAXED))
            __atomic_store_n(&most, now, __ATOMIC_RELAXED);
        __atomic_sub_fetch(&permits, 1, __ATOMIC_SEQ_CST);
        CHECK(sem_post(&semaphore) == 0);
    }
    return NULL;
}

static void initialise(void)
{
    initialised++;
}

static void destroy(void *value)
{
    CHECK((intptr_t)value >= 100);
    __atomic_fetch_add(&destroyed, 1, __ATOMIC_RELAXED);
}

static void *once_and_key(void *argument)
{
    CHECK(pthread_once(&once, initialise) == 0);
    CHECK(initialised == 1);
    CHECK(pthread_getspecific(key) == NULL);
    CHECK(pthread_setspecific(key, (void *)((intptr_t)argument + 100)) == 0);
    sched_yield();
    CHECK(pthread_getspecific(key) == (void *)((intptr_t)argument + 100));
    return NULL;
}

static void run(void *(*function)(void *))
{
    pthread_t threads[THREADS];

    for (intptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, function, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(void)
{
    run(read_and_write);
    CHECK(first == second);
    CHECK(pthread_rwlock_rdlock(&rwlock) == 0);
    CHECK(pthread_rwlock_tryrdlock(&rwlock) == 0);
    CHECK(pthread_rwlock_trywrlock(&rwlock) == EBUSY);
    CHECK(pthread_rwlock_unlock(&rwlock) == 0);
    CHECK(pthread_rwlock_unlock(&rwlock) == 0);
    printf("rwlock: %ld writes\n", first);

    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    run(meet);
    printf("barrier: %ld phases\n", serial);

    CHECK(sem_init(&semaphore, 0, 2) == 0);
    run(permit);
    int value;
    CHECK(sem_getvalue(&semaphore, &value) == 0);
    CHECK(value == 2 && most >= 1);
    CHECK(sem_trywait(&semaphore) == 0);
    CHECK(sem_trywait(&semaphore) == 0);
    CHECK_ERROR(sem_trywait(&semaphore), EAGAIN);
    struct timespec soon;
    CHECK(clock_gettime(CLOCK_REALTIME, &soon) == 0);
    soon.tv_nsec = (soon.tv_nsec + 20000000) % 1000000000;
    if (soon.tv_nsec < 20000000)
        soon.tv_sec++;
    CHECK_ERROR(sem_timedwait(&semaphore, &soon), ETIMEDOUT);
    puts("semaphore");

    CHECK(pthread_key_create(&key, destroy) == 0);
    run(once_and_key);
    CHECK(initialised == 1);
    printf("once and %ld destructors\n", destroyed);
    CHECK(pthread_key_delete(key) == 0);
    return 0;
}
