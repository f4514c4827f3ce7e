/* SPDX-License-Identifier: Apache-2.0
 *
 * cella collateral: what of collateral is there, for what, and until when.
 */
#include "cli.h"
#include "evidence.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cella collateral check [--at TIME] [--json] PATH...\n\n"
    "Tells what a file, or each file of a directory, holds of what vouches for\n"
    "evidence: certificates, revocation lists, Intel's TCB information and identities,\n"
    "logs; for which platform, signed by which of them, and until when. Exit status:\n"
    "0 all of it is good at that time, 1 something is not, 2 malformed or misused.\n\n"
    "  --at TIME   2025-07-01T00:00:00Z, 2025-07-01, seconds since 1970, or now\n"
    "              (default: now)\n"
    "  --json      as JSON: an array, an object each piece\n"
    "  -h, --help  this text\n\n"
    "It is a description: whether a chain leads to a root that is trusted is judged\n"
    "with evidence; cella-verify(1).\n";

static const char *text_of(const json_t *piece, const char *name)
{
    const char *text = json_string_value(json_object_get(piece, name));
    return text ? text : "";
}

static bool is_unsigned(const json_t *piece)
{
    return json_is_null(json_object_get(piece, "signed_by"));
}

/* Control characters of a name are shown as '?' already (x509_common_name). */
static void show(const json_t *piece)
{
    char what[256];
    const char *fmspc = text_of(piece, "fmspc");
    const json_t *evaluation = json_object_get(piece, "evaluation");
    int used = snprintf(what, sizeof(what), "%s%s%s%s%s", text_of(piece, "kind"),
                        text_of(piece, "of")[0] ? " of " : "", text_of(piece, "of"),
                        fmspc[0] ? ", FMSPC " : "", fmspc);
    if (evaluation && used > 0 && (size_t)used < sizeof(what))
        snprintf(what + used, sizeof(what) - (size_t)used, ", evaluation %d",
                 (int)json_integer_value(evaluation));
    printf("%s\n", what);
    if (text_of(piece, "platform")[0])
        printf("  %-14s %s\n", "platform", text_of(piece, "platform"));
    if (text_of(piece, "state")[0])
        printf("  %-14s %s until %s\n", text_of(piece, "state"), text_of(piece, "from"),
               text_of(piece, "until"));
    if (json_object_get(piece, "signed_by"))
        printf("  %-14s %s\n", "signed by",
               is_unsigned(piece) ? "nothing that is here" : text_of(piece, "signed_by"));
    printf("  %-14s %s\n", "file", text_of(piece, "file"));
}

static bool is_good(const json_t *piece)
{
    const char *state = text_of(piece, "state");
    return !is_unsigned(piece) && (!state[0] || strcmp(state, "valid") == 0);
}

static int check(cella_verifier *verifier, int64_t at, bool json, const json_t *left_out)
{
    char *text = cella_verifier_describe(verifier, at);
    json_t *all = text ? json_loads(text, 0, NULL) : NULL, *one;
    size_t index;
    int good = 0, bad = 0;
    free(text);
    if (!all) {
        cli_say("no memory to describe collateral");
        return CLI_FAILED;
    }
    json_array_foreach(all, index, one)
    {
        if (!json)
            show(one);
        good += is_good(one);
        bad += !is_good(one);
    }
    if (json) {
        json_dumpf(all, stdout, JSON_COMPACT);
        putchar('\n');
    } else {
        json_array_foreach(left_out, index, one)
            printf("no collateral: %s\n", json_string_value(one));
        printf("%d good, %d not\n", good, bad);
    }
    json_decref(all);
    return bad || !good ? CLI_REFUSED : 0;
}

static int check_paths(char **paths, int64_t at, bool json)
{
    cella_verifier *verifier;
    cella_error error;
    int status = 0;
    json_t *left_out = json_array();
    if (cella_verifier_new(&verifier, &error))
        return cli_fail(&error);
    for (; *paths && status == 0; paths++)
        if (cli_collateral_add(verifier, *paths, left_out, &error)) {
            cli_say(error.sentence);
            status = CLI_MALFORMED;
        }
    if (status == 0)
        status = check(verifier, at, json, left_out);
    json_decref(left_out);
    cella_verifier_free(verifier);
    return status;
}

static int verb(int count, char **arguments)
{
    enum { OPTION_AT = 256, OPTION_JSON };
    static const struct option options[] = {{"at", required_argument, NULL, OPTION_AT},
                                            {"json", no_argument, NULL, OPTION_JSON},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *at = "now";
    bool json = false;
    int64_t time;
    opterr = 0;
    for (int option; (option = getopt_long(count, arguments, ":h", options, NULL)) >= 0;) {
        if (option == OPTION_AT)
            at = optarg;
        else if (option == OPTION_JSON)
            json = true;
        else
            return option == 'h' ? cli_help(&cli_collateral)
                                 : cli_bad_option(&cli_collateral, arguments, option);
    }
    if (!cli_time(at, &time))
        return cli_misused(&cli_collateral,
                           "--at wants a time, as 2025-07-01T00:00:00Z or now; "
                           "found \"%.80s\"",
                           at);
    if (optind + 1 >= count || strcmp(arguments[optind], "check") != 0)
        return cli_misused(&cli_collateral, "check is wanted, and files or directories");
    return check_paths(arguments + optind + 1, time, json);
}

const struct cli_verb cli_collateral = {"collateral", "tell what vouches for evidence", help, verb};
