/* SPDX-License-Identifier: Apache-2.0
 *
 * Policies: whether proven claims are good enough. Two languages are read: the JSON of Azure Key
 * Vault's key release policies, and the text of Microsoft Azure Attestation's policies, version 1.0
 * and 1.1. docs/policy.md has both, with the rules of types: they are strict, so that what is
 * missing, or of another type than the policy's, meets no condition.
 *
 * A policy does not change once it was read: several threads may use it.
 */
#ifndef CELLA_POLICY_H
#define CELLA_POLICY_H

#include <cella/cella.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cella_policy cella_policy;

/* Reads either language; `name` says in sentences where it is from. CELLA_INVALID: malformed, with
 * the place; CELLA_UNSUPPORTED: a version that is not known. */
CELLA_API cella_status cella_policy_read(const uint8_t *bytes, size_t size, const char *name,
                                         cella_policy **policy, cella_error *error);
CELLA_API void cella_policy_free(cella_policy *policy); /* NULL is let pass */

/* Whether every claim that it speaks of is one that somebody makes, and of the type, and one of the
 * values, that it is compared with. CELLA_INVALID: not; the sentence suggests what was meant. Do
 * not use such a policy: a rule that denies and is never met denies nothing. */
CELLA_API cella_status cella_policy_check(const cella_policy *policy, cella_error *error);

/* Evaluates it on claims: the JSON text of one object, of which "iss" is the issuer. They must be
 * proven: "claims" of an accepted cella_result_json (add "iss": "cella"), or those of a token whose
 * signature was verified. CELLA_OK: permitted. CELLA_REFUSED: denied; the sentence has the first
 * reason. CELLA_INVALID: the claims are no such object. With OK and REFUSED *trace is JSON text
 * (docs/policy.md): each condition with what was expected and found, the reasons, and what an
 * attestation policy issued; NUL-terminated, the caller's to free(). Else it is NULL. */
CELLA_API cella_status cella_policy_evaluate(const cella_policy *policy, const char *claims,
                                             size_t size, char **trace, cella_error *error);

#ifdef __cplusplus
}
#endif
#endif
