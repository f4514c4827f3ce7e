/* SPDX-License-Identifier: Apache-2.0
 *
 * Timers: setitimer interrupts pause and a sleep, repeats, and tells what is left.
 */
#include "check.h"
#include <signal.h>
#include <sys/time.h>
#include <time.h>

static volatile sig_atomic_t ran;

static void handler(int number)
{
    CHECK(number == SIGALRM);
    ran++;
}

int main(void)
{
    struct sigaction action = {.sa_handler = handler};
    struct itimerval once = {.it_value = {0, 20000}}, left;

    sigemptyset(&action.sa_mask);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &once, NULL) == 0);
    CHECK_ERROR(pause(), EINTR);
    CHECK(ran == 1);
    CHECK(getitimer(ITIMER_REAL, &left) == 0);
    CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_usec == 0);
    puts("once");

    struct itimerval often = {.it_value = {0, 5000}, .it_interval = {0, 5000}};
    struct itimerval never = {0};
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    while (ran < 4)
        pause();
    CHECK(setitimer(ITIMER_REAL, &never, &left) == 0);
    CHECK(left.it_interval.tv_usec == 5000);
    puts("again and again");

    CHECK(alarm(100) == 0);
    CHECK(alarm(0) >= 99);
    puts("alarm tells what was left");
    return 0;
}
