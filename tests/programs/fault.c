/* SPDX-License-Identifier: Apache-2.0
 *
 * fault KIND: does one thing that no program may do. Natively a signal ends it; an enclave stops.
 * Whatever was written before is there, nothing after.
 */
#include "check.h"
#include <stdint.h>

static const char constant[] = "constant";
static volatile int endless = 1; /* so that the compiler does not object */

__attribute__((noinline)) static unsigned overflow(volatile unsigned char *outer)
{
    volatile unsigned char frame[4096];

    frame[0] = (unsigned char)(outer[0] + 1);
    return endless ? overflow(frame) + frame[0] : 0;
}

int main(int argc, char **argv)
{
    volatile uintptr_t address = 0;
    volatile int zero = 0;

    CHECK(argc == 2);
    printf("before %s\n", argv[1]);
    fflush(stdout);
    if (strcmp(argv[1], "null-write") == 0) {
        *(volatile int *)address = 1;
    } else if (strcmp(argv[1], "null-call") == 0) {
        address = 3000; /* page 0, behind what stands in for system calls */
        ((void (*)(void))address)();
    } else if (strcmp(argv[1], "heap-call") == 0) {
        unsigned char *code = malloc(64);

        CHECK(code != NULL);
        memset(code, 0xc3, 64); /* ret */
        address = (uintptr_t)code;
        ((void (*)(void))address)();
    } else if (strcmp(argv[1], "stack-call") == 0) {
        volatile unsigned char code[16] = {0xc3, 0xc3, 0xc3, 0xc3};

        address = (uintptr_t)code;
        ((void (*)(void))address)();
    } else if (strcmp(argv[1], "constant-write") == 0) {
        address = (uintptr_t)constant;
        *(volatile char *)address = 'C';
    } else if (strcmp(argv[1], "code-write") == 0) {
        address = (uintptr_t)overflow;
        *(volatile char *)address = (char)0xc3;
    } else if (strcmp(argv[1], "wild-read") == 0) {
        address = UINT64_C(0x5a5a5a5a5000);
        (void)*(volatile int *)address;
    } else if (strcmp(argv[1], "noncanonical-read") == 0) {
        address = UINT64_C(0xdead00000000beef);
        (void)*(volatile int *)address;
    } else if (strcmp(argv[1], "divide") == 0) {
        zero = argc / zero;
    } else if (strcmp(argv[1], "illegal") == 0) {
        __asm__ volatile("ud2");
    } else if (strcmp(argv[1], "breakpoint") == 0) {
        __asm__ volatile("int3");
    } else if (strcmp(argv[1], "halt") == 0) {
        __asm__ volatile("hlt");
    } else if (strcmp(argv[1], "stack-overflow") == 0) {
        unsigned char start[1] = {0};

        zero = (int)overflow(start);
    } else {
        CHECK(!"a kind of fault");
    }
    puts("after");
    return 0;
}
