/* SPDX-License-Identifier: Apache-2.0
 *
 * A program that does what its first argument says, for the tests of the command line.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static int copy(void)
{
    char bytes[4096];
    for (ssize_t size; (size = read(0, bytes, sizeof(bytes))) > 0;)
        if (write(1, bytes, (size_t)size) != size)
            return 1;
    return 0;
}

int main(int count, char **arguments)
{
    const char *what = count > 1 ? arguments[1] : "";
    const char *value = count > 2 ? arguments[2] : "";
    if (strcmp(what, "exit") == 0)
        return atoi(value);
    if (strcmp(what, "raise") == 0)
        return raise(atoi(value));
    if (strcmp(what, "copy") == 0)
        return copy();
    if (strcmp(what, "arguments") == 0)
        for (int i = 0; i < count; i++)
            puts(arguments[i]);
    if (strcmp(what, "environment") == 0)
        for (char **at = environ; *at; at++)
            puts(*at);
    if (strcmp(what, "streams") == 0) {
        puts("to stdout");
        fputs("to stderr\n", stderr);
    }
    if (strcmp(what, "fault") == 0)
        *(volatile int *)strtoul("16", NULL, 10) = 0;
    if (strcmp(what, "sleep") == 0) {
        puts("ready");
        fflush(stdout);
        sleep(600);
    }
    return fflush(stdout) ? 9 : 0;
}
