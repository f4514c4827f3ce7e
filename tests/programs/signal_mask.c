/* SPDX-License-Identifier: Apache-2.0
 *
 * A blocked signal waits until it is unblocked, then runs before sigprocmask returns; sa_mask
 * blocks during the handler.
 */
#include "check.h"
#include <signal.h>

static volatile sig_atomic_t order[8], ran;

static void handler(int number)
{
    order[ran++] = number;
    if (number == SIGUSR1) {
        raise(SIGUSR2); /* in sa_mask: waits */
        CHECK(ran == 1);
    }
}

int main(void)
{
    sigset_t set, old;
    struct sigaction action = {.sa_handler = handler};

    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGUSR2);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(sigaction(SIGUSR2, &action, NULL) == 0);

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &set, &old) == 0);
    CHECK(sigismember(&old, SIGUSR1) == 0);
    raise(SIGUSR1);
    raise(SIGUSR1);
    CHECK(ran == 0);
    puts("blocked");

    CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
    CHECK(ran == 2 && order[0] == SIGUSR1 && order[1] == SIGUSR2);
    puts("delivered once, the masked one after");

    CHECK_ERROR(sigprocmask(77, &set, NULL), EINVAL);
    sigfillset(&set);
    CHECK(sigprocmask(SIG_SETMASK, &set, NULL) == 0);
    CHECK(sigprocmask(SIG_SETMASK, NULL, &old) == 0);
    CHECK(sigismember(&old, SIGKILL) == 0);
    CHECK(sigismember(&old, SIGTERM) == 1);
    puts("SIGKILL cannot be blocked");
    return 0;
}
