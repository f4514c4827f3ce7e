/* SPDX-License-Identifier: Apache-2.0
 *
 * argv[0] is there and its last part is the program's file name (or what a manifest says).
 */
#include "check.h"

int main(int argc, char **argv)
{
    CHECK(argc >= 1);
    CHECK(argv[0] != NULL);
    const char *slash = strrchr(argv[0], '/');
    puts(slash != NULL ? slash + 1 : argv[0]);
    for (int i = 1; i < argc; i++)
        puts(argv[i]);
    return 0;
}
