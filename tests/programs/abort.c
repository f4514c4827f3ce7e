/* SPDX-License-Identifier: Apache-2.0
 *
 * abort ends the program by SIGABRT; what was flushed before is there.
 */
#include "check.h"

int main(void)
{
    puts("aborting");
    fflush(stdout);
    abort();
}
