/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds the verb. Compiled twice: into cella (CLI_FRONT) and into cella-tools.
 */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef CELLA_VERSION
#error "the build says which version this is"
#endif

#ifdef CLI_FRONT
#define TOOL(symbol, name, summary) &(const struct cli_verb){name, summary, NULL, NULL},
#else
#define TOOL(symbol, name, summary) &cli_##symbol,
#endif

static const struct cli_verb *const verbs[] = {&cli_doctor,  &cli_pack, &cli_identity,
                                               &cli_inspect, &cli_run,  CLI_TOOLS(TOOL)};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static char **command_line;

bool cli_place(unsigned number, const char *name, char path[PATH_MAX])
{
    static const char *const places[] = {"", "../libexec/cella/"};
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
    if (length <= 0 || number >= sizeof(places) / sizeof(places[0]))
        return false;
    own[length] = 0;
    return snprintf(path, PATH_MAX, "%.*s/%s%s", (int)(strrchr(own, '/') - own), own,
                    places[number], name) < PATH_MAX;
}

int cli_become_tools(void)
{
    char path[PATH_MAX];
    for (unsigned i = 0; cli_place(i, "cella-tools", path); i++)
        execv(path, command_line);
    cli_say(
        "cella-tools, which this takes, is not beside cella nor in ../libexec/cella: install "
        "it too");
    return CLI_FAILED;
}

void cli_say(const char *sentence)
{
    fputs("cella: ", stderr);
    for (const char *at = sentence; *at; at++)
        fputc((unsigned char)*at < ' ' || *at == 0x7f ? '?' : *at, stderr);
    fputc('\n', stderr);
}

int cli_fail(const cella_error *error)
{
    cli_say(error->sentence);
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
    if (optopt > UCHAR_MAX || optopt == 'h')
        return cli_misused(verb, "%s: that option takes no value", given);
    if (optopt)
        return cli_misused(verb, "there is no option -%c", optopt);
    return cli_misused(verb, "there is no option %s", given);
}

int cli_help(const struct cli_verb *verb)
{
    fputs(verb->help, stdout);
    return 0;
}

bool cli_json_option(const struct cli_verb *verb, int count, char **arguments, bool *json,
                     int *status)
{
    enum { OPTION_JSON = 256 };
    static const struct option options[] = {
        {"json", no_argument, NULL, OPTION_JSON}, {"help", no_argument, NULL, 'h'}, {0}};
    opterr = 0;
    *json = false;
    for (int option; (option = getopt_long(count, arguments, ":h", options, NULL)) >= 0;) {
        if (option != OPTION_JSON) {
            *status = option == 'h' ? cli_help(verb) : cli_bad_option(verb, arguments, option);
            return true;
        }
        *json = true;
    }
    return false;
}

static int usage(FILE *to)
{
    fputs(
        "usage: cella VERB [OPTION...] [ARGUMENT...]\n\n"
        "Runs ordinary programs where nobody can look in.\n\n",
        to);
    for (size_t i = 0; i < VERBS; i++)
        fprintf(to, "  %-11s %s\n", verbs[i]->name, verbs[i]->summary);
    fputs(
        "\n`cella VERB --help` says more; so does `man cella`. `cella --version` prints "
        "the\nversion.\n",
        to);
    return to == stdout ? 0 : CLI_USAGE;
}

static const struct cli_verb *find(const char *name)
{
    for (size_t i = 0; i < VERBS; i++)
        if (strcmp(verbs[i]->name, name) == 0)
            return verbs[i];
    return NULL;
}

/* Output that did not get out is a failure, whatever came before. */
static int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "cella: standard output: %s\n", strerror(errno));
    return CLI_FAILED;
}

int main(int count, char **arguments)
{
    if (count < 2)
        return usage(stderr);
    const char *name = arguments[1];
    const struct cli_verb *verb = find(name);
    command_line = arguments;
    if (verb)
        return finish(verb->run ? verb->run(count - 1, arguments + 1) : cli_become_tools());
    bool help = strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0;
    if (help && count == 3 && (verb = find(arguments[2])))
        return finish(verb->help ? cli_help(verb) : cli_become_tools());
    if (help && count == 2)
        return finish(usage(stdout));
    if (strcmp(name, "--version") == 0 && count == 2) {
        puts("cella " CELLA_VERSION);
        return finish(0);
    }
    if (help || strcmp(name, "--version") == 0)
        fprintf(stderr, "cella: '%s' does not go with '%s'; see `cella --help`\n",
                arguments[count - 1], name);
    else
        fprintf(stderr, "cella: there is no %s '%s'; see `cella --help`\n",
                *name == '-' ? "option" : "verb", name);
    return CLI_USAGE;
}
