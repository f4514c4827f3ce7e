/* SPDX-License-Identifier: Apache-2.0
 *
 * Leaf functions that keep variables below the stack pointer (the red zone) across a system call of
 * their own. The kernel leaves those bytes alone, so whatever stands in for it must as well.
 */
#include "check.h"
#include <stdint.h>
#include <sys/syscall.h>

static inline __attribute__((always_inline)) long system_call(long number, long a, long b)
{
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b)
                     : "rcx", "r11", "memory");
    return result;
}

/* 15 words: the red zone to its last bytes. */
__attribute__((noinline)) static uint64_t leaf(uint64_t seed, long number)
{
    volatile uint64_t words[15];

    for (uint64_t i = 0; i < 15; i++)
        words[i] = seed * (i + 1);
    long result = system_call(number, 0, 0);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < 15; i++)
        sum += words[i] == seed * (i + 1);
    return result == -1 ? 0 : sum;
}

__attribute__((noinline)) static uint64_t leaf_constant(uint64_t seed)
{
    volatile uint64_t word = seed;
    long first = system_call(SYS_getpid, 0, 0), second = system_call(SYS_getppid, 0, 0);

    return first > 0 && second >= 0 ? word - seed : 1;
}

__attribute__((noinline)) static uint64_t leaf_loop(uint64_t rounds)
{
    volatile uint64_t count = 0;

    for (uint64_t i = 0; i < rounds; i++) {
        system_call(SYS_sched_yield, 0, 0);
        count = count + 1;
    }
    return count;
}

__attribute__((noinline)) static uint64_t leaf_write(const char *text)
{
    volatile uint64_t word = UINT64_C(0x0123456789abcdef);
    long size = 0, result;

    while (text[size] != 0)
        size++;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"((long)SYS_write), "D"(1L), "S"(text), "d"(size)
                     : "rcx", "r11", "memory");
    return result == size && word == UINT64_C(0x0123456789abcdef);
}

int main(void)
{
    for (uint64_t seed = 1; seed < 1000; seed++) {
        CHECK(leaf(seed * UINT64_C(0x9e3779b97f4a7c15), SYS_getpid) == 15);
        CHECK(leaf(seed, SYS_gettid) == 15);
        CHECK(leaf(seed, 511) == 15);
        CHECK(leaf_constant(seed) == 0);
    }
    CHECK(leaf_loop(1000) == 1000);
    CHECK(leaf_write("through a system call\n") == 1);
    puts("the red zone is kept");
    return 0;
}
