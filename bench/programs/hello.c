/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest program; with an argument it then sleeps that many seconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    puts("hello, world");
    fflush(stdout);
    if (argc > 1)
        sleep((unsigned)atoi(argv[1]));
    return 0;
}
