/* SPDX-License-Identifier: Apache-2.0
 *
 * threads COUNT MILLIONS: seconds that COUNT threads take for so many million steps each of a
 * generator of numbers, which touches no memory.
 */
#include "measure.h"

#include <pthread.h>
#include <stdint.h>

static uint64_t steps;

static void *work(void *seed)
{
    uint64_t x = *(uint64_t *)seed;
    for (uint64_t i = 0; i < steps; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    *(uint64_t *)seed = x;
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[16];
    uint64_t seeds[16];
    int count = argc > 2 ? atoi(argv[1]) : 0;
    if (count < 1 || count > 16)
        return 2;
    steps = strtoull(argv[2], NULL, 10) * 1000000;
    double began = measure_now();
    for (int i = 0; i < count; i++) {
        seeds[i] = (uint64_t)i + 1;
        if (pthread_create(&threads[i], NULL, work, &seeds[i]))
            return measure_failed("pthread_create");
    }
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return measure_print(measure_now() - began);
}
