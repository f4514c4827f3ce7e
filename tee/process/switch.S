/* SPDX-License-Identifier: Apache-2.0
 *
 * In and out of the enclave; switch.h has the invariants. System V ABI outside; inside the registers
 * are those of tee.h.
 */
#include "switch.h"

    .text

/* void process_switch_enter(struct process_switch *thread) */
    .globl process_switch_enter
    .hidden process_switch_enter
    .type process_switch_enter, @function
    .balign 16
process_switch_enter:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    stmxcsr SWITCH_HOST_MXCSR(%rdi)
    fnstcw SWITCH_HOST_FCW(%rdi)
    rdfsbase %rax
    mov %rax, SWITCH_HOST_FS(%rdi)
    rdgsbase %rax
    mov %rax, SWITCH_HOST_GS(%rdi)
    mov %rsp, SWITCH_HOST_RSP(%rdi)
    movl $1, SWITCH_INSIDE(%rdi)
    /* From here on the interrupt's handler makes the thread leave; before, it only set the flag. */
    cmpl $0, SWITCH_INTERRUPT(%rdi)
    jne .Linterrupted

    mov SWITCH_XSAVE(%rdi), %rcx
    mov SWITCH_XSAVE_MASK(%rdi), %eax
    xor %edx, %edx
    xrstor64 (%rcx)
    mov SWITCH_FS(%rdi), %rax
    wrfsbase %rax
    mov SWITCH_GS(%rdi), %rax
    wrgsbase %rax
    mov SWITCH_RCX(%rdi), %rcx
    mov SWITCH_RDX(%rdi), %rdx
    mov SWITCH_RBX(%rdi), %rbx
    mov SWITCH_RBP(%rdi), %rbp
    mov SWITCH_RSI(%rdi), %rsi
    mov SWITCH_R8(%rdi), %r8
    mov SWITCH_R9(%rdi), %r9
    mov SWITCH_R10(%rdi), %r10
    mov SWITCH_R11(%rdi), %r11
    mov SWITCH_R12(%rdi), %r12
    mov SWITCH_R13(%rdi), %r13
    mov SWITCH_R14(%rdi), %r14
    mov SWITCH_R15(%rdi), %r15
    mov SWITCH_RSP(%rdi), %rsp
    mov SWITCH_RIP(%rdi), %rax
    cmpl $0, SWITCH_STARTED(%rdi)
    je .Lstart
    mov SWITCH_RDI(%rdi), %rdi
    jmp *%rax
.Lstart:
    movl $1, SWITCH_STARTED(%rdi)
    mov SWITCH_RDI(%rdi), %rdi
    xor %eax, %eax
    jmp *%r11

.Linterrupted:
    movl $SWITCH_REASON_STOPPED, SWITCH_REASON(%rdi)
    jmp process_switch_leave

/* The enclave's `call *gate` arrives here, on its stack. */
    .globl process_switch_gates
    .hidden process_switch_gates
    .balign SWITCH_GATE_SIZE
process_switch_gates:
    .set thread, 0
    .rept SWITCH_COUNT
    .balign SWITCH_GATE_SIZE
    lea process_switches + thread * SWITCH_SIZE(%rip), %rax
    jmp .Lgate
    .set thread, thread + 1
    .endr
    .balign SWITCH_GATE_SIZE
.Lgate:
    pop %rcx
    mov %rcx, SWITCH_RIP(%rax)
    mov %rsp, SWITCH_RSP(%rax)
    mov %rbx, SWITCH_RBX(%rax)
    mov %rbp, SWITCH_RBP(%rax)
    mov %rsi, SWITCH_RSI(%rax)
    mov %rdi, SWITCH_RDI(%rax)
    mov %r8, SWITCH_R8(%rax)
    mov %r9, SWITCH_R9(%rax)
    mov %r10, SWITCH_R10(%rax)
    mov %r11, SWITCH_R11(%rax)
    mov %r12, SWITCH_R12(%rax)
    mov %r13, SWITCH_R13(%rax)
    mov %r14, SWITCH_R14(%rax)
    mov %r15, SWITCH_R15(%rax)
    rdfsbase %rcx
    mov %rcx, SWITCH_FS(%rax)
    rdgsbase %rcx
    mov %rcx, SWITCH_GS(%rax)
    mov %rax, %rdi
    mov SWITCH_XSAVE(%rdi), %rcx
    mov SWITCH_XSAVE_MASK(%rdi), %eax
    xor %edx, %edx
    xsave64 (%rcx)
    movl $SWITCH_REASON_GATE, SWITCH_REASON(%rdi)

    .globl process_switch_leave
    .hidden process_switch_leave
    .type process_switch_leave, @function
process_switch_leave:
    mov SWITCH_HOST_FS(%rdi), %rax
    wrfsbase %rax
    mov SWITCH_HOST_GS(%rdi), %rax
    wrgsbase %rax
    mov SWITCH_HOST_RSP(%rdi), %rsp
    /* Flags as the ABI wants them: the program may have set DF or AC. */
    push $0x202
    popfq
    /* No vector state of the program's stays; then the host's control words. */
    mov SWITCH_XSAVE_MASK(%rdi), %eax
    xor %edx, %edx
    xrstor64 .Lclean(%rip)
    ldmxcsr SWITCH_HOST_MXCSR(%rdi)
    fldcw SWITCH_HOST_FCW(%rdi)
    movl $0, SWITCH_INSIDE(%rdi)
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

/* An XSAVE area that says "initial state" for everything. */
    .section .rodata
    .balign 64
.Lclean:
    .fill SWITCH_XSAVE_MXCSR, 1, 0
    .long SWITCH_MXCSR_START
    .fill SWITCH_XSAVE_BYTES - SWITCH_XSAVE_MXCSR - 4, 1, 0

    .section .note.GNU-stack, "", @progbits
