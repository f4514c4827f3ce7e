/* SPDX-License-Identifier: Apache-2.0
 *
 * With four threads in the manifest the program's own and three more run; the next pthread_create
 * gives EAGAIN, and works again when one has ended.
 */
#include "check.h"
#include <pthread.h>
#include <semaphore.h>

static sem_t go;

static void *wait_for_go(void *argument)
{
    CHECK(sem_wait(&go) == 0);
    return argument;
}

int main(void)
{
    pthread_t threads[8];
    int count = 0, error;

    CHECK(sem_init(&go, 0, 0) == 0);
    while ((error = pthread_create(&threads[count], NULL, wait_for_go, NULL)) == 0)
        CHECK(++count < 8);
    CHECK(error == EAGAIN);
    printf("%d more threads\n", count);

    for (int i = 0; i < count; i++)
        CHECK(sem_post(&go) == 0);
    for (int i = 0; i < count; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(sem_post(&go) == 0);
    CHECK(pthread_create(&threads[0], NULL, wait_for_go, NULL) == 0);
    CHECK(pthread_join(threads[0], NULL) == 0);
    puts("and again");
    return 0;
}
