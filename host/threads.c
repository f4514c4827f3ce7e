/* SPDX-License-Identifier: Apache-2.0
 *
 * Host threads: one for each thread of the enclave. It enters the enclave, serves what the thread
 * asks for when it leaves, and enters again, until the enclave ends.
 */
#include "../image/fail.h"
#include "host.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Sent to threads that must come to an end: it makes system calls return EINTR. */
#define WAKE_SIGNAL (SIGRTMAX - 3)

static void nothing(int signal)
{
    (void)signal;
}

void host_signals_prepare(void)
{
    struct sigaction old, action = {.sa_handler = nothing};
    if (sigaction(WAKE_SIGNAL, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
        sigaction(WAKE_SIGNAL, &action, NULL);
}

void host_end(struct cella_enclave *enclave, cella_end end, int status, const char *sentence)
{
    pthread_mutex_lock(&enclave->lock);
    if (!enclave->ended) {
        enclave->ended = true;
        enclave->run_ns = host_now() - enclave->started_at;
        enclave->outcome.end = end;
        enclave->outcome.status = status;
        snprintf(enclave->outcome.sentence, sizeof(enclave->outcome.sentence), "%s", sentence);
        atomic_store(&enclave->stopping, true);
    }
    pthread_cond_broadcast(&enclave->changed);
    pthread_mutex_unlock(&enclave->lock);
    host_calls_end(enclave);
}

/* The thread's slot is TAKEN by the poller: sleep until it is DONE. */
static void await_poller(struct host_thread *thread, struct ring_slot *slot)
{
    struct cella_enclave *enclave = thread->enclave;
    atomic_store(&thread->awaits, true);
    while (!atomic_load(&enclave->stopping)) {
        uint32_t served = atomic_load(&thread->served);
        if (atomic_load(&slot->state) != RING_TAKEN)
            break;
        host_futex_wait(&thread->served, served, UINT64_C(100000000));
    }
    atomic_store(&thread->awaits, false);
}

/* Operations that a poller could have served. */
static bool could_poll(uint32_t operation)
{
    return operation == RING_TIME || operation == RING_WAKE ||
           (operation >= RING_READ && operation < RING_CALL_WAIT);
}

static void serve_exit(struct host_thread *thread)
{
    struct cella_enclave *enclave = thread->enclave;
    struct ring_slot *slot = host_slot(enclave, thread->number);
    uint32_t state = RING_SUBMITTED;
    if (could_poll(*(volatile uint32_t *)&slot->operation))
        host_poller_consider(enclave);
    bool taken = atomic_compare_exchange_strong(&slot->state, &state, RING_TAKEN);
    if (!taken && state == RING_SUBMITTED_GATE)
        taken = atomic_compare_exchange_strong(&slot->state, &state, RING_TAKEN);
    if (taken)
        host_serve(enclave, slot, thread->number);
    else if (state == RING_TAKEN)
        await_poller(thread, slot);
}

static void run_thread(struct host_thread *thread)
{
    struct cella_enclave *enclave = thread->enclave;
    char sentence[500];
    cella_error error;
    while (!atomic_load(&enclave->stopping)) {
        struct tee_exit leave;
        if (enclave->operations->enter(enclave->tee, thread->number, &leave, &error)) {
            host_end(enclave, CELLA_END_STOPPED, 0, error.sentence);
            return;
        }
        atomic_fetch_add_explicit(&enclave->exits, 1, memory_order_relaxed);
        switch (leave.reason) {
        case TEE_EXIT_GATE:
            serve_exit(thread);
            break;
        case TEE_EXIT_INTERRUPTED:
            break;
        case TEE_EXIT_NO_MEMORY:
            host_end(enclave, CELLA_END_STOPPED, 0,
                     "the enclave was stopped: this machine gave it no memory");
            return;
        case TEE_EXIT_FAULT:
            host_fault_sentence(enclave, &leave, sentence);
            host_end(enclave, CELLA_END_STOPPED, 0, sentence);
            return;
        }
    }
}

static void *run(void *argument)
{
    struct host_thread *thread = argument;
    cella_error error;
    if (host_confine_thread(thread->enclave, thread->inherits, &error))
        host_end(thread->enclave, CELLA_END_STOPPED, 0, error.sentence);
    else
        run_thread(thread);
    atomic_store(&thread->finished, true);
    return NULL;
}

cella_status host_thread_create(struct cella_enclave *enclave, uint32_t number, cella_error *error)
{
    struct host_thread *thread = &enclave->threads[number];
    thread->enclave = enclave;
    thread->number = number;
    thread->inherits = host_is_confined();

    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, WAKE_SIGNAL);
    sigdelset(&all, SIGSEGV); /* faults are the TEE's own business */
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGTRAP);
    sigdelset(&all, SIGSYS);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&thread->thread, NULL, run, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result)
        return fail(error, CELLA_SYSTEM, "a host thread for the enclave: %s", strerror(result));
    thread->created = true;
    atomic_fetch_add(&enclave->threads_entered, 1);
    if (number >= atomic_load(&enclave->threads_high))
        atomic_store(&enclave->threads_high, number + 1);
    return CELLA_OK;
}

/* RING_THREAD_START: 0, or -errno. Once the enclave has ended no thread is made: host_join may have
 * passed its number. */
int64_t host_thread_start(struct cella_enclave *enclave, uint64_t number)
{
    if (number >= enclave->thread_count)
        return -EINVAL;
    struct host_thread *thread = &enclave->threads[number];
    int64_t result = 0;
    pthread_mutex_lock(&enclave->lock);
    if (enclave->ended) {
        result = -EAGAIN;
    } else if (thread->created) {
        atomic_fetch_add(&thread->starts, 1);
        host_futex_wake(&thread->starts, 1);
    } else if (host_thread_create(enclave, (uint32_t)number, NULL)) {
        result = -EAGAIN;
    }
    pthread_mutex_unlock(&enclave->lock);
    return result;
}

static void join(struct cella_enclave *enclave, pthread_t thread)
{
    for (;;) {
        struct timespec soon;
        clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_nsec += 1000000;
        if (soon.tv_nsec >= 1000000000) {
            soon.tv_sec++;
            soon.tv_nsec -= 1000000000;
        }
        if (pthread_timedjoin_np(thread, NULL, &soon) != ETIMEDOUT)
            return;
        atomic_fetch_add(&enclave->poller_word, 1);
        host_futex_wake(&enclave->poller_word, 1);
        pthread_kill(thread, WAKE_SIGNAL);
    }
}

/* Brings every thread to its end. `stopping` is set. */
void host_join(struct cella_enclave *enclave)
{
    for (uint32_t i = 0; i < enclave->thread_count; i++)
        if (enclave->threads[i].created)
            enclave->operations->interrupt(enclave->tee, i);
    for (uint32_t i = 0; i < enclave->thread_count; i++) {
        if (!enclave->threads[i].created)
            continue;
        join(enclave, enclave->threads[i].thread);
        enclave->threads[i].created = false;
    }
    if (enclave->poller_created)
        join(enclave, enclave->poller);
    enclave->poller_created = false;
}
