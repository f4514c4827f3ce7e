/* SPDX-License-Identifier: Apache-2.0
 *
 * cella token: attestation results as JSON Web Tokens.
 */
#include "attest/token/token.h"

#include "attest/strict.h"
#include "cli.h"
#include "evidence.h"
#include "image/fail.h"
#include "image/file.h"

#include <getopt.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cella token verify (--jwks FILE | --root PEM|SHA256) --issuer ISSUER\n"
    "                          --at TIME [--audience AUDIENCE] [--skew SECONDS]\n"
    "                          [--json] TOKEN\n"
    "       cella token make --key PEM --profile maa|ear --issuer ISSUER --at TIME\n"
    "                        --expires SECONDS [--audience AUDIENCE] RESULT\n"
    "       cella token jwks --key PEM\n\n"
    "verify judges a JSON Web Token with an attestation result: signature, issuer,\n"
    "audience, times. make signs a result of `cella verify --json` that was accepted:\n"
    "it is not verified again, whoever has the key vouches for it. jwks prints the\n"
    "key's public half as those who verify want it. - is standard input. Exit status:\n"
    "0 accepted or made, 1 refused, 2 malformed or misused.\n\n"
    "  --jwks FILE          the issuer's keys: the token's kid chooses one\n"
    "  --root PEM|SHA256    in their place, a root of the certificates in its x5c; may\n"
    "                       be given often\n"
    "  --issuer ISSUER      what iss must be, or will be\n"
    "  --audience AUDIENCE  what aud must name, or will be; without, there is no aud\n"
    "  --at TIME            the time to judge at, or when it is made:\n"
    "                       2025-07-01T00:00:00Z, seconds since 1970, or now\n"
    "  --skew SECONDS       how far clocks may be apart; 0 unless given\n"
    "  --key PEM            a private key of P-256 (ES256) or RSA (RS256)\n"
    "  --profile maa|ear    claims as of Microsoft Azure Attestation, or EAR\n"
    "  --expires SECONDS    how long it is valid\n"
    "  --json               as JSON\n"
    "  -h, --help           this text\n";

#define FILE_MOST 1048576
#define SKEW_MOST 86400

struct asked {
    const char *jwks, *issuer, *audience, *key, *profile, *expires, *skew, *path;
    const char **roots; /* as many as there are arguments, at most */
    size_t root_count;
    int64_t at;
    bool json;
};

/* ---- options ---- */

enum { OPTION_AT = 256, OPTION_ROOT, OPTION_JSON, OPTION_TEXT };

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
    else if (option == OPTION_JSON)
        asked->json = true;
    else
        *(const char **)((char *)asked + texts[option - OPTION_TEXT].offset) = optarg;
    return 0;
}

/* Nonzero: the verb's status, or -1 for help. */
static int read_options(struct asked *asked, int count, char **arguments)
{
    struct option options[TEXTS + 5] = {{"at", required_argument, NULL, OPTION_AT},
                                        {"root", required_argument, NULL, OPTION_ROOT},
                                        {"json", no_argument, NULL, OPTION_JSON},
                                        {"help", no_argument, NULL, 'h'}};
    for (size_t i = 0; i < TEXTS; i++)
        options[4 + i] =
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
    if (verb != VERIFY && (asked->root_count || asked->json))
        return cli_misused(&cli_token, "--%s does not go with %s",
                           asked->root_count ? "root" : "json", what);
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

static int judge(const struct asked *asked, cella_verifier *verifier, const struct jwks *keys,
                 int64_t skew)
{
    cella_error error;
    cella_demands demands;
    uint8_t *token;
    size_t size;
    if (cli_input(asked->path, TOKEN_MOST, &token, &size, &error))
        return malformed(&error);
    while (size > 0 && (token[size - 1] == '\n' || token[size - 1] == '\r'))
        size--;
    cella_demands_default(&demands);
    demands.at = asked->at;
    struct appraisal appraisal = {verifier, &demands, appraisal_result(asked->at), &error};
    const struct token_demands wanted = {keys, asked->issuer, asked->audience, skew};
    int exit = CLI_FAILED;
    if (!appraisal.result) {
        cli_say("no memory to verify a token");
    } else {
        cella_status status = token_verify(&appraisal, (const char *)token, size, &wanted);
        if (status == CELLA_OK)
            appraisal.result->class[0] = 0;
        if (appraisal.result->no_memory || status == CELLA_MEMORY)
            cli_say("no memory to verify a token");
        else if (status && !appraisal.result->claim[0]) /* the demands are wrong */
            cli_say(error.sentence);
        else
            show(appraisal.result, asked->json);
        exit = status == CELLA_OK ? 0 : status == CELLA_REFUSED ? CLI_REFUSED : CLI_MALFORMED;
    }
    cella_result_free(appraisal.result);
    free(token);
    return exit;
}

static cella_status read_set(const char *path, struct jwks **keys, cella_error *error)
{
    uint8_t *bytes = NULL;
    size_t size;
    cella_status status = file_read(path, FILE_MOST, &bytes, &size, error);
    if (status == CELLA_OK)
        status = jwks_read(bytes, size, path, keys, error);
    free(bytes);
    return status;
}

static int verify(const struct asked *asked)
{
    struct jwks *keys = NULL;
    cella_verifier *verifier = NULL;
    cella_error error;
    int64_t skew = 0;
    if (!asked->jwks == !asked->root_count)
        return cli_misused(&cli_token, "one of --jwks and --root is wanted");
    if (asked->skew && !read_seconds(asked->skew, SKEW_MOST, &skew))
        return cli_misused(&cli_token, "--skew wants a number of seconds, at most a day's");
    cella_status status = cella_verifier_new(&verifier, &error);
    for (size_t i = 0; status == CELLA_OK && i < asked->root_count; i++)
        status = cli_root_add(verifier, asked->roots[i], &error);
    if (status == CELLA_OK && asked->jwks)
        status = read_set(asked->jwks, &keys, &error);
    int exit = status ? malformed(&error) : judge(asked, verifier, keys, skew);
    jwks_free(keys);
    cella_verifier_free(verifier);
    return exit;
}

/* ---- make, jwks ---- */

static int no_passphrase(char *to, int size, int writes, void *data)
{
    (void)to, (void)size, (void)writes, (void)data;
    return -1;
}

static cella_status read_key(const char *path, EVP_PKEY **key, cella_error *error)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    *key = NULL;
    cella_status status = file_read(path, FILE_MOST, &bytes, &size, error);
    if (status)
        return status;
    BIO *bio = BIO_new_mem_buf(bytes, (int)size);
    if (bio)
        *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    ERR_clear_error();
    OPENSSL_cleanse(bytes, size);
    free(bytes);
    return *key
               ? CELLA_OK
               : fail(error, CELLA_INVALID, "%s: no private key in PEM without a passphrase", path);
}

static cella_status read_result(const char *path, json_t **result, cella_error *error)
{
    uint8_t *bytes = NULL;
    size_t size;
    cella_status status = cli_input(path, FILE_MOST, &bytes, &size, error);
    if (status == CELLA_OK)
        status = strict_object(bytes, size, path, result, error);
    free(bytes);
    return status;
}

static int make(const struct asked *asked)
{
    struct token_order order = {.issuer = asked->issuer,
                                .audience = asked->audience,
                                .build = "cella " CELLA_VERSION,
                                .at = asked->at};
    bool maa = asked->profile && strcmp(asked->profile, "maa") == 0;
    json_t *result = NULL;
    char *token = NULL;
    cella_error error;
    if (!asked->key)
        return cli_misused(&cli_token, "--key is wanted");
    if (!maa && (!asked->profile || strcmp(asked->profile, "ear") != 0))
        return cli_misused(&cli_token, "--profile wants maa or ear");
    order.profile = maa ? TOKEN_MAA : TOKEN_EAR;
    if (!read_seconds(asked->expires, INT64_C(366) * 86400, &order.expires))
        return cli_misused(&cli_token, "--expires wants a number of seconds, at most a year's");
    cella_status status = read_key(asked->key, &order.key, &error);
    if (status == CELLA_OK)
        status = read_result(asked->path, &result, &error);
    if (status == CELLA_OK)
        status = token_make(&order, result, &token, &error);
    if (token)
        puts(token);
    EVP_PKEY_free(order.key);
    json_decref(result);
    free(token);
    return status ? malformed(&error) : 0;
}

static int print_set(const struct asked *asked)
{
    EVP_PKEY *key;
    cella_error error;
    if (!asked->key)
        return cli_misused(&cli_token, "--key is wanted");
    if (read_key(asked->key, &key, &error))
        return malformed(&error);
    json_t *set = jwks_write(key);
    EVP_PKEY_free(key);
    if (!set) {
        cli_say("tokens are signed by a key of P-256 or of RSA with 2048 to 8192 bits");
        return CLI_MALFORMED;
    }
    json_dumpf(set, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(set);
    return 0;
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
    struct asked asked = {.roots = calloc((size_t)count, sizeof(*asked.roots))};
    int status = CLI_FAILED;
    if (asked.roots)
        status = run(&asked, count, arguments);
    else
        cli_say("no memory");
    free(asked.roots);
    return status;
}

const struct cli_verb cli_token = {"token", "verify and make attestation results as JWT", help,
                                   verb_token};
