/* SPDX-License-Identifier: Apache-2.0
 *
 * A system call keeps every general register but rax, rcx and r11, and the stack below and above:
 * for calls that are answered inside, that ask the host, that block, and that do not exist.
 */
#include "check.h"
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

struct registers {
    uint64_t rax, rbx, rdx, rsi, rdi, rbp, r8, r9, r10, r12, r13, r14, r15;
};

/* Loads the registers, makes the call, stores what they are after it. */
void registers_call(struct registers *registers);
__asm__(
    ".text\n"
    ".type registers_call, @function\n"
    "registers_call:\n"
    "    push %rbx\n"
    "    push %rbp\n"
    "    push %r12\n"
    "    push %r13\n"
    "    push %r14\n"
    "    push %r15\n"
    "    push %rdi\n"
    "    mov %rdi, %rcx\n"
    "    mov 0(%rcx), %rax\n"
    "    mov 8(%rcx), %rbx\n"
    "    mov 16(%rcx), %rdx\n"
    "    mov 24(%rcx), %rsi\n"
    "    mov 32(%rcx), %rdi\n"
    "    mov 40(%rcx), %rbp\n"
    "    mov 48(%rcx), %r8\n"
    "    mov 56(%rcx), %r9\n"
    "    mov 64(%rcx), %r10\n"
    "    mov 72(%rcx), %r12\n"
    "    mov 80(%rcx), %r13\n"
    "    mov 88(%rcx), %r14\n"
    "    mov 96(%rcx), %r15\n"
    "    syscall\n"
    "    mov (%rsp), %rcx\n"
    "    mov %rax, 0(%rcx)\n"
    "    mov %rbx, 8(%rcx)\n"
    "    mov %rdx, 16(%rcx)\n"
    "    mov %rsi, 24(%rcx)\n"
    "    mov %rdi, 32(%rcx)\n"
    "    mov %rbp, 40(%rcx)\n"
    "    mov %r8, 48(%rcx)\n"
    "    mov %r9, 56(%rcx)\n"
    "    mov %r10, 64(%rcx)\n"
    "    mov %r12, 72(%rcx)\n"
    "    mov %r13, 80(%rcx)\n"
    "    mov %r14, 88(%rcx)\n"
    "    mov %r15, 96(%rcx)\n"
    "    pop %rdi\n"
    "    pop %r15\n"
    "    pop %r14\n"
    "    pop %r13\n"
    "    pop %r12\n"
    "    pop %rbp\n"
    "    pop %rbx\n"
    "    ret\n"
    ".size registers_call, . - registers_call\n");

static int64_t call(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                    uint64_t f)
{
    const struct registers before = {
        .rax = (uint64_t)number,
        .rdi = a,
        .rsi = b,
        .rdx = c,
        .r10 = d,
        .r8 = e,
        .r9 = f,
        .rbx = 0x1111111111111111,
        .rbp = 0x2222222222222222,
        .r12 = 0x3333333333333333,
        .r13 = 0x4444444444444444,
        .r14 = 0x5555555555555555,
        .r15 = 0x6666666666666666,
    };
    struct registers after = before;

    registers_call(&after);
    int64_t result = (int64_t)after.rax;
    after.rax = before.rax;
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    return result;
}

int main(void)
{
    struct timespec time = {0, 0}, moment = {0, 2000000};
    static const uint64_t odd = UINT64_C(0xfedcba9876543210);
    uint32_t word = 0;
    char bytes[16];

    for (int round = 0; round < 100; round++) {
        CHECK(call(SYS_getpid, odd, odd + 1, odd + 2, odd + 3, odd + 4, odd + 5) == getpid());
        CHECK(call(SYS_gettid, odd, odd, odd, odd, odd, odd) == getpid());
        CHECK(call(SYS_sched_yield, odd, odd, odd, odd, odd, odd) == 0);
        CHECK(call(SYS_clock_gettime, CLOCK_MONOTONIC, (uintptr_t)&time, odd, odd, odd, odd) == 0);
        CHECK(call(SYS_getrandom, (uintptr_t)bytes, sizeof bytes, 0, odd, odd, odd) == 16);
        CHECK(call(SYS_futex, (uintptr_t)&word, 1 | 128, 1, odd, odd, odd) == 0);
        CHECK(call(SYS_write, 1, (uintptr_t) "", 0, odd, odd, odd) == 0);
        CHECK(call(SYS_close, 99, odd, odd, odd, odd, odd) == -EBADF);
        CHECK(call(511, odd, odd + 1, odd + 2, odd + 3, odd + 4, odd + 5) == -ENOSYS);
    }
    puts("calls that return at once");
    fflush(stdout);
    CHECK(call(SYS_write, 1, (uintptr_t) "written\n", 8, odd, odd, odd) == 8);
    CHECK(call(SYS_nanosleep, (uintptr_t)&moment, 0, odd, odd, odd, odd) == 0);
    CHECK(call(SYS_futex, (uintptr_t)&word, 0 | 128, 0, (uintptr_t)&moment, odd, odd) ==
          -ETIMEDOUT);
    int64_t memory = call(SYS_mmap, 0, 1 << 20, 3, 0x22, (uint64_t)-1, 0);
    CHECK(memory > 0);
    CHECK(call(SYS_munmap, (uint64_t)memory, 1 << 20, odd, odd, odd, odd) == 0);
    puts("calls that ask or block");
    return 0;
}
