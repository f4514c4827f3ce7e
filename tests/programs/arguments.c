/* SPDX-License-Identifier: Apache-2.0
 *
 * Every argument arrives byte for byte, empty ones included; argv ends with NULL.
 */
#include "check.h"

int main(int argc, char **argv)
{
    CHECK(argv[argc] == NULL);
    printf("%d arguments\n", argc - 1);
    for (int i = 1; i < argc; i++)
        printf("%d: %zu [%s]\n", i, strlen(argv[i]), argv[i]);
    return 0;
}
