/* SPDX-License-Identifier: Apache-2.0
 *
 * The first thread ends by pthread_exit; the program goes on until its last thread ends, and then
 * ends with status 0.
 */
#include "check.h"
#include <pthread.h>

static pthread_t first;

static void *outlive(void *argument)
{
    (void)argument;
    CHECK(pthread_join(first, NULL) == 0);
    puts("the first thread has ended");
    return NULL;
}

int main(void)
{
    pthread_t second;

    first = pthread_self();
    CHECK(pthread_create(&second, NULL, outlive, NULL) == 0);
    pthread_exit(NULL);
}
