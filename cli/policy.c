/* SPDX-License-Identifier: Apache-2.0
 *
 * cella policy: reads policies, and tries them out.
 */
#include "attest/policy/policy.h"

#include "claims.h"
#include "cli.h"
#include "evidence.h"
#include "image/file.h"
#include "image/utf8.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cella policy check [--json] POLICY\n"
    "       cella policy test [--json] POLICY CLAIMS\n\n"
    "A policy is a key release policy of Azure Key Vault (JSON) or a policy of\n"
    "Microsoft Azure Attestation (text, version 1.0 or 1.1). check reads it and\n"
    "looks for claims that nobody makes and values that they never have. test\n"
    "evaluates it and shows every condition with what was found. CLAIMS is an\n"
    "object of claims, a result of `cella verify --json`, or a token, which is not\n"
    "verified; - is standard input. docs/policy.md has the rules. Exit status: 0\n"
    "good or permitted, 1 denied, 2 malformed, refused by check, or misused.\n\n"
    "  --json      as JSON\n"
    "  -h, --help  this text\n";

static cella_status read_policy(const char *path, struct policy **policy, cella_error *error)
{
    uint8_t *bytes = NULL;
    size_t size;
    cella_status status = file_read(path, POLICY_MOST, &bytes, &size, error);
    *policy = NULL;
    if (status == CELLA_OK)
        status = policy_read(bytes, size, path, policy, error);
    free(bytes);
    return status;
}

static void print_json(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

/* ---- check ---- */

/* A sentence may have cut a character of the policy's in two, which JSON cannot carry. */
static const char *for_json(cella_error *error)
{
    char *text = error->sentence;
    if (utf8_prefix(text, strlen(text)) != strlen(text))
        for (; *text; text++)
            if ((unsigned char)*text > '~')
                *text = '?';
    return error->sentence;
}

static int check(const char *path, bool json)
{
    struct policy *policy;
    cella_error error;
    cella_status status = read_policy(path, &policy, &error);
    if (status == CELLA_OK)
        status = policy_check(policy, &error);
    const char *language = policy ? policy_language(policy) : "";
    if (json)
        print_json(json_pack("{s:s, s:s, s:s, s:s}", "policy", path, "language", language,
                             "verdict", status ? "malformed" : "good", "error",
                             status ? for_json(&error) : ""));
    else if (status)
        cli_say(error.sentence);
    else
        printf("good: %s: %s\n", path, language);
    policy_free(policy);
    return status ? CLI_MALFORMED : 0;
}

/* ---- test ---- */

static void print_value(const json_t *value)
{
    char *text = value && !json_is_null(value)
                     ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII)
                     : NULL;
    cli_put_text(stdout, text ? text : "nothing");
    free(text);
}

static void print_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    cli_put_text(stdout, text ? text : "");
}

static void print_condition(const json_t *condition)
{
    fputs(json_is_true(json_object_get(condition, "met")) ? "  met  " : "  NOT  ", stdout);
    print_text(condition, "claim");
    putchar(' ');
    print_text(condition, "operator");
    putchar(' ');
    print_value(json_object_get(condition, "expected"));
    fputs("\n       found ", stdout);
    print_value(json_object_get(condition, "found"));
    if (json_object_get(condition, "note")) {
        fputs(": ", stdout);
        print_text(condition, "note");
    }
    fputs("\n       at ", stdout);
    print_text(condition, "place");
    putchar('\n');
}

static void print_lines(const json_t *list, const char *before)
{
    const json_t *line;
    size_t i;
    json_array_foreach(list, i, line)
    {
        fputs(before, stdout);
        cli_put_text(stdout, json_string_value(line));
        putchar('\n');
    }
}

static void print_claims(const json_t *claims, const char *title)
{
    const char *name;
    json_t *value;
    if (json_object_size(claims) > 0)
        puts(title);
    json_object_foreach((json_t *)claims, name, value)
    {
        fputs("  ", stdout);
        cli_put_text(stdout, name);
        putchar(' ');
        print_value(value);
        putchar('\n');
    }
}

static void print_trace(const json_t *trace, const char *claims)
{
    const json_t *reasons = json_object_get(trace, "reasons"), *condition;
    size_t i;
    print_text(trace, "verdict");
    fputs(": ", stdout);
    print_text(trace, "policy");
    fputs(" (", stdout);
    print_text(trace, "language");
    printf(") on %s\n", claims);
    print_lines(json_object_get(trace, "warnings"), "  warning: ");
    if (json_array_size(reasons) > 0)
        puts("because:");
    print_lines(reasons, "  ");
    if (json_array_size(json_object_get(trace, "conditions")) > 0)
        puts("conditions:");
    json_array_foreach(json_object_get(trace, "conditions"), i, condition)
        print_condition(condition);
    print_claims(json_object_get(trace, "issued"), "issued:");
    print_claims(json_object_get(trace, "properties"), "properties:");
}

static bool warn(json_t *trace, const char *warning)
{
    return !warning ||
           json_array_insert_new(json_object_get(trace, "warnings"), 0, json_string(warning)) == 0;
}

/* A policy with a mistake is shown at work, too: `refused` (or NULL) is what check says of it. */
static int evaluate(const struct policy *policy, const char *path, bool json, const char *refused)
{
    const char *warning;
    cella_error error;
    json_t *claims, *trace;
    if (cli_claims_read(path, &claims, &warning, &error)) {
        cli_say(error.sentence);
        return CLI_MALFORMED;
    }
    cella_status status = policy_evaluate(policy, claims, &trace);
    json_decref(claims);
    if (!trace || !warn(trace, warning) || !warn(trace, refused)) {
        json_decref(trace);
        cli_say("no memory to evaluate the policy");
        return CLI_FAILED;
    }
    if (!json)
        print_trace(trace, path);
    json ? print_json(trace) : json_decref(trace);
    if (refused)
        cli_say(refused);
    return refused ? CLI_MALFORMED : status == CELLA_OK ? 0 : CLI_REFUSED;
}

static int test(const char *path, const char *claims, bool json)
{
    struct policy *policy;
    cella_error error;
    if (read_policy(path, &policy, &error)) {
        cli_say(error.sentence);
        return CLI_MALFORMED;
    }
    const char *refused = policy_check(policy, &error) ? for_json(&error) : NULL;
    int status = evaluate(policy, claims, json, refused);
    policy_free(policy);
    return status;
}

static int verb(int count, char **arguments)
{
    bool json;
    int status;
    if (cli_json_option(&cli_policy, count, arguments, &json, &status))
        return status;
    const char *what = optind < count ? arguments[optind] : "";
    if (strcmp(what, "check") == 0)
        return optind + 2 == count ? check(arguments[optind + 1], json)
                                   : cli_misused(&cli_policy, "check wants one policy");
    if (strcmp(what, "test") == 0)
        return optind + 3 == count ? test(arguments[optind + 1], arguments[optind + 2], json)
                                   : cli_misused(&cli_policy, "test wants a policy and claims");
    return cli_misused(&cli_policy, "check or test is wanted");
}

const struct cli_verb cli_policy = {"policy", "check policies on claims, and try them out", help,
                                    verb};
