/* SPDX-License-Identifier: Apache-2.0
 *
 * EAT Attestation Results (draft-ietf-rats-ear): what a verifier thinks of an attester, part by
 * part, as a vector of AR4SI's claims (draft-ietf-rats-ar4si, section 2.3), and in one word.
 *
 * What always holds: a vector says nothing of what was not verified (docs/attestation.md has the
 * table), and a status is never better than the worst of its vector.
 */
#ifndef ATTEST_TOKEN_EAR_H
#define ATTEST_TOKEN_EAR_H

#include <jansson.h>
#include <stdbool.h>

#define EAR_PROFILE  "tag:github.com,2023:veraison/ear"
#define EAR_EVIDENCE "ear.veraison.annotated-evidence"
#define EAR_WARNINGS "cella_warnings" /* of the verifier's, among "ear.veraison.policy-claims" */

/* From best to worst, as AR4SI counts them. */
enum ear_tier { EAR_NONE, EAR_AFFIRMING, EAR_WARNING, EAR_CONTRAINDICATED, EAR_TIERS };
extern const char *const ear_tiers[EAR_TIERS];

/* What is said of evidence that was accepted, from the claims that it proved and the warnings (an
 * array) that there were: "ear.status", "ear.trustworthiness-vector" where it says anything, the
 * claims themselves, and the warnings. NULL: no memory. */
json_t *ear_appraisal(const json_t *claims, const json_t *warnings);

/* Whether a token's claims are, or mean to be, an EAR. */
bool ear_is(const json_t *claims);

/* Judges the form of such claims: what is missing, unknown, out of range, or a status that is
 * better than its vector. False: `place` and `wrong` say what. */
#define EAR_TEXT 200
bool ear_check(const json_t *claims, char place[EAR_TEXT], char wrong[EAR_TEXT]);

/* The worst status of an EAR that ear_check found good: of its submodules each counts, and that
 * nothing is said of one is worse than that it is affirmed. EAR_NONE for what is no EAR, too. */
enum ear_tier ear_status(const json_t *claims);

/* False: a submodule is affirmed whose vector says nothing, good or bad (only -1, 0 and 1). */
bool ear_is_founded(const json_t *claims);

#endif
