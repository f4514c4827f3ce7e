/* SPDX-License-Identifier: Apache-2.0
 *
 * Time, from the TSC and one calibration by the host; where the TEE has no TSC, from the host each
 * time. The host's wall clock is untrusted; what the runtime adds is that CLOCK_MONOTONIC never
 * goes back, on no thread.
 */
#include "syscalls.h"

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

static long read_clock(long id, uint64_t *ns)
{
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI:
        if (!(boot->flags & BOOT_CLOCK))
            return -EPERM;
        *ns = scale ? realtime_base + since_base() : ask_host(CLOCK_REALTIME);
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        *ns = clock_monotonic_ns();
        return 0;
    case CLOCK_PROCESS_CPUTIME_ID: /* no scheduler inside: time since the start stands for it */
    case CLOCK_THREAD_CPUTIME_ID:
        *ns = clock_monotonic_ns();
        *ns -= monotonic_base < *ns ? monotonic_base : 0;
        return 0;
    default:
        return -EINVAL;
    }
}

bool clock_realtime(struct runtime_time *time)
{
    uint64_t ns;
    if (read_clock(CLOCK_REALTIME, &ns))
        return false;
    *time = (struct runtime_time){(int64_t)(ns / NS), (int64_t)(ns % NS)};
    return true;
}

/* Gives the program a struct timespec. */
static long give(long to, uint64_t ns)
{
    const struct __kernel_timespec time = {(int64_t)(ns / NS), (int64_t)(ns % NS)};
    return program_write(to, &time, sizeof(time));
}

long sys_clock_gettime(const long *argument)
{
    uint64_t ns;
    long error = read_clock(argument[0], &ns);
    return error ? error : give(argument[1], ns);
}

long sys_clock_getres(const long *argument)
{
    uint64_t ns;
    long error = read_clock(argument[0], &ns);
    return error || !argument[1] ? error : give(argument[1], 1);
}

long sys_gettimeofday(const long *argument)
{
    uint64_t ns;
    long error = argument[0] ? read_clock(CLOCK_REALTIME, &ns) : 0;
    if (error || !argument[0])
        return error;
    /* struct timeval: microseconds where a timespec has nanoseconds */
    return give(argument[0], ns / NS * NS + ns % NS / 1000);
}

long sys_time(const long *argument)
{
    uint64_t ns;
    long error = read_clock(CLOCK_REALTIME, &ns);
    if (error)
        return error;
    int64_t seconds = (int64_t)(ns / NS);
    error = argument[0] ? program_write(argument[0], &seconds, sizeof(seconds)) : 0;
    return error ? error : seconds;
}

long clock_left(long timespec, long id, bool absolute, uint64_t *ns)
{
    struct __kernel_timespec time;
    uint64_t now;
    long error = program_read(&time, timespec, sizeof(time));
    if (error)
        return error;
    if (time.tv_sec < 0 || time.tv_nsec < 0 || time.tv_nsec >= (int64_t)NS)
        return -EINVAL;
    /* beyond 292 years is for ever */
    *ns = (uint64_t)time.tv_sec > INT64_MAX / NS - 1
              ? UINT64_MAX
              : (uint64_t)time.tv_sec * NS + (uint64_t)time.tv_nsec;
    error = absolute ? read_clock(id, &now) : 0;
    if (!error && absolute && *ns != UINT64_MAX)
        *ns = *ns > now ? *ns - now : 0;
    return error;
}

static long sleep_for(long request, long id, bool absolute, long left)
{
    _Atomic uint32_t nobody = 0;
    uint64_t ns;
    long error = clock_left(request, id, absolute, &ns);
    if (error)
        return error;
    uint64_t now = clock_monotonic_ns(); /* after clock_left: never too early */
    uint64_t deadline = ns > UINT64_MAX - now ? UINT64_MAX : now + ns;
    while ((now = clock_monotonic_ns()) < deadline) {
        if (thread_is_signalled(thread_self())) {
            if (!absolute && left)
                give(left, deadline - now);
            return -EINTR;
        }
        thread_wait(&nobody, 0, deadline - now);
    }
    return 0;
}

long sys_nanosleep(const long *argument)
{
    return sleep_for(argument[0], CLOCK_MONOTONIC, false, argument[1]);
}

long sys_clock_nanosleep(const long *argument)
{
    if (argument[1] & ~TIMER_ABSTIME || (uint64_t)argument[0] > CLOCK_TAI)
        return -EINVAL;
    return sleep_for(argument[2], argument[0], argument[1] & TIMER_ABSTIME, argument[3]);
}
