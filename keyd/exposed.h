/* SPDX-License-Identifier: Apache-2.0
 *
 * What claims say of who may look in, whoever made them: evidence's are judged when it is verified,
 * but an issuer of tokens may have let anything pass.
 */
#ifndef KEYD_EXPOSED_H
#define KEYD_EXPOSED_H

#include <jansson.h>
#include <stdbool.h>

/* The first claim, at any depth (x-ms-isolation-tee, submodules of an EAR), that says that a
 * debugger may look in; a value that it cannot have counts as that. NULL: none. */
const char *exposed_debug(const json_t *claims, const json_t **found, const char **expected);

/* Whether a claim says that it ran in the TEE process, which protects nothing. */
bool exposed_process(const json_t *claims);

#endif
