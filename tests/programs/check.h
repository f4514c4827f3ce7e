/* SPDX-License-Identifier: Apache-2.0
 *
 * What the programs under tests/programs share: a check that says on stderr what failed and ends
 * the program with status 1, and names for files in /tmp. The programs are ordinary Linux programs
 * that know nothing of cella: what they print on stdout is the same on every Linux machine.
 */
#ifndef PROGRAMS_CHECK_H
#define PROGRAMS_CHECK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline _Noreturn void check_failed(const char *file, int line, const char *what)
{
    int error = errno;

    fflush(stdout);
    fprintf(stderr, "%s:%d: failed: %s (errno %d: %s)\n", file, line, what, error, strerror(error));
    _exit(1);
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            check_failed(__FILE__, __LINE__, #condition);                                          \
    } while (0)

/* The call fails as system calls do, with exactly this errno. */
#define CHECK_ERROR(call, error)                                                                   \
    do {                                                                                           \
        errno = 0;                                                                                 \
        CHECK((call) == -1);                                                                       \
        CHECK(errno == (error));                                                                   \
    } while (0)

/* The path of a file in /tmp that is this process's own; good until the eighth call after. */
static inline const char *scratch(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof paths[0], "/tmp/cella-%d-%s", (int)getpid(), name);
    return path;
}

#endif
