/* SPDX-License-Identifier: Apache-2.0
 *
 * What every program here shares: it measures itself, prints one number, and nothing else. They are
 * ordinary programs: the same file runs natively, in cella and in gVisor.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double measure_now(void) /* seconds */
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static inline int measure_print(double value)
{
    return printf("%.6g\n", value) < 0;
}

static inline int measure_failed(const char *what)
{
    fprintf(stderr, "%s failed\n", what);
    return 1;
}

#endif
