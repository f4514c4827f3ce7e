/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests to the host, through this thread's slot of the shared region.
 *
 * Invariants:
 *   1. slot and buffer addresses are computed from measured values alone;
 *   2. a reply is read once, when the slot says DONE, and is -133..-1 or in the caller's bounds;
 *      anything else stops the enclave;
 *   3. nothing in the region is trusted to stay: callers copy with host_get, then check.
 */
#include "syscalls.h"

#include <stdatomic.h>

#define ERRNO_MOST 133 /* EHWPOISON, the last errno of x86-64 */

/* How long a request is worth waiting for without leaving: longer than a poller takes to copy a
 * full buffer, about what leaving costs. In turns of `pause`. */
#define SPIN_TURNS 4000u

static uint8_t *region;

void host_start(uint8_t *shared, uint64_t size)
{
    uint64_t start = (uint64_t)(uintptr_t)shared;
    /* The region is the launcher's word: it must be what the image says, and outside. */
    if (size != ring_size(boot->thread_count) || start & 4095 || start < boot->elrange_size ||
        start + size < start)
        runtime_stop(RING_STOP_BOOT, 1);
    region = shared;
}

void host_thread_start(struct thread *thread)
{
    if (!region) /* the host entered another TCS before the first */
        runtime_stop(RING_STOP_INTERNAL, 4);
    thread->slot = (struct ring_slot *)(void *)(region + ring_slots_offset()) + thread->number;
    thread->buffer = region + ring_buffer_offset(boot->thread_count, thread->number);
}

struct ring_header *host_header(void)
{
    return (struct ring_header *)(void *)region;
}

uint8_t *host_call_data(uint32_t entry)
{
    return region + ring_call_data_offset(boot->thread_count, entry);
}

static bool spin(struct ring_slot *slot)
{
    const struct ring_header *header = host_header();
    for (uint32_t turn = 0; turn < SPIN_TURNS; turn++) {
        uint32_t state = atomic_load_explicit(&slot->state, memory_order_acquire);
        if (state == RING_DONE)
            return true;
        if (state == RING_SUBMITTED && turn > 64 &&
            !atomic_load_explicit(&header->listening, memory_order_relaxed))
            return false;
        __builtin_ia32_pause();
    }
    return false;
}

static int64_t call(bool slow, uint32_t operation, const uint64_t arguments[4], int64_t least,
                    int64_t most)
{
    struct thread *self = thread_self();
    struct ring_slot *slot = self->slot;
    self->forwarded = true;
    slot->operation = operation;
    for (int i = 0; i < 4; i++)
        slot->arguments[i] = arguments[i];
    atomic_store_explicit(&slot->state, slow ? RING_SUBMITTED_GATE : RING_SUBMITTED,
                          memory_order_release);
    bool polled = !slow && atomic_load_explicit(&host_header()->listening, memory_order_relaxed) &&
                  spin(slot);
    (*(polled ? &statistics.polled : &statistics.gated))++;
    while (!polled && atomic_load_explicit(&slot->state, memory_order_acquire) != RING_DONE)
        runtime_gate();
    int64_t result = *(volatile int64_t *)&slot->result;
    atomic_store_explicit(&slot->state, RING_IDLE, memory_order_relaxed);
    if ((result < least || result > most) && (result >= 0 || result < -ERRNO_MOST))
        runtime_stop(RING_STOP_HOST_LIED, operation);
    return result;
}

int64_t host_call(uint32_t operation, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                  int64_t least, int64_t most)
{
    return call(false, operation, (uint64_t[]){a0, a1, a2, a3}, least, most);
}

int64_t host_call_slow(uint32_t operation, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                       int64_t least, int64_t most)
{
    return call(true, operation, (uint64_t[]){a0, a1, a2, a3}, least, most);
}

int64_t host_leave(uint32_t operation, uint64_t a0, uint64_t a1)
{
    return call(true, operation, (uint64_t[]){a0, a1, 0, 0}, 0, 0);
}

void host_put(size_t offset, const void *bytes, size_t size)
{
    if (offset > RING_BUFFER_SIZE || size > RING_BUFFER_SIZE - offset)
        runtime_stop(RING_STOP_INTERNAL, 1);
    memcpy(thread_self()->buffer + offset, bytes, size);
}

void host_get(size_t offset, void *bytes, size_t size)
{
    if (offset > RING_BUFFER_SIZE || size > RING_BUFFER_SIZE - offset)
        runtime_stop(RING_STOP_INTERNAL, 2);
    uint8_t *buffer = thread_self()->buffer + offset;
    memcpy(bytes, buffer, size);
    memset(buffer, 0, size); /* a host that behaves has no copy any more */
}
