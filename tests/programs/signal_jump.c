/* SPDX-License-Identifier: Apache-2.0
 *
 * siglongjmp out of a handler restores the mask that sigsetjmp saved.
 */
#include "check.h"
#include <setjmp.h>
#include <signal.h>

static sigjmp_buf place;

static void handler(int number)
{
    (void)number;
    siglongjmp(place, 1);
}

int main(void)
{
    struct sigaction action = {.sa_handler = handler};
    volatile int times = 0;

    sigemptyset(&action.sa_mask);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    while (times < 5) {
        if (sigsetjmp(place, 1) == 0) {
            raise(SIGUSR1);
            CHECK(!"reached");
        }
        times = times + 1;
        printf("jumped %d\n", times);
    }
    return 0;
}
