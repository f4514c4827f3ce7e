/* SPDX-License-Identifier: Apache-2.0
 *
 * A file to stdout.
 */
#include "check.h"
#include <fcntl.h>

int main(int count, char **arguments)
{
    static char bytes[4096];
    ssize_t got;

    CHECK(count == 2);
    int file = open(arguments[1], O_RDONLY);
    CHECK(file >= 0);
    while ((got = read(file, bytes, sizeof bytes)) > 0)
        CHECK(write(STDOUT_FILENO, bytes, (size_t)got) == got);
    CHECK(got == 0);
    return 0;
}
