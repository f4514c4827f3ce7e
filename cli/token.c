/* SPDX-License-Identifier: Apache-2.0
 *
 * cella token: attestation results as JSON Web Tokens.
 */
#include <cella/token.h>

#include "cli.h"
#include "evidence.h"
#include "image/file.h"

#include <getopt.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cella token verify (--jwks FILE | --root PEM|SHA256) --issuer ISSUER\n"
    "                          --at TIME [--audience AUDIENCE] [--skew SECONDS]\n"
    "                          [--collateral DIR|FILE] [--json] TOKEN\n"
    "       cella token make --key PEM --profile maa|ear --issuer ISSUER --at TIME\n"
    "                        --expires SECONDS [--audience AUDIENCE]\n"
    "                        [--certificates PEM] RESULT\n"
    "       cella token jwks --key PEM\n\n"
    "verify judges a JSON Web Token with an attestation result: signature, issuer,\n"
    "audience, times. make signs a result of `cella verify --json` that was accepted:\n"
    "it is not verified again, whoever has the key vouches for it. jwks prints the\n"
    "key's public half as those who verify want it. - is standard input. Exit status:\n"
    "0 accepted or made, 1 refused, 2 malformed or misused.\n\n"
    "  --jwks FILE          the issuer's keys: the token's kid chooses one\n"
    "  --root PEM|SHA256    in their place, a root of the certificates in its x5c; may\n"
    "                       be given often\n"
    "  --collateral DIR|FILE\n"
    "                       with --root: revocation lists and certificates; may be given\n"
    "                       often. Without a list there is a warning\n"
    "  --issuer ISSUER      what iss must be, or will be\n"
    "  --audience AUDIENCE  what aud must name, or will be; without, there is no aud\n"
    "  --at TIME            the time to judge at, or when it is made:\n"
    "                       2025-07-01T00:00:00Z, seconds since 1970, or now\n"
    "  --skew SECONDS       how far clocks may be apart; 0 unless given\n"
    "  --key PEM            a private key of P-256 (ES256) or RSA (RS256)\n"
    "  --certificates PEM   its certificate and its issuers', for x5c\n"
    "  --profile maa|ear    claims as of Microsoft Azure Attestation, or EAR\n"
    "  --expires SECONDS    how long it is valid\n"
    "  --json               as JSON\n"
    "  -h, --help           this text\n";

#define FILE_MOST    1048576
#define SKEW_MOST    86400
#define EXPIRES_MOST (INT64_C(366) * 86400)

struct asked {
    const char *jwks, *issuer, *audience, *key, *certificates, *profile, *expires, *skew, *path;
    const char **roots, **collateral; /* as many as there are arguments, at most */
    size_t root_count, collateral_count;
    int64_t at;
    bool json;
};

/* ---- options ---- */

enum { OPTION_AT = 256, OPTION_ROOT, OPTION_COLLATERAL, OPTION_JSON, OPTION_TEXT };

static const struct {
    const char *name;
    size_t offset;
    unsigned verbs; /* of which it is an option */
} texts[] = {
#define VERIFY 1u
#define MAKE   2u
#define JWKS   4u
    {"jwks", offsetof(struct asked, jwks), VERIFY},
    {"issuer", offsetof(struct asked, issuer), VERIFY | MAKE},
    {"audience", offsetof(struct asked, audience), VERIFY | MAKE},
    {"skew", offsetof(struct asked, skew), VERIFY},
    {"key", offsetof(struct asked, key), MAKE | JWKS},
    {"certificates", offsetof(struct asked, certificates), MAKE},
    {"profile", offsetof(struct asked, profile), MAKE},
    {"expires", offsetof(struct asked, expires), MAKE},
};
#define TEXTS (sizeof(texts) / sizeof(texts[0]))

static int take_option(struct asked *asked, int option)
{
    if (option == OPTION_AT)
        return cli_time(optarg, &asked->at)
                   ? 0
                   : cli_misused(&cli_token,
                                 "--at wants a time, as 2025-07-01T00:00:00Z or now; "
                                 "found \"%.80s\"",
                                 optarg);
    if (option == OPTION_ROOT)
        asked->roots[asked->root_count++] = optarg;
    else if (option == OPTION_COLLATERAL)
        asked->collateral[asked->collateral_count++] = optarg;
    else if (option == OPTION_JSON)
        asked->json = true;
    else
        *(const char **)((char *)asked + texts[option - OPTION_TEXT].offset) = optarg;
    return 0;
}

/* Nonzero: the verb's status, or -1 for help. */
static int read_options(struct asked *asked, int count, char **arguments)
{
    struct option options[TEXTS + 6] = {{"at", required_argument, NULL, OPTION_AT},
                                        {"root", required_argument, NULL, OPTION_ROOT},
                                        {"collateral", required_argument, NULL, OPTION_COLLATERAL},
                                        {"json", no_argument, NULL, OPTION_JSON},
                                        {"help", no_argument, NULL, 'h'}};
    for (size_t i = 0; i < TEXTS; i++)
        options[5 + i] =
            (struct option){texts[i].name, required_argument, NULL, OPTION_TEXT + (int)i};
    opterr = 0;
    for (int option; (option = getopt_long(count, arguments, ":h", options, NULL)) >= 0;) {
        if (option == 'h')
            return cli_help(&cli_token) ? CLI_FAILED : -1;
        if (option < OPTION_AT)
            return cli_bad_option(&cli_token, arguments, option);
        int bad = take_option(asked, option);
        if (bad)
            return bad;
    }
    return 0;
}

static int check_options(const struct asked *asked, const char *what, unsigned verb)
{
    for (size_t i = 0; i < TEXTS; i++) {
        const char *value = *(const char *const *)((const char *)asked + texts[i].offset);
        if (value && !(texts[i].verbs & verb))
            return cli_misused(&cli_token, "--%s does not go with %s", texts[i].name, what);
    }
    if (verb != VERIFY && (asked->root_count || asked->collateral_count || asked->json))
        return cli_misused(&cli_token, "--%s does not go with %s",
                           asked->root_count         ? "root"
                           : asked->collateral_count ? "collateral"
                                                     : "json",
                           what);
    if (verb == JWKS && asked->at)
        return cli_misused(&cli_token, "--at does not go with jwks");
    if (verb != JWKS && !asked->issuer)
        return cli_misused(&cli_token, "--issuer is wanted");
    if (verb != JWKS && !asked->at)
        return cli_misused(&cli_token, "--at is wanted: a time, such as now");
    return 0;
}

static bool read_seconds(const char *text, int64_t most, int64_t *seconds)
{
    char *end;
    if (!text || *text < '0' || *text > '9')
        return false;
    *seconds = strtoll(text, &end, 10);
    return *end == 0 && *seconds <= most;
}

static int malformed(const cella_error *error)
{
    cli_say(error->sentence);
    return CLI_MALFORMED;
}

/* ---- verify ---- */

static void show(const cella_result *result, bool json)
{
    char *text = cella_result_json(result);
    json_t *read = text ? json_loads(text, 0, NULL) : NULL;
    if (!read)
        cli_say("no memory to show the verdict");
    else if (json)
        puts(text);
    else /* the claims are what was read */
        cli_verdict(read, !cella_result_accepted(result), stdout);
    json_decref(read);
    free(text);
}

static int judge(const struct asked *asked, cella_verifier *verifier, const cella_keys *keys,
                 int64_t skew)
{
    cella_error error;
    cella_token_demands demands;
    cella_result *result;
    uint8_t *token;
    size_t size;
    if (cli_input(asked->path, FILE_MOST, &token, &size, &error))
        return malformed(&error);
    while (size > 0 && (token[size - 1] == '\n' || token[size - 1] == '\r'))
        size--;
    cella_token_demands_default(&demands);
    demands.keys = keys;
    demands.issuer = asked->issuer;
    demands.audience = asked->audience;
    demands.at = asked->at;
    demands.skew = skew;
    cella_status status =
        cella_token_verify(verifier, (const char *)token, size, &demands, &result, &error);
    if (result)
        show(result, asked->json);
    else
        cli_say(error.sentence);
    cella_result_free(result);
    free(token);
    return status == CELLA_OK                                 ? 0
           : status == CELLA_REFUSED                          ? CLI_REFUSED
           : status == CELLA_MEMORY || status == CELLA_SYSTEM ? CLI_FAILED
                                                              : CLI_MALFORMED;
}

static cella_status read_set(const char *path, cella_keys **keys, cella_error *error)
{
    uint8_t *bytes = NULL;
    size_t size;
    cella_status status = file_read(path, FILE_MOST, &bytes, &size, error);
    if (status == CELLA_OK)
        status = cella_keys_read(bytes, size, path, keys, error);
    free(bytes);
    return status;
}

static int verify(const struct asked *asked)
{
    cella_keys *keys = NULL;
    cella_verifier *verifier = NULL;
    cella_error error;
    int64_t skew = 0;
    if (!asked->jwks == !asked->root_count)
        return cli_misused(&cli_token, "one of --jwks and --root is wanted");
    if (asked->jwks && asked->collateral_count)
        return cli_misused(&cli_token, "--collateral goes with --root");
    if (asked->skew && !read_seconds(asked->skew, SKEW_MOST, &skew))
        return cli_misused(&cli_token, "--skew wants a number of seconds, at most a day's");
    cella_status status = cella_verifier_new(&verifier, &error);
    for (size_t i = 0; status == CELLA_OK && i < asked->root_count; i++)
        status = cli_root_add(verifier, asked->roots[i], &error);
    for (size_t i = 0; status == CELLA_OK && i < asked->collateral_count; i++)
        status = cli_collateral_add(verifier, asked->collateral[i], NULL, &error);
    if (status == CELLA_OK && asked->jwks)
        status = read_set(asked->jwks, &keys, &error);
    int exit = status ? malformed(&error) : judge(asked, verifier, keys, skew);
    cella_keys_free(keys);
    cella_verifier_free(verifier);
    return exit;
}

/* ---- make, jwks ---- */

static void drop_key(uint8_t *pem, size_t size)
{
    if (pem)
        OPENSSL_cleanse(pem, size);
    free(pem);
}

struct files {
    uint8_t *pem, *certificates, *result;
    size_t result_size;
};

static cella_status read_files(const struct asked *asked, struct files *files,
                               cella_token_order *order, cella_error *error)
{
    cella_status status = file_read(asked->key, FILE_MOST, &files->pem, &order->pem_size, error);
    if (status == CELLA_OK && asked->certificates)
        status = file_read(asked->certificates, FILE_MOST, &files->certificates,
                           &order->certificates_size, error);
    if (status == CELLA_OK)
        status = cli_input(asked->path, FILE_MOST, &files->result, &files->result_size, error);
    order->pem = files->pem;
    order->certificates = files->certificates;
    return status;
}

static int make(const struct asked *asked)
{
    struct files files = {0};
    cella_token_order order;
    char *token = NULL;
    cella_error error;
    cella_token_order_default(&order);
    order.issuer = asked->issuer;
    order.audience = asked->audience;
    order.build = "cella " CELLA_VERSION;
    order.at = asked->at;
    bool maa = asked->profile && strcmp(asked->profile, "maa") == 0;
    if (!asked->key)
        return cli_misused(&cli_token, "--key is wanted");
    if (!maa && (!asked->profile || strcmp(asked->profile, "ear") != 0))
        return cli_misused(&cli_token, "--profile wants maa or ear");
    order.profile = maa ? CELLA_TOKEN_MAA : CELLA_TOKEN_EAR;
    if (!read_seconds(asked->expires, EXPIRES_MOST, &order.lifetime))
        return cli_misused(&cli_token, "--expires wants a number of seconds, at most a year's");
    cella_status status = read_files(asked, &files, &order, &error);
    if (status == CELLA_OK)
        status =
            cella_token_make(&order, (const char *)files.result, files.result_size, &token, &error);
    if (token)
        puts(token);
    drop_key(files.pem, order.pem_size);
    free(files.certificates);
    free(files.result);
    free(token);
    return status ? malformed(&error) : 0;
}

static int print_set(const struct asked *asked)
{
    uint8_t *pem = NULL;
    size_t size = 0;
    char *set = NULL;
    cella_error error;
    if (!asked->key)
        return cli_misused(&cli_token, "--key is wanted");
    cella_status status = file_read(asked->key, FILE_MOST, &pem, &size, &error);
    if (status == CELLA_OK)
        status = cella_keys_of(pem, size, asked->key, &set, &error);
    if (set)
        puts(set);
    drop_key(pem, size);
    free(set);
    return status ? malformed(&error) : 0;
}

/* ---- the verb ---- */

static int run(struct asked *asked, int count, char **arguments)
{
    int bad = read_options(asked, count, arguments);
    if (bad)
        return bad < 0 ? 0 : bad;
    const char *what = optind < count ? arguments[optind] : "";
    unsigned verb = strcmp(what, "verify") == 0 ? VERIFY
                    : strcmp(what, "make") == 0 ? MAKE
                    : strcmp(what, "jwks") == 0 ? JWKS
                                                : 0;
    if (!verb)
        return cli_misused(&cli_token, "verify, make or jwks is wanted");
    if (optind + (verb == JWKS ? 1 : 2) != count)
        return cli_misused(&cli_token, "%s",
                           verb == VERIFY ? "verify wants one token"
                           : verb == MAKE ? "make wants one result"
                                          : "jwks wants no file but --key");
    asked->path = arguments[optind + 1];
    bad = check_options(asked, what, verb);
    if (bad)
        return bad;
    return verb == VERIFY ? verify(asked) : verb == MAKE ? make(asked) : print_set(asked);
}

static int verb_token(int count, char **arguments)
{
    struct asked asked = {.roots = calloc((size_t)count, sizeof(*asked.roots)),
                          .collateral = calloc((size_t)count, sizeof(*asked.collateral))};
    int status = CLI_FAILED;
    if (asked.roots && asked.collateral)
        status = run(&asked, count, arguments);
    else
        cli_say("no memory");
    free(asked.roots);
    free(asked.collateral);
    return status;
}

const struct cli_verb cli_token = {"token", "verify and make attestation results as JWT", help,
                                   verb_token};
