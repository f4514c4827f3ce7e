/* SPDX-License-Identifier: Apache-2.0
 *
 * Time, from the TSC and one calibration by the host; where the TEE has no TSC, from the host each
 * time. The host's wall clock is untrusted; what the runtime adds is that CLOCK_MONOTONIC never
 * goes back, on no thread.
 */
#include "syscalls.h"

#include <linux/errno.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <stdatomic.h>

#define NS UINT64_C(1000000000)

static uint64_t tsc_base, realtime_base, monotonic_base;
static uint64_t scale; /* ns = ticks * scale >> 32; 0: ask the host */
static _Atomic uint64_t monotonic_last;

void clock_start(void)
{
    struct ring_clock clock;
    if (host_call(RING_CLOCK, 0, 0, 0, 0, 0, 0) != 0)
        return;
    host_get(0, &clock, sizeof(clock));
    /* 100 MHz to 100 GHz; dates until the year 2200; else the calibration is not one. */
    if (clock.tsc_khz < 100000 || clock.tsc_khz > 100000000 ||
        clock.realtime_ns > UINT64_C(7258118400) * NS || clock.monotonic_ns > INT64_MAX / 4)
        return;
    tsc_base = clock.tsc_base;
    realtime_base = clock.realtime_ns;
    monotonic_base = clock.monotonic_ns;
    scale = (UINT64_C(1000000) << 32) / clock.tsc_khz;
}

static uint64_t since_base(void)
{
    uint64_t ticks = __builtin_ia32_rdtsc() - tsc_base;
    if ((int64_t)ticks < 0)
        ticks = 0;
    return (uint64_t)((unsigned __int128)ticks * scale >> 32);
}

static uint64_t ask_host(uint32_t clock)
{
    struct ring_time time;
    if (host_call(RING_TIME, clock, 0, 0, 0, 0, 0) != 0)
        runtime_stop(RING_STOP_HOST_LIED, RING_TIME);
    host_get(0, &time, sizeof(time));
    if (time.seconds > UINT64_C(7258118400) || time.nanoseconds >= NS)
        runtime_stop(RING_STOP_HOST_LIED, RING_TIME);
    return time.seconds * NS + time.nanoseconds;
}

uint64_t clock_monotonic_ns(void)
{
    uint64_t now = scale ? monotonic_base + since_base() : ask_host(CLOCK_MONOTONIC);
    uint64_t last = atomic_load_explicit(&monotonic_last, memory_order_relaxed);
    while (now > last)
        if (atomic_compare_exchange_weak_explicit(&monotonic_last, &last, now, memory_order_relaxed,
                                                  memory_order_relaxed))
            return now;
    return last;
}

bool clock_realtime(struct runtime_time *time)
{
    if (!(boot->flags & BOOT_CLOCK))
        return false;
    uint64_t now = scale ? realtime_base + since_base() : ask_host(CLOCK_REALTIME);
    time->seconds = (int64_t)(now / NS);
    time->nanoseconds = (int64_t)(now % NS);
    return true;
}

/* 0, or -errno. */
static long read_clock(long id, struct __kernel_timespec *result)
{
    struct runtime_time time;
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI:
        if (!clock_realtime(&time))
            return -EPERM;
        break;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_PROCESS_CPUTIME_ID: /* no scheduler inside: time since the start stands for it */
    case CLOCK_THREAD_CPUTIME_ID: {
        uint64_t now = clock_monotonic_ns();
        if (id == CLOCK_PROCESS_CPUTIME_ID || id == CLOCK_THREAD_CPUTIME_ID)
            now -= monotonic_base < now ? monotonic_base : 0;
        time = (struct runtime_time){(int64_t)(now / NS), (int64_t)(now % NS)};
        break;
    }
    default:
        return -EINVAL;
    }
    result->tv_sec = time.seconds;
    result->tv_nsec = time.nanoseconds;
    return 0;
}

long sys_clock_gettime(const long *argument)
{
    struct __kernel_timespec *result = (void *)argument[1];
    if (!memory_is_inside(result, sizeof(*result)))
        return -EFAULT;
    return read_clock(argument[0], result);
}

long sys_clock_getres(const long *argument)
{
    struct __kernel_timespec time, *result = (void *)argument[1];
    long error = read_clock(argument[0], &time);
    if (error || !result)
        return error;
    if (!memory_is_inside(result, sizeof(*result)))
        return -EFAULT;
    *result = (struct __kernel_timespec){.tv_nsec = 1};
    return 0;
}

long sys_gettimeofday(const long *argument)
{
    struct runtime_time time;
    int64_t *result = (int64_t *)argument[0];
    if (argument[1] && memory_is_inside((void *)argument[1], 8))
        memset((void *)argument[1], 0, 8); /* struct timezone: UTC */
    if (!result)
        return 0;
    if (!memory_is_inside(result, 16))
        return -EFAULT;
    if (!clock_realtime(&time))
        return -EPERM;
    result[0] = time.seconds;
    result[1] = time.nanoseconds / 1000;
    return 0;
}

long sys_time(const long *argument)
{
    struct runtime_time time;
    int64_t *result = (int64_t *)argument[0];
    if (!clock_realtime(&time))
        return -EPERM;
    if (result && !memory_is_inside(result, 8))
        return -EFAULT;
    if (result)
        *result = time.seconds;
    return time.seconds;
}

long sys_times(const long *argument)
{
    int64_t *result = (int64_t *)argument[0];
    int64_t ticks = (int64_t)(clock_monotonic_ns() / 10000000);
    if (result && !memory_is_inside(result, 32))
        return -EFAULT;
    if (result) {
        result[0] = ticks - (int64_t)(monotonic_base / 10000000);
        result[1] = result[2] = result[3] = 0;
    }
    return ticks;
}

bool clock_timespec_ns(const void *timespec, uint64_t *ns)
{
    struct __kernel_timespec time;
    memcpy(&time, timespec, sizeof(time));
    if (time.tv_sec < 0 || time.tv_nsec < 0 || time.tv_nsec >= (int64_t)NS)
        return false;
    /* beyond 292 years is for ever */
    *ns = (uint64_t)time.tv_sec > INT64_MAX / NS - 1
              ? UINT64_MAX
              : (uint64_t)time.tv_sec * NS + (uint64_t)time.tv_nsec;
    return true;
}

/* Sleeps until the monotonic clock has passed `deadline`; -EINTR when a signal ended it. */
static long sleep_until(uint64_t deadline)
{
    _Atomic uint32_t nobody = 0;
    struct thread *self = thread_self();
    for (;;) {
        uint64_t now = clock_monotonic_ns();
        if (now >= deadline)
            return 0;
        if (thread_is_signalled(self))
            return -EINTR;
        thread_wait(&nobody, 0, deadline - now);
    }
}

static long sleep_for(long id, bool absolute, const void *request, struct __kernel_timespec *left)
{
    struct __kernel_timespec now;
    uint64_t ns, start = clock_monotonic_ns();
    if (!memory_is_inside(request, sizeof(now)))
        return -EFAULT;
    long error = read_clock(id, &now);
    if (error)
        return error;
    if (!clock_timespec_ns(request, &ns))
        return -EINVAL;
    if (absolute) {
        uint64_t at = (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
        ns = ns > at ? ns - at : 0;
    }
    uint64_t deadline = ns > UINT64_MAX - start ? UINT64_MAX : start + ns;
    error = sleep_until(deadline);
    if (error == -EINTR && !absolute && left && memory_is_inside(left, sizeof(*left))) {
        uint64_t at = clock_monotonic_ns();
        uint64_t rest = deadline > at ? deadline - at : 0;
        *left = (struct __kernel_timespec){(int64_t)(rest / NS), (int64_t)(rest % NS)};
    }
    return error;
}

long sys_nanosleep(const long *argument)
{
    return sleep_for(CLOCK_MONOTONIC, false, (void *)argument[0], (void *)argument[1]);
}

long sys_clock_nanosleep(const long *argument)
{
    if (argument[1] & ~TIMER_ABSTIME)
        return -EINVAL;
    return sleep_for(argument[0], argument[1] & TIMER_ABSTIME, (void *)argument[2],
                     (void *)argument[3]);
}
