/* SPDX-License-Identifier: Apache-2.0
 *
 * sigaltstack: an SA_ONSTACK handler runs on the given memory, others do not; the state is told,
 * and a stack in use cannot be changed.
 */
#include "check.h"
#include <signal.h>

static char *stack;
static size_t size = 64 * 1024;
static volatile sig_atomic_t inside, ran;

static void handler(int number)
{
    char local = 0;
    stack_t now;
    char *here = (char *)__builtin_frame_address(0);

    (void)number;
    (void)local;
    inside = here >= stack && here < stack + size;
    CHECK(sigaltstack(NULL, &now) == 0);
    if (inside) {
        stack_t none = {.ss_flags = SS_DISABLE};

        CHECK(now.ss_flags == SS_ONSTACK);
        CHECK_ERROR(sigaltstack(&none, NULL), EPERM);
    }
    ran++;
}

int main(void)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    stack_t now;

    CHECK(sigaltstack(NULL, &now) == 0);
    CHECK(now.ss_flags == SS_DISABLE);
    stack = malloc(size);
    CHECK(stack != NULL);
    stack_t given = {.ss_sp = stack, .ss_size = size};
    CHECK(sigaltstack(&given, NULL) == 0);
    CHECK(sigaltstack(NULL, &now) == 0);
    CHECK(now.ss_sp == stack && now.ss_size == size && now.ss_flags == 0);

    sigemptyset(&action.sa_mask);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(raise(SIGUSR1) == 0);
    CHECK(ran == 1 && inside == 1);
    puts("the handler ran on the given stack");

    action.sa_flags = 0;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(raise(SIGUSR1) == 0);
    CHECK(ran == 2 && inside == 0);
    puts("and without SA_ONSTACK on its own");

    stack_t small = {.ss_sp = stack, .ss_size = 100};
    CHECK_ERROR(sigaltstack(&small, NULL), ENOMEM);
    stack_t none = {.ss_flags = SS_DISABLE};
    CHECK(sigaltstack(&none, NULL) == 0);
    puts("too small is refused");
    free(stack);
    return 0;
}
