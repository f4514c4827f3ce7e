/* SPDX-License-Identifier: Apache-2.0
 *
 * What the verbs that judge evidence are told alike: whom to trust, what is demanded, by which
 * policy; and how they answer.
 */
#ifndef CLI_DEMANDS_H
#define CLI_DEMANDS_H

#include "cli.h"
#include "evidence.h"

#include <cella/policy.h>

/* For a verb's help. */
#define CLI_DEMANDS_HELP                                                                           \
    "  --at TIME            the time to judge at: 2025-07-01T00:00:00Z, 2025-07-01,\n"             \
    "                       seconds since 1970, or now\n"                                          \
    "  --collateral PATH    a file, or a directory of files; may be given often\n"                 \
    "  --root PEM|SHA256    trust this root's key and no vendor's; may be given often\n"           \
    "  --policy FILE        what the claims have to be; cella-policy(1)\n"                         \
    "  --report-data HEX    what it was made for: up to 64 bytes, zeros follow (sgx,\n"            \
    "                       tdx, snp, vsm)\n"                                                      \
    "  --nonce HEX          the question that it answers (nitro, tpm, azure, ratls)\n"             \
    "  --max-age SECONDS    how far its own time may be from --at\n"                               \
    "  --attestation-key SHA256\n"                                                                 \
    "                       the key of a TPM that is trusted without a certificate\n"              \
    "  --boot-image FILE|SHA256\n"                                                                 \
    "                       a program that may be booted, of all of them, in their order\n"        \
    "                       (vsm with a TPM: shim, GRUB, kernel); may be given often\n"            \
    "  --type TYPE          sgx, tdx, snp, nitro, tpm, azure, vsm or ratls; else it is\n"          \
    "                       recognised\n"                                                          \
    "  --verbose            what was read, proven or not\n"                                        \
    "  --json               as JSON; cella-verify(1) says what is in it\n"                         \
    "  -h, --help           this text\n\n"                                                         \
    "What weakens the verdict, and is told in it:\n"                                               \
    "  --insecure_any_report_data, --insecure_any_nonce   it may be a replay\n"                    \
    "  --insecure_allow_debug                             whoever runs it can look in\n"           \
    "  --insecure_no_collateral     what is revoked or outdated would not be seen\n"               \
    "  --insecure_allow_outdated    a TCB with known holes\n"                                      \
    "  --insecure_allow_sha1        PCR banks of SHA-1\n"                                          \
    "  --insecure_carried_collateral   collateral that the certificate carries\n"

#define CLI_BOOT_IMAGES 16 /* as CELLA_BOOT_IMAGES */

struct cli_demands {
    const struct cli_verb *verb;
    cella_demands are;
    cella_verifier *verifier;
    cella_policy *policy; /* NULL: none */
    json_t *left_out;     /* of collateral directories */
    uint8_t report_data[64], nonce[512], attestation_key[32];
    uint8_t boot_images[CLI_BOOT_IMAGES][32];
    bool json, verbose;
};

/* Reads the command line up to the one argument that is no option, which `wanted` calls by its
 * name. False: *status is the verb's. Ends with cli_demands_end in any case. */
bool cli_demands_read(struct cli_demands *demands, const struct cli_verb *verb, int count,
                      char **arguments, const char *wanted, const char **argument, int *status);
void cli_demands_end(struct cli_demands *demands);

/* Judges evidence, shows the result, and returns the exit status. */
int cli_demands_judge(struct cli_demands *demands, const uint8_t *evidence, size_t size);

#endif
