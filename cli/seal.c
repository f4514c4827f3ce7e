/* SPDX-License-Identifier: Apache-2.0
 *
 * cella seal: files into boxes.
 */
#include "keys.h"
#include "progress.h"

#include <getopt.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cella seal FILE... --to RECIPIENT [--to RECIPIENT...] [-o BOX]\n\n"
    "Encrypts each FILE into FILE.box, which the recipients can open. A RECIPIENT is a\n"
    "receiving key (64 hexadecimal digits), the name of a key in the folder of keys,\n"
    "or a .pub or .key file.\n\n"
    "  --to RECIPIENT      who can open it; may be given often\n"
    "  --passphrase        so can who knows a passphrase, which is asked for\n"
    "  --passphrase-fd N   the same; it is the first line of descriptor N\n"
    "  -o, --output BOX    where the box goes, of one FILE\n"
    "  -f, --force         replace a file that is there\n"
    "  -h, --help          this text\n\n"
    "FILE stays as it is. A box shows its content's size, the recipients' keys, FILE's\n"
    "name, and of a sparse file where it has data.\n";

struct choices {
    uint8_t (*recipients)[CELLA_KEY_SIZE];
    size_t recipient_count;
    const char *output;
    bool force;
    struct cli_passphrase passphrase;
};

/* Whoever is named twice is one recipient. */
static cella_status add_recipient(struct choices *choices, const char *given, cella_error *error)
{
    uint8_t *key = choices->recipients[choices->recipient_count];
    cella_status status = cella_recipient(given, key, error);
    for (size_t i = 0; !status && i < choices->recipient_count; i++)
        if (memcmp(choices->recipients[i], key, CELLA_KEY_SIZE) == 0)
            return CELLA_OK;
    choices->recipient_count += !status;
    return status;
}

static int seal_one(const char *file, const struct choices *choices)
{
    const struct cella_box_to to = {
        .recipients = (const uint8_t(*)[CELLA_KEY_SIZE])choices->recipients,
        .recipient_count = choices->recipient_count,
        .passphrase = choices->passphrase.wanted ? &choices->passphrase.is : NULL};
    char *box = NULL;
    struct cli_progress progress;
    cella_error error = {0};
    if (!choices->output && asprintf(&box, "%s.box", file) < 0) {
        cli_say("no memory");
        return CLI_FAILED;
    }
    cli_progress_begin(&progress, file);
    cella_status status = cella_box_seal_file(file, NULL, &to, box ? box : choices->output,
                                              choices->force, &progress.is, &error);
    cli_progress_end(&progress);
    free(box);
    return status ? cli_fail(&error) : 0;
}

static int seal(const struct choices *choices, char **files)
{
    int status = 0;
    for (; !status && *files; files++)
        status = seal_one(*files, choices);
    return status;
}

static int verb_with(struct choices *choices, int count, char **arguments)
{
    enum { OPTION_TO = 256, OPTION_PASSPHRASE, OPTION_PASSPHRASE_FD };
    static const struct option options[] = {
        {"to", required_argument, NULL, OPTION_TO},
        {"passphrase", no_argument, NULL, OPTION_PASSPHRASE},
        {"passphrase-fd", required_argument, NULL, OPTION_PASSPHRASE_FD},
        {"output", required_argument, NULL, 'o'},
        {"force", no_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},
        {0}};
    cella_error error;
    opterr = 0;
    for (int option; (option = getopt_long(count, arguments, ":o:fh", options, NULL)) >= 0;) {
        switch (option) {
        case OPTION_TO:
            if (add_recipient(choices, optarg, &error))
                return cli_fail(&error);
            break;
        case OPTION_PASSPHRASE:
            choices->passphrase.wanted = true;
            break;
        case OPTION_PASSPHRASE_FD:
            if (!cli_passphrase_fd(&choices->passphrase, optarg))
                return cli_misused(&cli_seal, "%s is no descriptor", optarg);
            break;
        case 'o':
            choices->output = optarg;
            break;
        case 'f':
            choices->force = true;
            break;
        case 'h':
            return cli_help(&cli_seal);
        default:
            return cli_bad_option(&cli_seal, arguments, option);
        }
    }
    if (optind == count)
        return cli_misused(&cli_seal, "which file?");
    if (choices->output && optind + 1 != count)
        return cli_misused(&cli_seal, "-o goes with one file");
    if (!choices->recipient_count && !choices->passphrase.wanted)
        return cli_misused(&cli_seal, "to whom? (--to)");
    if (choices->passphrase.wanted &&
        cli_passphrase_get(&choices->passphrase, "the box", true, &error))
        return cli_fail(&error);
    return seal(choices, arguments + optind);
}

static int verb(int count, char **arguments)
{
    struct choices choices = {.passphrase.fd = -1};
    choices.recipients = calloc((size_t)count, CELLA_KEY_SIZE);
    int status = choices.recipients ? verb_with(&choices, count, arguments) : CLI_FAILED;
    OPENSSL_cleanse(&choices.passphrase, sizeof(choices.passphrase));
    free(choices.recipients);
    return status;
}

const struct cli_verb cli_seal = {"seal", "encrypt files into boxes", help, verb};
