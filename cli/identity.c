/* SPDX-License-Identifier: Apache-2.0
 *
 * cella identity: what an image is, one fact a line.
 */
#include "cli.h"

#include "image/hex.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

static const char help[] =
    "usage: cella identity [--json] IMAGE.sgxs\n\n"
    "Prints an image's identity, in SGX's words, one a line: mrenclave, mrsigner,\n"
    "isv_prod_id, isv_svn, its sizes, what it takes from whoever runs it, and the\n"
    "name of the program. An image that is not signed has an mrsigner of zeros.\n\n"
    "  --json      as JSON\n"
    "  -h, --help  this text\n";

static void print_text(const cella_identity *identity)
{
    char text[65];
    printf("mrenclave=%s\n", hex_write(identity->mrenclave, 32, text));
    printf("mrsigner=%s\n", hex_write(identity->mrsigner, 32, text));
    printf("isv_prod_id=%u\n", identity->isv_prod_id);
    printf("isv_svn=%u\n", identity->isv_svn);
    printf("elrange_size=%" PRIu64 "\n", identity->elrange_size);
    printf("heap_size=%" PRIu64 "\n", identity->heap_size);
    printf("threads=%" PRIu32 "\n", identity->threads);
    printf("takes_arguments=%s\n", identity->takes_arguments ? "yes" : "no");
    printf("takes_environment=%s\n", identity->takes_environment ? "yes" : "no");
    printf("takes_evidence=%s\n", identity->takes_evidence ? "yes" : "no");
    printf("program=%s\n", identity->program);
}

static void print_json(const cella_identity *identity)
{
    char mrenclave[65], mrsigner[65];
    json_t *json =
        json_pack("{s:s, s:s, s:i, s:i, s:I, s:I, s:i, s:b, s:b, s:b, s:s}", "mrenclave",
                  hex_write(identity->mrenclave, 32, mrenclave), "mrsigner",
                  hex_write(identity->mrsigner, 32, mrsigner), "isv_prod_id", identity->isv_prod_id,
                  "isv_svn", identity->isv_svn, "elrange_size", (json_int_t)identity->elrange_size,
                  "heap_size", (json_int_t)identity->heap_size, "threads", (int)identity->threads,
                  "takes_arguments", identity->takes_arguments, "takes_environment",
                  identity->takes_environment, "takes_evidence", identity->takes_evidence,
                  "program", identity->program);
    json_dumpf(json, stdout, JSON_COMPACT);
    json_decref(json);
    putchar('\n');
}

static int verb(int count, char **arguments)
{
    bool json;
    int status;
    if (cli_json_option(&cli_identity, count, arguments, &json, &status))
        return status;
    if (optind + 1 != count)
        return cli_misused(&cli_identity, "one image is wanted");
    cella_image *image;
    cella_error error;
    if (cella_image_open(arguments[optind], &image, &error))
        return cli_fail(&error);
    cella_identity identity;
    status = 0;
    if (cella_image_identity(image, &identity, &error))
        status = cli_fail(&error);
    else
        (json ? print_json : print_text)(&identity);
    cella_image_close(image);
    return status;
}

const struct cli_verb cli_identity = {"identity", "print an image's MRENCLAVE and the rest", help,
                                      verb};
