/* SPDX-License-Identifier: Apache-2.0
 *
 * setjmp and longjmp, across frames and many times.
 */
#include "check.h"
#include <setjmp.h>

static jmp_buf place;

__attribute__((noinline)) static void descend(int depth, int value)
{
    volatile char frame[64];

    frame[0] = (char)depth;
    if (depth < 0)
        return;
    if (depth == 0)
        longjmp(place, value);
    descend(depth - 1, value + frame[0] - frame[0]);
    CHECK(!"returned");
}

int main(void)
{
    volatile int rounds = 0;
    int value = setjmp(place);

    if (value < 1000) {
        rounds = rounds + 1;
        descend(value % 50, value + 1);
    }
    printf("%d rounds, value %d\n", rounds, value);
    return 0;
}
