/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies stdin to stdout, bytes as they are, with read and write; ends with status 0 at the end of
 * the input.
 */
#include "check.h"

int main(void)
{
    static char buffer[70001]; /* no power of two: chunks never line up */
    ssize_t got;

    while ((got = read(STDIN_FILENO, buffer, sizeof buffer)) > 0) {
        for (ssize_t done = 0; done < got;) {
            ssize_t put = write(STDOUT_FILENO, buffer + done, (size_t)(got - done));

            CHECK(put > 0);
            done += put;
        }
    }
    CHECK(got == 0);
    CHECK(read(STDIN_FILENO, buffer, sizeof buffer) == 0); /* the end stays the end */
    return 0;
}
