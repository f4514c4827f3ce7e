/* SPDX-License-Identifier: Apache-2.0
 *
 * exit_status STATUS [now]: ends with STATUS. With `now` by _exit: no atexit function runs and
 * nothing buffered is written.
 */
#include "check.h"

static void first_registered(void)
{
    puts("registered first, runs last");
}

static void last_registered(void)
{
    puts("registered last, runs first");
}

int main(int argc, char **argv)
{
    CHECK(argc >= 2);
    CHECK(atexit(first_registered) == 0);
    CHECK(atexit(last_registered) == 0);
    puts("leaving");
    if (argc > 2) {
        fflush(stdout);
        printf("never written");
        _exit(atoi(argv[1]));
    }
    exit(atoi(argv[1]));
}
