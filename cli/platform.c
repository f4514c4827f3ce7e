/* SPDX-License-Identifier: Apache-2.0
 *
 * cella platform: who signs evidence on this machine.
 */
#include "cli.h"
#include "image/hex.h"

#include <cella/attest.h>

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: cella platform init [--folder DIR] [--tpm [--tcti WHERE]]\n"
    "       cella platform show [--folder DIR] [--json]\n\n"
    "init makes the key that signs evidence on this machine, and a development root\n"
    "that vouches for it; what is there is never overwritten. show prints the\n"
    "platform's subject and its root: what a contract names in platform_roots.\n\n"
    "  --folder DIR  where it is; else $CELLA_PLATFORM, else /var/lib/cella/platform\n"
    "                for root and $XDG_DATA_HOME/cella/platform for others\n"
    "  --tpm         the key is one that the TPM makes and keeps: evidence then has a\n"
    "                quote of what was booted (docs/attestation-vsm.md)\n"
    "  --tcti WHERE  the TPM, as tpm2-tools write it; else device:/dev/tpmrm0\n"
    "  --json        as JSON\n"
    "  -h, --help    this text\n\n"
    "Whoever has root.key can vouch for anything: a development root is for trying\n"
    "out, or to be kept elsewhere.\n";

static int init(const char *folder, const cella_platform_tpm *tpm)
{
    cella_error error;
    cella_status status =
        tpm ? cella_platform_init_tpm(folder, tpm, &error) : cella_platform_init(folder, &error);
    return status ? cli_fail(&error) : 0;
}

static int show(const char *folder, bool json)
{
    char root[65], key[65] = "";
    cella_platform *platform;
    cella_error error;
    if (cella_platform_open(folder, &platform, &error))
        return cli_fail(&error);
    const char *subject = cella_platform_subject(platform), *path = cella_platform_folder(platform);
    hex_write(cella_platform_root(platform), 32, root);
    if (cella_platform_tpm_key(platform))
        hex_write(cella_platform_tpm_key(platform), 32, key);
    if (json) {
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

static int verb(int count, char **arguments)
{
    enum { OPTION_FOLDER = 256, OPTION_JSON, OPTION_TPM, OPTION_TCTI };
    static const struct option options[] = {{"folder", required_argument, NULL, OPTION_FOLDER},
                                            {"json", no_argument, NULL, OPTION_JSON},
                                            {"tpm", no_argument, NULL, OPTION_TPM},
                                            {"tcti", required_argument, NULL, OPTION_TCTI},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *folder = NULL;
    bool json = false, with_tpm = false;
    cella_platform_tpm tpm = {0};
    opterr = 0;
    for (int option; (option = getopt_long(count, arguments, ":h", options, NULL)) >= 0;) {
        if (option == OPTION_FOLDER)
            folder = optarg;
        else if (option == OPTION_JSON)
            json = true;
        else if (option == OPTION_TPM)
            with_tpm = true;
        else if (option == OPTION_TCTI)
            tpm.tcti = optarg;
        else
            return option == 'h' ? cli_help(&cli_platform)
                                 : cli_bad_option(&cli_platform, arguments, option);
    }
    const char *what = optind < count ? arguments[optind] : "";
    bool wants_show = strcmp(what, "show") == 0;
    if (optind + 1 != count || (!wants_show && strcmp(what, "init") != 0))
        return cli_misused(&cli_platform, "init or show is wanted");
    if (json && !wants_show)
        return cli_misused(&cli_platform, "--json goes with show");
    if ((with_tpm || tpm.tcti) && wants_show)
        return cli_misused(&cli_platform, "--tpm and --tcti go with init");
    if (tpm.tcti && !with_tpm)
        return cli_misused(&cli_platform, "--tcti goes with --tpm");
    return wants_show ? show(folder, json) : init(folder, with_tpm ? &tpm : NULL);
}

const struct cli_verb cli_platform = {"platform", "make or show who signs evidence here", help,
                                      verb};
