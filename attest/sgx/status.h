/* SPDX-License-Identifier: Apache-2.0
 *
 * Statuses of TCB levels (Intel PCS API v4) and how several of them become one, as Intel's quote
 * verification library does it.
 */
#ifndef ATTEST_SGX_STATUS_H
#define ATTEST_SGX_STATUS_H

#include <stdbool.h>
#include <stddef.h>

/* From good to bad, but for the order of those that Intel does not compare. */
enum tcb_status {
    TCB_UP_TO_DATE,
    TCB_SW_HARDENING_NEEDED,
    TCB_CONFIGURATION_NEEDED,
    TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED,
    TCB_TD_RELAUNCH_ADVISED, /* only made here, never in a document */
    TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
    TCB_OUT_OF_DATE,
    TCB_OUT_OF_DATE_CONFIGURATION_NEEDED,
    TCB_REVOKED,
    TCB_NOT_SUPPORTED, /* no level matches */
};

const char *tcb_status_name(enum tcb_status status);
/* A status as documents have it. */
bool tcb_status_read(const char *name, enum tcb_status *status);

/* Whether an enclave or a TDX module can have it: UpToDate, OutOfDate, Revoked. */
bool tcb_status_of_part(enum tcb_status status);

/* The platform's status once its quoting enclave, or its TDX module, has one too. A `part` with a
 * status that is no part's is not supported. */
enum tcb_status tcb_status_merge(enum tcb_status platform, enum tcb_status part);

/* A TD of TDX 1.5, whose TDX module may have been updated since: what it was launched on (`launch`)
 * and what it runs on by now (`current`), each merged. Where what it runs on is revoked or not
 * known this counts. */
enum tcb_status tcb_status_relaunch(enum tcb_status launch, enum tcb_status current);

#endif
