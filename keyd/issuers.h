/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose tokens are believed: for each issuer its keys, and the audience that its tokens name.
 */
#ifndef KEYD_ISSUERS_H
#define KEYD_ISSUERS_H

#include "attest/token/token.h"
#include "request.h"

struct issuers;

/* Reads issuers/ of a keyd's folder: files of JSON, {"issuer": TEXT, "jwks": SET} with "audience":
 * TEXT or without. */
cella_status issuers_read(const char *folder, struct issuers **issuers, cella_error *error);
void issuers_free(struct issuers *issuers); /* NULL is let pass */

/* Verifies a request's token at appraisal->demands->at, and that it binds the request: report data
 * of a TEE, or user data that Azure's virtual TPM vouched for, must be the request's. A nonce that
 * the client told the issuer binds nothing, and is not looked at. As token_verify. */
cella_status issuers_judge(const struct issuers *issuers, struct appraisal *appraisal,
                           const struct request *request);

#endif
