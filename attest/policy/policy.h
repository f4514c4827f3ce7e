/* SPDX-License-Identifier: Apache-2.0
 *
 * Policies on proven claims, in two languages: Azure Key Vault's key release policies (JSON), and
 * Microsoft Azure Attestation's policies (text). docs/policy.md has both, and what a type means.
 *
 * What always holds: nothing is permitted but by a policy that was read whole and evaluated to its
 * end; what is missing, or of another type, meets no condition.
 */
#ifndef ATTEST_POLICY_POLICY_H
#define ATTEST_POLICY_POLICY_H

#include <cella/error.h>

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct policy;

#define POLICY_MOST 262144 /* bytes */

/* What whoever verified evidence here puts into the claims as "iss", where no token did: the
 * authority that a release policy names for `cella verify`. */
#define POLICY_ISSUER "cella"

/* Reads either language, by its first character; `name` is where it is from, in sentences.
 * CELLA_INVALID: malformed; CELLA_UNSUPPORTED: a version that this does not know. */
cella_status policy_read(const uint8_t *bytes, size_t size, const char *name,
                         struct policy **policy, cella_error *error);
void policy_free(struct policy *policy); /* NULL is let pass */
/* "release-1.0.0", "attestation-1.0", "attestation-1.1" */
const char *policy_language(const struct policy *policy);
/* Against the schema of claims: CELLA_INVALID where it speaks of a claim that nobody makes, or
 * compares one with what it can never be. */
cella_status policy_check(const struct policy *policy, cella_error *error);

/* Evaluates it on an object of proven claims ("iss" is their issuer). CELLA_OK: permitted;
 * CELLA_REFUSED: denied; in both cases *trace is an object, the caller's: "policy", "language",
 * "verdict" ("permit", "deny"), "conditions", "reasons" (of a denial), "issued", "properties",
 * "warnings". CELLA_MEMORY: *trace is NULL. The policy does not change: threads may share it. */
cella_status policy_evaluate(const struct policy *policy, const json_t *claims, json_t **trace);

#endif
