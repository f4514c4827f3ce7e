/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals between threads: pthread_kill runs the handler in the thread that it names, while that
 * thread computes with system calls or sleeps; masks belong to threads and are inherited.
 */
#include "check.h"
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

static pthread_t target;
static atomic_int ran, ready;

static void handler(int number)
{
    CHECK(number == SIGUSR1);
    CHECK(pthread_equal(pthread_self(), target));
    atomic_fetch_add(&ran, 1);
}

static void *call(void *argument)
{
    (void)argument;
    atomic_store(&ready, 1);
    while (atomic_load(&ran) < 1)
        getppid();
    return NULL;
}

static void *sleep_long(void *argument)
{
    struct timespec hour = {3600, 0};

    (void)argument;
    atomic_store(&ready, 1);
    CHECK(nanosleep(&hour, &hour) == -1);
    CHECK(errno == EINTR);
    CHECK(hour.tv_sec > 3000);
    return NULL;
}

static void *look(void *argument)
{
    sigset_t mask;

    (void)argument;
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &mask) == 0);
    CHECK(sigismember(&mask, SIGUSR2) == 1);
    CHECK(sigismember(&mask, SIGUSR1) == 0);
    return NULL;
}

static void start(void *(*function)(void *), void *argument)
{
    atomic_store(&ready, 0);
    atomic_store(&ran, 0);
    CHECK(pthread_create(&target, NULL, function, argument) == 0);
    while (!atomic_load(&ready))
        sched_yield();
}

int main(void)
{
    struct sigaction action = {.sa_handler = handler};
    sigset_t set;

    sigemptyset(&action.sa_mask);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);

    start(call, NULL);
    CHECK(pthread_kill(target, SIGUSR1) == 0);
    CHECK(pthread_join(target, NULL) == 0);
    puts("a thread that makes system calls");

    start(sleep_long, NULL);
    usleep(20000); /* most runs: it sleeps by now; if not, the loop below tries again */
    do {
        CHECK(pthread_kill(target, SIGUSR1) == 0);
        usleep(10000);
    } while (pthread_tryjoin_np(target, NULL) == EBUSY);
    CHECK(atomic_load(&ran) >= 1);
    puts("a thread that sleeps");

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    CHECK(pthread_create(&target, NULL, look, NULL) == 0);
    CHECK(pthread_join(target, NULL) == 0);
    puts("the mask is inherited");

    target = pthread_self();
    CHECK(pthread_kill(target, SIGUSR1) == 0);
    CHECK(atomic_load(&ran) >= 1);
    puts("the thread itself");
    return 0;
}
