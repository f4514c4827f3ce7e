/* SPDX-License-Identifier: Apache-2.0
 *
 * The environment arrives as it was given; setenv and unsetenv change it.
 */
#include "check.h"

int main(void)
{
    int count = 0;

    for (char **variable = environ; variable != NULL && *variable != NULL; variable++, count++)
        puts(*variable);
    printf("%d variables\n", count);

    CHECK(setenv("CELLA_ADDED", "yes", 1) == 0);
    CHECK(strcmp(getenv("CELLA_ADDED"), "yes") == 0);
    CHECK(unsetenv("CELLA_ADDED") == 0);
    CHECK(getenv("CELLA_ADDED") == NULL);
    return 0;
}
