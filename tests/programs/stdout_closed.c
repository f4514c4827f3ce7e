/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes for ever: ends by SIGPIPE when nobody reads its stdout. stdout_closed ignored: ignores the
 * signal and ends with status 3 when the write fails with EPIPE.
 */
#include "check.h"
#include <signal.h>

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        signal(SIGPIPE, SIG_IGN);
    for (;;) {
        if (write(STDOUT_FILENO, "line\n", 5) < 0)
            return errno == EPIPE ? 3 : 1;
    }
}
