/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls of a program that serves them. ring.h has the layout, docs/ring.md the protocol.
 *
 * Invariants:
 *   1. Nothing of the shared region decides where the host reads or writes: positions, tickets,
 *      capacities and which entries are free are private. Of a reply `state`, `length` and `status`
 *      are each read once and checked; what cannot be ends the enclave.
 *   2. An entry is freed only by the caller that waited for it, after it has taken the reply or
 *      found the enclave ended, so its number is in use once at most.
 *   3. Who sleeps has first said so in private memory (`asleep`, `sleepers`, `place_waiters`), then
 *      looked again; who wakes has first changed what they look at, then looks who sleeps.
 */
#include "../image/fail.h"
#include "host.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

static_assert(CELLA_CALL_MOST == RING_CALL_DATA, "one limit");

#define SPIN_TURNS  1000 /* looks at a reply before anything else; a few microseconds */
#define YIELD_TURNS 100  /* then looks between which others get the CPU */
#define SLEEP_NS    UINT64_C(100000000)
#define ERRNO_MOST  4095
#define AHEAD       3 /* calls of a batch often follow each other: cells to fetch early */

struct host_calls *host_calls_new(void)
{
    struct host_calls *calls = aligned_alloc(_Alignof(struct host_calls), sizeof(*calls));
    if (!calls)
        return NULL;
    memset(calls, 0, sizeof(*calls));
    for (uint32_t i = 0; i < HOST_CALL_WORDS; i++)
        atomic_init(&calls->free[i], UINT64_MAX);
    return calls;
}

static struct ring_call_reply *reply_at(struct cella_enclave *enclave, uint32_t entry)
{
    return &host_header(enclave)->replies[entry];
}

static uint8_t *data_at(struct cella_enclave *enclave, uint32_t entry)
{
    return enclave->shared + ring_call_data_offset(enclave->thread_count, entry);
}

static bool is_stopping(struct cella_enclave *enclave)
{
    return atomic_load(&enclave->stopping);
}

/* ---- places ---- */

static bool take_place(struct host_calls *calls, uint32_t *entry)
{
    for (uint32_t i = 0; i < HOST_CALL_WORDS; i++) {
        uint64_t word = atomic_load_explicit(&calls->free[i], memory_order_relaxed);
        while (word) {
            uint32_t bit = (uint32_t)__builtin_ctzll(word);
            if (atomic_compare_exchange_weak(&calls->free[i], &word, word & (word - 1))) {
                *entry = i * 64 + bit;
                return true;
            }
        }
    }
    return false;
}

static void free_place(struct host_calls *calls, uint32_t entry)
{
    atomic_fetch_or(&calls->free[entry / 64], UINT64_C(1) << entry % 64);
    if (atomic_load(&calls->place_waiters)) {
        atomic_fetch_add(&calls->places, 1);
        host_futex_wake(&calls->places, 1);
    }
}

static bool takes_calls(struct cella_enclave *enclave)
{
    return !is_stopping(enclave) &&
           !atomic_load_explicit(&enclave->calls->closed, memory_order_relaxed);
}

/* False: the enclave has ended, or takes no more calls. */
static bool await_place(struct cella_enclave *enclave, uint32_t *entry)
{
    struct host_calls *calls = enclave->calls;
    bool taken = take_place(calls, entry);
    while (!taken) {
        atomic_fetch_add(&calls->place_waiters, 1);
        uint32_t places = atomic_load(&calls->places);
        taken = take_place(calls, entry);
        bool ended = !taken && !takes_calls(enclave);
        if (!taken && !ended)
            host_futex_wait(&calls->places, places, SLEEP_NS);
        atomic_fetch_sub(&calls->place_waiters, 1);
        if (ended)
            break;
    }
    return taken;
}

/* ---- a call's way: start, await, take ---- */

/* Why a call cannot be made, or will have no reply. */
static cella_status refuse(struct cella_enclave *enclave, cella_error *error)
{
    if (!is_stopping(enclave))
        return fail(error, CELLA_INVALID, "no more calls are taken: cella_call_close was called");
    pthread_mutex_lock(&enclave->lock);
    cella_end end = enclave->outcome.end;
    pthread_mutex_unlock(&enclave->lock);
    if (end != CELLA_END_STOPPED && !atomic_load(&host_header(enclave)->served))
        return fail(error, CELLA_INVALID,
                    "the program ended without serving a call; it has to use cella_serve");
    return fail(error, CELLA_STOPPED,
                end == CELLA_END_STOPPED ? "the call has no reply: the enclave was stopped"
                                         : "the call has no reply: the program ended");
}

static cella_status check_request(const void *in, size_t in_size, cella_error *error)
{
    if (in_size > CELLA_CALL_MOST)
        return fail(error, CELLA_INVALID, "a call's request has %zu bytes; %d are the most",
                    in_size, CELLA_CALL_MOST);
    if (in_size && !in)
        return fail(error, CELLA_INVALID, "a call's request has %zu bytes at NULL", in_size);
    return CELLA_OK;
}

static void prefetch_to_write(void *line)
{
    __asm__ volatile("prefetchw %0" : : "m"(*(uint8_t *)line));
}

static void wake_sleeper(struct host_calls *calls, int count)
{
    atomic_fetch_add(&calls->queued, 1);
    host_futex_wake(&calls->queued, count);
}

/* Queues the request of an entry that the caller has; its ticket. */
static uint32_t submit(struct cella_enclave *enclave, uint32_t entry, uint32_t operation,
                       const void *in, size_t in_size, size_t capacity)
{
    struct host_calls *calls = enclave->calls;
    struct ring_header *header = host_header(enclave);
    struct host_call_entry *mine = &calls->entries[entry];
    uint32_t ticket = (atomic_load_explicit(&mine->ticket, memory_order_relaxed) & ~1u) + 2;
    mine->capacity = capacity < CELLA_CALL_MOST ? (uint32_t)capacity : CELLA_CALL_MOST;

    uint32_t position = atomic_fetch_add(&calls->tail, 1);
    struct ring_call_request *cell = &header->requests[position % RING_CALLS];
    struct ring_call_request *ahead = &header->requests[(position + AHEAD) % RING_CALLS];
    prefetch_to_write(ahead);
    prefetch_to_write(ahead->data + 64);
    cell->entry = entry;
    cell->ticket = ticket;
    cell->operation = operation;
    cell->length = (uint32_t)in_size;
    cell->capacity = mine->capacity;
    if (in_size)
        memcpy(in_size <= RING_CALL_INLINE ? cell->data : data_at(enclave, entry), in, in_size);
    atomic_store(&cell->sequence, position + 1);
    /* The enclave's word on `serving` decides about its own calls alone. */
    if (atomic_load(&calls->sleepers) && !atomic_load(&header->serving))
        wake_sleeper(calls, 1);
    return ticket;
}

/* Sleeps until `state` may have changed from `seen`. */
static void sleep_on(struct cella_enclave *enclave, uint32_t entry, uint32_t seen, uint32_t ticket)
{
    struct ring_call_reply *reply = reply_at(enclave, entry);
    _Atomic uint64_t *asleep = &enclave->calls->asleep[entry / 64];
    uint64_t bit = UINT64_C(1) << entry % 64;
    atomic_fetch_or(asleep, bit);
    if ((seen == ticket + 1 || atomic_compare_exchange_strong(&reply->state, &seen, ticket + 1)) &&
        !is_stopping(enclave))
        host_futex_wait(&reply->state, ticket + 1, SLEEP_NS);
    atomic_fetch_and(asleep, ~bit);
}

/* Waits for the reply; false: there will be none. */
static bool await(struct cella_enclave *enclave, uint32_t entry, uint32_t ticket)
{
    const struct ring_call_reply *reply = reply_at(enclave, entry);
    const struct ring_call_reply *next = reply_at(enclave, (entry + AHEAD) % RING_CALLS);
    __builtin_prefetch(next);
    __builtin_prefetch(next->data + 64);
    for (uint32_t turn = 0;; turn++) {
        uint32_t state = atomic_load_explicit(&reply->state, memory_order_acquire);
        if (state == ticket)
            return true;
        if (turn < SPIN_TURNS && enclave->may_poll) {
            __builtin_ia32_pause();
            continue;
        }
        if (is_stopping(enclave))
            return atomic_load(&reply->state) == ticket;
        if (turn < SPIN_TURNS + YIELD_TURNS && enclave->may_poll)
            sched_yield();
        else if (state == ticket - 2 || state == ticket + 1)
            sleep_on(enclave, entry, state, ticket);
        else
            host_end(enclave, CELLA_END_STOPPED, 0,
                     "the enclave was stopped: it gave a call a state that no call can have");
    }
}

/* Takes the reply that is there. `out` has room for the entry's capacity. */
static cella_status take(struct cella_enclave *enclave, uint32_t entry, void *out, size_t *out_size,
                         int *result, cella_error *error)
{
    struct ring_call_reply *reply = reply_at(enclave, entry);
    uint32_t length = *(volatile uint32_t *)&reply->length;
    int32_t status = *(volatile int32_t *)&reply->status;
    if (length > enclave->calls->entries[entry].capacity || status > 0 || status < -ERRNO_MOST) {
        host_end(enclave, CELLA_END_STOPPED, 0,
                 "the enclave was stopped: it gave a call a reply that no call can have");
        return refuse(enclave, error);
    }
    if (length)
        memcpy(out, length <= RING_CALL_INLINE ? reply->data : data_at(enclave, entry), length);
    if (out_size)
        *out_size = length;
    if (result)
        *result = status;
    return CELLA_OK;
}

static cella_status finish(struct cella_enclave *enclave, uint32_t entry, uint32_t ticket,
                           void *out, size_t *out_size, int *result, cella_error *error)
{
    cella_status status = await(enclave, entry, ticket)
                              ? take(enclave, entry, out, out_size, result, error)
                              : refuse(enclave, error);
    free_place(enclave->calls, entry);
    return status;
}

/* ---- <cella/cella.h> ---- */

cella_status cella_call(cella_enclave *enclave, uint32_t operation, const void *in, size_t in_size,
                        void *out, size_t *out_size, int *result, cella_error *error)
{
    uint32_t entry;
    size_t capacity = out_size ? *out_size : 0;
    cella_status status = check_request(in, in_size, error);
    if (status)
        return status;
    if (capacity && !out)
        return fail(error, CELLA_INVALID, "a call's reply may have %zu bytes at NULL", capacity);
    if (!takes_calls(enclave) || !await_place(enclave, &entry))
        return refuse(enclave, error);
    uint32_t ticket = submit(enclave, entry, operation, in, in_size, capacity);
    /* Nobody else may wait for it. */
    atomic_store_explicit(&enclave->calls->entries[entry].ticket, ticket + 1, memory_order_relaxed);
    return finish(enclave, entry, ticket, out, out_size, result, error);
}

cella_status cella_call_start(cella_enclave *enclave, uint32_t operation, const void *in,
                              size_t in_size, size_t out_capacity, cella_pending *pending,
                              cella_error *error)
{
    uint32_t entry;
    cella_status status = check_request(in, in_size, error);
    if (status)
        return status;
    if (!takes_calls(enclave))
        return refuse(enclave, error);
    if (!take_place(enclave->calls, &entry))
        return fail(error, CELLA_BUSY, "all %u calls are under way; finish one first", RING_CALLS);
    uint32_t ticket = submit(enclave, entry, operation, in, in_size, out_capacity);
    atomic_store_explicit(&enclave->calls->entries[entry].ticket, ticket, memory_order_release);
    *pending = (cella_pending){entry, ticket};
    return CELLA_OK;
}

cella_status cella_call_finish(cella_enclave *enclave, cella_pending pending, void *out,
                               size_t *out_size, int *result, cella_error *error)
{
    if (pending.entry >= RING_CALLS || pending.generation & 1)
        return fail(error, CELLA_INVALID, "no such call");
    struct host_call_entry *mine = &enclave->calls->entries[pending.entry];
    uint32_t ticket = pending.generation;
    if (atomic_load_explicit(&mine->ticket, memory_order_acquire) == ticket) {
        size_t size = out && out_size ? *out_size : 0;
        if (size < mine->capacity)
            return fail(error, CELLA_INVALID,
                        "room for %zu bytes of a reply, where the call was started with %u", size,
                        mine->capacity);
        if (atomic_compare_exchange_strong(&mine->ticket, &ticket, ticket + 1))
            return finish(enclave, pending.entry, ticket, out, out_size, result, error);
    }
    return fail(error, CELLA_INVALID, "the call has been finished, or is being finished");
}

void cella_call_close(cella_enclave *enclave)
{
    atomic_store(&enclave->calls->closed, true);
    host_calls_end(enclave);
}

/* ---- what the enclave's end and its threads ask for ---- */

void host_calls_end(struct cella_enclave *enclave)
{
    struct host_calls *calls = enclave->calls;
    atomic_store(&host_header(enclave)->closed, 1);
    wake_sleeper(calls, INT_MAX);
    atomic_fetch_add(&calls->places, 1);
    host_futex_wake(&calls->places, INT_MAX);
    if (!is_stopping(enclave))
        return;
    /* Nobody answers any more: an even value that is no ticket of theirs gets the sleeping out. */
    for (uint32_t i = 0; i < RING_CALLS; i++) {
        struct ring_call_reply *reply = reply_at(enclave, i);
        uint32_t state = atomic_load(&reply->state);
        if (state & 1 && atomic_compare_exchange_strong(&reply->state, &state, state - 3))
            host_futex_wake(&reply->state, INT_MAX);
    }
}

int64_t host_call_wait(struct cella_enclave *enclave, uint64_t position, uint64_t ns)
{
    struct host_calls *calls = enclave->calls;
    struct ring_header *header = host_header(enclave);
    uint32_t wanted = (uint32_t)position + 1;
    atomic_fetch_add(&calls->sleepers, 1);
    uint32_t queued = atomic_load(&calls->queued);
    uint32_t sequence = atomic_load(&header->requests[position % RING_CALLS].sequence);
    if ((int32_t)(sequence - wanted) < 0 && !atomic_load(&calls->closed) && !is_stopping(enclave))
        host_futex_wait(&calls->queued, queued, ns);
    atomic_fetch_sub(&calls->sleepers, 1);
    return 0;
}

int64_t host_call_wake(struct cella_enclave *enclave, uint64_t flags)
{
    struct host_calls *calls = enclave->calls;
    if (flags & ~(uint64_t)(RING_CALL_WAKE_CALLERS | RING_CALL_WAKE_SERVER))
        return -EINVAL;
    if (flags & RING_CALL_WAKE_SERVER && atomic_load(&calls->sleepers))
        wake_sleeper(calls, 1);
    for (uint32_t i = 0; i < HOST_CALL_WORDS && flags & RING_CALL_WAKE_CALLERS; i++) {
        uint64_t word = atomic_load(&calls->asleep[i]);
        for (; word; word &= word - 1) {
            struct ring_call_reply *reply =
                reply_at(enclave, i * 64 + (uint32_t)__builtin_ctzll(word));
            if (!(atomic_load(&reply->state) & 1))
                host_futex_wake(&reply->state, 1);
        }
    }
    return 0;
}
