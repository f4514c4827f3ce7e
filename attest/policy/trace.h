/* SPDX-License-Identifier: Apache-2.0
 *
 * How a policy came to its verdict: each condition with what was found, and why it denies.
 */
#ifndef ATTEST_POLICY_TRACE_H
#define ATTEST_POLICY_TRACE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct trace {
    json_t *conditions;  /* an array of objects */
    json_t *reasons;     /* an array of sentences; of a permit: empty */
    size_t alternatives; /* of which one would do; 0: not known */
    size_t nearest;      /* the first reason of the one with the fewest, where none does ... */
    size_t lacks;        /* ... and how many it has */
    bool foreign;        /* it is of another issuer; one of the issuer itself is nearer */
    bool no_memory;
};

/* The `found` of a condition may be NULL; `note` may be "". Not met: also a reason. */
void trace_condition(struct trace *trace, const char *place, const char *claim,
                     const char *relation, const json_t *expected, const json_t *found, bool met,
                     const char *note);
__attribute__((format(printf, 2, 3))) void trace_reason(struct trace *trace, const char *format,
                                                        ...);
/* Forgets the reasons behind the first `count`: what they spoke of did not matter. */
void trace_forget(struct trace *trace, size_t count);

#endif
