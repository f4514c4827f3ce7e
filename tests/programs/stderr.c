/* SPDX-License-Identifier: Apache-2.0
 *
 * stdout and stderr are two streams; stderr is not buffered.
 */
#include "check.h"

int main(void)
{
    printf("to stdout, ");
    fprintf(stderr, "to stderr, ");
    printf("in two parts\n");
    fprintf(stderr, "at once\n");
    CHECK(dprintf(STDERR_FILENO, "by descriptor\n") == 14);
    return 0;
}
