/* SPDX-License-Identifier: Apache-2.0
 *
 * number_wild NUMBER: a system call with a number that no kernel has. Natively ENOSYS; in an
 * enclave a number that does not fit the trampoline may only stop it, never run anything.
 */
#include "check.h"

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    puts("before");
    fflush(stdout);
    long result = syscall(strtol(argv[1], NULL, 0));
    CHECK(result == -1 && errno == ENOSYS);
    return 0;
}
