/* SPDX-License-Identifier: Apache-2.0
 *
 * cella pack: a program into an image.
 */
#include "cli.h"

#include "image/hex.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char help[] =
    "usage: cella pack [-m MANIFEST.json] [-o IMAGE.sgxs] PROGRAM [ARGUMENT...]\n\n"
    "Packs a static Linux program into an image and prints its MRENCLAVE. The same\n"
    "input gives the same image; `sha256sum IMAGE.sgxs` prints the MRENCLAVE too.\n\n"
    "  -m, --manifest FILE  what the program may have\n"
    "  -o, --output FILE    where the image goes (default: PROGRAM's name + .sgxs, in\n"
    "                       the current folder)\n"
    "  -h, --help           this text\n\n"
    "A file that is there already is replaced at once, when the image is whole.\n"
    "ARGUMENTs become part of the image, unless the manifest has \"arguments\".\n";

static char *default_output(const char *program)
{
    const char *slash = strrchr(program, '/');
    char *output = NULL;
    return asprintf(&output, "%s.sgxs", slash ? slash + 1 : program) < 0 ? NULL : output;
}

/* Where the image would take the place of what it is made of. */
static bool is_same_file(const char *path, const char *other)
{
    struct stat one, two;
    return other && stat(path, &one) == 0 && stat(other, &two) == 0 && one.st_dev == two.st_dev &&
           one.st_ino == two.st_ino;
}

static int pack(const char *manifest, const char *output, char **arguments)
{
    cella_image *image = NULL;
    cella_error error = {0};
    if (cella_image_pack(arguments[0], manifest, arguments, &image, &error))
        return cli_fail(&error);
    char *chosen = output ? strdup(output) : default_output(arguments[0]);
    cella_identity identity;
    int status = 0;
    if (!chosen) {
        snprintf(error.sentence, sizeof(error.sentence), "no memory");
        status = cli_fail(&error);
    } else if (cella_image_write(image, chosen, &error)) {
        status = cli_fail(&error);
    } else if (cella_image_identity(image, &identity, &error)) {
        status = cli_fail(&error);
    } else {
        char text[65];
        printf("mrenclave=%s\n", hex_write(identity.mrenclave, 32, text));
    }
    free(chosen);
    cella_image_close(image);
    return status;
}

static int verb(int count, char **arguments)
{
    static const struct option options[] = {
        {"manifest", required_argument, NULL, 'm'},
        {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    const char *manifest = NULL, *output = NULL;
    opterr = 0;
    for (int option; (option = getopt_long(count, arguments, "+:m:o:h", options, NULL)) >= 0;) {
        switch (option) {
        case 'm':
            manifest = optarg;
            break;
        case 'o':
            output = optarg;
            break;
        case 'h':
            return cli_help(&cli_pack);
        default:
            return cli_bad_option(&cli_pack, arguments, option);
        }
    }
    if (optind >= count)
        return cli_misused(&cli_pack, "which program?");
    if (output && (is_same_file(output, arguments[optind]) || is_same_file(output, manifest)))
        return cli_misused(&cli_pack, "the image would overwrite %s, which it is made of", output);
    return pack(manifest, output, arguments + optind);
}

const struct cli_verb cli_pack = {"pack", "make an image of a static program", help, verb};
