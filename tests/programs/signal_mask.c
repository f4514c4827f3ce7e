/* SPDX-License-Identifier: Apache-2.0
 *
 * A blocked signal is pending until it is unblocked, then runs before sigprocmask returns; sa_mask
 * blocks during the handler; sigsuspend waits with another mask; sigtimedwait takes a pending one.
 */
#include "check.h"
#include <signal.h>
#include <time.h>

static volatile sig_atomic_t order[8], ran;

static void handler(int number)
{
    order[ran++] = number;
    if (number == SIGUSR1) {
        sigset_t pending;

        raise(SIGUSR2); /* in sa_mask: waits */
        CHECK(ran == 1);
        CHECK(sigpending(&pending) == 0);
        CHECK(sigismember(&pending, SIGUSR2) == 1);
    }
}

int main(void)
{
    sigset_t set, old, pending, empty;
    struct sigaction action = {.sa_handler = handler};

    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGUSR2);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(sigaction(SIGUSR2, &action, NULL) == 0);

    sigemptyset(&empty);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &set, &old) == 0);
    CHECK(sigismember(&old, SIGUSR1) == 0);
    raise(SIGUSR1);
    raise(SIGUSR1);
    CHECK(ran == 0);
    CHECK(sigpending(&pending) == 0);
    CHECK(sigismember(&pending, SIGUSR1) == 1);
    CHECK(sigismember(&pending, SIGUSR2) == 0);
    puts("blocked and pending");

    CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
    CHECK(ran == 2 && order[0] == SIGUSR1 && order[1] == SIGUSR2);
    CHECK(sigpending(&pending) == 0);
    CHECK(sigismember(&pending, SIGUSR1) == 0);
    puts("delivered once, the masked one after");

    ran = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    CHECK(sigprocmask(SIG_SETMASK, &set, NULL) == 0);
    raise(SIGUSR2);
    CHECK(ran == 0);
    CHECK_ERROR(sigsuspend(&empty), EINTR);
    CHECK(ran == 1 && order[0] == SIGUSR2);
    CHECK(sigprocmask(SIG_BLOCK, NULL, &old) == 0);
    CHECK(sigismember(&old, SIGUSR2) == 1);
    puts("sigsuspend waited with its own mask");

    struct timespec none = {0, 0}, moment = {0, 20000000};
    siginfo_t information;
    raise(SIGUSR2);
    CHECK(sigtimedwait(&set, &information, &none) == SIGUSR2);
    CHECK(ran == 1);
    CHECK_ERROR(sigtimedwait(&set, &information, &none), EAGAIN);
    CHECK_ERROR(sigtimedwait(&set, &information, &moment), EAGAIN);
    puts("sigtimedwait took it without the handler");

    CHECK_ERROR(sigprocmask(77, &set, NULL), EINVAL);
    sigfillset(&set);
    CHECK(sigprocmask(SIG_SETMASK, &set, NULL) == 0);
    CHECK(sigprocmask(SIG_SETMASK, NULL, &old) == 0);
    CHECK(sigismember(&old, SIGKILL) == 0);
    CHECK(sigismember(&old, SIGTERM) == 1);
    puts("SIGKILL cannot be blocked");
    return 0;
}
