/* SPDX-License-Identifier: Apache-2.0
 *
 * exit from a second thread ends the program while the first one sleeps and a third one computes.
 */
#include "check.h"
#include <pthread.h>

static void *compute(void *argument)
{
    volatile unsigned *counter = argument;

    for (;;)
        ++*counter;
    return NULL;
}

static void *leave(void *argument)
{
    (void)argument;
    puts("the second thread leaves");
    exit(7);
}

int main(void)
{
    pthread_t computing, leaving;
    unsigned counter = 0;

    CHECK(pthread_create(&computing, NULL, compute, &counter) == 0);
    CHECK(pthread_create(&leaving, NULL, leave, NULL) == 0);
    pthread_join(leaving, NULL);
    fputs("exit returned\n", stderr);
    return 1;
}
