/* SPDX-License-Identifier: Apache-2.0
 *
 * signal_pipe [default]: writing to a pipe that nobody reads gives EPIPE, and SIGPIPE: to a
 * handler, ignored, or (with `default`) the program's end.
 */
#include "check.h"
#include <signal.h>

static volatile sig_atomic_t ran;

static void handler(int number)
{
    CHECK(number == SIGPIPE);
    ran++;
}

int main(int argc, char **argv)
{
    int ends[2];
    struct sigaction action = {.sa_handler = handler};

    (void)argv;
    CHECK(pipe(ends) == 0);
    CHECK(close(ends[0]) == 0);
    if (argc > 1) {
        puts("writing");
        fflush(stdout);
        CHECK(write(ends[1], "x", 1) == -1);
        return 1;
    }
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(SIGPIPE, &action, NULL) == 0);
    CHECK_ERROR(write(ends[1], "x", 1), EPIPE);
    CHECK(ran == 1);
    puts("EPIPE, and the handler ran");
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    CHECK_ERROR(write(ends[1], "x", 1), EPIPE);
    puts("EPIPE, ignored");
    return 0;
}
