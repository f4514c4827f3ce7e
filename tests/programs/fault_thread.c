/* SPDX-License-Identifier: Apache-2.0
 *
 * A fault in a second thread ends the whole program, while others sleep and compute.
 */
#include "check.h"
#include <pthread.h>
#include <stdint.h>

static void *write_nowhere(void *argument)
{
    volatile uintptr_t address = 0;

    (void)argument;
    *(volatile int *)address = 1;
    return NULL;
}

static void *compute(void *argument)
{
    volatile unsigned *counter = argument;

    for (;;)
        ++*counter;
    return NULL;
}

int main(void)
{
    pthread_t computing, faulting;
    unsigned counter = 0;

    puts("before");
    fflush(stdout);
    CHECK(pthread_create(&computing, NULL, compute, &counter) == 0);
    CHECK(pthread_create(&faulting, NULL, write_nowhere, NULL) == 0);
    pthread_join(computing, NULL);
    puts("after");
    return 0;
}
