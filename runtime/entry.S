/* SPDX-License-Identifier: Apache-2.0 */
    .text
    .globl runtime_enter, runtime_syscall_entry
runtime_enter:
    hlt
runtime_syscall_entry:
    hlt
    .section .note.GNU-stack,"",@progbits
