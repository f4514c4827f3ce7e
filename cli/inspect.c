/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
static int verb(int count, char **arguments)
{
    (void)count;
    (void)arguments;
    return CLI_FAILED;
}
const struct cli_verb cli_inspect = {"inspect", "show an image page by page", "", verb};
