/* SPDX-License-Identifier: Apache-2.0
 *
 * Sleeping on a word, and time.
 */
#include "host.h"

#include <linux/futex.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void host_futex_wait(_Atomic uint32_t *word, uint32_t value, uint64_t ns)
{
    struct timespec time = {.tv_sec = (time_t)(ns / 1000000000),
                            .tv_nsec = (long)(ns % 1000000000)};
    bool for_ever = ns > UINT64_C(1000000000) * 86400 * 365;
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, for_ever ? NULL : &time, NULL, 0);
}

void host_futex_wake(_Atomic uint32_t *word, int count)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

uint64_t host_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

void host_log(struct cella_enclave *enclave, const char *format, ...)
{
    if (!enclave->options.log)
        return;
    char sentence[500];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    /* Names in it are the program's: they make no lines, and drive no terminal. */
    for (char *at = sentence; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    enclave->options.log(enclave->options.log_context, sentence);
}
