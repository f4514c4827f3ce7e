/* SPDX-License-Identifier: Apache-2.0
 *
 * The least that a program does: prints a line and returns 0.
 */
#include <stdio.h>

int main(void)
{
    puts("hello, world");
    return 0;
}
