/* SPDX-License-Identifier: Apache-2.0
 *
 * raise SIGNAL: the default action of a signal. For those that end a program nothing is printed
 * after; for those that are ignored by default the program goes on.
 */
#include "check.h"
#include <signal.h>

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    int number = atoi(argv[1]);

    printf("raising %d\n", number);
    fflush(stdout);
    CHECK(raise(number) == 0);
    puts("still here");
    return 0;
}
