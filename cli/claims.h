/* SPDX-License-Identifier: Apache-2.0
 *
 * Claims from a file, for trying a policy out.
 */
#ifndef CLI_CLAIMS_H
#define CLI_CLAIMS_H

#include <cella/error.h>
#include <jansson.h>

/* From an object of claims, an accepted result of `cella verify --json` (they get the issuer
 * POLICY_ISSUER) or `cella token verify --json` (they keep the token's), or a token, which is not
 * verified; `path` may be "-". *warning is what a reader should know of them, or NULL. *claims are
 * the caller's. */
cella_status cli_claims_read(const char *path, json_t **claims, const char **warning,
                             cella_error *error);

#endif
