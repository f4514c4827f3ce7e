/* SPDX-License-Identifier: Apache-2.0
 *
 * The enclave's side of served calls, natively: what a read gives and a write takes, that every
 * lie of the host is noticed, and that a reply changes its own entry's places alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runtime/serve.h"
#include "runtime/syscalls.h"

#include <asm/prctl.h>
#include <cella/enclave.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define BUFFER (sizeof(struct serve_request) + 2 * RING_CALL_DATA)

static_assert(CELLA_SERVE_DESCRIPTOR == SERVE_DESCRIPTOR && CELLA_SERVE_MOST == RING_CALL_DATA &&
                  sizeof(struct cella_serve_request) == sizeof(struct serve_request) &&
                  offsetof(struct cella_serve_request, size) ==
                      offsetof(struct serve_request, length) &&
                  offsetof(struct cella_serve_request, capacity) ==
                      offsetof(struct serve_request, capacity) &&
                  sizeof(struct cella_serve_reply) == sizeof(struct serve_reply) &&
                  offsetof(struct cella_serve_reply, size) == offsetof(struct serve_reply, length),
              "both sides of the descriptor");

static struct boot_header header_page = {.elrange_size = 4096, .thread_count = 4};
const struct boot_header *boot = &header_page;
static __thread struct thread self;
static uint8_t *shared, *buffer;
static uint32_t tail;
static jmp_buf stopped;
static uint64_t stop_detail;
static int gate_calls;
static uint32_t gate_operation;
static void (*gate_action)(void);

/* ---- what serve.c stands on ---- */

_Noreturn void runtime_stop(enum ring_stop why, uint64_t detail)
{
    assert_int_equal(why, RING_STOP_HOST_LIED);
    stop_detail = detail;
    longjmp(stopped, 1);
}

void runtime_gate(void)
{
    gate_calls++;
    gate_operation = self.slot->operation;
    if (gate_action)
        gate_action();
    self.slot->result = 0;
    atomic_store(&self.slot->state, RING_DONE);
}

void lock_acquire(struct lock *lock)
{
    uint32_t none = 0;
    while (!atomic_compare_exchange_weak(&lock->word, &none, 1)) {
        none = 0;
        sched_yield();
    }
}

void lock_release(struct lock *lock)
{
    atomic_store(&lock->word, 0);
}

bool memory_is_inside(const void *start, uint64_t size)
{
    return size < UINT64_C(1) << 30 && start != (void *)1;
}

struct ring_statistics statistics;

static void begin_thread(uint32_t number)
{
    self.self = &self;
    self.number = number;
    assert_int_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, &self), 0);
    host_thread_start(&self);
}

static struct ring_header *ring(void)
{
    return (struct ring_header *)(void *)shared;
}

static int begin(void **state)
{
    (void)state;
    uint64_t size = ring_size(header_page.thread_count);
    shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    buffer = malloc(BUFFER);
    host_start(shared, size);
    begin_thread(0);
    return shared == MAP_FAILED || !buffer;
}

static int end(void **state)
{
    (void)state;
    free(buffer);
    return munmap(shared, ring_size(header_page.thread_count));
}

static void queue(uint32_t entry, uint32_t ticket, const void *bytes, uint32_t length,
                  uint32_t capacity)
{
    struct ring_call_request *cell = &ring()->requests[tail % RING_CALLS];
    cell->entry = entry;
    cell->ticket = ticket;
    cell->operation = 7;
    cell->length = length;
    cell->capacity = capacity;
    if (bytes)
        memcpy(length <= RING_CALL_INLINE ? cell->data : host_call_data(entry), bytes, length);
    atomic_store(&cell->sequence, ++tail);
}

static void give(const struct serve_request *request, int status, uint32_t length, long expected)
{
    struct {
        struct serve_reply reply;
        uint8_t bytes[256];
    } block = {{request->entry, request->generation, status, length}, {0}};
    memset(block.bytes, 0x77, sizeof(block.bytes));
    assert_int_equal(serve_write((uint8_t *)&block, sizeof(block.reply) + ((length + 7) & ~7u)),
                     expected);
}

static struct serve_request take_one(uint32_t entry, uint32_t capacity)
{
    struct serve_request request;
    queue(entry, 2, NULL, 0, capacity);
    assert_int_equal(serve_read(buffer, BUFFER), sizeof(request));
    memcpy(&request, buffer, sizeof(request));
    assert_int_equal(request.entry, entry);
    assert_int_equal(request.capacity, capacity);
    return request;
}

/* ---- tests ---- */

static void test_read(void **state)
{
    (void)state;
    static uint8_t bytes[RING_CALL_DATA];
    struct serve_request request;
    for (uint32_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    static const uint32_t lengths[] = {0, 1, 8, RING_CALL_INLINE, RING_CALL_INLINE + 1, 5000};
    for (uint32_t i = 0; i < 6; i++)
        queue(i, 2, bytes, lengths[i], i);
    long used = serve_read(buffer, BUFFER), at = 0;
    for (uint32_t i = 0; i < 6; i++) {
        memcpy(&request, buffer + at, sizeof(request));
        assert_int_equal(request.entry, i);
        assert_int_equal(request.operation, 7);
        assert_int_equal(request.length, lengths[i]);
        assert_int_equal(request.capacity, i);
        assert_memory_equal(buffer + at + sizeof(request), bytes, lengths[i]);
        at += (long)sizeof(request) + (lengths[i] + 7) / 8 * 8;
        give(&request, 0, 0, sizeof(struct serve_reply));
    }
    assert_int_equal(at, used);
    /* Large ones are given as far as the buffer surely holds the next. */
    for (uint32_t i = 0; i < 3; i++)
        queue(i, 4, bytes, RING_CALL_DATA, 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(serve_read(buffer, BUFFER), sizeof(request) + RING_CALL_DATA);
        memcpy(&request, buffer, sizeof(request));
        assert_int_equal(request.entry, i);
        assert_memory_equal(buffer + sizeof(request), bytes, RING_CALL_DATA);
        give(&request, 0, 0, sizeof(struct serve_reply));
    }
    assert_int_equal(serve_read(buffer, sizeof(request) + RING_CALL_DATA - 1), -EINVAL);
    assert_int_equal(serve_read((uint8_t *)1, BUFFER), -EFAULT);
    assert_int_equal(serve_write((uint8_t *)1, 16), -EFAULT);
}

static void lie(void (*how)(void))
{
    how();
    if (setjmp(stopped) == 0) {
        serve_read(buffer, BUFFER);
        fail_msg("the lie was believed");
    }
    assert_int_equal(stop_detail, RING_CALL_WAIT);
}

static void lie_entry(void)
{
    queue(RING_CALLS, 2, NULL, 0, 0);
}

static void lie_length(void)
{
    queue(1, 2, NULL, RING_CALL_DATA + 1, 0);
}

static void lie_capacity(void)
{
    queue(1, 2, NULL, 0, RING_CALL_DATA + 1);
}

static void lie_twice(void)
{
    queue(9, 2, NULL, 0, 0);
    queue(9, 2, NULL, 0, 0);
}

static void in_child(void (*how)(void))
{
    /* runtime_stop never returns, so what it leaves behind (a held lock) dies with a child. */
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        begin_thread(0);
        lie(how);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_lies(void **state)
{
    (void)state;
    in_child(lie_entry);
    in_child(lie_length);
    in_child(lie_capacity);
    in_child(lie_twice);
}

/* A sequence that is not the awaited one is no request. */
static void close_it(void)
{
    atomic_store(&ring()->closed, 1);
}

static void test_sequence(void **state)
{
    (void)state;
    static const uint32_t off[] = {0, 2, 256, 257, UINT32_MAX};
    for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
        atomic_store(&ring()->requests[tail % RING_CALLS].sequence, tail + off[i]);
        gate_action = close_it;
        gate_calls = 0;
        assert_int_equal(serve_read(buffer, BUFFER), 0);
        assert_int_equal(gate_calls, 1); /* it slept before it was told to end */
        assert_int_equal(gate_operation, RING_CALL_WAIT);
        gate_action = NULL;
        atomic_store(&ring()->closed, 0);
    }
}

static void test_reply(void **state)
{
    (void)state;
    struct serve_request request = take_one(30, 100), wrong;
    const long whole = sizeof(struct serve_reply);
    give(&request, 0, 101, -EINVAL); /* more than the caller takes */
    give(&request, 1, 0, -EINVAL);   /* no result */
    give(&request, -4096, 0, -EINVAL);
    wrong = request;
    wrong.entry = RING_CALLS;
    give(&wrong, 0, 0, -EINVAL);
    wrong.entry = 31; /* not taken */
    give(&wrong, 0, 0, -EINVAL);
    wrong = request;
    wrong.generation += 2;
    give(&wrong, 0, 0, -EINVAL);
    wrong.generation -= 1;
    give(&wrong, 0, 0, -EINVAL);
    assert_int_equal(atomic_load(&ring()->replies[30].state), 0);
    give(&request, -5, 100, whole + 104);
    assert_int_equal(atomic_load(&ring()->replies[30].state), 2);
    assert_int_equal(ring()->replies[30].length, 100);
    assert_int_equal(ring()->replies[30].status, -5);
    give(&request, 0, 0, -EINVAL); /* once */

    /* Cut short, and followed by something malformed. */
    struct serve_request again = take_one(30, 8);
    struct serve_reply replies[2] = {{again.entry, again.generation, 0, 0},
                                     {again.entry, again.generation, 0, 0}};
    assert_int_equal(serve_write((uint8_t *)replies, whole - 1), -EINVAL);
    assert_int_equal(serve_write((uint8_t *)replies, 0), -EINVAL);
    replies[0].length = 8;
    assert_int_equal(serve_write((uint8_t *)replies, whole + 7), -EINVAL);
    replies[0].length = 0;
    assert_int_equal(serve_write((uint8_t *)replies, 2 * whole), whole);
}

/* Nothing but the entry's reply and data area changes. */
static void test_places(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {0, 1, 100, RING_CALL_INLINE, RING_CALL_INLINE + 1, 65536};
    uint64_t size = ring_size(header_page.thread_count);
    uint8_t *before = malloc(size), *reply = malloc(sizeof(struct serve_reply) + RING_CALL_DATA);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        uint32_t entry = i % 2 ? RING_CALLS - 1 : 0;
        struct serve_request request = take_one(entry, lengths[i]);
        memcpy(before, shared, size);
        struct serve_reply header = {entry, request.generation, 0, lengths[i]};
        memcpy(reply, &header, sizeof(header));
        memset(reply + sizeof(header), 0x77, RING_CALL_DATA);
        assert_true(serve_write(reply, sizeof(header) + RING_CALL_DATA) > 0);
        uint64_t own = (uint64_t)((uint8_t *)&ring()->replies[entry] - shared);
        uint64_t data = (uint64_t)(host_call_data(entry) - shared);
        assert_memory_equal(before, shared, own);
        own += sizeof(struct ring_call_reply);
        assert_memory_equal(before + own, shared + own, data - own);
        uint64_t far = lengths[i] > RING_CALL_INLINE ? lengths[i] : 0;
        assert_memory_equal(before + data + far, shared + data + far, size - data - far);
    }
    free(before);
    free(reply);
}

/* A caller that sleeps is waked, once for the whole write; one that does not, is not. */
static void test_wake(void **state)
{
    (void)state;
    struct serve_reply replies[3];
    for (uint32_t i = 0; i < 3; i++) {
        struct serve_request request = take_one(20 + i, 0);
        replies[i] = (struct serve_reply){request.entry, request.generation, 0, 0};
    }
    gate_calls = 0;
    assert_int_equal(serve_write((uint8_t *)replies, sizeof(replies[0])), sizeof(replies[0]));
    assert_int_equal(gate_calls, 0);
    for (uint32_t i = 1; i < 3; i++)
        atomic_store(&ring()->replies[20 + i].state, 3); /* ticket + 1 */
    assert_int_equal(serve_write((uint8_t *)&replies[1], 2 * sizeof(replies[0])),
                     2 * sizeof(replies[0]));
    assert_int_equal(gate_calls, 1);
    assert_int_equal(gate_operation, RING_CALL_WAKE);
    assert_int_equal(self.slot->arguments[0], RING_CALL_WAKE_CALLERS);
}

static void test_signal(void **state)
{
    (void)state;
    self.signals_pending = 4;
    assert_int_equal(serve_read(buffer, BUFFER), -EINTR);
    self.signal_mask = 4;
    gate_action = close_it;
    assert_int_equal(serve_read(buffer, BUFFER), 0);
    gate_action = NULL;
    atomic_store(&ring()->closed, 0);
    self.signals_pending = self.signal_mask = 0;
}

/* The enclave ends well or stops, whatever changes under it; the sanitizers watch. */
static _Atomic bool enough;

static void *scribble(void *argument)
{
    (void)argument;
    volatile uint32_t *words = (volatile uint32_t *)(void *)shared;
    uint32_t seed = 11;
    while (!enough) {
        seed = seed * 1664525 + 1013904223;
        uint32_t where = seed >> 8, value = seed;
        if (value & 1)
            queue(where % RING_CALLS, 2, NULL, value % (RING_CALL_DATA + 5), where % 65540);
        else
            words[where % (ring_slots_offset() / 4)] = value & 2 ? value : value % 1024;
        if (where % 64 == 0)
            sched_yield();
    }
    return NULL;
}

static void test_scribble(void **state)
{
    (void)state;
    fflush(NULL);
    for (int round = 0; round < 20; round++) {
        pid_t child = fork();
        if (child == 0) {
            pthread_t thread;
            begin_thread(0);
            if (pthread_create(&thread, NULL, scribble, NULL))
                _exit(1);
            if (setjmp(stopped) == 0) {
                for (int i = 0; i < 300; i++) {
                    struct serve_request request;
                    long used = serve_read(buffer, BUFFER);
                    for (long at = 0; at < used;) {
                        memcpy(&request, buffer + at, sizeof(request));
                        if (request.length > RING_CALL_DATA || request.capacity > RING_CALL_DATA)
                            _exit(2);
                        at += (long)sizeof(request) + (request.length + 7) / 8 * 8;
                        struct serve_reply reply = {request.entry, request.generation, 0, 0};
                        serve_write((uint8_t *)&reply, sizeof(reply));
                        if (at > used || serve_write((uint8_t *)&reply, sizeof(reply)) != -EINVAL)
                            _exit(3);
                    }
                }
            }
            enough = true;
            pthread_join(thread, NULL);
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),     cmocka_unit_test(test_lies),
        cmocka_unit_test(test_sequence), cmocka_unit_test(test_reply),
        cmocka_unit_test(test_places),   cmocka_unit_test(test_wake),
        cmocka_unit_test(test_signal),   cmocka_unit_test(test_scribble),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
