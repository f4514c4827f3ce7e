/* SPDX-License-Identifier: Apache-2.0
 *
 * Random bytes come from RDRAND, never from the host. A CPU without it stops the enclave; so does
 * one whose generator fails ten times running (Intel's guide to RDRAND), or that keeps answering
 * the same word.
 */
#include "syscalls.h"

#include <linux/random.h>

#define RETRIES 10

static uint64_t random_word(void)
{
    for (int retry = 0; retry < RETRIES; retry++) {
        uint64_t word;
        bool ok;
        __asm__ volatile("rdrand %0" : "=r"(word), "=@ccc"(ok));
        if (ok)
            return word;
    }
    runtime_stop(RING_STOP_INSECURE, 1);
}

void random_start(void)
{
    uint32_t eax = 1, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    if (!(ecx >> 30 & 1))
        runtime_stop(RING_STOP_INSECURE, 0);
    uint64_t first = random_word();
    int same = 0;
    while (same < RETRIES && random_word() == first)
        same++;
    if (same == RETRIES)
        runtime_stop(RING_STOP_INSECURE, 2);
}

void random_bytes(void *bytes, size_t size)
{
    for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
        uint64_t word = random_word();
        memcpy((uint8_t *)bytes + at, &word, size - at < sizeof(word) ? size - at : sizeof(word));
    }
}

long sys_getrandom(const long *argument)
{
    void *buffer = (void *)argument[0];
    uint64_t size = (uint64_t)argument[1];
    if (argument[2] & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
        return -EINVAL;
    if (size > INT32_MAX)
        size = INT32_MAX;
    if (!memory_is_inside(buffer, size))
        return -EFAULT;
    random_bytes(buffer, size);
    return (long)size;
}
