/* SPDX-License-Identifier: Apache-2.0
 *
 * Cancellation of a thread that sleeps, waits on a condition or a semaphore, reads from a pipe, or
 * only tests for it; cleanup handlers run; a thread that disables it goes on.
 */
#include "check.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

static atomic_int ready, cleaned;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t semaphore, go;
static int ends[2];

static void clean(void *argument)
{
    (void)argument;
    atomic_fetch_add(&cleaned, 1);
}

static void unlock(void *argument)
{
    pthread_mutex_unlock(argument);
    clean(NULL);
}

static void *in_sleep(void *argument)
{
    (void)argument;
    pthread_cleanup_push(clean, NULL);
    atomic_store(&ready, 1);
    for (;;)
        sleep(1000);
    pthread_cleanup_pop(1);
    return NULL;
}

static void *in_condition(void *argument)
{
    (void)argument;
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, &mutex);
    atomic_store(&ready, 1);
    for (;;)
        pthread_cond_wait(&condition, &mutex);
    pthread_cleanup_pop(1);
    return NULL;
}

static void *in_semaphore(void *argument)
{
    (void)argument;
    pthread_cleanup_push(clean, NULL);
    atomic_store(&ready, 1);
    sem_wait(&semaphore);
    pthread_cleanup_pop(1);
    return NULL;
}

static void *in_read(void *argument)
{
    char byte;

    (void)argument;
    pthread_cleanup_push(clean, NULL);
    atomic_store(&ready, 1);
    CHECK(read(ends[0], &byte, 1) == 1);
    pthread_cleanup_pop(1);
    return NULL;
}

static void *in_test(void *argument)
{
    (void)argument;
    pthread_cleanup_push(clean, NULL);
    atomic_store(&ready, 1);
    for (;;)
        pthread_testcancel();
    pthread_cleanup_pop(1);
    return NULL;
}

static void *disabled(void *argument)
{
    int old;

    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old) == 0);
    CHECK(old == PTHREAD_CANCEL_ENABLE);
    atomic_store(&ready, 1);
    while (sem_wait(&go) != 0)
        CHECK(errno == EINTR);
    return argument;
}

static void cancel(void *(*function)(void *), const char *name)
{
    pthread_t thread;
    void *result;

    atomic_store(&ready, 0);
    atomic_store(&cleaned, 0);
    CHECK(pthread_create(&thread, NULL, function, NULL) == 0);
    while (!atomic_load(&ready))
        sched_yield();
    usleep(5000);
    CHECK(pthread_cancel(thread) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK(atomic_load(&cleaned) == 1);
    puts(name);
}

int main(void)
{
    pthread_t thread;
    void *result;

    CHECK(sem_init(&semaphore, 0, 0) == 0);
    CHECK(sem_init(&go, 0, 0) == 0);
    CHECK(pipe(ends) == 0);
    cancel(in_test, "testcancel");
    cancel(in_sleep, "sleep");
    cancel(in_condition, "condition");
    CHECK(pthread_mutex_trylock(&mutex) == 0);
    cancel(in_semaphore, "semaphore");
    cancel(in_read, "read");

    atomic_store(&ready, 0);
    CHECK(pthread_create(&thread, NULL, disabled, (void *)3) == 0);
    while (!atomic_load(&ready))
        sched_yield();
    CHECK(pthread_cancel(thread) == 0);
    CHECK(sem_post(&go) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == (void *)3);
    puts("disabled");
    return 0;
}
