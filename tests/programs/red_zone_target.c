/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls in awkward places: one that is a branch target itself, one right before a branch
 * target, two in a row, and one that ends a function.
 */
#include "check.h"
#include <stdint.h>
#include <sys/syscall.h>

long awkward_target(long rounds);
long awkward_pair(void);
long awkward_tail(long number);
__asm__(
    ".text\n"
    /* Jumps back to the very syscall instruction `rounds` times; the red zone holds the count. */
    ".type awkward_target, @function\n"
    "awkward_target:\n"
    "    mov %rdi, -8(%rsp)\n"
    "    movq $0, -16(%rsp)\n"
    "    mov $39, %eax\n"
    "1:  syscall\n"
    "    incq -16(%rsp)\n"
    "    mov $39, %eax\n"
    "    decq -8(%rsp)\n"
    "    jnz 1b\n"
    "    mov -16(%rsp), %rax\n"
    "    ret\n"
    ".size awkward_target, . - awkward_target\n"
    ".type awkward_pair, @function\n"
    "awkward_pair:\n"
    "    movq $7, -8(%rsp)\n"
    "    mov $39, %eax\n"
    "    syscall\n"
    "    mov $24, %eax\n"
    "    syscall\n"
    "    syscall\n" /* rax is 0 after sched_yield: read(rdi, rsi, 0) */
    "    mov -8(%rsp), %rax\n"
    "    ret\n"
    ".size awkward_pair, . - awkward_pair\n"
    ".type awkward_tail, @function\n"
    "awkward_tail:\n"
    "    mov %rdi, %rax\n"
    "    syscall\n"
    "    ret\n"
    ".size awkward_tail, . - awkward_tail\n");

int main(void)
{
    CHECK(awkward_target(1) == 1);
    CHECK(awkward_target(1000) == 1000);
    CHECK(awkward_pair() == 7);
    CHECK(awkward_tail(SYS_getpid) == getpid());
    puts("awkward places");
    return 0;
}
