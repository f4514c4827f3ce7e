/* SPDX-License-Identifier: Apache-2.0
 *
 * Page 0. A rewritten system call is `call *%rax`, so it lands at the address that is the system
 * call's number. From each of the first TRAMPOLINE_BYTES addresses the code leads to one jump
 * behind them, and on the way changes no register, no flag and no memory.
 */
#ifndef IMAGE_TRAMPOLINE_H
#define IMAGE_TRAMPOLINE_H

#include <stdint.h>

/* `target` is the address of the runtime's system call entry, below 2 GiB. */
void trampoline_write(uint8_t page[4096], uint64_t target);

#endif
