/* SPDX-License-Identifier: Apache-2.0
 *
 * A key, wrapped for a recipient in the form that was asked for.
 */
#ifndef KEYD_RELEASE_H
#define KEYD_RELEASE_H

#include "keystore.h"
#include "request.h"

/* HPKE's info; its additional data is the report data that evidence binds. */
#define RELEASE_INFO "cella keyd release 1"

/* The reply's "response": *wrapped is the caller's. */
cella_status release_wrap(const struct keystore_key *key, const struct request *request,
                          json_t **wrapped, cella_error *error);

#endif
