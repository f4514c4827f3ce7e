/* SPDX-License-Identifier: Apache-2.0
 *
 * A program that runs another one in an enclave and takes what it prints:
 *
 *   cc -o embed embed.c $(pkg-config --cflags --libs cella)
 *   ./embed ./hello
 *
 * It prints the MRENCLAVE, how the program ended, and how many bytes it printed.
 */
#include <cella/cella.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void log_line(void *context, const char *sentence)
{
    (void)context;
    fprintf(stderr, "embed: %s\n", sentence);
}

static int give_up(const cella_error *error)
{
    fprintf(stderr, "embed: %s\n", error->sentence);
    return EXIT_FAILURE;
}

int main(int count, char **arguments)
{
    cella_error error;
    cella_image *image;
    cella_enclave *enclave;
    cella_outcome outcome;
    if (count < 2) {
        fprintf(stderr, "usage: embed PROGRAM [ARGUMENT...]\n");
        return EXIT_FAILURE;
    }

    /* The image, and what it is. */
    if (cella_image_pack(arguments[1], NULL, arguments + 1, &image, &error))
        return give_up(&error);
    cella_identity identity;
    if (cella_image_identity(image, &identity, &error))
        return give_up(&error);
    printf("mrenclave ");
    for (size_t i = 0; i < sizeof(identity.mrenclave); i++)
        printf("%02x", identity.mrenclave[i]);
    printf("\n");

    /* The enclave: no input, and its output into memory of ours. */
    cella_options options;
    cella_options_default(&options);
    options.streams[0] = -1;
    options.streams[1] = memfd_create("output", MFD_CLOEXEC);
    options.log = log_line;
    if (options.streams[1] < 0) {
        perror("embed: memfd_create");
        return EXIT_FAILURE;
    }
    if (cella_start(image, &options, &enclave, &error) || cella_wait(enclave, &outcome, &error))
        return give_up(&error);
    printf("tee       %s\n", cella_tee_name(enclave));
    if (outcome.end == CELLA_END_EXITED)
        printf("exited    %d\n", outcome.status);
    else if (outcome.end == CELLA_END_SIGNALLED)
        printf("signal    %d\n", outcome.status);
    else
        printf("stopped   %s\n", outcome.sentence);

    struct stat status;
    if (fstat(options.streams[1], &status) == 0)
        printf("output    %lld bytes\n", (long long)status.st_size);
    cella_close(enclave);
    cella_image_close(image);
    close(options.streams[1]);
    return outcome.end == CELLA_END_EXITED ? outcome.status : EXIT_FAILURE;
}
