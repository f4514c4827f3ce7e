/* SPDX-License-Identifier: Apache-2.0
 *
 * cella doctor: what this machine can do for an enclave, and what its root can still do to one.
 */
#include "cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
    "usage: cella doctor [--json]\n\n"
    "Says where an enclave can run on this machine, found by running one, and what\n"
    "this host's kernel and settings let root do to it. Changes nothing. Without\n"
    "root some of it cannot be seen, and is said to be unknown.\n\n"
    "  --json      as JSON; docs/doctor.md says what is in it\n"
    "  -h, --help  this text\n\n"
    "Exit status: 0 a TEE works whose memory is sealed from this host's processes,\n"
    "1 only one that is not sealed works, 125 none works or cella itself failed.\n";

static int verb(int count, char **arguments)
{
    bool json;
    int status;
    if (cli_json_option(&cli_doctor, count, arguments, &json, &status))
        return status;
    if (optind != count)
        return cli_misused(&cli_doctor, "it takes no argument, not '%s'", arguments[optind]);
    char *text;
    cella_finding finding;
    cella_error error;
    if (cella_doctor(json, &text, &finding, &error))
        return cli_fail(&error);
    fputs(text, stdout);
    if (json)
        putchar('\n');
    free(text);
    return finding == CELLA_FOUND_SEALED ? 0 : finding == CELLA_FOUND_UNSEALED ? 1 : CLI_FAILED;
}

const struct cli_verb cli_doctor = {"doctor", "what this machine can do, and how safe it is", help,
                                    verb};
