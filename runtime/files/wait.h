/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting for readiness: what poll, select and epoll have in common.
 */
#ifndef RUNTIME_FILES_WAIT_H
#define RUNTIME_FILES_WAIT_H

#include "node.h"

#include <linux/time_types.h>

#define WAIT_ALWAYS (POLLERR | POLLHUP | POLLNVAL) /* told whether asked for or not */

struct wait_item {
    struct file *file; /* referenced by the caller; NULL: skipped */
    uint32_t events, ready;
};

/* Fills `ready` and returns how many items have some: at once where there are any, else after at
 * most `ns` (0: looks only; FILES_FOREVER) with 0, or -EINTR. */
long wait_ready(struct wait_item *items, uint64_t count, uint64_t ns);

/* changes_wait for at most `ns`. */
long changes_wait_until(struct changes *changes, uint32_t seen, uint64_t ns);

/* A timeout of the program; NULL: for ever. -EFAULT, -EINVAL. */
long wait_timeout(const struct __kernel_timespec *time, uint64_t *ns);

/* The mask that ppoll and its kin get: what it blocks is blocked too until wait_unmask. */
long wait_mask(const uint64_t *mask, uint64_t size, uint64_t *saved);
void wait_unmask(uint64_t saved);

#endif
