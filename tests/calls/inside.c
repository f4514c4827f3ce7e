/* SPDX-License-Identifier: Apache-2.0
 *
 * A program that serves calls, for the tests and for bench/calls.c. What it does is the operation's
 * number; how many threads serve is argv[1], 1 when there is none.
 */
#include "inside.h"

#include <cella/enclave.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

static int work(void *context, uint32_t operation, const void *in, size_t in_size, void *out,
                size_t *out_size)
{
    size_t capacity = *out_size;
    (void)context;
    switch (operation) {
    case INSIDE_ECHO:
        if (in_size > capacity)
            return -EMSGSIZE;
        memcpy(out, in, in_size);
        *out_size = in_size;
        return 0;
    case INSIDE_LENGTH:
        memcpy(out, &in_size, sizeof(in_size));
        *out_size = sizeof(in_size);
        return 0;
    case INSIDE_ERROR: { /* the result that the request names, and bytes that must not be sent */
        int result;
        memcpy(&result, in, sizeof(result));
        memset(out, 'x', capacity);
        return result;
    }
    case INSIDE_TOO_MUCH:
        *out_size = capacity + 1;
        return 0;
    case INSIDE_FORGET: /* says nothing about out_size */
        return 0;
    case INSIDE_SLOW: {
        const struct timespec time = {0, 20000000};
        nanosleep(&time, NULL);
        *out_size = 0;
        return 0;
    }
    case INSIDE_EXIT:
        _exit(7);
    case INSIDE_FAULT:
        __builtin_trap();
    case INSIDE_HANG:
        for (;;)
            sleep(1);
    default:
        return -ENOSYS;
    }
}

static void *serve(void *result)
{
    *(int *)result = cella_serve(work, NULL);
    return NULL;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 1;
    pthread_t threads[16];
    int results[16];
    if (argc > 2) /* never serves */
        return 3;
    for (int i = 1; i < count; i++)
        if (pthread_create(&threads[i], NULL, serve, &results[i]))
            return 1;
    serve(&results[0]);
    for (int i = 1; i < count; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < count; i++) {
        if (results[i]) {
            fprintf(stderr, "cella_serve: %s\n", strerror(-results[i]));
            return 2;
        }
    }
    return 0;
}
