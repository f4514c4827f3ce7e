/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls of a program that serves them: the host's side of the call part of ring.h.
 */
#ifndef HOST_CALLS_H
#define HOST_CALLS_H

#include "../runtime/ring.h"

#include <stdatomic.h>
#include <stdbool.h>

#define HOST_CALL_WORDS (RING_CALLS / 64)

/* What only the host knows of an entry. */
struct host_call_entry {
    /* The ticket while the call is under way and nobody waits for it; ticket + 1 when somebody does
     * or did. */
    _Atomic uint32_t ticket;
    uint32_t capacity;
};

struct host_calls {
    _Alignas(64) _Atomic uint64_t free[HOST_CALL_WORDS]; /* bit set: the entry is free */
    _Alignas(64) _Atomic uint32_t tail;                  /* the next position to be queued */
    _Alignas(64) _Atomic uint32_t sleepers;   /* enclave threads in RING_CALL_WAIT, or nearly */
    _Atomic uint32_t queued;                  /* counts up when a sleeper has to look; slept on */
    _Atomic bool closed;                      /* cella_call_close: no more calls */
    _Atomic uint32_t place_waiters;           /* callers that wait for a free entry */
    _Atomic uint32_t places;                  /* counts up when one has become free; slept on */
    _Atomic uint64_t asleep[HOST_CALL_WORDS]; /* entries whose caller sleeps, or nearly */
    struct host_call_entry entries[RING_CALLS];
};

struct cella_enclave;

struct host_calls *host_calls_new(void); /* NULL: no memory; free() it */
/* The enclave has ended (`stopping` is set), or no more calls are to be queued: lets all go. */
void host_calls_end(struct cella_enclave *enclave);
/* RING_CALL_WAIT and RING_CALL_WAKE. */
int64_t host_call_wait(struct cella_enclave *enclave, uint64_t position, uint64_t ns);
int64_t host_call_wake(struct cella_enclave *enclave, uint64_t flags);

#endif
