/* SPDX-License-Identifier: Apache-2.0
 *
 * cella key: makes and shows keys.
 */
#include "image/hex.h"
#include "keys.h"

#include <getopt.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: cella key new NAME [--folder DIR] [--passphrase]\n"
    "       cella key show NAME|FILE [--json]\n\n"
    "new makes two key pairs under one name: one that receives (boxes are sealed to\n"
    "it) and one that signs. NAME.key holds both and is for its owner alone;\n"
    "NAME.pub, the public halves, is to be given away. show prints those.\n\n"
    "  --folder DIR        where the files go (default: cella/keys in $XDG_DATA_HOME,\n"
    "                      or in ~/.local/share)\n"
    "  --passphrase        the secret halves are under a passphrase, which is asked for\n"
    "  --passphrase-fd N   the same; it is the first line of descriptor N\n"
    "  --json              as JSON\n"
    "  -h, --help          this text\n\n"
    "A key that is there is never overwritten.\n";

struct choices {
    const char *folder;
    bool json;
    struct cli_passphrase passphrase;
};

static void print(const struct cella_public_key *key, bool json)
{
    char receiving[2 * CELLA_KEY_SIZE + 1], signing[2 * CELLA_KEY_SIZE + 1];
    hex_write(key->receiving, CELLA_KEY_SIZE, receiving);
    hex_write(key->signing, CELLA_KEY_SIZE, signing);
    if (json) {
        json_t *all = json_pack("{s:s, s:s, s:s}", "name", key->name, "receiving_key", receiving,
                                "signing_key", signing);
        json_dumpf(all, stdout, JSON_COMPACT);
        json_decref(all);
        putchar('\n');
    } else {
        printf("name=%s\nreceiving_key=%s\nsigning_key=%s\n", key->name, receiving, signing);
    }
}

static int new_key(const char *name, struct choices *choices)
{
    struct cella_public_key key;
    char folder[PATH_MAX];
    cella_error error;
    if (!choices->folder && cella_key_folder(folder, &error))
        return cli_fail(&error);
    if (choices->passphrase.wanted && cli_passphrase_get(&choices->passphrase, name, true, &error))
        return cli_fail(&error);
    cella_status status =
        cella_key_new(choices->folder ? choices->folder : folder, name,
                      choices->passphrase.wanted ? &choices->passphrase.is : NULL, &key, &error);
    OPENSSL_cleanse(&choices->passphrase, sizeof(choices->passphrase));
    if (status)
        return cli_fail(&error);
    print(&key, choices->json);
    return 0;
}

static int show(const char *given, bool json)
{
    struct cella_public_key key;
    char path[PATH_MAX];
    cella_error error;
    if (cella_key_path(given, ".pub", path, &error) || cella_key_public(path, &key, &error))
        return cli_fail(&error);
    print(&key, json);
    return 0;
}

static int verb(int count, char **arguments)
{
    enum { OPTION_FOLDER = 256, OPTION_JSON, OPTION_PASSPHRASE, OPTION_PASSPHRASE_FD };
    static const struct option options[] = {
        {"folder", required_argument, NULL, OPTION_FOLDER},
        {"json", no_argument, NULL, OPTION_JSON},
        {"passphrase", no_argument, NULL, OPTION_PASSPHRASE},
        {"passphrase-fd", required_argument, NULL, OPTION_PASSPHRASE_FD},
        {"help", no_argument, NULL, 'h'},
        {0}};
    struct choices choices = {.passphrase.fd = -1};
    opterr = 0;
    for (int option; (option = getopt_long(count, arguments, ":h", options, NULL)) >= 0;) {
        switch (option) {
        case OPTION_FOLDER:
            choices.folder = optarg;
            break;
        case OPTION_JSON:
            choices.json = true;
            break;
        case OPTION_PASSPHRASE:
            choices.passphrase.wanted = true;
            break;
        case OPTION_PASSPHRASE_FD:
            if (!cli_passphrase_fd(&choices.passphrase, optarg))
                return cli_misused(&cli_key, "%s is no descriptor", optarg);
            break;
        case 'h':
            return cli_help(&cli_key);
        default:
            return cli_bad_option(&cli_key, arguments, option);
        }
    }
    if (optind + 2 != count)
        return cli_misused(&cli_key, "new NAME or show NAME is wanted");
    const char *what = arguments[optind], *name = arguments[optind + 1];
    if (strcmp(what, "new") == 0)
        return new_key(name, &choices);
    if (strcmp(what, "show") != 0)
        return cli_misused(&cli_key, "new or show is wanted, not '%s'", what);
    if (choices.folder || choices.passphrase.wanted)
        return cli_misused(&cli_key, "--folder and --passphrase go with new");
    return show(name, choices.json);
}

const struct cli_verb cli_key = {"key", "make and show keys", help, verb};
