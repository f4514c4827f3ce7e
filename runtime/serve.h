/* SPDX-License-Identifier: Apache-2.0
 *
 * The descriptor through which a program serves calls: what lies in the buffers of its read and
 * write. <cella/enclave.h>, which programs include, says the same; tests/unit/host_calls.c
 * compares.
 *
 * A read gives one or more requests, a write takes one or more replies; each is its header and then
 * its bytes, padded to a multiple of 8.
 */
#ifndef RUNTIME_SERVE_H
#define RUNTIME_SERVE_H

#include "runtime.h"

/* Never a descriptor of Linux: those are below fs.nr_open, which is below 2^30. */
#define SERVE_DESCRIPTOR 0x63656c6c

struct serve_request {
    uint32_t entry, generation; /* to be given back in the reply */
    uint32_t operation;
    uint32_t length;
    uint32_t capacity; /* most bytes of the reply */
    uint32_t zero;
};
static_assert(sizeof(struct serve_request) == 24, "<cella/enclave.h> knows this");

struct serve_reply {
    uint32_t entry, generation;
    int32_t status; /* -4095..0 */
    uint32_t length;
};
static_assert(sizeof(struct serve_reply) == 16, "<cella/enclave.h> knows this");

/* Waits for requests; `size` has to be enough for the largest one. The bytes put into the buffer,
 * 0 when the host closed and all requests were taken, or -errno. */
long serve_read(uint8_t *buffer, uint64_t size);
/* The bytes of the buffer whose replies have been given: all, or fewer when a later one is
 * malformed; -EINVAL when the first one is. */
long serve_write(const uint8_t *buffer, uint64_t size);

#endif
