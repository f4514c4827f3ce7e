/* SPDX-License-Identifier: Apache-2.0
 *
 * Served calls, inside: the program reads requests and writes replies (serve.h); ring.h and
 * docs/ring.md say how they lie in the shared region.
 *
 * Invariants:
 *   1. `head`, what was taken, for which ticket and with which capacity is private. Of the shared
 *      region a request's fields are read, each once, and checked before use: an entry that does
 *      not exist or is under way already, or a length that is too large, stops the enclave.
 *   2. entries[e].generation is odd exactly while the program has e. It becomes even by
 *      compare-and-swap from what the program was told, so a request is answered once at most, and
 *      bytes are written to the place of an entry only by the thread that answers it.
 *   3. No request waits while every serving thread sleeps: see serve_read.
 */
#include "serve.h"

#include "syscalls.h"

#include <stdatomic.h>

#define BATCH       64u   /* requests taken at once */
#define SPIN_TURNS  4000u /* looks before leaving: about as long as it takes to leave and return */
#define SLEEP_NS    UINT64_C(1000000000)
#define RESULT_MOST 4095 /* of a handler, negated */

struct entry {
    _Atomic uint32_t generation;
    uint32_t ticket;
    uint32_t capacity;
};

static struct entry entries[RING_CALLS];
static struct lock head_lock;
static _Atomic uint32_t head;    /* the next position to take; changed under head_lock */
static _Atomic uint32_t readers; /* threads that look for requests */
static _Atomic uint32_t asleep;  /* threads that left for want of requests */
static _Atomic bool served;

/* Requests too long to lie in line: copied when others may look again. */
struct far_request {
    uint8_t *to;
    uint32_t entry, length;
};

static uint64_t padded(uint64_t length)
{
    return (length + 7) & ~UINT64_C(7);
}

/* Faster than string instructions for a few dozen bytes. Both ends have room for whole words. */
static void copy_words(uint8_t *to, const uint8_t *from, uint64_t length)
{
    for (uint64_t at = 0; at < length; at += 8) {
        uint64_t word;
        __builtin_memcpy(&word, from + at, 8);
        __builtin_memcpy(to + at, &word, 8);
    }
}

static void prefetch_to_write(void *line)
{
    __asm__ volatile("prefetchw %0" : : "m"(*(uint8_t *)line));
}

static bool is_queued(uint32_t position)
{
    return atomic_load(&host_header()->requests[position % RING_CALLS].sequence) == position + 1;
}

/* Takes the request of one cell: its header and, where they are few, its bytes. */
static uint64_t take_one(struct ring_call_request *cell, uint8_t *to, struct far_request *far)
{
    const volatile struct ring_call_request *hostile = cell;
    struct serve_request request = {
        .entry = hostile->entry,
        .operation = hostile->operation,
        .length = hostile->length,
        .capacity = hostile->capacity,
    };
    uint32_t ticket = hostile->ticket;
    if (request.entry >= RING_CALLS || request.length > RING_CALL_DATA ||
        request.capacity > RING_CALL_DATA)
        runtime_stop(RING_STOP_HOST_LIED, RING_CALL_WAIT);
    struct entry *entry = &entries[request.entry];
    uint32_t generation = atomic_load_explicit(&entry->generation, memory_order_relaxed);
    if (generation & 1)
        runtime_stop(RING_STOP_HOST_LIED, RING_CALL_WAIT);
    request.generation = generation + 1;
    entry->ticket = ticket;
    entry->capacity = request.capacity;
    atomic_store_explicit(&entry->generation, request.generation, memory_order_release);

    struct ring_call_reply *reply = &host_header()->replies[request.entry];
    prefetch_to_write(reply);
    prefetch_to_write(reply->data + 64);
    __builtin_memcpy(to, &request, sizeof(request));
    to += sizeof(request);
    *far = (struct far_request){.to = to, .entry = request.entry, .length = request.length};
    if (request.length <= RING_CALL_INLINE) {
        copy_words(to, cell->data, request.length);
        far->length = 0;
    }
    return sizeof(request) + padded(request.length);
}

/* Takes this thread's share of what is queued, as far as the buffer surely holds it. */
static uint64_t take(uint8_t *buffer, uint64_t size)
{
    struct ring_header *header = host_header();
    struct far_request far[BATCH];
    uint32_t available = 0, far_count = 0;
    uint64_t used = 0;
    lock_acquire(&head_lock);
    uint32_t first = atomic_load_explicit(&head, memory_order_relaxed);
    while (available < BATCH && is_queued(first + available)) {
        __builtin_prefetch(header->requests[(first + available) % RING_CALLS].data + 64);
        available++;
    }
    uint32_t others = atomic_load_explicit(&readers, memory_order_relaxed);
    uint32_t share = others > 1 ? (available + others - 1) / others : available;
    uint32_t count = 0;
    while (count < share && size - used >= sizeof(struct serve_request) + RING_CALL_DATA) {
        used += take_one(&header->requests[(first + count) % RING_CALLS], buffer + used,
                         &far[far_count]);
        far_count += far[far_count].length != 0;
        count++;
    }
    atomic_store(&head, first + count);
    lock_release(&head_lock);
    /* The entries' data areas are this thread's until it answers. */
    for (uint32_t i = 0; i < far_count; i++)
        memcpy(far[i].to, host_call_data(far[i].entry), far[i].length);
    return used;
}

/* Looks for requests for a while. 0: closed, -EAGAIN: none. */
static long look(uint8_t *buffer, uint64_t size)
{
    const struct ring_header *header = host_header();
    for (uint32_t turn = 0; turn < SPIN_TURNS; turn++) {
        bool closed = atomic_load_explicit(&header->closed, memory_order_acquire);
        if (is_queued(atomic_load(&head))) {
            uint64_t taken = take(buffer, size);
            if (taken)
                return (long)taken;
        } else if (closed) {
            return 0;
        }
        __builtin_ia32_pause();
    }
    return -EAGAIN;
}

/* Why no request is forgotten: a host that has queued one wakes a thread that sleeps in
 * RING_CALL_WAIT, if there is one, unless `serving` is not 0. And
 *   - a thread that goes to sleep tells the position that it found empty; the host counts it among
 *     the sleeping and then looks at that position again;
 *   - a thread that `serving` counts takes itself out, and then looks again: what was queued before
 *     is seen here, what comes later wakes a sleeper. If there is more than it took, it wakes one.
 * Each is a store and then a load of what the other side stores before it loads, all sequentially
 * consistent: one side sees the other. `serving` is told only while there is somebody to wake. */
static long look_with_others(uint8_t *buffer, uint64_t size)
{
    struct ring_header *header = host_header();
    bool told = atomic_load(&asleep) != 0;
    if (told)
        atomic_fetch_add(&header->serving, 1);
    atomic_fetch_add_explicit(&readers, 1, memory_order_relaxed);
    long result = look(buffer, size);
    atomic_fetch_sub_explicit(&readers, 1, memory_order_relaxed);
    if (told) {
        atomic_fetch_sub(&header->serving, 1);
        if (result > 0 && atomic_load(&asleep) && is_queued(atomic_load(&head)))
            host_call(RING_CALL_WAKE, RING_CALL_WAKE_SERVER, 0, 0, 0, 0, 0);
    }
    return result;
}

long serve_read(uint8_t *buffer, uint64_t size)
{
    const struct thread *self = thread_self();
    if (size < sizeof(struct serve_request) + RING_CALL_DATA)
        return -EINVAL;
    if (!memory_is_inside(buffer, size))
        return -EFAULT;
    if (!atomic_exchange(&served, true))
        atomic_store(&host_header()->served, 1);
    for (;;) {
        long result = look_with_others(buffer, size);
        if (result != -EAGAIN)
            return result;
        if (thread_is_signalled(self))
            return -EINTR;
        uint32_t position = atomic_load(&head);
        atomic_fetch_add(&asleep, 1);
        host_leave(RING_CALL_WAIT, position, SLEEP_NS);
        atomic_fetch_sub(&asleep, 1);
    }
}

/* Gives one reply. -EINVAL: it is not for a request under way, or does not fit. */
static long answer(const struct serve_reply *reply, const uint8_t *bytes, bool *sleeps)
{
    if (reply->entry >= RING_CALLS || reply->status > 0 || reply->status < -RESULT_MOST)
        return -EINVAL;
    struct entry *entry = &entries[reply->entry];
    /* Private still, and right if the generation is: */
    uint32_t ticket = entry->ticket, capacity = entry->capacity, generation = reply->generation;
    if (!(generation & 1) || reply->length > capacity ||
        !atomic_compare_exchange_strong(&entry->generation, &generation, generation + 1))
        return -EINVAL;

    struct ring_call_reply *to = &host_header()->replies[reply->entry];
    if (reply->length > RING_CALL_INLINE)
        memcpy(host_call_data(reply->entry), bytes, reply->length);
    else
        copy_words(to->data, bytes, reply->length);
    to->length = reply->length;
    to->status = reply->status;
    if (atomic_exchange(&to->state, ticket) & 1)
        *sleeps = true;
    return 0;
}

long serve_write(const uint8_t *buffer, uint64_t size)
{
    uint64_t used = 0;
    bool sleeps = false;
    if (!memory_is_inside(buffer, size))
        return -EFAULT;
    while (size - used >= sizeof(struct serve_reply)) {
        struct serve_reply reply;
        __builtin_memcpy(&reply, buffer + used, sizeof(reply));
        uint64_t left = size - used - sizeof(reply);
        if (reply.length > RING_CALL_DATA || padded(reply.length) > left ||
            answer(&reply, buffer + used + sizeof(reply), &sleeps))
            break;
        used += sizeof(reply) + padded(reply.length);
    }
    if (sleeps)
        host_call(RING_CALL_WAKE, RING_CALL_WAKE_CALLERS, 0, 0, 0, 0, 0);
    return used ? (long)used : -EINVAL;
}
