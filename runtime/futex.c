/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting. Who sleeps, and on what, is known inside; the host only holds still the threads that ask
 * for it, and may let them go at any time.
 *
 * Invariants:
 *   1. thread.queued is 1 exactly while the thread is in the list of its key's bucket; it is
 *      cleared under the bucket's lock by whoever takes the thread out (a waker, or itself);
 *   2. a waker clears `queued`, then changes slot.wake, then asks the host to wake; a sleeper reads
 *      slot.wake, then `queued`, then leaves: so no wake is lost;
 *   3. slot.wake is hostile: it decides only when the host returns, never whether a wait is over.
 *
 * On that stands a mutex, struct lock: 0 free, 1 held, 2 held and somebody may sleep on it.
 */
#include "syscalls.h"

#include <linux/futex.h>
#include <linux/time.h>
#include <stdatomic.h>

#define BUCKETS    64u
#define SPIN_TURNS 300 /* a short wait is cheaper than leaving */
#define LOCK_TURNS 100

struct bucket {
    _Atomic uint32_t locked;
    struct thread *first;
};

static struct bucket buckets[BUCKETS];

static struct bucket *bucket_of(uint64_t key)
{
    return &buckets[(key >> 2 ^ key >> 8) % BUCKETS];
}

static void bucket_lock(struct bucket *bucket)
{
    for (int turn = 1; atomic_exchange_explicit(&bucket->locked, 1, memory_order_acquire); turn++) {
        if (turn % 10000 == 0)
            host_leave(RING_YIELD, 0, 0); /* its holder may have lost its CPU */
        __builtin_ia32_pause();
    }
}

static void bucket_unlock(struct bucket *bucket)
{
    atomic_store_explicit(&bucket->locked, 0, memory_order_release);
}

static void take_out(struct thread **place)
{
    struct thread *thread = *place;
    *place = thread->queue_next;
    atomic_store(&thread->queued, 0);
}

void thread_fetch(struct thread *thread)
{
    if (!atomic_load(&thread->parked))
        return;
    atomic_fetch_add(&thread->slot->wake, 1);
    host_call(RING_WAKE, thread->number, 0, 0, 0, 0, 0);
}

/* Takes this thread out if a waker has not; returns whether a waker had. */
static bool stop_waiting(struct thread *self)
{
    struct bucket *bucket = bucket_of(self->queue_key);
    bucket_lock(bucket);
    bool woken = !atomic_load(&self->queued);
    struct thread **place = &bucket->first;
    while (!woken && *place != self)
        place = &(*place)->queue_next;
    if (!woken)
        take_out(place);
    bucket_unlock(bucket);
    return woken;
}

long thread_wait_bits(_Atomic uint32_t *word, uint32_t value, uint32_t bits, uint64_t ns)
{
    struct thread *self = thread_self();
    uint64_t key = (uint64_t)(uintptr_t)word;
    struct bucket *bucket = bucket_of(key);
    bucket_lock(bucket);
    if (atomic_load(word) != value) {
        bucket_unlock(bucket);
        return -EAGAIN;
    }
    struct thread **last = &bucket->first;
    while (*last)
        last = &(*last)->queue_next;
    *last = self;
    self->queue_key = key;
    self->queue_bits = bits;
    self->queue_next = NULL;
    atomic_store(&self->queued, 1);
    bucket_unlock(bucket);

    for (int turn = 0; turn < SPIN_TURNS; turn++) {
        if (!atomic_load_explicit(&self->queued, memory_order_acquire))
            return 0;
        __builtin_ia32_pause();
    }
    uint64_t start = ns == UINT64_MAX ? 0 : clock_monotonic_ns();
    uint64_t left = ns;
    while (atomic_load(&self->queued) && !thread_is_signalled(self)) {
        uint32_t ticket = atomic_load(&self->slot->wake);
        atomic_store(&self->parked, 1);
        if (atomic_load(&self->queued) && !thread_is_signalled(self))
            host_leave(RING_PARK, ticket, left);
        atomic_store(&self->parked, 0);
        if (ns == UINT64_MAX)
            continue;
        uint64_t passed = clock_monotonic_ns() - start;
        if (passed >= ns)
            break;
        left = ns - passed;
    }
    if (!atomic_load(&self->queued) || stop_waiting(self))
        return 0;
    return thread_is_signalled(self) ? -EINTR : -ETIMEDOUT;
}

uint32_t thread_wake_bits(_Atomic uint32_t *word, uint32_t count, uint32_t bits)
{
    uint64_t key = (uint64_t)(uintptr_t)word;
    struct bucket *bucket = bucket_of(key);
    uint32_t woken = 0;
    while (woken < count) {
        struct thread *thread = NULL;
        bucket_lock(bucket);
        for (struct thread **place = &bucket->first; *place; place = &(*place)->queue_next) {
            if ((*place)->queue_key == key && (*place)->queue_bits & bits) {
                thread = *place;
                take_out(place);
                break;
            }
        }
        bucket_unlock(bucket);
        if (!thread)
            break;
        thread_fetch(thread);
        woken++;
    }
    return woken;
}

void thread_wait(_Atomic uint32_t *word, uint32_t value, uint64_t ns)
{
    thread_wait_bits(word, value, ~0u, ns);
}

void thread_wake(_Atomic uint32_t *word, uint32_t count)
{
    thread_wake_bits(word, count, ~0u);
}

void lock_acquire(struct lock *lock)
{
    for (int turn = 0; turn < LOCK_TURNS; turn++) {
        uint32_t free_word = 0;
        if (atomic_compare_exchange_weak(&lock->word, &free_word, 1))
            return;
        __builtin_ia32_pause();
    }
    while (atomic_exchange(&lock->word, 2) != 0)
        thread_wait(&lock->word, 2, UINT64_MAX);
}

void lock_release(struct lock *lock)
{
    if (atomic_exchange(&lock->word, 0) == 2)
        thread_wake(&lock->word, 1);
}

static long wait(_Atomic uint32_t *word, uint32_t value, uint32_t bits, long timeout, bool absolute,
                 long clock)
{
    uint64_t ns = UINT64_MAX;
    if (!bits)
        return -EINVAL;
    long error = timeout ? clock_left(timeout, clock, absolute, &ns) : 0;
    if (error)
        return error == -EPERM ? -ETIMEDOUT : error; /* C libraries know no other way to say it */
    return thread_wait_bits(word, value, bits, ns);
}

long sys_futex(const long *argument)
{
    _Atomic uint32_t *word = (_Atomic uint32_t *)argument[0];
    int operation = (int)argument[1] & FUTEX_CMD_MASK;
    long clock = argument[1] & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    uint32_t value = (uint32_t)argument[2];
    long timeout = argument[3];
    if ((uint64_t)argument[0] & 3)
        return -EINVAL;
    if (!memory_is_inside(word, 4))
        return -EFAULT;
    switch (operation) {
    case FUTEX_WAIT:
        return wait(word, value, ~0u, timeout, false, clock);
    case FUTEX_WAIT_BITSET:
        return wait(word, value, (uint32_t)argument[5], timeout, true, clock);
    case FUTEX_WAKE:
        return thread_wake_bits(word, value, ~0u);
    case FUTEX_WAKE_BITSET:
        return argument[5] ? (long)thread_wake_bits(word, value, (uint32_t)argument[5]) : -EINVAL;
    case FUTEX_REQUEUE: /* any wait may end early, so those to be moved may be woken as well */
        return thread_wake_bits(word, value, ~0u) +
               thread_wake_bits(word, (uint32_t)argument[3], ~0u);
    default:
        return -ENOSYS;
    }
}
