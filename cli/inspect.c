/* SPDX-License-Identifier: Apache-2.0
 *
 * cella inspect: an image page by page.
 */
#include "cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
    "usage: cella inspect [--json] IMAGE.sgxs\n\n"
    "Shows what is in an image: its identity, every range of pages with what it may\n"
    "do, what its runtime obeys, the manifest, and each system call of the program\n"
    "that was rewritten, by function. The image is only read.\n\n"
    "  --json      as JSON; cella-inspect(1) says what is in it\n"
    "  -h, --help  this text\n";

static int verb(int count, char **arguments)
{
    bool json;
    int exit_status;
    if (cli_json_option(&cli_inspect, count, arguments, &json, &exit_status))
        return exit_status;
    if (optind + 1 != count)
        return cli_misused(&cli_inspect, "one image is wanted");
    cella_image *image;
    cella_error error;
    char *text;
    if (cella_image_open(arguments[optind], &image, &error))
        return cli_fail(&error);
    cella_status status = cella_image_inspect(image, json, &text, &error);
    cella_image_close(image);
    if (status)
        return cli_fail(&error);
    fputs(text, stdout);
    if (json)
        putchar('\n');
    free(text);
    return 0;
}

const struct cli_verb cli_inspect = {"inspect", "show an image page by page", help, verb};
