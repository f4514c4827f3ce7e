/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of verbs that judge evidence, and their answer.
 */
#include "demands.h"

#include "attest/policy/policy.h"
#include "image/file.h"
#include "image/hex.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOOT_IMAGE_MOST (256 << 20)

enum {
    OPTION_AT = 256,
    OPTION_COLLATERAL,
    OPTION_ROOT,
    OPTION_REPORT_DATA,
    OPTION_NONCE,
    OPTION_MAX_AGE,
    OPTION_ATTESTATION_KEY,
    OPTION_BOOT_IMAGE,
    OPTION_TYPE,
    OPTION_POLICY,
    OPTION_JSON,
    OPTION_VERBOSE,
    OPTION_ANY_REPORT_DATA,
    OPTION_ANY_NONCE,
    OPTION_ALLOW_DEBUG,
    OPTION_NO_COLLATERAL,
    OPTION_ALLOW_OUTDATED,
    OPTION_ALLOW_SHA1,
    OPTION_CARRIED,
};

static const struct option options[] = {
    {"at", required_argument, NULL, OPTION_AT},
    {"collateral", required_argument, NULL, OPTION_COLLATERAL},
    {"root", required_argument, NULL, OPTION_ROOT},
    {"report-data", required_argument, NULL, OPTION_REPORT_DATA},
    {"nonce", required_argument, NULL, OPTION_NONCE},
    {"max-age", required_argument, NULL, OPTION_MAX_AGE},
    {"attestation-key", required_argument, NULL, OPTION_ATTESTATION_KEY},
    {"boot-image", required_argument, NULL, OPTION_BOOT_IMAGE},
    {"type", required_argument, NULL, OPTION_TYPE},
    {"policy", required_argument, NULL, OPTION_POLICY},
    {"json", no_argument, NULL, OPTION_JSON},
    {"verbose", no_argument, NULL, OPTION_VERBOSE},
    {"insecure_any_report_data", no_argument, NULL, OPTION_ANY_REPORT_DATA},
    {"insecure_any_nonce", no_argument, NULL, OPTION_ANY_NONCE},
    {"insecure_allow_debug", no_argument, NULL, OPTION_ALLOW_DEBUG},
    {"insecure_no_collateral", no_argument, NULL, OPTION_NO_COLLATERAL},
    {"insecure_allow_outdated", no_argument, NULL, OPTION_ALLOW_OUTDATED},
    {"insecure_allow_sha1", no_argument, NULL, OPTION_ALLOW_SHA1},
    {"insecure_carried_collateral", no_argument, NULL, OPTION_CARRIED},
    {"help", no_argument, NULL, 'h'},
    {0}};

static int wrong_value(const struct cli_demands *demands, const char *option, const char *wanted,
                       const char *found)
{
    return cli_misused(demands->verb, "--%s wants %s; found \"%.80s\"", option, wanted, found);
}

/* At most `most` bytes of hexadecimal text; zeros behind them. 0: something else. */
static size_t read_hex(const char *text, uint8_t *bytes, size_t most)
{
    size_t size = strlen(text) / 2;
    memset(bytes, 0, most);
    return size <= most && hex_read(text, bytes, size) ? size : 0;
}

static cella_status read_policy(const char *path, cella_policy **policy, cella_error *error)
{
    uint8_t *bytes = NULL;
    size_t size;
    cella_policy_free(*policy);
    *policy = NULL;
    cella_status status = file_read(path, POLICY_MOST, &bytes, &size, error);
    if (status == CELLA_OK)
        status = cella_policy_read(bytes, size, path, policy, error);
    if (status == CELLA_OK) /* a deny() that nothing ever meets denies nothing */
        status = cella_policy_check(*policy, error);
    free(bytes);
    return status;
}

/* One more program, by its digest or as it is. */
static int take_boot_image(struct cli_demands *demands, const char *value)
{
    cella_demands *are = &demands->are;
    cella_error error;
    uint8_t *bytes = NULL;
    size_t size;
    char sentence[640];
    if (are->boot_image_count == CLI_BOOT_IMAGES)
        return cli_misused(demands->verb, "--boot-image may be given %d times", CLI_BOOT_IMAGES);
    uint8_t *digest = demands->boot_images[are->boot_image_count];
    are->boot_images = (const uint8_t(*)[32])demands->boot_images;
    are->boot_image_count++;
    if (read_hex(value, digest, 32) == 32)
        return 0;
    cella_status status = file_read(value, BOOT_IMAGE_MOST, &bytes, &size, &error);
    if (status) {
        cli_say(error.sentence);
    } else if ((status = cella_boot_image_digest(bytes, size, digest, &error))) {
        snprintf(sentence, sizeof(sentence), "%.100s: %s", value, error.sentence);
        cli_say(sentence);
    }
    free(bytes);
    return status ? CLI_MALFORMED : 0;
}

/* An option whose value is a file. */
static int take_file(struct cli_demands *demands, int option, const char *path)
{
    cella_error error;
    cella_status status;
    if (option == OPTION_COLLATERAL)
        status = cli_collateral_add(demands->verifier, path, demands->left_out, &error);
    else if (option == OPTION_ROOT)
        status = cli_root_add(demands->verifier, path, &error);
    else
        status = read_policy(path, &demands->policy, &error);
    if (status)
        cli_say(error.sentence);
    return status ? CLI_MALFORMED : 0;
}

static int take_value(struct cli_demands *demands, int option, const char *value)
{
    cella_demands *are = &demands->are;
    char *end;
    switch (option) {
    case OPTION_AT:
        if (!cli_time(value, &are->at))
            return wrong_value(demands, "at", "a time, as 2025-07-01T00:00:00Z or now", value);
        return 0;
    case OPTION_REPORT_DATA:
        if (read_hex(value, demands->report_data, sizeof(demands->report_data)) == 0)
            return wrong_value(demands, "report-data", "1 to 64 bytes in lower-case hexadecimal",
                               value);
        are->report_data = demands->report_data;
        return 0;
    case OPTION_NONCE:
        are->nonce_size = read_hex(value, demands->nonce, sizeof(demands->nonce));
        if (are->nonce_size == 0)
            return wrong_value(demands, "nonce", "1 to 512 bytes in lower-case hexadecimal", value);
        are->nonce = demands->nonce;
        return 0;
    case OPTION_MAX_AGE:
        are->most_age = strtoll(value, &end, 10);
        if (*end || are->most_age <= 0)
            return wrong_value(demands, "max-age", "a number of seconds", value);
        return 0;
    case OPTION_ATTESTATION_KEY:
        if (read_hex(value, demands->attestation_key, 32) != 32)
            return wrong_value(demands, "attestation-key", "a SHA-256 in lower-case hexadecimal",
                               value);
        are->attestation_key = demands->attestation_key;
        return 0;
    case OPTION_BOOT_IMAGE:
        return take_boot_image(demands, value);
    case OPTION_TYPE:
        are->type = value;
        return 0;
    default:
        return take_file(demands, option, value);
    }
}

/* An option without one. */
static void take_flag(struct cli_demands *demands, int option)
{
    cella_demands *are = &demands->are;
    const struct {
        int option;
        bool *flag;
    } flags[] = {
        {OPTION_JSON, &demands->json},
        {OPTION_VERBOSE, &demands->verbose},
        {OPTION_ANY_REPORT_DATA, &are->insecure_any_report_data},
        {OPTION_ANY_NONCE, &are->insecure_any_nonce},
        {OPTION_ALLOW_DEBUG, &are->insecure_allow_debug},
        {OPTION_NO_COLLATERAL, &are->insecure_no_collateral},
        {OPTION_ALLOW_OUTDATED, &are->insecure_allow_outdated},
        {OPTION_ALLOW_SHA1, &are->insecure_allow_sha1},
        {OPTION_CARRIED, &are->insecure_carried_collateral},
    };
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (flags[i].option == option)
            *flags[i].flag = true;
}

/* True: all were read. */
static bool take_all(struct cli_demands *demands, int count, char **arguments, int *status)
{
    *status = 0;
    opterr = 0;
    for (int option; (option = getopt_long(count, arguments, ":h", options, NULL)) >= 0;) {
        if (option == 'h' || option < OPTION_AT) {
            *status = option == 'h' ? cli_help(demands->verb)
                                    : cli_bad_option(demands->verb, arguments, option);
            return false;
        }
        if (option < OPTION_JSON)
            *status = take_value(demands, option, optarg);
        else
            take_flag(demands, option);
        if (*status)
            return false;
    }
    return true;
}

bool cli_demands_read(struct cli_demands *demands, const struct cli_verb *verb, int count,
                      char **arguments, const char *wanted, const char **argument, int *status)
{
    cella_error error;
    memset(demands, 0, sizeof(*demands));
    demands->verb = verb;
    demands->left_out = json_array();
    cella_demands_default(&demands->are);
    if (cella_verifier_new(&demands->verifier, &error)) {
        *status = cli_fail(&error);
        return false;
    }
    if (!take_all(demands, count, arguments, status))
        return false;
    if (optind + 1 != count)
        *status = cli_misused(verb, "%s is wanted", wanted);
    else if (demands->are.at == 0)
        *status = cli_misused(verb, "--at is wanted: the time to judge at, such as now");
    else
        *argument = arguments[optind];
    return *status == 0;
}

void cli_demands_end(struct cli_demands *demands)
{
    cella_policy_free(demands->policy);
    cella_verifier_free(demands->verifier);
    json_decref(demands->left_out);
}

/* ---- judging ---- */

/* What it proved, with an issuer, for a policy to have an authority: not a claim of the evidence.
 */
static char *claims_text(const json_t *result)
{
    json_t *claims = json_copy(json_object_get(result, "claims"));
    char *text = NULL;
    if (claims && json_object_set_new(claims, "iss", json_string(POLICY_ISSUER)) == 0)
        text = json_dumps(claims, JSON_COMPACT);
    json_decref(claims);
    return text;
}

/* Asks the policy about an accepted result, and writes its answer into it. */
static cella_status ask_policy(const cella_policy *policy, json_t *result, cella_error *error)
{
    char *trace = NULL;
    char *text = claims_text(result);
    cella_status status =
        text ? cella_policy_evaluate(policy, text, strlen(text), &trace, error) : CELLA_MEMORY;
    if (trace) {
        json_t *answer = json_loads(trace, 0, NULL);
        json_object_set_new(answer, "issuer", json_string(POLICY_ISSUER));
        json_object_set_new(result, "policy", answer);
    }
    if (status) {
        json_object_set_new(result, "verdict", json_string("refused"));
        json_object_set_new(
            result, "refusal",
            json_pack("{s:s, s:s, s:s, s:s, s:s}", "class", "POLICY", "claim", "policy", "expected",
                      "to be permitted", "found", error->sentence, "advice",
                      "The trace has each condition: its claim, what was expected and found."));
    }
    free(trace);
    free(text);
    return status;
}

/* Marks of what is neither evidence nor anything else that is read here. */
static const char *advice_by_mark(const uint8_t *bytes, size_t size)
{
    if (size > 3 && memcmp(bytes, "eyJ", 3) == 0)
        return "It is a token, an attestation result: `cella token verify` is for that.";
    if (size > 4 && memcmp(bytes, "CCEL", 4) == 0)
        return "It is the ACPI table that says where the log is: give the log itself, "
               "/sys/firmware/acpi/tables/data/CCEL, with --collateral.";
    if (memmem(bytes, size, "\"ear.status\"", 12) || memmem(bytes, size, "\"x-ms-ver\"", 10))
        return "It is what an attestation result says, without its signature, so nobody vouches "
               "for it: give the signed token to `cella token verify`.";
    return NULL;
}

/* What else it may be, and which command is for that; NULL: no idea. */
static const char *advice_for(const uint8_t *bytes, size_t size)
{
    cella_verifier *verifier;
    cella_policy *policy = NULL;
    const char *advice = NULL;
    if (cella_verifier_new(&verifier, NULL))
        return NULL;
    cella_status status = cella_verifier_add(verifier, bytes, size, "it", NULL);
    if (status == CELLA_OK)
        advice =
            "It vouches for evidence, and is none: give it with --collateral; `cella "
            "collateral check` tells what it is.";
    else if (status == CELLA_INVALID)
        advice =
            "It looks like collateral, and is malformed: `cella collateral check` tells where.";
    else if (cella_policy_read(bytes, size, "it", &policy, NULL) == CELLA_OK)
        advice = "It is a policy: give it with --policy; `cella policy check` reads it.";
    else
        advice = advice_by_mark(bytes, size);
    cella_policy_free(policy);
    cella_verifier_free(verifier);
    return advice;
}

static void show(const struct cli_demands *demands, json_t *result)
{
    json_t *path;
    size_t at;
    if (demands->json) {
        json_object_set(result, "left_out", demands->left_out);
        json_dumpf(result, stdout, JSON_COMPACT);
        putchar('\n');
        return;
    }
    cli_verdict(result, demands->verbose, stdout);
    json_array_foreach(demands->left_out, at, path)
        printf("left out of the collateral, of which it is no form: %s\n", json_string_value(path));
}

int cli_demands_judge(struct cli_demands *demands, const uint8_t *evidence, size_t size)
{
    cella_result *result = NULL;
    cella_error error = {0};
    cella_status status =
        cella_verify(demands->verifier, evidence, size, &demands->are, &result, &error);
    char *text = result ? cella_result_json(result) : NULL;
    json_t *all = text ? json_loads(text, 0, NULL) : NULL;
    bool unknown = all && json_string_length(json_object_get(all, "type")) == 0;
    const char *advice = unknown && !demands->are.type ? advice_for(evidence, size) : NULL;
    if (advice)
        json_object_set_new(json_object_get(all, "refusal"), "advice", json_string(advice));
    if (all && status == CELLA_OK && demands->policy)
        status = ask_policy(demands->policy, all, &error);
    if (all)
        show(demands, all);
    else
        cli_say(error.sentence[0] ? error.sentence : "no memory to show the verdict");
    json_decref(all);
    free(text);
    cella_result_free(result);
    if (!all && status != CELLA_INVALID) /* demands that exclude each other are misuse */
        return CLI_FAILED;
    return status == CELLA_OK ? 0 : status == CELLA_REFUSED ? CLI_REFUSED : CLI_MALFORMED;
}
