/* SPDX-License-Identifier: Apache-2.0
 *
 * A system call keeps the vector registers (all 16, 256 bits wide where the CPU has AVX), MXCSR and
 * the x87 control word and stack.
 */
#include "check.h"
#include <cpuid.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

struct call {
    uint64_t number, arguments[6];
    int64_t result;
    uint8_t in[16][32], out[16][32];
};

/* Loads `in`, makes the call, stores `out`. */
void vector_call_sse(struct call *call);
void vector_call_avx(struct call *call);
#define VECTOR_CALL(name, move, register)                                                          \
    __asm__(".text\n"                                                                              \
            ".type " name ", @function\n" name ":\n"                                               \
            "    push %rbx\n"                                                                      \
            "    mov %rdi, %rbx\n"                                                                 \
            ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"                       \
            "    " move " 64 + 32 * \\n(%rbx), %" register "\\n\n"                                 \
            ".endr\n"                                                                              \
            "    mov 0(%rbx), %rax\n"                                                              \
            "    mov 8(%rbx), %rdi\n"                                                              \
            "    mov 16(%rbx), %rsi\n"                                                             \
            "    mov 24(%rbx), %rdx\n"                                                             \
            "    mov 32(%rbx), %r10\n"                                                             \
            "    mov 40(%rbx), %r8\n"                                                              \
            "    mov 48(%rbx), %r9\n"                                                              \
            "    syscall\n"                                                                        \
            "    mov %rax, 56(%rbx)\n"                                                             \
            ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"                       \
            "    " move " %" register "\\n, 64 + 512 + 32 * \\n(%rbx)\n"                           \
            ".endr\n"                                                                              \
            "    pop %rbx\n"                                                                       \
            "    ret\n"                                                                            \
            ".size " name ", . - " name "\n")
VECTOR_CALL("vector_call_sse", "movups", "xmm");
VECTOR_CALL("vector_call_avx", "vmovups", "ymm");

static int has_avx(void)
{
    unsigned a, b, c, d, low, high;

    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_OSXSAVE) == 0 || (c & bit_AVX) == 0)
        return 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 6) == 6;
}

static int64_t call(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    static struct call state;
    static unsigned seed;
    size_t width = has_avx() ? 32 : 16;

    seed++;
    for (size_t i = 0; i < 16; i++)
        for (size_t j = 0; j < 32; j++)
            state.in[i][j] = (uint8_t)(seed * 31 + i * 37 + j * 11 + 1);
    state.number = (uint64_t)number;
    state.arguments[0] = a;
    state.arguments[1] = b;
    state.arguments[2] = c;
    state.arguments[3] = d;
    if (width == 32)
        vector_call_avx(&state);
    else
        vector_call_sse(&state);
    for (size_t i = 0; i < 16; i++)
        CHECK(memcmp(state.in[i], state.out[i], width) == 0);
    return state.result;
}

int main(void)
{
    struct timespec time, moment = {0, 2000000};
    static char bytes[65536];
    uint32_t word = 0, before = 0xff80, after = 0; /* round towards zero, flush denormals */
    uint16_t control = 0x067f, control_after = 0;
    double numbers[3] = {1.25, -3.5, 1e300}, back[3];
    const char *path = scratch("vector");

    __asm__ volatile("ldmxcsr %0" ::"m"(before));
    __asm__ volatile("fldcw %0" ::"m"(control));
    __asm__ volatile("fldl %0\n\tfldl %1\n\tfldl %2" ::"m"(numbers[0]), "m"(numbers[1]),
                     "m"(numbers[2]));
    for (int round = 0; round < 20; round++) {
        CHECK(call(SYS_getpid, 0, 0, 0, 0) > 0);
        CHECK(call(SYS_clock_gettime, CLOCK_MONOTONIC, (uintptr_t)&time, 0, 0) == 0);
        CHECK(call(SYS_getrandom, (uintptr_t)bytes, sizeof bytes, 0, 0) > 0);
        CHECK(call(SYS_write, 1, (uintptr_t) "vector\n", 7, 0) == 7);
    }
    CHECK(call(SYS_nanosleep, (uintptr_t)&moment, 0, 0, 0) == 0);
    CHECK(call(SYS_futex, (uintptr_t)&word, 0 | 128, 0, (uintptr_t)&moment) == -ETIMEDOUT);
    int64_t file = call(SYS_open, (uintptr_t)path, O_RDWR | O_CREAT | O_EXCL, 0600, 0);
    CHECK(file >= 0);
    CHECK(call(SYS_pwrite64, (uint64_t)file, (uintptr_t)bytes, sizeof bytes, 100) == sizeof bytes);
    CHECK(call(SYS_pread64, (uint64_t)file, (uintptr_t)bytes, sizeof bytes, 0) == sizeof bytes);
    CHECK(call(SYS_close, (uint64_t)file, 0, 0, 0) == 0);
    CHECK(call(SYS_unlink, (uintptr_t)path, 0, 0, 0) == 0);
    CHECK(call(SYS_brk, 0, 0, 0, 0) > 0);
    __asm__ volatile("stmxcsr %0" : "=m"(after));
    __asm__ volatile("fstpl %0\n\tfstpl %1\n\tfstpl %2"
                     : "=m"(back[0]), "=m"(back[1]), "=m"(back[2]));
    __asm__ volatile("fnstcw %0" : "=m"(control_after));
    uint32_t standard = 0x1f80;
    uint16_t standard_control = 0x037f;
    __asm__ volatile("ldmxcsr %0\n\tfldcw %1" ::"m"(standard), "m"(standard_control));

    CHECK((after & ~0x3fu) == (before & ~0x3fu));
    CHECK(control_after == control);
    CHECK(memcmp(&back[0], &numbers[2], 8) == 0);
    CHECK(memcmp(&back[1], &numbers[1], 8) == 0);
    CHECK(memcmp(&back[2], &numbers[0], 8) == 0);
    puts("vector registers are kept");
    return 0;
}
