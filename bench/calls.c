/* SPDX-License-Identifier: Apache-2.0
 *
 * What a call of a program in an enclave costs: `calls IMAGE-OR-PROGRAM [TEE [BYTES]]`, where the
 * program is tests/calls/inside. Prints the median of several runs: ns a call, one at a time and in
 * batches of 64.
 */
#include "../tests/calls/inside.h"

#include <cella/cella.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUNS  25
#define CALLS 16000
#define BATCH 64

static cella_enclave *enclave;
static cella_error error;
static uint8_t in[CELLA_CALL_MOST], out[CELLA_CALL_MOST];

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void check(cella_status status)
{
    if (status) {
        fprintf(stderr, "calls: %s\n", error.sentence);
        exit(1);
    }
}

static int compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static void single(size_t size)
{
    size_t length = size;
    int result;
    check(cella_call(enclave, INSIDE_ECHO, in, size, out, &length, &result, &error));
    if (result || length != size)
        exit(1);
}

static void one_at_a_time(size_t size)
{
    for (int i = 0; i < CALLS; i++)
        single(size);
}

static void batches(size_t size)
{
    cella_pending pending[BATCH];
    for (int i = 0; i < CALLS / BATCH; i++) {
        for (int j = 0; j < BATCH; j++)
            check(cella_call_start(enclave, INSIDE_ECHO, in, size, size, &pending[j], &error));
        for (int j = 0; j < BATCH; j++) {
            size_t length = size;
            int result;
            check(cella_call_finish(enclave, pending[j], out, &length, &result, &error));
            if (result || length != size)
                exit(1);
        }
    }
}

static void measure(const char *name, void (*calls)(size_t), size_t size)
{
    double times[RUNS];
    for (int i = 0; i < RUNS; i++) {
        double start = now();
        calls(size);
        times[i] = (now() - start) / CALLS;
    }
    qsort(times, RUNS, sizeof(times[0]), compare);
    printf("%-24s %6zu bytes %9.1f ns a call (least %.1f)\n", name, size, times[RUNS / 2],
           times[0]);
}

int main(int argc, char **argv)
{
    cella_image *image;
    cella_options options;
    if (argc < 2)
        return 2;
    char *const arguments[] = {argv[1], NULL};
    cella_options_default(&options);
    if (argc > 2)
        options.tee = strcmp(argv[2], "process") ? CELLA_TEE_VSM : CELLA_TEE_PROCESS;
    size_t size = argc > 3 ? strtoul(argv[3], NULL, 10) : 64;
    if (cella_image_is_image(argv[1]))
        check(cella_image_open(argv[1], &image, &error));
    else
        check(cella_image_pack(argv[1], NULL, arguments, &image, &error));
    check(cella_start(image, &options, &enclave, &error));
    single(size);
    printf("%s\n", cella_tee_name(enclave));
    measure("one at a time", one_at_a_time, size);
    measure("batches of 64", batches, size);
    cella_call_close(enclave);
    cella_outcome outcome;
    check(cella_wait(enclave, &outcome, &error));
    cella_close(enclave);
    cella_image_close(image);
    return outcome.end == CELLA_END_EXITED ? outcome.status : 1;
}
