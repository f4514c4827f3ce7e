/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests of the runtime's core files, which are compiled for the host's process here and get
 * the rest of the runtime from their test: a thread block at %gs, and a runtime_stop that comes
 * back to the test.
 */
#ifndef TESTS_RUNTIME_CORE_H
#define TESTS_RUNTIME_CORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../runtime/syscalls.h"

#include <asm/prctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static jmp_buf core_back;
static struct {
    bool expected;
    enum ring_stop why;
    uint64_t detail;
} core_stop;

_Noreturn void runtime_stop(enum ring_stop why, uint64_t detail)
{
    if (!core_stop.expected) {
        fprintf(stderr, "runtime_stop(%d, %lu)\n", (int)why, detail);
        abort();
    }
    core_stop.why = why;
    core_stop.detail = detail;
    longjmp(core_back, 1);
}

/* Runs what must stop the enclave with these words. */
#define assert_stops(action, expected_why, expected_detail)                                        \
    do {                                                                                           \
        core_stop.expected = true;                                                                 \
        if (setjmp(core_back) == 0) {                                                              \
            action;                                                                                \
            fail_msg("%s did not stop", #action);                                                  \
        }                                                                                          \
        core_stop.expected = false;                                                                \
        assert_int_equal(core_stop.why, expected_why);                                             \
        assert_int_equal(core_stop.detail, expected_detail);                                       \
    } while (0)

/* The calling host thread is this thread of the enclave from now on. */
static inline void core_become(struct thread *thread)
{
    thread->self = thread;
    assert_int_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, thread), 0);
}

static inline uint64_t core_random(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

#endif
