/* SPDX-License-Identifier: Apache-2.0
 *
 * The first thread's stack: four megabytes of recursion, and large arrays, with contents checked.
 */
#include "check.h"
#include <stdint.h>

__attribute__((noinline)) static uint64_t recurse(unsigned depth, uint64_t value)
{
    volatile uint64_t words[120]; /* a kilobyte with the frame */

    for (unsigned i = 0; i < 120; i++)
        words[i] = value + i;
    uint64_t sum = depth == 0 ? 0 : recurse(depth - 1, value + 1);
    for (unsigned i = 0; i < 120; i++)
        CHECK(words[i] == value + i);
    return sum + words[7];
}

__attribute__((noinline)) static unsigned large(size_t size)
{
    volatile unsigned char bytes[size];

    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i * 3);
    unsigned sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += bytes[i];
    return sum;
}

int main(void)
{
    printf("%llu\n", (unsigned long long)recurse(3900, 1));
    printf("%u\n", large(3u << 20));
    printf("%u\n", large(6u << 20));
    return 0;
}
