/* SPDX-License-Identifier: Apache-2.0
 *
 * Holds a `sysenter`, which cannot be rewritten: packing it is refused.
 */
#include <stdio.h>

int main(int argc, char **argv)
{
    (void)argv;
    puts("the program ran");
    if (argc > 5)
        __asm__ volatile("sysenter" ::: "memory");
    return 0;
}
