/* SPDX-License-Identifier: Apache-2.0
 *
 * runtime/clock.c and a host that lies about the time: CLOCK_MONOTONIC never goes back, what is no
 * time stops the enclave, and sleep is never shorter than asked for.
 */
#include "runtime_core.h"

#include <errno.h>
#include <linux/time_types.h>
#include <string.h>
#include <time.h>

#define NS UINT64_C(1000000000)

static struct boot_header header = {.elrange_size = UINT64_C(1) << 47, .flags = BOOT_CLOCK};
const struct boot_header *boot = &header;
bool runtime_debug;
static struct thread self;

static struct ring_clock clock_told;
static struct ring_time time_told;
static int64_t clock_result;
static uint64_t asked, random_turns;
static uint64_t waits;

int64_t host_call(uint32_t operation, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                  int64_t least, int64_t most)
{
    (void)a1;
    (void)a2;
    (void)a3;
    assert_true(least == 0 && most == 0);
    assert_true(operation == RING_CLOCK ||
                (operation == RING_TIME && (a0 == CLOCK_REALTIME || a0 == CLOCK_MONOTONIC)));
    asked += operation == RING_TIME;
    return operation == RING_CLOCK ? clock_result : 0;
}

/* The buffer holds a struct ring_time, but for the first look at it. */
static bool calibrates;

void host_get(size_t offset, void *bytes, size_t size)
{
    static uint64_t seed;
    assert_int_equal(offset, 0);
    if (calibrates) {
        assert_int_equal(size, sizeof(clock_told));
        memcpy(bytes, &clock_told, size);
        return;
    }
    assert_int_equal(size, sizeof(time_told));
    if (random_turns) {
        random_turns--;
        time_told = (struct ring_time){core_random(&seed) % 7258118400, core_random(&seed) % NS};
    }
    memcpy(bytes, &time_told, size);
}

bool memory_is_inside(const void *start, uint64_t size)
{
    (void)size;
    return (uint64_t)start >= 65536;
}

/* Sleep that the host ends when it likes: time passes by a part of what was wanted. */
void thread_wait(_Atomic uint32_t *word, uint32_t value, uint64_t ns)
{
    assert_int_equal(*word, value);
    waits++;
    uint64_t now = time_told.seconds * NS + time_told.nanoseconds + ns / 2 + 1;
    time_told = (struct ring_time){now / NS, now % NS};
}

static void calibrate(struct ring_clock told, int64_t result)
{
    clock_told = told;
    clock_result = result;
    calibrates = true;
    clock_start();
    calibrates = false;
    asked = 0;
}

static long get(long id, struct __kernel_timespec *time)
{
    const long argument[6] = {id, (long)time};
    return sys_clock_gettime(argument);
}

/* These come first: a calibration that is one is kept. */
static void test_no_calibration(void **state)
{
    (void)state;
    core_become(&self);
    const struct ring_clock wrong[] = {
        {0, 0, 0, 0},
        {99999, 0, 0, 0},
        {100000001, 0, 0, 0},
        {UINT64_MAX, 0, 0, 0},
        {2000000, 0, UINT64_MAX, 0},
        {2000000, 0, (UINT64_C(7258118400) + 1) * NS, 0},
        {2000000, 0, 0, UINT64_MAX},
        {2000000, 0, 0, INT64_MAX / 2},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        calibrate(wrong[i], 0);
        time_told = (struct ring_time){1000 + i, 5};
        assert_int_equal(clock_monotonic_ns(), (1000 + i) * NS + 5);
        assert_int_equal(asked, 1); /* it is the host that is asked */
    }
    calibrate((struct ring_clock){2000000, 0, 0, 0}, -EPERM);
    assert_int_equal(clock_monotonic_ns(), 1007 * NS + 5);
    assert_int_equal(asked, 1);
}

static void test_wrong_times(void **state)
{
    (void)state;
    struct runtime_time time;
    time_told = (struct ring_time){0, NS};
    assert_stops(clock_monotonic_ns(), RING_STOP_HOST_LIED, RING_TIME);
    assert_stops(clock_realtime(&time), RING_STOP_HOST_LIED, RING_TIME);
    time_told = (struct ring_time){UINT64_C(7258118400) + 1, 0};
    assert_stops(clock_monotonic_ns(), RING_STOP_HOST_LIED, RING_TIME);
    time_told = (struct ring_time){UINT64_MAX, UINT64_MAX};
    assert_stops(clock_realtime(&time), RING_STOP_HOST_LIED, RING_TIME);
}

static void test_sleep(void **state)
{
    (void)state;
    struct __kernel_timespec span = {3, 500}, left = {-1, -1}, now, after;
    time_told = (struct ring_time){2000, 0};
    assert_int_equal(get(CLOCK_MONOTONIC, &now), 0);
    waits = 0;
    const long argument[6] = {(long)&span, (long)&left};
    assert_int_equal(sys_nanosleep(argument), 0);
    assert_true(waits > 1); /* it was let go too early, and slept again */
    assert_int_equal(get(CLOCK_MONOTONIC, &after), 0);
    assert_true(after.tv_sec > 2003 || (after.tv_sec == 2003 && after.tv_nsec >= 500));
    span.tv_nsec = 1000000000;
    assert_int_equal(sys_nanosleep(argument), -EINVAL);
    span = (struct __kernel_timespec){-1, 0};
    assert_int_equal(sys_nanosleep(argument), -EINVAL);
    /* For ever, and further: no overflow, and a signal ends it. */
    span = (struct __kernel_timespec){INT64_MAX, 999999999};
    self.signals_pending = 2;
    assert_int_equal(sys_nanosleep(argument), -EINTR);
    assert_true(left.tv_sec > 1000000 && left.tv_nsec >= 0 && left.tv_nsec < 1000000000);
    self.signals_pending = 0;
    const long absolute[6] = {CLOCK_MONOTONIC, TIMER_ABSTIME, (long)&now};
    assert_int_equal(sys_clock_nanosleep(absolute), 0); /* it has passed */
    const long flags[6] = {CLOCK_MONOTONIC, 2, (long)&now};
    assert_int_equal(sys_clock_nanosleep(flags), -EINVAL);
    const long nowhere[6] = {CLOCK_MONOTONIC, 0, 8};
    assert_int_equal(sys_clock_nanosleep(nowhere), -EFAULT);
}

static void test_never_back(void **state)
{
    (void)state;
    uint64_t last = clock_monotonic_ns();
    random_turns = 10000;
    while (random_turns) {
        uint64_t now = clock_monotonic_ns();
        assert_true(now >= last);
        last = now;
    }
    for (uint64_t i = 0; i < 1000; i++) {
        time_told = (struct ring_time){5000 - i, 0};
        assert_int_equal(clock_monotonic_ns(), last);
    }
}

/* With a TSC nobody is asked any more, and none of its lies brings time back. */
static void test_tsc(void **state)
{
    (void)state;
    const struct ring_clock told[] = {
        {2000000, 0, NS, NS},
        {100000, UINT64_C(1) << 63, 1, 1},
        {100000, UINT64_C(0x8000000000000001), UINT64_C(7258118400) * NS, INT64_MAX / 4},
        {100000000, UINT64_MAX, 0, 0},
        {2000000, UINT64_MAX / 2, 0, 0},
    };
    uint64_t last = clock_monotonic_ns();
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        calibrate(told[i], 0);
        for (int n = 0; n < 1000; n++) {
            struct __kernel_timespec time = {-1, -1};
            uint64_t now = clock_monotonic_ns();
            assert_true(now >= last);
            last = now;
            assert_int_equal(get(CLOCK_REALTIME, &time), 0);
            assert_true(time.tv_sec >= 0 && time.tv_nsec >= 0 && time.tv_nsec < (long)NS);
            assert_int_equal(get(CLOCK_PROCESS_CPUTIME_ID, &time), 0);
            assert_true(time.tv_sec >= 0 && time.tv_nsec >= 0 && time.tv_nsec < (long)NS);
        }
        assert_int_equal(asked, 0);
    }
}

static void test_not_allowed(void **state)
{
    (void)state;
    struct __kernel_timespec time;
    const long argument[6] = {(long)&time, 0};
    header.flags = 0;
    assert_int_equal(get(CLOCK_REALTIME, &time), -EPERM);
    assert_int_equal(sys_gettimeofday(argument), -EPERM);
    assert_int_equal(sys_time(argument), -EPERM);
    assert_int_equal(get(CLOCK_MONOTONIC, &time), 0);
    assert_int_equal(get(99, &time), -EINVAL);
    assert_int_equal(get(CLOCK_MONOTONIC, (void *)8), -EFAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_calibration),
        cmocka_unit_test(test_wrong_times),
        cmocka_unit_test(test_sleep),
        cmocka_unit_test(test_never_back),
        cmocka_unit_test(test_tsc),
        cmocka_unit_test(test_not_allowed),
    };
    alarm(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
