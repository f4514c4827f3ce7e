/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a request may have its key: what it proves is verified with the operator's roots and
 * collateral, has to bind this request, and the key's policy decides on the claims.
 */
#ifndef KEYD_JUDGE_H
#define KEYD_JUDGE_H

#include "keystore.h"
#include "request.h"

#include <cella/verify.h>

struct judge;

struct judge_options {
    bool insecure_allow_debug, insecure_no_collateral, insecure_allow_outdated;
    bool insecure_allow_process; /* the TEE that is for development and protects nothing */
};

/* Reads roots/, collateral/ and issuers/ of a keyd's folder. */
cella_status judge_new(const char *folder, const struct judge_options *options,
                       struct judge **judge, cella_error *error);
void judge_free(struct judge *judge); /* NULL is let pass */

/* CELLA_OK: it may. Else *refusal is a JSON object for whoever asked, with "class" and "sentence",
 * and what else is known; NULL: no memory. The caller's to json_decref. Thread-safe. */
cella_status judge_request(struct judge *judge, const struct keystore_key *key,
                           const struct request *request, int64_t at, json_t **refusal,
                           cella_error *error);

#endif
