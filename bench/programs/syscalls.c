/* SPDX-License-Identifier: Apache-2.0
 *
 * syscalls getpid|clock|clock-call|write MILLISECONDS [PATH]: ns of a system call, the median of 15
 * rounds that last so long each. `clock` is libc's clock_gettime (the vDSO where there is one),
 * `clock-call` the system call; `write` writes one byte to PATH.
 * syscalls read TURNS PATH: reads PATH to its end, 128 KiB at a time; GB/s of the last turn.
 */
#include "measure.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUNDS 15
#define CALLS  1000 /* between looks at the clock */

static int fd = -1;
static struct timespec time_now;

static int do_getpid(void)
{
    return syscall(SYS_getpid) > 0;
}

static int do_clock(void)
{
    return clock_gettime(CLOCK_MONOTONIC, &time_now) == 0;
}

static int do_clock_call(void)
{
    return syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &time_now) == 0;
}

static int do_write(void)
{
    return write(fd, "x", 1) == 1;
}

static int compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static int read_file(int turns)
{
    static char buffer[131072];
    double speed = 0;
    for (int i = 0; i < turns; i++) {
        double began = measure_now(), size = 0;
        ssize_t got;
        if (lseek(fd, 0, SEEK_SET))
            return measure_failed("lseek");
        while ((got = read(fd, buffer, sizeof(buffer))) > 0)
            size += (double)got;
        if (got < 0)
            return measure_failed("read");
        speed = size / (measure_now() - began) / 1e9;
    }
    return measure_print(speed);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*call)(void);
    } calls[] = {{"getpid", do_getpid},
                 {"clock", do_clock},
                 {"clock-call", do_clock_call},
                 {"write", do_write}};
    int (*call)(void) = NULL;
    double times[ROUNDS];
    if (argc < 3)
        return 2;
    int number = atoi(argv[2]);
    if (argc > 3 && (fd = open(argv[3], strcmp(argv[1], "read") ? O_WRONLY : O_RDONLY)) < 0)
        return measure_failed(argv[3]);
    if (strcmp(argv[1], "read") == 0)
        return read_file(number);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (strcmp(calls[i].name, argv[1]) == 0)
            call = calls[i].call;
    if (!call)
        return 2;
    for (int round = -1; round < ROUNDS; round++) { /* the first is not counted */
        double began = measure_now(), time, count = 0;
        do {
            for (int i = 0; i < CALLS; i++)
                if (!call())
                    return measure_failed(argv[1]);
            count += CALLS;
            time = measure_now() - began;
        } while (time * 1e3 < number);
        if (round >= 0)
            times[round] = time / count * 1e9;
    }
    qsort(times, ROUNDS, sizeof(times[0]), compare);
    return measure_print(times[ROUNDS / 2]);
}
