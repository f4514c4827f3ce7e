/* SPDX-License-Identifier: Apache-2.0
 *
 * cella platform: who signs evidence on this machine, and who certifies that.
 */
#include "cli.h"
#include "evidence.h"
#include "image/file.h"
#include "image/hex.h"

#include <cella/attest.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXCHANGE_MOST (1 << 20) /* bytes of a request or grant */

static const char help[] =
    "usage: cella platform init [--folder DIR] [--issuer | --tpm [--tcti WHERE]]\n"
    "       cella platform show [--folder DIR] [--json]\n"
    "       cella platform request [--folder DIR] REQUEST\n"
    "       cella platform certify [--folder DIR] --at TIME --root ROOT\n"
    "           [--collateral PATH] [--json] REQUEST GRANT\n"
    "       cella platform accept [--folder DIR] GRANT\n\n"
    "init makes the key that signs evidence on this machine, and a development root\n"
    "that vouches for it; what is there is never overwritten. show prints the\n"
    "platform's subject and its root: what a contract names in platform_roots.\n\n"
    "request writes what an issuer has to know of a platform with a TPM. certify, at\n"
    "the issuer, judges it: that a maker of TPMs vouches for this one. The grant is a\n"
    "certificate that this TPM alone can open, and only if the key is in it. accept\n"
    "opens it there and puts it in the place of the development root's. Exit status\n"
    "of certify: 0 granted, 1 refused, 2 malformed or misused.\n\n"
    "  --folder DIR  where it is; else $CELLA_PLATFORM, else /var/lib/cella/platform\n"
    "                for root and $XDG_DATA_HOME/cella/platform for others\n"
    "  --issuer      a root alone, for certify\n"
    "  --tpm         the key is one that the TPM makes and keeps: evidence then has a\n"
    "                quote of what was booted (docs/attestation-vsm.md)\n"
    "  --tcti WHERE  the TPM, as tpm2-tools write it; else device:/dev/tpmrm0\n"
    "  --at TIME     the time to judge at, such as now\n"
    "  --root ROOT   a root of TPM makers': certificates, or the SHA-256 of its key;\n"
    "                may be given often\n"
    "  --collateral PATH   certificates between it and TPMs, revocation lists: a file,\n"
    "                or a directory of files; may be given often\n"
    "  --json        as JSON\n"
    "  -h, --help    this text\n\n"
    "Whoever has root.key can vouch for anything: a development root is for trying\n"
    "out, or to be kept elsewhere.\n";

struct wanted {
    const char *folder;
    bool json, issuer, with_tpm;
    cella_platform_tpm tpm;
    int64_t at; /* 0: not given */
    cella_verifier *makers;
    bool with_makers;   /* a root or collateral was added */
    char *const *paths; /* the arguments behind the action's name */
};

static int init(const struct wanted *wanted)
{
    cella_error error;
    cella_status status;
    if (wanted->issuer)
        status = cella_platform_init_issuer(wanted->folder, &error);
    else if (wanted->with_tpm)
        status = cella_platform_init_tpm(wanted->folder, &wanted->tpm, &error);
    else
        status = cella_platform_init(wanted->folder, &error);
    return status ? cli_fail(&error) : 0;
}

static int show(const struct wanted *wanted)
{
    char root[65], key[65] = "";
    cella_platform *platform;
    cella_error error;
    if (cella_platform_open(wanted->folder, &platform, &error))
        return cli_fail(&error);
    const char *subject = cella_platform_subject(platform), *path = cella_platform_folder(platform);
    hex_write(cella_platform_root(platform), 32, root);
    if (cella_platform_tpm_key(platform))
        hex_write(cella_platform_tpm_key(platform), 32, key);
    if (wanted->json) {
        json_t *all =
            json_pack("{s:s, s:s, s:s}", "folder", path, "subject", subject, "root", root);
        if (*key)
            json_object_set_new(all, "tpm_key", json_string(key));
        json_dumpf(all, stdout, JSON_COMPACT);
        json_decref(all);
        putchar('\n');
    } else {
        printf("folder=%s\nsubject=%s\nroot=%s\n", path, subject, root);
        if (*key)
            printf("tpm_key=%s\n", key);
    }
    cella_platform_close(platform);
    return 0;
}

/* ---- certified by an issuer ---- */

/* What is there is not overwritten. */
static int write_new(const char *path, const uint8_t *bytes, size_t size)
{
    char sentence[256];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool good = fd >= 0 && file_write_all(fd, bytes, size) && fsync(fd) == 0;
    int number = errno;
    if (fd >= 0 && close(fd) && good) {
        number = errno;
        good = false;
    }
    if (good)
        return 0;
    snprintf(sentence, sizeof(sentence), "%.180s: cannot be written: %s", path, strerror(number));
    cli_say(sentence);
    if (fd >= 0)
        unlink(path);
    return CLI_FAILED;
}

static int request(const struct wanted *wanted)
{
    uint8_t *bytes;
    size_t size;
    cella_error error;
    if (cella_platform_request(wanted->folder, &bytes, &size, &error))
        return cli_fail(&error);
    int status = write_new(wanted->paths[0], bytes, size);
    free(bytes);
    return status;
}

/* The status of `certified`, which has shown its verdict. */
static int show_result(cella_status certified, const cella_result *result, bool as_json)
{
    char *text = cella_result_json(result);
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    if (json && as_json) {
        json_dumpf(json, stdout, JSON_COMPACT);
        putchar('\n');
    } else if (json) {
        cli_verdict(json, false, stdout);
    }
    json_decref(json);
    free(text);
    if (certified == CELLA_OK)
        return 0;
    return certified == CELLA_REFUSED ? CLI_REFUSED : CLI_MALFORMED;
}

static int certify(const struct wanted *wanted)
{
    uint8_t *bytes = NULL, *grant = NULL;
    size_t size, grant_size;
    cella_result *result = NULL;
    cella_error error;
    if (file_read(wanted->paths[0], EXCHANGE_MOST, &bytes, &size, &error))
        return cli_fail(&error);
    cella_status certified =
        cella_platform_certify(wanted->folder, wanted->makers, wanted->at, bytes, size, &grant,
                               &grant_size, &result, &error);
    int status = 0;
    if (certified == CELLA_OK) /* nothing is said to be granted that is not */
        status = write_new(wanted->paths[1], grant, grant_size);
    if (status == 0)
        status = result ? show_result(certified, result, wanted->json) : cli_fail(&error);
    cella_result_free(result);
    free(grant);
    free(bytes);
    return status;
}

static int accept(const struct wanted *wanted)
{
    uint8_t *bytes = NULL;
    size_t size;
    cella_error error;
    cella_status status = file_read(wanted->paths[0], EXCHANGE_MOST, &bytes, &size, &error);
    if (status == CELLA_OK)
        status = cella_platform_accept(wanted->folder, bytes, size, &error);
    free(bytes);
    return status ? cli_fail(&error) : 0;
}

/* ---- the command line ---- */

enum {
    OPTION_FOLDER = 256,
    OPTION_JSON,
    OPTION_ISSUER,
    OPTION_TPM,
    OPTION_TCTI,
    OPTION_AT,
    OPTION_ROOT,
    OPTION_COLLATERAL
};

static const struct option options[] = {{"folder", required_argument, NULL, OPTION_FOLDER},
                                        {"json", no_argument, NULL, OPTION_JSON},
                                        {"issuer", no_argument, NULL, OPTION_ISSUER},
                                        {"tpm", no_argument, NULL, OPTION_TPM},
                                        {"tcti", required_argument, NULL, OPTION_TCTI},
                                        {"at", required_argument, NULL, OPTION_AT},
                                        {"root", required_argument, NULL, OPTION_ROOT},
                                        {"collateral", required_argument, NULL, OPTION_COLLATERAL},
                                        {"help", no_argument, NULL, 'h'},
                                        {0}};

static const struct action {
    const char *name;
    int (*run)(const struct wanted *wanted);
    int paths;
    const char *misused; /* what is wanted behind it */
} actions[] = {
    {"init", init, 0, "init takes no file"},
    {"show", show, 0, "show takes no file"},
    {"request", request, 1, "request wants a file to write"},
    {"certify", certify, 2, "certify wants a request, and a file to write the grant to"},
    {"accept", accept, 1, "accept wants a grant"},
};

static int take(struct wanted *wanted, int option)
{
    cella_error error;
    cella_status status = CELLA_OK;
    if (option == OPTION_FOLDER)
        wanted->folder = optarg;
    else if (option == OPTION_JSON)
        wanted->json = true;
    else if (option == OPTION_ISSUER)
        wanted->issuer = true;
    else if (option == OPTION_TPM)
        wanted->with_tpm = true;
    else if (option == OPTION_TCTI)
        wanted->tpm.tcti = optarg;
    else if (option == OPTION_AT && !cli_time(optarg, &wanted->at))
        return cli_misused(&cli_platform,
                           "--at wants a time, as 2025-07-01T00:00:00Z or now; found \"%.80s\"",
                           optarg);
    else if (option == OPTION_ROOT)
        status = cli_root_add(wanted->makers, optarg, &error);
    else if (option == OPTION_COLLATERAL)
        status = cli_collateral_add(wanted->makers, optarg, NULL, &error);
    wanted->with_makers |= option == OPTION_ROOT || option == OPTION_COLLATERAL;
    return status ? cli_fail(&error) : 0;
}

/* 0: these go together. */
static int check(const struct action *action, const struct wanted *wanted)
{
    bool is_init = action->run == init, is_certify = action->run == certify;
    if (wanted->json && action->run != show && !is_certify)
        return cli_misused(&cli_platform, "--json goes with show and certify");
    if ((wanted->with_tpm || wanted->tpm.tcti) && !is_init)
        return cli_misused(&cli_platform, "--tpm and --tcti go with init");
    if (wanted->issuer && !is_init)
        return cli_misused(&cli_platform, "--issuer goes with init");
    if (wanted->tpm.tcti && !wanted->with_tpm)
        return cli_misused(&cli_platform, "--tcti goes with --tpm");
    if (wanted->issuer && wanted->with_tpm)
        return cli_misused(&cli_platform, "--issuer and --tpm exclude each other");
    if ((wanted->with_makers || wanted->at) && !is_certify)
        return cli_misused(&cli_platform, "--at, --root and --collateral go with certify");
    if (is_certify && !wanted->at)
        return cli_misused(&cli_platform, "--at is wanted: the time to judge at, such as now");
    return 0;
}

static int act(struct wanted *wanted, int count, char **arguments)
{
    const char *name = optind < count ? arguments[optind] : "";
    const struct action *action = NULL;
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (strcmp(actions[i].name, name) == 0)
            action = &actions[i];
    if (!action)
        return cli_misused(&cli_platform, "init, show, request, certify or accept is wanted");
    if (optind + 1 + action->paths != count)
        return cli_misused(&cli_platform, "%s", action->misused);
    wanted->paths = arguments + optind + 1;
    int status = check(action, wanted);
    return status ? status : action->run(wanted);
}

static int verb(int count, char **arguments)
{
    struct wanted wanted = {0};
    cella_error error;
    int status = 0;
    if (cella_verifier_new(&wanted.makers, &error))
        return cli_fail(&error);
    opterr = 0;
    for (int option;
         status == 0 && (option = getopt_long(count, arguments, ":h", options, NULL)) >= 0;) {
        if (option >= OPTION_FOLDER) {
            status = take(&wanted, option);
            continue;
        }
        status = option == 'h' ? cli_help(&cli_platform)
                               : cli_bad_option(&cli_platform, arguments, option);
        goto out;
    }
    if (status == 0)
        status = act(&wanted, count, arguments);
out:
    cella_verifier_free(wanted.makers);
    return status;
}

const struct cli_verb cli_platform = {"platform", "make or show who signs evidence here", help,
                                      verb};
