/* SPDX-License-Identifier: Apache-2.0
 *
 * An `out` instruction of the program's own. Natively a signal ends it; an enclave that leaves by
 * such an instruction must not take this one for its own.
 */
#include "check.h"

int main(void)
{
    puts("before");
    fflush(stdout);
    for (unsigned port = 0; port < 0x400; port++)
        __asm__ volatile("out %%al, %%dx" ::"a"(1), "d"(port));
    puts("after");
    return 0;
}
