/* SPDX-License-Identifier: Apache-2.0
 *
 * cella verify: judges evidence of any TEE, and explains.
 */
#include "demands.h"
#include "evidence.h"

#include <stdlib.h>
#include <string.h>

#define EVIDENCE_MOST (4 << 20)

static const char help[] =
    "usage: cella verify [options] --at TIME EVIDENCE\n\n"
    "Judges evidence of a TEE: Intel SGX and TDX quotes, AMD SEV-SNP reports, AWS\n"
    "Nitro documents, TPM 2.0 quotes, Azure's virtual TPMs, attested TLS certificates,\n"
    "cella's own. Nothing is fetched: certificates, revocation lists and TCB\n"
    "information are given. EVIDENCE may be - for standard input. Exit status: 0\n"
    "accepted, 1 refused, 2 malformed or misused.\n\n" CLI_DEMANDS_HELP;

static int judge(struct cli_demands *demands, const char *path)
{
    cella_error error;
    uint8_t *evidence = NULL;
    size_t size;
    if (cli_input(path, EVIDENCE_MOST, &evidence, &size, &error)) {
        cli_say(error.sentence);
        return CLI_MALFORMED;
    }
    int status = cli_demands_judge(demands, evidence, size);
    free(evidence);
    return status;
}

static int verb(int count, char **arguments)
{
    struct cli_demands demands;
    const char *path;
    int status;
    if (cli_demands_read(&demands, &cli_verify, count, arguments, "one file of evidence", &path,
                         &status))
        status = judge(&demands, path);
    cli_demands_end(&demands);
    return status;
}

const struct cli_verb cli_verify = {"verify", "judge evidence of a TEE", help, verb};
