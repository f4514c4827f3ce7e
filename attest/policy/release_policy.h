/* SPDX-License-Identifier: Apache-2.0
 *
 * Key release policies: the JSON grammar of Azure Key Vault's secure key release ("Azure Key Vault
 * secure key release policy grammar", learn.microsoft.com), with the operators that it lists and
 * Key Vault does not carry out.
 */
#ifndef ATTEST_POLICY_RELEASE_POLICY_H
#define ATTEST_POLICY_RELEASE_POLICY_H

#include "trace.h"

#include <cella/error.h>

/* CELLA_INVALID: not of that grammar; with `schema`: or it speaks of claims that nobody makes. */
cella_status release_policy_read(const json_t *policy, const char *name, bool schema,
                                 cella_error *error);
/* Of a policy that was read: true where it permits. */
bool release_policy_met(const json_t *policy, const json_t *claims, struct trace *trace);

/* The same, but for one "https://" in front and one "/" behind, on either side. */
bool release_policy_same_issuer(const char *one, const char *other);

/* The claim of that name: a member of that name, or else one inside, where the name's longest
 * beginning (up to a dot) that names an object leads. NULL: not there. */
const json_t *release_policy_find(const json_t *claims, const char *name);

#endif
