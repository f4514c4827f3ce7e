/* SPDX-License-Identifier: Apache-2.0
 *
 * cella verify: judges evidence of any TEE, and explains.
 */
#include "cli.h"
#include "evidence.h"

#include "image/file.h"
#include "image/hex.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cella verify [options] --at TIME EVIDENCE\n\n"
    "Judges evidence of a TEE: Intel SGX and TDX quotes, AMD SEV-SNP reports, AWS\n"
    "Nitro documents, TPM 2.0 quotes, Azure's virtual TPMs, cella's own. Nothing is\n"
    "fetched: certificates, revocation lists and TCB information are given. Exit\n"
    "status: 0 accepted, 1 refused, 2 malformed or misused.\n\n"
    "  --at TIME            the time to judge at: 2025-07-01T00:00:00Z, 2025-07-01,\n"
    "                       seconds since 1970, or now\n"
    "  --collateral PATH    a file, or a directory of files; may be given often\n"
    "  --root PEM|SHA256    trust this root's key and no vendor's; may be given often\n"
    "  --report-data HEX    what it was made for: up to 64 bytes, zeros follow (sgx,\n"
    "                       tdx, snp, vsm)\n"
    "  --nonce HEX          the question that it answers (nitro, tpm, azure)\n"
    "  --max-age SECONDS    how far its own time may be from --at\n"
    "  --attestation-key SHA256\n"
    "                       the key of a TPM that is trusted without a certificate\n"
    "  --type TYPE          sgx, tdx, snp, nitro, tpm, azure or vsm; else recognised\n"
    "  --json               as JSON; cella-verify(1) says what is in it\n"
    "  -h, --help           this text\n\n"
    "What weakens the verdict, and is told in it:\n"
    "  --insecure_any_report_data, --insecure_any_nonce   it may be a replay\n"
    "  --insecure_allow_debug                             whoever runs it can look in\n"
    "  --insecure_no_collateral     what is revoked or outdated would not be seen\n"
    "  --insecure_allow_outdated    a TCB with known holes\n"
    "  --insecure_allow_sha1        PCR banks of SHA-1\n";

#define EVIDENCE_MOST (4 << 20)
#define NONCE_MOST    512

struct asked {
    cella_demands demands;
    cella_verifier *verifier;
    json_t *left_out;
    uint8_t report_data[64], nonce[NONCE_MOST], attestation_key[32];
    const char *path;
    bool json;
};

enum {
    OPTION_AT = 256,
    OPTION_COLLATERAL,
    OPTION_ROOT,
    OPTION_REPORT_DATA,
    OPTION_NONCE,
    OPTION_MAX_AGE,
    OPTION_ATTESTATION_KEY,
    OPTION_TYPE,
    OPTION_JSON,
    OPTION_ANY_REPORT_DATA,
    OPTION_ANY_NONCE,
    OPTION_ALLOW_DEBUG,
    OPTION_NO_COLLATERAL,
    OPTION_ALLOW_OUTDATED,
    OPTION_ALLOW_SHA1,
};

static const struct option options[] = {
    {"at", required_argument, NULL, OPTION_AT},
    {"collateral", required_argument, NULL, OPTION_COLLATERAL},
    {"root", required_argument, NULL, OPTION_ROOT},
    {"report-data", required_argument, NULL, OPTION_REPORT_DATA},
    {"nonce", required_argument, NULL, OPTION_NONCE},
    {"max-age", required_argument, NULL, OPTION_MAX_AGE},
    {"attestation-key", required_argument, NULL, OPTION_ATTESTATION_KEY},
    {"type", required_argument, NULL, OPTION_TYPE},
    {"json", no_argument, NULL, OPTION_JSON},
    {"insecure_any_report_data", no_argument, NULL, OPTION_ANY_REPORT_DATA},
    {"insecure_any_nonce", no_argument, NULL, OPTION_ANY_NONCE},
    {"insecure_allow_debug", no_argument, NULL, OPTION_ALLOW_DEBUG},
    {"insecure_no_collateral", no_argument, NULL, OPTION_NO_COLLATERAL},
    {"insecure_allow_outdated", no_argument, NULL, OPTION_ALLOW_OUTDATED},
    {"insecure_allow_sha1", no_argument, NULL, OPTION_ALLOW_SHA1},
    {"help", no_argument, NULL, 'h'},
    {0}};

static int wrong_value(const char *option, const char *wanted, const char *found)
{
    return cli_misused(&cli_verify, "--%s wants %s; found \"%.80s\"", option, wanted, found);
}

/* At most `most` bytes of hexadecimal text; zeros behind them. 0: something else. */
static size_t read_hex(const char *text, uint8_t *bytes, size_t most)
{
    size_t size = strlen(text) / 2;
    memset(bytes, 0, most);
    return size <= most && hex_read(text, bytes, size) ? size : 0;
}

static int add(cella_status status, const cella_error *error)
{
    if (status)
        cli_say(error->sentence);
    return status ? CLI_MALFORMED : 0;
}

/* One option with a value. */
static int take_value(struct asked *asked, int option, const char *value)
{
    cella_demands *demands = &asked->demands;
    cella_error error;
    char *end;
    switch (option) {
    case OPTION_AT:
        if (!cli_time(value, &demands->at))
            return wrong_value("at", "a time, as 2025-07-01T00:00:00Z or now", value);
        return 0;
    case OPTION_COLLATERAL:
        return add(cli_collateral_add(asked->verifier, value, asked->left_out, &error), &error);
    case OPTION_ROOT:
        return add(cli_root_add(asked->verifier, value, &error), &error);
    case OPTION_REPORT_DATA:
        if (read_hex(value, asked->report_data, sizeof(asked->report_data)) == 0)
            return wrong_value("report-data", "1 to 64 bytes in lower-case hexadecimal", value);
        demands->report_data = asked->report_data;
        return 0;
    case OPTION_NONCE:
        demands->nonce_size = read_hex(value, asked->nonce, sizeof(asked->nonce));
        if (demands->nonce_size == 0)
            return wrong_value("nonce", "1 to 512 bytes in lower-case hexadecimal", value);
        demands->nonce = asked->nonce;
        return 0;
    case OPTION_MAX_AGE:
        demands->most_age = strtoll(value, &end, 10);
        if (*end || demands->most_age <= 0)
            return wrong_value("max-age", "a number of seconds", value);
        return 0;
    case OPTION_ATTESTATION_KEY:
        if (read_hex(value, asked->attestation_key, 32) != 32)
            return wrong_value("attestation-key", "a SHA-256 in lower-case hexadecimal", value);
        demands->attestation_key = asked->attestation_key;
        return 0;
    default:
        demands->type = value;
        return 0;
    }
}

/* An option without one. */
static void take_flag(struct asked *asked, int option)
{
    cella_demands *demands = &asked->demands;
    const struct {
        int option;
        bool *flag;
    } flags[] = {
        {OPTION_JSON, &asked->json},
        {OPTION_ANY_REPORT_DATA, &demands->insecure_any_report_data},
        {OPTION_ANY_NONCE, &demands->insecure_any_nonce},
        {OPTION_ALLOW_DEBUG, &demands->insecure_allow_debug},
        {OPTION_NO_COLLATERAL, &demands->insecure_no_collateral},
        {OPTION_ALLOW_OUTDATED, &demands->insecure_allow_outdated},
        {OPTION_ALLOW_SHA1, &demands->insecure_allow_sha1},
    };
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (flags[i].option == option)
            *flags[i].flag = true;
}

static int read_options(struct asked *asked, int count, char **arguments)
{
    opterr = 0;
    for (int option; (option = getopt_long(count, arguments, ":h", options, NULL)) >= 0;) {
        if (option == 'h')
            return cli_help(&cli_verify) ? CLI_FAILED : -1;
        if (option < OPTION_AT)
            return cli_bad_option(&cli_verify, arguments, option);
        int bad = 0;
        if (option < OPTION_JSON)
            bad = take_value(asked, option, optarg);
        else
            take_flag(asked, option);
        if (bad)
            return bad;
    }
    if (optind + 1 != count)
        return cli_misused(&cli_verify, "one file of evidence is wanted, or - for standard input");
    if (asked->demands.at == 0)
        return cli_misused(&cli_verify, "--at is wanted: the time to judge at, such as now");
    asked->path = arguments[optind];
    return 0;
}

static void show(const struct asked *asked, const cella_result *result)
{
    char *text = cella_result_json(result);
    json_t *read = text ? json_loads(text, 0, NULL) : NULL;
    if (!read) {
        cli_say("no memory to show the verdict");
    } else if (asked->json) {
        json_object_set(read, "left_out", asked->left_out);
        json_dumpf(read, stdout, JSON_COMPACT);
        putchar('\n');
    } else {
        cli_verdict(read, stdout);
        json_t *path;
        size_t at;
        json_array_foreach(asked->left_out, at, path) printf(
            "left out of the collateral, of which it is no form: %s\n", json_string_value(path));
    }
    json_decref(read);
    free(text);
}

static int judge(struct asked *asked)
{
    cella_result *result = NULL;
    cella_error error;
    uint8_t *evidence = NULL;
    size_t size;
    const char *path = strcmp(asked->path, "-") == 0 ? "/dev/stdin" : asked->path;
    cella_status status = file_read(path, EVIDENCE_MOST, &evidence, &size, &error);
    if (status == CELLA_OK)
        status = cella_verify(asked->verifier, evidence, size, &asked->demands, &result, &error);
    if (result)
        show(asked, result);
    else if (status)
        cli_say(error.sentence);
    cella_result_free(result);
    free(evidence);
    return status == CELLA_OK ? 0 : status == CELLA_REFUSED ? CLI_REFUSED : CLI_MALFORMED;
}

static int verb(int count, char **arguments)
{
    struct asked asked = {.left_out = json_array()};
    cella_error error;
    cella_demands_default(&asked.demands);
    if (cella_verifier_new(&asked.verifier, &error))
        return cli_fail(&error);
    int status = read_options(&asked, count, arguments);
    if (status == 0)
        status = judge(&asked);
    cella_verifier_free(asked.verifier);
    json_decref(asked.left_out);
    return status < 0 ? 0 : status;
}

const struct cli_verb cli_verify = {"verify", "judge evidence of a TEE", help, verb};
