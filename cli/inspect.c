/* SPDX-License-Identifier: Apache-2.0
 *
 * cella inspect: an image page by page; a box, with cella-tools.
 */
#include "cli.h"

#include "runtime/box/format.h"
#ifndef CLI_FRONT
#include "keys.h"
#endif

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: cella inspect [--json] IMAGE.sgxs\n"
    "       cella inspect [--json] [--key NAME|FILE...] X.box\n\n"
    "Shows what is in an image: its identity, every range of pages with what it may\n"
    "do, what its runtime obeys, the manifest, and each system call of the program\n"
    "that was rewritten, by function. The image is only read.\n\n"
    "Of a box: its size, name, version and who can open it. With a key every byte of\n"
    "it is checked; without one nothing is, and all of it may be made up.\n\n"
    "  --json              as JSON; cella-inspect(1) says what is in it\n"
    "  --key NAME|FILE     a key that opens the box; may be given often\n"
    "  --passphrase        the box is under a passphrase, which is asked for\n"
    "  --passphrase-fd N   the passphrase of the box, or of a key, is the first line of\n"
    "                      descriptor N\n"
    "  -h, --help          this text\n";

bool cli_is_box(const char *path)
{
    char magic[sizeof(BOX_MAGIC) - 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool is = read(fd, magic, sizeof(magic)) == sizeof(magic) &&
              memcmp(magic, BOX_MAGIC, sizeof(magic)) == 0;
    close(fd);
    return is;
}

static int inspect_image(const char *path, bool json)
{
    cella_image *image;
    cella_error error;
    char *text;
    if (cella_image_open(path, &image, &error))
        return cli_fail(&error);
    cella_status status = cella_image_inspect(image, json, &text, &error);
    cella_image_close(image);
    if (status)
        return cli_fail(&error);
    fputs(text, stdout);
    if (json)
        putchar('\n');
    free(text);
    return 0;
}

struct choices {
    bool json;
    bool keys;                 /* --key or a passphrase was given */
    const char *passphrase_fd; /* NULL: none */
    bool passphrase;
    const char **names; /* --key */
    size_t named;
};

#ifdef CLI_FRONT
static int inspect_box(const char *path, const struct choices *choices)
{
    (void)path, (void)choices;
    return cli_become_tools();
}
#else
static int inspect_box(const char *path, const struct choices *choices)
{
    struct cli_keys keys = {.passphrase = {.fd = -1, .wanted = choices->passphrase}};
    if (choices->passphrase_fd && !cli_passphrase_fd(&keys.passphrase, choices->passphrase_fd))
        return cli_misused(&cli_inspect, "%s is no descriptor", choices->passphrase_fd);
    if (choices->named > CLI_KEYS)
        return cli_misused(&cli_inspect, "%u keys at most", CLI_KEYS);
    keys.named = choices->named;
    memcpy(keys.names, choices->names, choices->named * sizeof(*choices->names));
    int status = cli_inspect_box(path, choices->json, choices->keys ? &keys : NULL);
    cli_keys_wipe(&keys);
    return status;
}
#endif

static int verb_with(struct choices *choices, int count, char **arguments)
{
    enum { OPTION_JSON = 256, OPTION_KEY, OPTION_PASSPHRASE, OPTION_PASSPHRASE_FD };
    static const struct option options[] = {
        {"json", no_argument, NULL, OPTION_JSON},
        {"key", required_argument, NULL, OPTION_KEY},
        {"passphrase", no_argument, NULL, OPTION_PASSPHRASE},
        {"passphrase-fd", required_argument, NULL, OPTION_PASSPHRASE_FD},
        {"help", no_argument, NULL, 'h'},
        {0}};
    opterr = 0;
    for (int option; (option = getopt_long(count, arguments, ":h", options, NULL)) >= 0;) {
        choices->keys = choices->keys || option == OPTION_KEY || option == OPTION_PASSPHRASE ||
                        option == OPTION_PASSPHRASE_FD;
        if (option == OPTION_JSON)
            choices->json = true;
        else if (option == OPTION_KEY)
            choices->names[choices->named++] = optarg;
        else if (option == OPTION_PASSPHRASE)
            choices->passphrase = true;
        else if (option == OPTION_PASSPHRASE_FD)
            choices->passphrase_fd = optarg;
        else
            return option == 'h' ? cli_help(&cli_inspect)
                                 : cli_bad_option(&cli_inspect, arguments, option);
    }
    if (optind + 1 != count)
        return cli_misused(&cli_inspect, "one image or box is wanted");
    if (cli_is_box(arguments[optind]))
        return inspect_box(arguments[optind], choices);
    if (choices->keys)
        return cli_misused(&cli_inspect, "a key goes with a box, and %s is none",
                           arguments[optind]);
    return inspect_image(arguments[optind], choices->json);
}

static int verb(int count, char **arguments)
{
    struct choices choices = {.names = calloc((size_t)count, sizeof(char *))};
    int status = choices.names ? verb_with(&choices, count, arguments) : CLI_FAILED;
    free(choices.names);
    return status;
}

const struct cli_verb cli_inspect = {"inspect", "show what is in an image or a box", help, verb};
