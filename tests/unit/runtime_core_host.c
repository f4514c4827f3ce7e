/* SPDX-License-Identifier: Apache-2.0
 *
 * runtime/host.c: every result that an operation cannot have stops the enclave, the region is the
 * one that was measured, and nothing is copied beyond a buffer. The test is the host: it stands
 * where the gate leads.
 */
#include "runtime_core.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define COUNT 3u

static struct boot_header header = {.elrange_size = UINT64_C(1) << 20, .thread_count = COUNT};
const struct boot_header *boot = &header;
bool runtime_debug;
static struct thread self;
static uint8_t *region;
static unsigned gates;

/* What the host puts into the slot at the next gate, and how often it only says nothing. */
static int64_t answer;
static unsigned silent;
static uint32_t seen_operation, seen_state;
static uint64_t seen_arguments[4];

void runtime_gate(void)
{
    struct ring_slot *slot = self.slot;
    gates++;
    seen_state = slot->state;
    seen_operation = slot->operation;
    memcpy(seen_arguments, slot->arguments, sizeof(seen_arguments));
    slot->result = answer;
    if (silent && silent--)
        slot->state = gates % 2 ? RING_IDLE : 0x12345678;
    else
        slot->state = RING_DONE;
}

struct ring_statistics statistics;

static void test_before_start(void **state)
{
    (void)state;
    core_become(&self);
    /* The host entered another TCS first: there is no region yet. */
    assert_stops(host_thread_start(&self), RING_STOP_INTERNAL, 4);
    assert_null(self.slot);
}

static void test_region(void **state)
{
    (void)state;
    uint64_t size = ring_size(COUNT);
    region = aligned_alloc(4096, size);
    assert_non_null(region);
    memset(region, 0, size);
    assert_stops(host_start(region, size - 1), RING_STOP_BOOT, 1);
    assert_stops(host_start(region, size + 4096), RING_STOP_BOOT, 1);
    assert_stops(host_start(region, 0), RING_STOP_BOOT, 1);
    assert_stops(host_start(region + 1, size), RING_STOP_BOOT, 1);
    assert_stops(host_start(region + 8, size), RING_STOP_BOOT, 1);
    /* In the enclave, in part or whole; at its end it is outside. */
    assert_stops(host_start(NULL, size), RING_STOP_BOOT, 1);
    assert_stops(host_start((void *)65536, size), RING_STOP_BOOT, 1);
    assert_stops(host_start((void *)(header.elrange_size - 4096), size), RING_STOP_BOOT, 1);
    assert_stops(host_start((void *)(UINT64_MAX - 4095), size), RING_STOP_BOOT, 1);
    host_start(region, size);
    for (uint32_t i = 0; i < COUNT; i++) {
        self.number = i;
        host_thread_start(&self);
        assert_ptr_equal(self.slot, region + ring_slots_offset() + i * 256);
        assert_ptr_equal(self.buffer, region + ring_buffer_offset(COUNT, i));
        assert_true(self.buffer + RING_BUFFER_SIZE <= region + size);
        assert_true((uint8_t *)(self.slot + 1) <= region + ring_buffer_offset(COUNT, 0));
    }
    assert_ptr_equal(host_call_data(RING_CALLS - 1) + RING_CALL_DATA, region + size);
}

static void test_results(void **state)
{
    (void)state;
    static const struct {
        int64_t least, most, answer;
        bool good;
    } rows[] = {
        {0, 0, 0, true},
        {0, 0, 1, false},
        {0, 0, -1, true},
        {0, 0, -133, true},
        {0, 0, -134, false},
        {0, 0, -4095, false},
        {0, 0, INT64_MIN, false},
        {0, 0, INT64_MAX, false},
        {0, 10, 10, true},
        {0, 10, 11, false},
        {3, 65535, 3, true},
        {3, 65535, 2, false},
        {3, 65535, 0, false},
        {3, 65535, 65536, false},
        {3, 65535, -2, true},
        {0, INT64_MAX, INT64_MAX, true},
        {0, 4096, INT64_C(1) << 32, false},
        {0, 4096, (INT64_C(1) << 32) + 5, false},
    };
    for (volatile size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        answer = rows[i].answer;
        if (rows[i].good) {
            assert_int_equal(host_call(77, 1, 2, 3, 4, rows[i].least, rows[i].most), answer);
            assert_int_equal(host_call_slow(78, UINT64_MAX, 2, 3, 4, rows[i].least, rows[i].most),
                             answer);
            assert_int_equal(seen_state, RING_SUBMITTED_GATE);
        } else {
            assert_stops(host_call(77, 0, 0, 0, 0, rows[i].least, rows[i].most),
                         RING_STOP_HOST_LIED, 77);
            assert_stops(host_call_slow(78, 0, 0, 0, 0, rows[i].least, rows[i].most),
                         RING_STOP_HOST_LIED, 78);
        }
        assert_int_equal(self.slot->state, RING_IDLE);
    }
    answer = 0;
    assert_int_equal(host_leave(99, 5, 6), 0);
    assert_true(seen_operation == 99 && seen_arguments[0] == 5 && seen_arguments[1] == 6 &&
                seen_arguments[2] == 0 && seen_arguments[3] == 0);
    answer = 1;
    assert_stops(host_leave(99, 5, 6), RING_STOP_HOST_LIED, 99);
    assert_int_equal(statistics.polled, 0);
}

/* Until the slot says DONE the thread leaves again and again, whatever else it says. */
static void test_states(void **state)
{
    (void)state;
    answer = 7;
    gates = 0;
    silent = 25;
    assert_int_equal(host_call(77, 0, 0, 0, 0, 0, 7), 7);
    assert_int_equal(gates, 26);
    /* A host that says it listens, and does not: the thread leaves all the same. */
    host_header()->listening = 1;
    gates = 0;
    assert_int_equal(host_call(77, 0, 0, 0, 0, 0, 7), 7);
    assert_int_equal(gates, 1);
    host_header()->listening = 0;
}

/* A poller serves while the thread spins; its results are judged the same way. */
static _Atomic bool poll_stop;

static void *poll_slots(void *argument)
{
    struct ring_slot *slot = argument;
    while (!atomic_load(&poll_stop)) {
        uint32_t submitted = RING_SUBMITTED;
        if (!atomic_compare_exchange_strong(&slot->state, &submitted, RING_TAKEN))
            continue;
        slot->result = (int64_t)slot->arguments[0];
        atomic_store(&slot->state, RING_DONE);
    }
    return NULL;
}

static void test_polled(void **state)
{
    (void)state;
    pthread_t poller;
    host_header()->listening = 1;
    assert_int_equal(pthread_create(&poller, NULL, poll_slots, self.slot), 0);
    for (uint64_t i = 0; i < 2000; i++) {
        /* Where the poller had no time the gate answers. */
        answer = (int64_t)(i % 100);
        assert_int_equal(host_call(77, i % 100, 0, 0, 0, 0, 99), i % 100);
    }
    answer = 100;
    for (volatile int i = 0; i < 50; i++)
        assert_stops(host_call(77, 100, 0, 0, 0, 0, 99), RING_STOP_HOST_LIED, 77);
    atomic_store(&poll_stop, true);
    assert_int_equal(pthread_join(poller, NULL), 0);
    host_header()->listening = 0;
}

static void test_buffer(void **state)
{
    (void)state;
    static uint8_t bytes[RING_BUFFER_SIZE];
    memset(bytes, 0x5a, sizeof(bytes));
    host_put(0, bytes, sizeof(bytes));
    memset(bytes, 0, sizeof(bytes));
    host_get(0, bytes, sizeof(bytes));
    assert_true(bytes[0] == 0x5a && bytes[sizeof(bytes) - 1] == 0x5a);
    for (size_t i = 0; i < sizeof(bytes); i++)
        assert_int_equal(self.buffer[i], 0); /* nothing stays where the host sees it */
    host_put(RING_BUFFER_SIZE, bytes, 0);
    assert_stops(host_put(1, bytes, RING_BUFFER_SIZE), RING_STOP_INTERNAL, 1);
    assert_stops(host_put(RING_BUFFER_SIZE + 1, bytes, 0), RING_STOP_INTERNAL, 1);
    assert_stops(host_put(SIZE_MAX, bytes, 2), RING_STOP_INTERNAL, 1);
    assert_stops(host_put(0, bytes, SIZE_MAX), RING_STOP_INTERNAL, 1);
    assert_stops(host_get(1, bytes, RING_BUFFER_SIZE), RING_STOP_INTERNAL, 2);
    assert_stops(host_get(SIZE_MAX, bytes, 2), RING_STOP_INTERNAL, 2);
    assert_stops(host_get(8, bytes, SIZE_MAX - 4), RING_STOP_INTERNAL, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_start), cmocka_unit_test(test_region),
        cmocka_unit_test(test_results),      cmocka_unit_test(test_states),
        cmocka_unit_test(test_polled),       cmocka_unit_test(test_buffer),
    };
    alarm(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
