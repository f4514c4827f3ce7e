/* SPDX-License-Identifier: Apache-2.0
 *
 * cella keyd: a key release service, and its keys.
 */
#include "keyd.h"
#include "box/key.h"
#include "image/fail.h"
#include "image/file.h"
#include "image/hex.h"
#include "keyd/audit.h"
#include "keys.h"

#include <assert.h>
#include <getopt.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MOST    65536u
#define POLICY_MOST 131072u

static const char help[] =
    "usage: cella keyd init DIR\n"
    "       cella keyd add DIR NAME --policy FILE [--key FILE]\n"
    "       cella keyd add DIR NAME --policy FILE --box BOX [--box-key NAME|FILE]\n"
    "       cella keyd add DIR NAME --policy FILE --pkcs11 MODULE --token LABEL\n"
    "                  --label LABEL|--id HEX --pin-fd N\n"
    "       cella keyd policy DIR NAME --policy FILE\n"
    "       cella keyd list DIR [--json]\n"
    "       cella keyd serve DIR --listen ADDRESS:PORT [OPTION...]\n"
    "       cella keyd log DIR [FILE...] [--after SHA256]\n\n"
    "Releases keys to whoever proves to be what a key's policy demands. init makes a\n"
    "folder for it; add puts a key there with its policy (a new one, a file's, a box's,\n"
    "or one that stays in a PKCS#11 module); policy gives a key another one; serve answers\n"
    "requests over HTTPS; log checks the audit log's hash chain, FILEs of it that were taken\n"
    "elsewhere included.\n"
    "docs/keyd.md has the protocol.\n\n"
    "  --policy FILE       what evidence has to prove (docs/policy.md)\n"
    "  --key FILE          32 bytes, or a private key, RSA or EC, in PEM or DER\n"
    "  --box BOX           the key of this box: programs that get it can open the box\n"
    "  --box-key NAME|FILE whose key opens the box here (default: those in the folder of\n"
    "                      keys that it is sealed to)\n"
    "  --pkcs11 MODULE     the key is in this PKCS#11 module, on the token\n"
    "  --token LABEL       of this label\n"
    "  --label LABEL       the key's label there\n"
    "  --id HEX            or its id\n"
    "  --pin-fd N          the token's PIN is the first line of descriptor N\n"
    "  --listen ADDRESS:PORT  where to listen; port 0: any that is free\n"
    "  --cert FILE         TLS certificates in PEM (else the folder's own)\n"
    "  --cert-key FILE     their key in PEM\n"
    "  --rate N            requests of a client a second (50)\n"
    "  --burst N           and at once (100)\n"
    "  --connections N     at once, at most (512)\n"
    "  --log-size MIB      of a file of the audit log; then another is begun (64)\n"
    "  --dry-run           decide and log, but release nothing\n"
    "  --insecure_allow_debug     let debug enclaves have keys: their hosts see them\n"
    "  --insecure_no_collateral   do without revocation lists and TCB information\n"
    "  --insecure_allow_outdated  accept TCBs that lack fixes\n"
    "  --insecure_allow_process   accept the TEE process, which protects nothing\n"
    "  --after SHA256      of the line before the first that is checked, where files with\n"
    "                      the lines before are no more\n"
    "  --passphrase-fd N   the folder's passphrase is the first line of descriptor N\n"
    "  --json              as JSON\n"
    "  -h, --help          this text\n";

struct choices {
    uint32_t given; /* which options: bits, from OPTION_POLICY on */
    const char *policy, *key, *box, *box_key, *module, *token, *label, *id, *after;
    unsigned log_mib; /* 0: not said */
    bool json;
    struct cli_passphrase passphrase, pin;
    struct keyd_serve serve;
};

/* ---- init, list, log ---- */

static int init(const char *folder, struct choices *choices)
{
    cella_error error;
    cella_status status = cli_passphrase_get(&choices->passphrase, folder, true, &error);
    if (status == CELLA_OK)
        status = keystore_init(folder, &choices->passphrase.is, &error);
    OPENSSL_cleanse(&choices->passphrase, sizeof(choices->passphrase));
    return status ? cli_fail(&error) : 0;
}

static void print_key(const struct sealed *key, void *context)
{
    char policy[65];
    hex_write(key->policy_hash, 32, policy);
    if (context)
        json_array_append_new(context, json_pack("{s:s, s:s, s:s}", "name", key->name, "type",
                                                 key->type, "policy", policy));
    else
        printf("%s %s policy=%s\n", key->name, key->type, policy);
}

static int list(const char *folder, const struct choices *choices)
{
    cella_error error;
    json_t *all = choices->json ? json_array() : NULL;
    cella_status status = keystore_list(folder, print_key, all, &error);
    if (status == CELLA_OK && all) {
        json_dumpf(all, stdout, JSON_COMPACT);
        putchar('\n');
    }
    json_decref(all);
    return status ? cli_fail(&error) : 0;
}

/* Decisions as the log has them, and what is printed of them. */
static const char *const decisions[][2] = {{"granted", "granted"},
                                           {"would grant", "would_grant"},
                                           {"refused", "refused"},
                                           {"malformed", "malformed"}};
#define DECISIONS (sizeof(decisions) / sizeof(decisions[0]))

static void count(const json_t *entry, void *context)
{
    unsigned long long *counts = context;
    const char *decision = json_string_value(json_object_get(entry, "decision"));
    for (size_t i = 0; decision && i < DECISIONS; i++)
        counts[i] += strcmp(decision, decisions[i][0]) == 0;
}

static void print_found(const struct audit_found *found, const unsigned long long *counts)
{
    char sha256[65];
    if (found->first)
        printf("first=%llu\n", (unsigned long long)found->first + 1);
    printf("lines=%llu\nfiles=%zu\n", (unsigned long long)found->head.lines, found->files);
    for (size_t i = 0; i < DECISIONS; i++)
        printf("%s=%llu\n", decisions[i][1], counts[i]);
    printf("last=%s\n", hex_write(found->head.sha256, 32, sha256));
    if (found->torn)
        printf("torn=%zu\n", found->torn);
}

/* The folder's log, with files of it that are elsewhere. */
static int check_log(const char *folder, char **files, size_t file_count,
                     const struct choices *choices)
{
    char path[PATH_MAX];
    uint8_t after[32];
    unsigned long long counts[DECISIONS] = {0};
    struct audit_found found;
    struct audit_set set = {path, (const char *const *)files, file_count, NULL};
    cella_error error;
    if (choices->after) {
        if (!hex_read(choices->after, after, sizeof(after)))
            return cli_misused(&cli_keyd, "--after is the SHA-256 of a line: 64 lower-case digits");
        set.after = after;
    }
    if (keystore_path(folder, "log", path, &error) ||
        audit_check_set(&set, count, counts, &found, &error))
        return cli_fail(&error);
    print_found(&found, counts);
    return 0;
}

/* ---- add ---- */

/* Where a PKCS#11 key is: JSON, with the PIN in it. */
static cella_status reference_of(struct choices *choices, uint8_t **secret, size_t *size,
                                 cella_error *error)
{
    cella_status status = cli_passphrase_get(&choices->pin, choices->token, false, error);
    if (status)
        return status;
    json_t *reference =
        json_pack("{s:s, s:s, s:s%, s:s}", "module", choices->module, "token", choices->token,
                  "pin", choices->pin.is.bytes, choices->pin.is.size,
                  choices->label ? "label" : "id", choices->label ? choices->label : choices->id);
    *secret = reference ? (uint8_t *)json_dumps(reference, JSON_COMPACT) : NULL;
    *size = *secret ? strlen((char *)*secret) : 0;
    json_decref(reference);
    return *secret ? CELLA_OK
                   : fail(error, CELLA_INVALID, "the module, labels and PIN must be in UTF-8");
}

/* The file key of a box. */
static cella_status box_key(struct choices *choices, uint8_t **secret, size_t *size,
                            cella_error *error)
{
    struct cella_box_info info;
    struct cli_keys keys = {.passphrase.fd = -1};
    if (choices->box_key)
        keys.names[keys.named++] = choices->box_key;
    *size = BOX_KEY;
    *secret = malloc(*size);
    cella_status status = *secret ? cli_keys_load(&keys, choices->box, error)
                                  : fail(error, CELLA_MEMORY, "no memory for a key");
    if (status == CELLA_OK)
        status = cella_box_file_key(choices->box, &keys.are, *secret, &info, error);
    cli_keys_wipe(&keys);
    return status;
}

static cella_status secret_of(struct choices *choices, const char **type, uint8_t **secret,
                              size_t *size, cella_error *error)
{
    uint8_t *bytes;
    *secret = NULL;
    *size = 0;
    *type = choices->module ? "pkcs11" : "oct";
    if (choices->module)
        return reference_of(choices, secret, size, error);
    if (choices->box)
        return box_key(choices, secret, size, error);
    if (!choices->key)
        return CELLA_OK;
    size_t read;
    cella_status status = file_read(choices->key, KEY_MOST, &bytes, &read, error);
    if (status)
        return status;
    status = keystore_read_key(bytes, read, choices->key, type, secret, size, error);
    OPENSSL_cleanse(bytes, read);
    free(bytes);
    return status;
}

static cella_status read_policy(const char *path, char **policy, cella_error *error)
{
    size_t size;
    uint8_t *bytes = NULL;
    cella_status status = file_read(path, POLICY_MOST, &bytes, &size, error);
    if (status == CELLA_OK && strlen((char *)bytes) != size)
        status = fail(error, CELLA_INVALID, "%s: has a NUL in it", path);
    *policy = (char *)bytes;
    return status;
}

static cella_status unlock(const char *folder, struct choices *choices, struct keystore **store,
                           cella_error *error)
{
    cella_status status = cli_passphrase_get(&choices->passphrase, folder, false, error);
    return status ? status : keystore_unlock(folder, &choices->passphrase.is, store, error);
}

static int add(const char *folder, const char *name, struct choices *choices)
{
    struct keystore *store = NULL;
    char *policy;
    uint8_t *secret = NULL;
    size_t size = 0;
    const char *type;
    cella_error error;
    cella_status status = read_policy(choices->policy, &policy, &error);
    if (status == CELLA_OK)
        status = secret_of(choices, &type, &secret, &size, &error);
    if (status == CELLA_OK)
        status = unlock(folder, choices, &store, &error);
    if (status == CELLA_OK)
        status = keystore_add(store, name, type, secret, size, policy, &error);
    keystore_close(store);
    if (secret)
        OPENSSL_cleanse(secret, size);
    OPENSSL_cleanse(choices, sizeof(*choices));
    free(secret);
    free(policy);
    return status ? cli_fail(&error) : 0;
}

static int set_policy(const char *folder, const char *name, struct choices *choices)
{
    struct keystore *store = NULL;
    char *policy;
    cella_error error;
    cella_status status = read_policy(choices->policy, &policy, &error);
    if (status == CELLA_OK)
        status = unlock(folder, choices, &store, &error);
    if (status == CELLA_OK)
        status = keystore_set_policy(store, name, policy, &error);
    keystore_close(store);
    OPENSSL_cleanse(choices, sizeof(*choices));
    free(policy);
    return status ? cli_fail(&error) : 0;
}

/* ---- serve ---- */

static int serve(const char *folder, struct choices *choices)
{
    struct keystore *store;
    cella_error error;
    cella_status status = cli_passphrase_get(&choices->passphrase, folder, false, &error);
    keyd_harden();
    if (status == CELLA_OK)
        status = keystore_open(folder, &choices->passphrase.is, &store, &error);
    OPENSSL_cleanse(&choices->passphrase, sizeof(choices->passphrase));
    if (status == CELLA_OK)
        status = keyd_serve(store, &choices->serve, &error);
    return status ? cli_fail(&error) : 0;
}

/* ---- the command line ---- */

static bool read_number(const char *text, unsigned most, unsigned *number)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    *number = (unsigned)value;
    return *text >= '0' && *text <= '9' && !*end && value >= 1 && value <= most;
}

enum {
    OPTION_POLICY = 256,
    OPTION_KEY,
    OPTION_BOX,
    OPTION_BOX_KEY,
    OPTION_PKCS11,
    OPTION_TOKEN,
    OPTION_LABEL,
    OPTION_ID,
    OPTION_PIN_FD,
    OPTION_LISTEN,
    OPTION_CERT,
    OPTION_CERT_KEY,
    OPTION_RATE,
    OPTION_BURST,
    OPTION_CONNECTIONS,
    OPTION_LOG_SIZE,
    OPTION_AFTER,
    OPTION_DRY_RUN,
    OPTION_DEBUG,
    OPTION_COLLATERAL,
    OPTION_OUTDATED,
    OPTION_PROCESS,
    OPTION_PASSPHRASE_FD,
    OPTION_JSON
};

/* Where the text of an option goes. NULL: it has none. */
static const char **text_of(struct choices *choices, int option)
{
    switch (option) {
    case OPTION_POLICY:
        return &choices->policy;
    case OPTION_KEY:
        return &choices->key;
    case OPTION_BOX:
        return &choices->box;
    case OPTION_BOX_KEY:
        return &choices->box_key;
    case OPTION_PKCS11:
        return &choices->module;
    case OPTION_TOKEN:
        return &choices->token;
    case OPTION_LABEL:
        return &choices->label;
    case OPTION_ID:
        return &choices->id;
    case OPTION_AFTER:
        return &choices->after;
    case OPTION_LISTEN:
        return &choices->serve.listen;
    case OPTION_CERT:
        return &choices->serve.certificate;
    case OPTION_CERT_KEY:
        return &choices->serve.key;
    default:
        return NULL;
    }
}

static bool *flag_of(struct choices *choices, int option)
{
    switch (option) {
    case OPTION_DRY_RUN:
        return &choices->serve.options.dry_run;
    case OPTION_DEBUG:
        return &choices->serve.options.judge.insecure_allow_debug;
    case OPTION_COLLATERAL:
        return &choices->serve.options.judge.insecure_no_collateral;
    case OPTION_OUTDATED:
        return &choices->serve.options.judge.insecure_allow_outdated;
    case OPTION_PROCESS:
        return &choices->serve.options.judge.insecure_allow_process;
    case OPTION_JSON:
        return &choices->json;
    default:
        return NULL;
    }
}

/* An option with a number. */
static bool take_number(struct choices *choices, int option, const char *text)
{
    switch (option) {
    case OPTION_PIN_FD:
        return cli_passphrase_fd(&choices->pin, text);
    case OPTION_PASSPHRASE_FD:
        return cli_passphrase_fd(&choices->passphrase, text);
    case OPTION_RATE:
        return read_number(text, 1000000, &choices->serve.options.rate);
    case OPTION_BURST:
        return read_number(text, 1000000, &choices->serve.options.burst);
    case OPTION_LOG_SIZE:
        return read_number(text, 1u << 20, &choices->log_mib);
    default:
        return read_number(text, 10000, &choices->serve.connections);
    }
}

static int misused_add(const struct choices *choices)
{
    if (!choices->policy)
        return cli_misused(&cli_keyd, "--policy says who may have the key");
    if (choices->module ? !choices->token || !choices->label == !choices->id || choices->key ||
                              !choices->pin.wanted
                        : choices->token || choices->label || choices->id || choices->pin.wanted)
        return cli_misused(&cli_keyd,
                           "--pkcs11, --token, --label or --id, and --pin-fd go together");
    if (choices->box ? choices->key || choices->module : choices->box_key != NULL)
        return cli_misused(&cli_keyd, "--box stands for --key; --box-key is for a --box");
    return 0;
}

enum { INIT = 1, ADD = 2, POLICY = 4, LIST = 8, SERVE = 16, LOG = 32 };

static const struct {
    const char *name;
    unsigned verb;
    int least, most; /* arguments, the verb included; 0: any number */
} verbs[] = {{"init", INIT, 2, 2}, {"add", ADD, 3, 3},     {"policy", POLICY, 3, 3},
             {"list", LIST, 2, 2}, {"serve", SERVE, 2, 2}, {"log", LOG, 2, 0}};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const struct option options[] = {
    {"policy", required_argument, NULL, OPTION_POLICY},
    {"key", required_argument, NULL, OPTION_KEY},
    {"box", required_argument, NULL, OPTION_BOX},
    {"box-key", required_argument, NULL, OPTION_BOX_KEY},
    {"pkcs11", required_argument, NULL, OPTION_PKCS11},
    {"token", required_argument, NULL, OPTION_TOKEN},
    {"label", required_argument, NULL, OPTION_LABEL},
    {"id", required_argument, NULL, OPTION_ID},
    {"pin-fd", required_argument, NULL, OPTION_PIN_FD},
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"cert", required_argument, NULL, OPTION_CERT},
    {"cert-key", required_argument, NULL, OPTION_CERT_KEY},
    {"rate", required_argument, NULL, OPTION_RATE},
    {"burst", required_argument, NULL, OPTION_BURST},
    {"connections", required_argument, NULL, OPTION_CONNECTIONS},
    {"log-size", required_argument, NULL, OPTION_LOG_SIZE},
    {"after", required_argument, NULL, OPTION_AFTER},
    {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
    {"insecure_allow_debug", no_argument, NULL, OPTION_DEBUG},
    {"insecure_no_collateral", no_argument, NULL, OPTION_COLLATERAL},
    {"insecure_allow_outdated", no_argument, NULL, OPTION_OUTDATED},
    {"insecure_allow_process", no_argument, NULL, OPTION_PROCESS},
    {"passphrase-fd", required_argument, NULL, OPTION_PASSPHRASE_FD},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
    {0}};

static_assert(OPTION_JSON - OPTION_POLICY < 32, "struct choices has a bit for each option");

/* Whose an option is. */
static unsigned verbs_of(int option)
{
    switch (option) {
    case OPTION_POLICY:
        return ADD | POLICY;
    case OPTION_AFTER:
        return LOG;
    case OPTION_PASSPHRASE_FD:
        return INIT | ADD | POLICY | SERVE;
    case OPTION_JSON:
        return LIST;
    default:
        return option <= OPTION_PIN_FD ? ADD : SERVE;
    }
}

/* An option of another verb says that something else was meant: nothing is done. */
static int misused_options(const struct choices *choices, unsigned verb)
{
    char whose[64] = "";
    const struct option *option = options;
    for (; option->val != 'h'; option++)
        if (choices->given & 1u << (option->val - OPTION_POLICY) && !(verbs_of(option->val) & verb))
            break;
    if (option->val == 'h')
        return 0;
    for (size_t i = 0; i < VERBS; i++)
        if (verbs_of(option->val) & verbs[i].verb)
            snprintf(whose + strlen(whose), sizeof(whose) - strlen(whose), "%s%s",
                     *whose ? ", " : "", verbs[i].name);
    return cli_misused(&cli_keyd, "--%s goes with %s", option->name, whose);
}

static int misused_serve(const struct choices *choices)
{
    if (!choices->serve.listen)
        return cli_misused(&cli_keyd, "--listen says where");
    if (!choices->serve.certificate != !choices->serve.key)
        return cli_misused(&cli_keyd, "--cert and --cert-key go together");
    return 0;
}

static unsigned find_verb(int count, char **arguments)
{
    for (size_t i = 0; i < VERBS && count; i++)
        if (strcmp(verbs[i].name, arguments[0]) == 0 && count >= verbs[i].least &&
            (!verbs[i].most || count <= verbs[i].most))
            return verbs[i].verb;
    return 0;
}

static int run(int count, char **arguments, struct choices *choices)
{
    const char *folder = count > 1 ? arguments[1] : "";
    unsigned verb = find_verb(count, arguments);
    if (!verb)
        return cli_misused(&cli_keyd,
                           "init DIR, add DIR NAME, policy DIR NAME, list DIR, serve DIR or log "
                           "DIR is wanted");
    int misused = misused_options(choices, verb);
    if (!misused && verb & (ADD | POLICY))
        misused = misused_add(choices);
    if (!misused && verb == SERVE)
        misused = misused_serve(choices);
    if (misused)
        return misused;
    if (choices->log_mib)
        choices->serve.options.log_size = (size_t)choices->log_mib << 20;
    switch (verb) {
    case INIT:
        return init(folder, choices);
    case ADD:
        return add(folder, arguments[2], choices);
    case POLICY:
        return set_policy(folder, arguments[2], choices);
    case LIST:
        return list(folder, choices);
    case SERVE:
        return serve(folder, choices);
    default:
        return check_log(folder, arguments + 2, (size_t)count - 2, choices);
    }
}

static int verb(int count, char **arguments)
{
    static struct choices choices = {.passphrase.fd = -1, .pin.fd = -1};
    service_options_default(&choices.serve.options);
    choices.serve.connections = HTTP_CONNECTIONS;
    opterr = 0;
    for (int option; (option = getopt_long(count, arguments, ":h", options, NULL)) >= 0;) {
        const char **text = text_of(&choices, option);
        bool *flag = flag_of(&choices, option);
        if (option == 'h')
            return cli_help(&cli_keyd);
        if (option < 256)
            return cli_bad_option(&cli_keyd, arguments, option);
        choices.given |= 1u << (option - OPTION_POLICY);
        if (text)
            *text = optarg;
        else if (flag)
            *flag = true;
        else if (!take_number(&choices, option, optarg))
            return cli_misused(&cli_keyd, "%s is no number that this option takes", optarg);
    }
    return run(count - optind, arguments + optind, &choices);
}

const struct cli_verb cli_keyd = {"keyd", "release keys to what proves itself", help, verb};
