/* SPDX-License-Identifier: Apache-2.0
 *
 * Handlers: plain, with SA_SIGINFO, SA_RESETHAND, SA_NODEFER, nested; the handler has run when
 * raise returns; what it may change (errno, vector registers) and what it may not.
 */
#include "check.h"
#include <signal.h>

static volatile sig_atomic_t count, depth, deepest, raised, sender, code;

static void plain(int number)
{
    CHECK(number == SIGUSR1);
    errno = EBADF;
    /* A handler is free to use every register. */
    __asm__ volatile("pxor %%xmm0, %%xmm0\n\tpxor %%xmm7, %%xmm7\n\tpxor %%xmm15, %%xmm15" ::
                         : "xmm0", "xmm7", "xmm15");
    count++;
}

static void informed(int number, siginfo_t *information, void *context)
{
    CHECK(number == SIGUSR2);
    CHECK(information->si_signo == SIGUSR2);
    CHECK(context != NULL);
    sender = information->si_pid;
    code = information->si_code;
    count++;
}

static void nested(int number)
{
    depth++;
    if (depth > deepest)
        deepest = depth;
    if (raised++ < 2)
        raise(number);
    depth--;
}

static void install(int number, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

    CHECK(sigemptyset(&action.sa_mask) == 0);
    CHECK(sigaction(number, &action, NULL) == 0);
}

int main(void)
{
    struct sigaction old;
    double kept = 1.5;

    install(SIGUSR1, plain, 0);
    for (int i = 1; i <= 100; i++) {
        kept *= 1.0000001;
        CHECK(raise(SIGUSR1) == 0);
        CHECK(count == i);
    }
    printf("handler ran %d times, %.12f\n", (int)count, kept);

    count = 0;
    struct sigaction action = {.sa_sigaction = informed, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
    CHECK(raise(SIGUSR2) == 0);
    CHECK(count == 1 && sender == getpid() && code == SI_TKILL);
    CHECK(kill(getpid(), SIGUSR2) == 0);
    CHECK(count == 2 && sender == getpid());
    puts("siginfo says who sent it");

    CHECK(sigaction(SIGUSR2, NULL, &old) == 0);
    CHECK(old.sa_sigaction == informed);
    CHECK((old.sa_flags & SA_SIGINFO) != 0);
    puts("sigaction tells what is installed");

    install(SIGUSR1, nested, SA_NODEFER);
    CHECK(raise(SIGUSR1) == 0);
    CHECK(depth == 0 && deepest == 3);
    puts("SA_NODEFER nests");

    deepest = raised = 0;
    install(SIGUSR1, nested, 0);
    CHECK(raise(SIGUSR1) == 0);
    CHECK(deepest == 1 && raised == 3);
    puts("without it the signal waits for the handler to return");

    count = 0;
    install(SIGUSR1, plain, SA_RESETHAND);
    CHECK(raise(SIGUSR1) == 0);
    CHECK(sigaction(SIGUSR1, NULL, &old) == 0);
    CHECK(count == 1 && old.sa_handler == SIG_DFL);
    puts("SA_RESETHAND resets");

    install(SIGUSR1, SIG_IGN, 0);
    CHECK(raise(SIGUSR1) == 0);
    puts("ignored");

    CHECK_ERROR(sigaction(SIGKILL, &action, NULL), EINVAL);
    CHECK_ERROR(sigaction(99, &action, NULL), EINVAL);
    CHECK(kill(getpid(), 0) == 0);
    puts("SIGKILL takes no handler");
    return 0;
}
