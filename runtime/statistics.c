/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts of system calls, told to the host at the end when the manifest allows it: a host can count
 * the calls that leave, but not those that do not.
 */
#include "syscalls.h"

#include <stdatomic.h>

static struct ring_statistics counts;

void statistics_count(struct thread *thread)
{
    /* Threads may lose a count to each other; a locked add would cost more than it is worth. */
    if (thread->forwarded)
        counts.forwarded[thread->syscall]++;
    else
        counts.inside[thread->syscall]++;
}

void statistics_polled(bool polled)
{
    if (polled)
        counts.polled++;
    else
        counts.gated++;
}

void statistics_send(void)
{
    if (!(boot->flags & BOOT_STATISTICS))
        return;
    counts.heap_peak = memory_peak();
    host_put(0, &counts, sizeof(counts));
    host_call(RING_STATISTICS, 0, 0, 0, 0, 0, 0);
}
