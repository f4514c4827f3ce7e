/* SPDX-License-Identifier: Apache-2.0
 *
 * runtime/futex.c under real threads: each is a thread of the enclave, and parks in a
 * real futex, as its host has it. The host here is unkind: it lets threads go for no reason,
 * and changes slot.wake. No wake may get lost, and none may come that nobody made. What hangs,
 * failed: the alarm says so.
 */
#include "runtime_core.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define THREADS 6
#define NS      UINT64_C(1000000000)

static struct boot_header header = {.elrange_size = UINT64_C(1) << 47};
const struct boot_header *boot = &header;
bool runtime_debug;
static struct thread threads[THREADS + 1];
static struct ring_slot slots[THREADS + 1];
static _Atomic uint64_t parks;
static _Thread_local uint64_t seed;

uint64_t clock_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
}

long clock_left(long timespec, long id, bool absolute, uint64_t *ns)
{
    struct timespec given, now = {0, 0};
    if (timespec < 65536)
        return -EFAULT;
    memcpy(&given, (const void *)timespec, sizeof(given));
    if (given.tv_sec < 0 || given.tv_nsec < 0 || given.tv_nsec >= (long)NS)
        return -EINVAL;
    if (absolute)
        clock_gettime((clockid_t)id, &now);
    int64_t left = (given.tv_sec - now.tv_sec) * (int64_t)NS + given.tv_nsec - now.tv_nsec;
    *ns = left > 0 ? (uint64_t)left : 0;
    return 0;
}

bool memory_is_inside(const void *start, uint64_t size)
{
    (void)size;
    return (uint64_t)start >= 65536;
}

static long futex(_Atomic uint32_t *word, int operation, uint32_t value, const void *timeout)
{
    return syscall(SYS_futex, word, operation, value, timeout, NULL, 0);
}

int64_t host_leave(uint32_t operation, uint64_t a0, uint64_t a1)
{
    struct ring_slot *slot = thread_self()->slot;
    if (operation == RING_YIELD) {
        syscall(SYS_sched_yield);
        return 0;
    }
    assert_int_equal(operation, RING_PARK);
    atomic_fetch_add(&parks, 1);
    switch (core_random(&seed) % 8) {
    case 0:
        return 0; /* for no reason */
    case 1:
        atomic_fetch_add(&slot->wake, (uint32_t)core_random(&seed));
        break;
    default:
        break;
    }
    struct timespec time = {(time_t)(a1 / NS), (long)(a1 % NS)};
    futex(&slot->wake, FUTEX_WAIT_PRIVATE, (uint32_t)a0, a1 == UINT64_MAX ? NULL : &time);
    return 0;
}

int64_t host_call(uint32_t operation, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                  int64_t least, int64_t most)
{
    (void)a1;
    (void)a2;
    (void)a3;
    assert_true(operation == RING_WAKE && a0 <= THREADS && least == 0 && most == 0);
    futex(&slots[a0].wake, FUTEX_WAKE_PRIVATE, 1, NULL);
    return 0;
}

static void become(uint32_t number)
{
    threads[number] = (struct thread){.number = number, .slot = &slots[number]};
    seed = number + 1;
    core_become(&threads[number]);
}

static void run_all(void *(*run)(void *), unsigned count)
{
    pthread_t made[THREADS];
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(pthread_create(&made[i], NULL, run, (void *)(uint64_t)(i + 1)), 0);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(pthread_join(made[i], NULL), 0);
}

static long call(_Atomic uint32_t *word, int operation, uint32_t value, const void *timeout,
                 _Atomic uint32_t *second, uint32_t third)
{
    const long argument[6] = {(long)word, operation, value, (long)timeout, (long)second, third};
    return sys_futex(argument);
}

static void nap(void)
{
    static const struct timespec moment = {0, 100000};
    nanosleep(&moment, NULL);
}

/* ---- the mutex ---- */

static struct lock lock;
static uint64_t counter;

static void *count(void *argument)
{
    become((uint32_t)(uint64_t)argument);
    for (unsigned i = 0; i < 20000; i++) {
        lock_acquire(&lock);
        uint64_t before = counter;
        if (i % 512 == 0)
            nap(); /* long enough for others to sleep */
        counter = before + 1;
        lock_release(&lock);
    }
    return NULL;
}

static void test_lock(void **state)
{
    (void)state;
    run_all(count, THREADS);
    assert_int_equal(counter, THREADS * 20000u);
    assert_int_equal(lock.word, 0);
    assert_true(atomic_load(&parks) > 0);
}

/* ---- a turn that goes round: each wake matters, as nobody else would make it ---- */

static _Atomic uint32_t turn;

static void *go_round(void *argument)
{
    uint32_t number = (uint32_t)(uint64_t)argument;
    become(number);
    for (uint32_t round = 0; round < 3000; round++) {
        uint32_t mine = round * THREADS + number - 1, now;
        while ((now = atomic_load(&turn)) != mine)
            call(&turn, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
        if (round % 100 == 0)
            nap();
        atomic_store(&turn, mine + 1);
        call(&turn, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
    }
    return NULL;
}

static void test_turns(void **state)
{
    (void)state;
    run_all(go_round, THREADS);
    assert_int_equal(atomic_load(&turn), 3000 * THREADS);
}

/* ---- tokens: each wake of one lets exactly one waiter go ---- */

static _Atomic uint32_t gate;
static _Atomic uint64_t released, waiting;

static void *wait_at_gate(void *argument)
{
    become((uint32_t)(uint64_t)argument);
    for (;;) {
        atomic_fetch_add(&waiting, 1);
        long result = call(&gate, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
        if (result == -EAGAIN)
            return NULL; /* it is closed */
        assert_int_equal(result, 0);
        atomic_fetch_add(&released, 1);
    }
}

static void *open_gate(void *argument)
{
    uint64_t woken = 0, number = (uint64_t)argument;
    if (number < THREADS)
        return wait_at_gate(argument);
    become((uint32_t)number);
    while (woken < 20000) {
        long result = call(&gate, FUTEX_WAKE_PRIVATE, (uint32_t)(1 + woken % 3), NULL, NULL, 0);
        assert_true(result >= 0 && result <= 1 + (long)(woken % 3));
        woken += (uint64_t)result;
        if (core_random(&seed) % 64 == 0)
            nap();
    }
    /* Nobody was let go whom nobody woke, though the host let them all go again and again. */
    while (atomic_load(&released) < woken)
        nap();
    nap();
    assert_int_equal(atomic_load(&released), woken);
    atomic_store(&gate, 1);
    call(&gate, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
    return NULL;
}

static void test_wakes_count(void **state)
{
    (void)state;
    run_all(open_gate, THREADS);
}

static _Atomic uint32_t here;
static _Atomic int gone;

/* ---- requeue: those to be moved are woken too, others stay ---- */

static void *wait_here(void *argument)
{
    become((uint32_t)(uint64_t)argument);
    assert_int_equal(call(&here, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), 0);
    atomic_fetch_add(&gone, 1);
    return NULL;
}

static void test_requeue(void **state)
{
    (void)state;
    pthread_t made[4];
    _Atomic uint32_t there = 0;
    become(THREADS);
    for (uint64_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&made[i], NULL, wait_here, (void *)(i + 1)), 0);
        while (!atomic_load(&threads[i + 1].queued))
            nap();
    }
    assert_int_equal(call(&here, FUTEX_REQUEUE_PRIVATE, 1, (void *)2ul, &there, 0), 3);
    while (atomic_load(&gone) < 3)
        nap();
    assert_int_equal(call(&here, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 1);
    assert_int_equal(call(&there, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(made[i], NULL), 0);
    assert_int_equal(call(&here, FUTEX_REQUEUE_PRIVATE, 1, (void *)2ul, &here, 0), 0);
}

/* ---- time, bits, signals, refusals ---- */

static void test_timeout(void **state)
{
    (void)state;
    become(1);
    _Atomic uint32_t word = 5;
    for (int i = 0; i < 5; i++) {
        struct timespec span = {0, 3000000};
        uint64_t from = clock_monotonic_ns();
        assert_int_equal(call(&word, FUTEX_WAIT_PRIVATE, 5, &span, NULL, 0), -ETIMEDOUT);
        assert_true(clock_monotonic_ns() - from >= 3000000);
        from = clock_monotonic_ns() + 3000000;
        struct timespec at = {(time_t)(from / NS), (long)(from % NS)};
        assert_int_equal(call(&word, FUTEX_WAIT_BITSET_PRIVATE, 5, &at, NULL, ~0u), -ETIMEDOUT);
        assert_true(clock_monotonic_ns() >= from);
    }
    struct timespec past = {1, 0}, wrong = {0, 1000000000}, negative = {-1, 0};
    assert_int_equal(call(&word, FUTEX_WAIT_BITSET_PRIVATE, 5, &past, NULL, ~0u), -ETIMEDOUT);
    assert_int_equal(
        call(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 5, &past, NULL, ~0u),
        -ETIMEDOUT);
    assert_int_equal(call(&word, FUTEX_WAIT_PRIVATE, 5, &wrong, NULL, 0), -EINVAL);
    assert_int_equal(call(&word, FUTEX_WAIT_PRIVATE, 5, &negative, NULL, 0), -EINVAL);
    assert_int_equal(call(&word, FUTEX_WAIT_PRIVATE, 5, (void *)8, NULL, 0), -EFAULT);
    /* Nothing of them is left in a queue. */
    assert_int_equal(call(&word, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 0);
    assert_int_equal(threads[1].queued, 0);
}

static void test_refusals(void **state)
{
    (void)state;
    become(1);
    _Atomic uint32_t word[2] = {5, 0};
    assert_int_equal(call(word, FUTEX_WAIT_PRIVATE, 6, NULL, NULL, 0), -EAGAIN);
    assert_int_equal(call((void *)((uint64_t)word + 1), FUTEX_WAIT_PRIVATE, 5, NULL, NULL, 0),
                     -EINVAL);
    assert_int_equal(call((void *)4, FUTEX_WAIT_PRIVATE, 5, NULL, NULL, 0), -EFAULT);
    assert_int_equal(call(word, FUTEX_WAIT_BITSET_PRIVATE, 5, NULL, NULL, 0), -EINVAL);
    assert_int_equal(call(word, FUTEX_WAKE_BITSET_PRIVATE, 5, NULL, NULL, 0), -EINVAL);
    assert_int_equal(call(word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), -ENOSYS);
}

static void *wait_bits(void *argument)
{
    become((uint32_t)(uint64_t)argument);
    uint32_t bits = 1u << (uint64_t)argument;
    assert_int_equal(call(&here, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, bits), 0);
    atomic_fetch_or(&gone, (int)bits);
    return NULL;
}

static void test_bits(void **state)
{
    (void)state;
    pthread_t made[3];
    become(THREADS);
    atomic_store(&gone, 0);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&made[i], NULL, wait_bits, (void *)(i + 1)), 0);
        while (!atomic_load(&threads[i + 1].queued))
            nap();
    }
    assert_int_equal(call(&here, FUTEX_WAKE_BITSET_PRIVATE, 10, NULL, NULL, 1), 0);
    assert_int_equal(call(&here, FUTEX_WAKE_BITSET_PRIVATE, 10, NULL, NULL, 4), 1);
    while (atomic_load(&gone) != 4)
        nap();
    assert_int_equal(call(&here, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(made[i], NULL), 0);
}

static void *wait_interrupted(void *argument)
{
    become((uint32_t)(uint64_t)argument);
    assert_int_equal(call(&here, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), -EINTR);
    return NULL;
}

static void test_interrupt(void **state)
{
    (void)state;
    pthread_t made;
    become(THREADS);
    for (int round = 0; round < 50; round++) {
        memset(&threads[1], 0, sizeof(threads[1]));
        assert_int_equal(pthread_create(&made, NULL, wait_interrupted, (void *)1), 0);
        while (!atomic_load(&threads[1].queued))
            syscall(SYS_sched_yield);
        if (round % 2)
            nap();
        atomic_store(&threads[1].signals_pending, 2);
        thread_fetch(&threads[1]);
        assert_int_equal(pthread_join(made, NULL), 0);
        assert_int_equal(call(&here, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lock),        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_wakes_count), cmocka_unit_test(test_requeue),
        cmocka_unit_test(test_timeout),     cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_bits),        cmocka_unit_test(test_interrupt),
    };
    alarm(100);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
