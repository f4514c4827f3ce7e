/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds the verb.
 */
#include "cli.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifndef CELLA_VERSION
#error "the build says which version this is"
#endif

static const struct cli_verb *const verbs[] = {
    &cli_doctor, &cli_pack, &cli_identity, &cli_inspect, &cli_run,
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

int cli_fail(const cella_error *error)
{
    fprintf(stderr, "cella: %s\n", error->sentence);
    return CLI_FAILED;
}

int cli_misused(const struct cli_verb *verb, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "cella %s: ", verb->name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "; see `cella %s --help`\n", verb->name);
    return CLI_USAGE;
}

int cli_bad_option(const struct cli_verb *verb, char **arguments, int option)
{
    const char *given = arguments[optind - 1];
    if (option == ':')
        return cli_misused(verb, "%s wants a value", given);
    return cli_misused(verb, "there is no option %s", given);
}

int cli_help(const struct cli_verb *verb)
{
    fputs(verb->help, stdout);
    return 0;
}

static int usage(FILE *to)
{
    fputs(
        "usage: cella VERB [OPTION...] [ARGUMENT...]\n\n"
        "Runs ordinary programs where nobody can look in.\n\n",
        to);
    for (size_t i = 0; i < VERBS; i++)
        fprintf(to, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
    fputs("\n`cella VERB --help` says more; so does `man cella`.\n", to);
    return to == stdout ? 0 : CLI_USAGE;
}

int main(int count, char **arguments)
{
    if (count < 2)
        return usage(stderr);
    const char *name = arguments[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
        return usage(stdout);
    if (strcmp(name, "--version") == 0) {
        puts("cella " CELLA_VERSION);
        return 0;
    }
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i]->run(count - 1, arguments + 1);
    fprintf(stderr, "cella: there is no verb '%s'; see `cella --help`\n", name);
    return CLI_USAGE;
}
