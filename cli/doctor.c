/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"
static int verb(int count, char **arguments)
{
    (void)count;
    (void)arguments;
    return CLI_FAILED;
}
const struct cli_verb cli_doctor = {"doctor", "what this machine can do, and how safe it is", "",
                                    verb};
