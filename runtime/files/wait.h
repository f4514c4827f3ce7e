/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting for readiness: what poll, select and epoll have in common.
 */
#ifndef RUNTIME_FILES_WAIT_H
#define RUNTIME_FILES_WAIT_H

#include "node.h"

extern struct changes wait_any;

/* changes_wait for at most `ns`. */
long changes_wait_until(struct changes *changes, uint32_t seen, uint64_t ns);

#endif
