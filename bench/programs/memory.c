/* SPDX-License-Identifier: Apache-2.0
 *
 * memory SECONDS: GB/s of the triad a[i] = b[i] + 3 c[i], 64 MiB in all, touched before.
 */
#include "measure.h"

#define COUNT ((size_t)(64 << 20) / 3 / sizeof(double))

static void triad(double *a, const double *b, const double *c)
{
    for (size_t i = 0; i < COUNT; i++)
        a[i] = b[i] + 3 * c[i];
    __asm__ volatile("" ::: "memory");
}

int main(int argc, char **argv)
{
    double *a = malloc(COUNT * sizeof(double)), *b = malloc(COUNT * sizeof(double)),
           *c = malloc(COUNT * sizeof(double));
    if (argc < 2 || !a || !b || !c)
        return measure_failed("malloc");
    for (size_t i = 0; i < COUNT; i++) {
        b[i] = (double)i;
        c[i] = 1 / (double)(i + 1);
    }
    triad(a, b, c);
    triad(a, b, c);
    double seconds = atof(argv[1]), began = measure_now(), time;
    size_t turns = 0;
    do {
        triad(a, b, c);
        turns++;
        time = measure_now() - began;
    } while (time < seconds);
    return measure_print((double)turns * COUNT * 3 * sizeof(double) / time / 1e9);
}
