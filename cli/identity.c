/* SPDX-License-Identifier: Apache-2.0
 *
 * cella identity: what an image is, one fact a line.
 */
#include "cli.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: cella identity [--json] IMAGE.sgxs\n\n"
    "Prints an image's identity, in SGX's words, one a line: mrenclave, mrsigner,\n"
    "isv_prod_id, isv_svn, then its sizes. An image that is not signed has an\n"
    "mrsigner of zeros.\n\n"
    "  --json      as JSON\n"
    "  -h, --help  this text\n";

static void print_hex(const char *before, const uint8_t *bytes, size_t size, const char *after)
{
    printf("%s", before);
    for (size_t i = 0; i < size; i++)
        printf("%02x", bytes[i]);
    printf("%s", after);
}

static void print_text(const cella_identity *identity)
{
    print_hex("mrenclave=", identity->mrenclave, sizeof(identity->mrenclave), "\n");
    print_hex("mrsigner=", identity->mrsigner, sizeof(identity->mrsigner), "\n");
    printf("isv_prod_id=%u\nisv_svn=%u\nelrange_size=%" PRIu64 "\nheap_size=%" PRIu64
           "\nthreads=%" PRIu32 "\nprogram=%s\n",
           identity->isv_prod_id, identity->isv_svn, identity->elrange_size, identity->heap_size,
           identity->threads, identity->program);
}

static void print_json(const cella_identity *identity)
{
    print_hex("{\"mrenclave\":\"", identity->mrenclave, sizeof(identity->mrenclave), "\",");
    print_hex("\"mrsigner\":\"", identity->mrsigner, sizeof(identity->mrsigner), "\",");
    printf("\"isv_prod_id\":%u,\"isv_svn\":%u,\"elrange_size\":%" PRIu64 ",\"heap_size\":%" PRIu64
           ",\"threads\":%" PRIu32 "}\n",
           identity->isv_prod_id, identity->isv_svn, identity->elrange_size, identity->heap_size,
           identity->threads);
}

static int verb(int count, char **arguments)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
    bool json = false;
    opterr = 0;
    for (int option; (option = getopt_long(count, arguments, ":h", options, NULL)) >= 0;) {
        if (option == 'j')
            json = true;
        else if (option == 'h')
            return cli_help(&cli_identity);
        else
            return cli_bad_option(&cli_identity, arguments, option);
    }
    if (optind + 1 != count)
        return cli_misused(&cli_identity, "one image is wanted");
    cella_image *image;
    cella_error error;
    if (cella_image_open(arguments[optind], &image, &error))
        return cli_fail(&error);
    cella_identity identity;
    cella_image_identity(image, &identity);
    (json ? print_json : print_text)(&identity);
    cella_image_close(image);
    return 0;
}

const struct cli_verb cli_identity = {"identity", "print an image's MRENCLAVE and the rest", help,
                                      verb};
