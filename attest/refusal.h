/* SPDX-License-Identifier: Apache-2.0
 *
 * Text of claims and of refusals.
 */
#ifndef ATTEST_REFUSAL_H
#define ATTEST_REFUSAL_H

#include <cella/attest.h>

/* Fills the refusal (may be NULL) and the error, and returns CELLA_REFUSED. */
cella_status refuse(cella_refusal *refusal, cella_error *error, cella_refusal_kind kind,
                    const char *claim, const char *expected, const char *found);

/* YYYY-MM-DDTHH:MM:SSZ, or the number of seconds where there is no such date. */
const char *time_text(int64_t time, char text[32]);

#endif
