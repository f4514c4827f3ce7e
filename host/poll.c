/* SPDX-License-Identifier: Apache-2.0
 *
 * The poller: a host thread that serves slots while requests come quickly, so that enclave threads
 * need not leave. It is made when requests first come quickly, and sleeps when they stop.
 */
#include "host.h"

#include <signal.h>

#define PAYS_NS UINT64_C(300000) /* requests closer than this are worth a polling core */
#define IDLE_NS UINT64_C(100000) /* without a request for this long it sleeps */
#define TURNS   64               /* looks at the slots between looks at the clock */

static bool look(struct cella_enclave *enclave)
{
    bool found = false;
    uint32_t most = atomic_load_explicit(&enclave->threads_high, memory_order_relaxed);
    for (uint32_t i = 0; i < most; i++) {
        struct ring_slot *slot = host_slot(enclave, i);
        uint32_t submitted = RING_SUBMITTED;
        if (atomic_load_explicit(&slot->state, memory_order_relaxed) != RING_SUBMITTED ||
            !atomic_compare_exchange_strong(&slot->state, &submitted, RING_TAKEN))
            continue;
        found = true;
        atomic_fetch_add_explicit(&enclave->polled, 1, memory_order_relaxed);
        host_serve(enclave, slot, i);
        if (atomic_load(&enclave->threads[i].awaits)) {
            atomic_fetch_add(&enclave->threads[i].served, 1);
            host_futex_wake(&enclave->threads[i].served, 1);
        }
    }
    return found;
}

static void *run(void *argument)
{
    struct cella_enclave *enclave = argument;
    struct ring_header *header = host_header(enclave);
    cella_error error;
    if (host_confine_thread(enclave, enclave->poller_inherits, &error)) {
        host_log(enclave, "%s", error.sentence);
        return NULL;
    }
    while (!atomic_load(&enclave->stopping)) {
        uint32_t word = atomic_load(&enclave->poller_word);
        atomic_store(&header->listening, 1);
        for (uint64_t last = host_now(); !atomic_load(&enclave->stopping);) {
            bool found = false;
            for (int turn = 0; turn < TURNS; turn++) {
                found |= look(enclave);
                __builtin_ia32_pause();
            }
            uint64_t now = host_now();
            if (found)
                last = now;
            else if (now - last > IDLE_NS)
                break;
        }
        atomic_store(&header->listening, 0);
        look(enclave); /* who saw us listening may have just asked */
        atomic_store(&enclave->poller_asleep, true);
        if (!atomic_load(&enclave->stopping))
            host_futex_wait(&enclave->poller_word, word, UINT64_MAX);
        atomic_store(&enclave->poller_asleep, false);
    }
    atomic_store(&header->listening, 0);
    return NULL;
}

/* Called when a thread had to leave with a request: were it the second in a short time, polling
 * would have served it sooner. */
void host_poller_consider(struct cella_enclave *enclave)
{
    if (!enclave->may_poll)
        return;
    uint64_t now = host_now();
    uint64_t last = atomic_exchange(&enclave->last_request, now);
    if (now - last > PAYS_NS) {
        atomic_store(&enclave->quick_requests, 0);
        return;
    }
    if (atomic_fetch_add(&enclave->quick_requests, 1) < 4)
        return;
    pthread_mutex_lock(&enclave->lock);
    if (!enclave->poller_created && !atomic_load(&enclave->stopping)) {
        enclave->poller_inherits = host_is_confined();
        enclave->poller_created = pthread_create(&enclave->poller, NULL, run, enclave) == 0;
    }
    pthread_mutex_unlock(&enclave->lock);
    if (atomic_load(&enclave->poller_asleep)) {
        atomic_fetch_add(&enclave->poller_word, 1);
        host_futex_wake(&enclave->poller_word, 1);
    }
}
