/* SPDX-License-Identifier: Apache-2.0
 *
 * Outside: packs and starts the program of argv[1], gives it the numbers that follow, and prints
 * their mean.
 */
#include <cella/cella.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum operation { ADD = 1, MEAN = 2 };

static int fail(const cella_error *error)
{
    fprintf(stderr, "%s\n", error->sentence);
    return 1;
}

static cella_status give(cella_enclave *enclave, char **numbers, cella_error *error)
{
    for (; *numbers; numbers++) {
        int64_t number = strtoll(*numbers, NULL, 10);
        int result;
        cella_status status =
            cella_call(enclave, ADD, &number, sizeof(number), NULL, NULL, &result, error);
        if (status)
            return status;
        if (result)
            fprintf(stderr, "%s: %s\n", *numbers, strerror(-result));
    }
    return CELLA_OK;
}

int main(int argc, char **argv)
{
    cella_image *image;
    cella_enclave *enclave;
    cella_options options;
    cella_error error;
    if (argc < 2) {
        fprintf(stderr, "usage: outside PROGRAM [NUMBER...]\n");
        return 2;
    }
    char *const arguments[] = {argv[1], NULL};
    cella_options_default(&options);
    if (cella_image_pack(argv[1], NULL, arguments, &image, &error))
        return fail(&error);
    if (cella_start(image, &options, &enclave, &error))
        return fail(&error);
    cella_image_close(image);

    int64_t mean;
    size_t size = sizeof(mean);
    int result;
    cella_status status = give(enclave, argv + 2, &error);
    if (!status)
        status = cella_call(enclave, MEAN, NULL, 0, &mean, &size, &result, &error);
    if (status) {
        cella_close(enclave);
        return fail(&error);
    }
    if (result)
        printf("no mean: %s\n", strerror(-result));
    else
        printf("mean %lld (%s)\n", (long long)mean, cella_tee_name(enclave));

    cella_outcome outcome;
    cella_call_close(enclave); /* cella_serve returns inside, and the program ends */
    status = cella_wait(enclave, &outcome, &error);
    cella_close(enclave);
    return status || outcome.end != CELLA_END_EXITED || outcome.status;
}
