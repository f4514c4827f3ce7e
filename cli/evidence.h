/* SPDX-License-Identifier: Apache-2.0
 *
 * What the verbs that judge evidence share: collateral, roots and times from the command line, and
 * a verdict for people.
 */
#ifndef CLI_EVIDENCE_H
#define CLI_EVIDENCE_H

#include <cella/verify.h>
#include <jansson.h>

#define CLI_REFUSED   1
#define CLI_MALFORMED 2

/* A file of collateral, or every file of a directory (not of those inside it). Of a directory what
 * is no collateral is named in `left_out` (an array of text), which may be NULL: an error then. */
cella_status cli_collateral_add(cella_verifier *verifier, const char *path, json_t *left_out,
                                cella_error *error);
/* A file of certificates, or the SHA-256 of a root's key as 64 digits. */
cella_status cli_root_add(cella_verifier *verifier, const char *text, cella_error *error);
/* 2025-07-01T00:00:00Z, 2025-07-01, seconds since 1970, or now. */
bool cli_time(const char *text, int64_t *time);

/* Reads a file, or standard input, whatever it is, for "-". */
cella_status cli_input(const char *path, size_t most, uint8_t **bytes, size_t *size,
                       cella_error *error);

/* Text that may be hostile: control characters are shown as '?'. */
void cli_put_text(FILE *to, const char *text);
/* Writes a result of cella_result_json for a person; `verbose`: what was read, too. */
void cli_verdict(const json_t *result, bool verbose, FILE *to);

#endif
