/* SPDX-License-Identifier: Apache-2.0
 *
 * cella open: a box's content.
 */
#include "keys.h"
#include "progress.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cella open BOX [-o FILE] [--key NAME|FILE...]\n\n"
    "Decrypts X.box into X. Every byte is authenticated: a box that was altered, cut,\n"
    "extended or put together is refused, by block, and leaves no file.\n\n"
    "  --key NAME|FILE     a key that opens it; may be given often (default: those in\n"
    "                      the folder of keys that it is sealed to)\n"
    "  --passphrase        the box is under a passphrase, which is asked for\n"
    "  --passphrase-fd N   the passphrase of the box, or of a key, is the first line of\n"
    "                      descriptor N\n"
    "  -o, --output FILE   where the content goes\n"
    "  -f, --force         replace a file that is there\n"
    "  -h, --help          this text\n";

/* X.box is opened into X. */
static char *default_output(const char *box)
{
    size_t size = strlen(box);
    if (size < 5 || strcmp(box + size - 4, ".box") != 0 || box[size - 5] == '/')
        return NULL;
    return strndup(box, size - 4);
}

static int open_box(const char *box, const char *output, bool force, struct cli_keys *keys)
{
    struct cli_progress progress;
    cella_error error = {0};
    if (cli_keys_load(keys, box, &error))
        return cli_fail(&error);
    cli_progress_begin(&progress, box);
    cella_status status =
        cella_box_open_file(box, &keys->are, output, force, &progress.is, NULL, &error);
    cli_progress_end(&progress);
    return status ? cli_fail(&error) : 0;
}

static int verb_with(struct cli_keys *keys, int count, char **arguments)
{
    enum { OPTION_KEY = 256, OPTION_PASSPHRASE, OPTION_PASSPHRASE_FD };
    static const struct option options[] = {
        {"key", required_argument, NULL, OPTION_KEY},
        {"passphrase", no_argument, NULL, OPTION_PASSPHRASE},
        {"passphrase-fd", required_argument, NULL, OPTION_PASSPHRASE_FD},
        {"output", required_argument, NULL, 'o'},
        {"force", no_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},
        {0}};
    const char *output = NULL;
    bool force = false;
    opterr = 0;
    for (int option; (option = getopt_long(count, arguments, ":o:fh", options, NULL)) >= 0;) {
        switch (option) {
        case OPTION_KEY:
            if (keys->named == CLI_KEYS)
                return cli_misused(&cli_open, "%u keys at most", CLI_KEYS);
            keys->names[keys->named++] = optarg;
            break;
        case OPTION_PASSPHRASE:
            keys->passphrase.wanted = true;
            break;
        case OPTION_PASSPHRASE_FD:
            if (!cli_passphrase_fd(&keys->passphrase, optarg))
                return cli_misused(&cli_open, "%s is no descriptor", optarg);
            break;
        case 'o':
            output = optarg;
            break;
        case 'f':
            force = true;
            break;
        case 'h':
            return cli_help(&cli_open);
        default:
            return cli_bad_option(&cli_open, arguments, option);
        }
    }
    if (optind + 1 != count)
        return cli_misused(&cli_open, "one box is wanted");
    char *own = output ? NULL : default_output(arguments[optind]);
    if (!output && !own)
        return cli_misused(&cli_open, "%s does not end in .box: where to? (-o)", arguments[optind]);
    int status = open_box(arguments[optind], output ? output : own, force, keys);
    free(own);
    return status;
}

static int verb(int count, char **arguments)
{
    struct cli_keys keys = {.passphrase.fd = -1};
    int status = verb_with(&keys, count, arguments);
    cli_keys_wipe(&keys);
    return status;
}

const struct cli_verb cli_open = {"open", "decrypt boxes", help, verb};
