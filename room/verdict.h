/* SPDX-License-Identifier: Apache-2.0
 *
 * A party's verdict on an enclave: every claim that the contract makes a condition, what was
 * expected, what was found. It starts as bad; it is good when it was judged to the end and no claim
 * failed.
 */
#ifndef ROOM_VERDICT_H
#define ROOM_VERDICT_H

#include "contract.h"

#define VERDICT_CLAIMS 160

struct verdict_claim {
    char claim[64], expected[256], found[256];
    bool good;
};

struct verdict {
    struct verdict_claim claims[VERDICT_CLAIMS];
    size_t count;
    bool complete; /* all was looked at */
};

void verdict_add(struct verdict *verdict, const char *claim, bool good, const char *expected,
                 const char *found);
/* Dates of the contract, at that time. */
void verdict_dates(struct verdict *verdict, const struct contract *contract, int64_t at);
/* The evidence: vouched for by a root of the contract, for exactly this report data, not DEBUG; the
 * TEE, the measurement and the posture are the contract's. `most_age`: seconds; 0: any age. */
void verdict_evidence(struct verdict *verdict, const struct contract *contract,
                      const uint8_t *evidence, size_t size, const uint8_t report_data[64],
                      int64_t at, int64_t most_age);
bool verdict_good(const struct verdict *verdict);
/* CELLA_REFUSED, and the first claim that failed: expected, found, what to do. */
cella_status verdict_status(const struct verdict *verdict, cella_error *error);

#endif
