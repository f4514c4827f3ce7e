/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors of the runtime. struct thread (runtime.h) lies at %gs:0:
 *   0 self, 8 stack, 16 program_stack, 24 gate
 * struct syscall_frame (syscalls.h) is what runtime_syscall_entry pushes.
 */
#define THREAD_SELF          0
#define THREAD_STACK         8
#define THREAD_PROGRAM_STACK 16
#define THREAD_GATE          24
#define BLOCK_FROM_TCS       (8 * 4096)
#define STACK_BYTES          (4 * 4096)
#define VECTOR_STATE         0xe7 /* x87, SSE, AVX, AVX-512 */

    .macro function name
    .globl \name
    .type \name, @function
\name:
    .endm

    .text

/* A TCS is entered: rbx TCS, rcx gate, rdi shared region, rsi its size, rdx flags, no stack.
 * The block page lies above the stack pages, so the stack starts below it. */
    function runtime_enter
    cld
    lea BLOCK_FROM_TCS(%rbx), %rsp
    mov %rsp, %gs:THREAD_SELF
    mov %rsp, %gs:THREAD_STACK
    mov %rcx, %gs:THREAD_GATE
    fninit
    pushq $0x1f80
    ldmxcsr (%rsp)
    mov %rbx, %rcx
    xor %ebp, %ebp
    call runtime_start
    hlt

/* `call *%rax` of the program ends here. The return address is on the program's stack. Like the
 * kernel's, this entry keeps every register but rax and rcx, vector registers included. */
    function runtime_syscall_entry
    mov %rsp, %gs:THREAD_PROGRAM_STACK
    mov %gs:THREAD_STACK, %rsp
    push %rax
    push %rdx
    push %rbx
    push %rbp
    push %rsi
    push %rdi
    push %r15
    push %r14
    push %r13
    push %r12
    push %r11
    push %r10
    push %r9
    push %r8
    cld
    mov %rsp, %rdi
    call runtime_syscall
    /* fall through: rsp points to the frame, rax is the result */
runtime_leave:
    pop %r8
    pop %r9
    pop %r10
    pop %r11
    pop %r12
    pop %r13
    pop %r14
    pop %r15
    pop %rdi
    pop %rsi
    pop %rbp
    pop %rbx
    pop %rdx
    mov %gs:THREAD_PROGRAM_STACK, %rsp
    ret

/* void runtime_resume(const struct syscall_frame *frame, long result): continues the program with
 * the frame's registers; thread.program_stack points to the address to continue at. */
    function runtime_resume
    mov %rdi, %rsp
    mov %rsi, %rax
    jmp runtime_leave

/* void runtime_gate(void): leaves the enclave; returns when the host enters again. */
    function runtime_gate
    jmp *%gs:THREAD_GATE

/* void runtime_unwind(void (*function)(void)): drops the runtime's stack and calls function.
 * Nothing of what the thread did before stays in its stack or its registers. */
    function runtime_unwind
    mov %rdi, %rdx
    mov %gs:THREAD_STACK, %rsp
    lea -STACK_BYTES(%rsp), %rdi
    mov $(STACK_BYTES / 8), %ecx
    xor %eax, %eax
    cld
    rep stosq
    mov %rdx, %rdi
    mov $VECTOR_STATE, %eax
    xor %edx, %edx
    xrstor initial_state(%rip)
    xor %ebx, %ebx
    xor %ebp, %ebp
    xor %r8d, %r8d
    xor %r9d, %r9d
    xor %r10d, %r10d
    xor %r11d, %r11d
    xor %r12d, %r12d
    xor %r13d, %r13d
    xor %r14d, %r14d
    xor %r15d, %r15d
    call *%rdi
    hlt

/* An XSAVE area (Intel SDM vol. 1, section 13.4) of which no component is there: XRSTOR then
 * initialises them. MXCSR is taken from it all the same. */
    .section .rodata
    .balign 64
initial_state:
    .fill 24
    .long 0x1f80
    .fill 548

    .section .note.GNU-stack, "", @progbits
