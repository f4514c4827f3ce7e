/* SPDX-License-Identifier: Apache-2.0
 *
 * The break, by the system call itself (C libraries have their own opinion of brk): grow, zeros,
 * shrink, grow again to zeros; an impossible break is refused and changes nothing.
 */
#include "check.h"
#include <stdint.h>
#include <sys/syscall.h>

#define MEGA (1024 * 1024)

/* The kernel's brk answers with the break that is, whether it moved or not. */
static char *move_break(char *to)
{
    return (char *)syscall(SYS_brk, to);
}

int main(void)
{
    char *start = move_break(NULL);

    CHECK(start != NULL);
    start += -(uintptr_t)start % 4096;
    CHECK(move_break(start) == start);
    CHECK(move_break(start + 100000) == start + 100000);
    for (int i = 0; i < 100000; i++) {
        CHECK(start[i] == 0);
        start[i] = 1;
    }
    CHECK(move_break(start) == start);
    CHECK(move_break(start + 4 * MEGA) == start + 4 * MEGA);
    for (int i = 0; i < 4 * MEGA; i++) {
        CHECK(start[i] == 0);
        start[i] = 2;
    }
    CHECK(move_break(start + 4 * MEGA - 8192) == start + 4 * MEGA - 8192);
    CHECK(move_break((char *)(UINTPTR_MAX / 2)) == start + 4 * MEGA - 8192);
    CHECK(move_break((char *)4096) == start + 4 * MEGA - 8192);
    CHECK(move_break(NULL) == start + 4 * MEGA - 8192);
    CHECK(start[100000] == 2);
    CHECK(move_break(start) == start);
    CHECK(write(STDOUT_FILENO, "the break moves\n", 16) == 16);
    return 0;
}
