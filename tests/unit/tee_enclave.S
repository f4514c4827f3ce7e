/* SPDX-License-Identifier: Apache-2.0
 *
 * The enclave of the TEE tests: one page of position-independent code, linked as data. It leaves by
 * the gate, then does the command that the host has put in the thread's block of the shared region,
 * leaves, and so on. tee_enclave.h has the numbers and the block.
 */
#include "tee_enclave.h"

    .section .rodata
    .balign 4096
    .globl tee_enclave_code, tee_enclave_syscall, tee_enclave_divide, tee_enclave_store
    .hidden tee_enclave_code, tee_enclave_syscall, tee_enclave_divide, tee_enclave_store
tee_enclave_code:
    mov %gs:8, %r12
    add %rdi, %r12
    mov %rax, BLOCK_START(%r12)
    mov %rbx, BLOCK_START + 8(%r12)
    mov %rcx, BLOCK_START + 16(%r12)
    mov %rdx, BLOCK_START + 24(%r12)
    mov %rdi, BLOCK_START + 32(%r12)
    mov %rsi, BLOCK_START + 40(%r12)
    mov %rsp, BLOCK_START + 48(%r12)
    mov %gs:0, %rsp
    mov %rcx, %r13
    mov %rdi, %r14
leave:
    call *%r13
    movq $0, BLOCK_RESULT(%r12)
    mov BLOCK_ARGUMENT(%r12), %rbx
    mov BLOCK_VALUE(%r12), %rbp
    mov BLOCK_COMMAND(%r12), %rax
    cmp $COMMAND_COUNT, %rax
    jae illegal
    lea commands(%rip), %rcx
    movslq (%rcx,%rax,4), %rax
    add %rcx, %rax
    jmp *%rax
commands:
    .long keep - commands, zero - commands, store - commands, load - commands, jump - commands
    .long divide - commands, syscall - commands, trampoline - commands, loop - commands
    .long meet - commands, illegal - commands, echo - commands

/* Every register that the gate keeps, across the gate. */
keep:
    push %r12
    push %r13
    push %r14
    .set i, 0
    .irp r, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r14, r15
    mov $0x1000 + i, %\r
    .set i, i + 1
    .endr
    .irp x, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    mov $0x2000 + \x, %eax
    movd %eax, %xmm\x
    .endr
    mov $0x777000, %eax
    wrfsbase %rax
    fld1
    mov %r13, %rax
    mov $0x3000, %r13
    call *%rax
    xor %ecx, %ecx
    .set i, 0
    .irp r, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r14, r15
    cmp $0x1000 + i, %\r
    jne 1f
    .set i, i + 1
    .endr
    cmp $0x3000, %r13
    jne 1f
    .irp x, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movd %xmm\x, %eax
    cmp $0x2000 + \x, %eax
    jne 1f
    .endr
    rdfsbase %rax
    cmp $0x777000, %rax
    jne 1f
    push $0
    fistpq (%rsp)
    pop %rax
    cmp $1, %rax
    jne 1f
    mov $1, %ecx
1:  pop %r14
    pop %r13
    pop %r12
    mov %rcx, BLOCK_RESULT(%r12)
    jmp leave

/* 1 when the page at the argument is all zero. */
zero:
    xor %eax, %eax
    xor %ecx, %ecx
1:  or (%rbx,%rcx,8), %rax
    inc %ecx
    cmp $512, %ecx
    jb 1b
    test %rax, %rax
    sete BLOCK_RESULT(%r12)
    jmp leave

store:
tee_enclave_store:
    mov %rbp, (%rbx)
    movq $1, BLOCK_RESULT(%r12)
    jmp leave

load:
    mov (%rbx), %rax
    mov %rax, BLOCK_RESULT(%r12)
    jmp leave

jump:
    call *%rbx
    movq $1, BLOCK_RESULT(%r12)
    jmp leave

divide:
    xor %ecx, %ecx
    xor %edx, %edx
    mov $1, %eax
tee_enclave_divide:
    div %ecx
    jmp leave

syscall:
    mov $39, %eax
    syscall
    mov %rax, BLOCK_RESULT(%r12)
    jmp leave

/* What a rewritten `syscall` is. */
trampoline:
    mov %rbx, %rax
    call *%rax
    mov %rax, BLOCK_RESULT(%r12)
    jmp leave
tee_enclave_syscall:
    lea 1000(%rax), %rax
    ret

loop:
    movq $1, BLOCK_RESULT(%r12)
1:  pause
    jmp 1b

/* Waits until two threads are here. */
meet:
    lock incl SHARED_MEETING(%r14)
1:  pause
    cmpl $2, SHARED_MEETING(%r14)
    jb 1b
    movq $1, BLOCK_RESULT(%r12)
    jmp leave

illegal:
    ud2

echo:
    not %rbx
    mov %rbx, BLOCK_RESULT(%r12)
    jmp leave

    .balign 4096, 0xcc
    .section .note.GNU-stack, "", @progbits
