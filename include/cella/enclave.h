/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a call: for programs that run in an enclave and serve calls of their host
 * (cella_call of <cella/cella.h> is the other side). Works in any static C11 or C++ program for
 * Linux on x86-64; there is nothing to link with.
 *
 * Requests come from the host: an operation and bytes that the program has to distrust. A reply
 * goes to the host as it is: what is to stay secret has to be encrypted.
 */
#ifndef CELLA_ENCLAVE_H
#define CELLA_ENCLAVE_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Open in every enclave, and nowhere else: Linux has no descriptor with such a number. A read gives
 * one or more requests and waits for the first, a write takes replies; each is its header and then
 * its bytes, padded to a multiple of 8. */
#define CELLA_SERVE_DESCRIPTOR 0x63656c6c
#define CELLA_SERVE_MOST       65536 /* most bytes of a request or of a reply */

struct cella_serve_request {
    uint32_t entry, generation; /* for the reply */
    uint32_t operation;
    uint32_t size;
    uint32_t capacity; /* most bytes of the reply */
    uint32_t zero;
};

struct cella_serve_reply {
    uint32_t entry, generation; /* of the request; each is answered once */
    int32_t result;             /* -4095..0 */
    uint32_t size;
};

/* Answers one call: 0, or -errno and then nothing of `out` is sent. `in` is the program's own copy,
 * 8-aligned. *out_size comes as the most bytes that the caller takes, and goes as the bytes that
 * are sent; beyond what the handler writes they are zero. */
typedef int cella_handler(void *context, uint32_t operation, const void *in, size_t in_size,
                          void *out, size_t *out_size);

/* How much is read at once, and how much is gathered for one write. */
#define CELLA_SERVE_BUFFER ((size_t)3 * CELLA_SERVE_MOST)

/* Clears them too: no reply may show what an earlier one said. */
static inline int cella_serve_flush(unsigned char *replies, size_t *used)
{
    size_t done = 0;
    while (done < *used) {
        ssize_t count = write(CELLA_SERVE_DESCRIPTOR, replies + done, *used - done);
        if (count < 0)
            return -errno;
        done += (size_t)count;
    }
    memset(replies, 0, *used);
    *used = 0;
    return 0;
}

/* Has the handler answer one request at `reply`, where there is room for the largest reply; the
 * bytes used. */
static inline size_t cella_serve_one(cella_handler *handler, void *context,
                                     const struct cella_serve_request *request, const void *in,
                                     unsigned char *reply)
{
    struct cella_serve_reply header = {request->entry, request->generation, 0, 0};
    unsigned char *out = reply + sizeof(header);
    size_t size = request->capacity;
    int result = handler(context, request->operation, in, request->size, out, &size);
    if (result > 0 || result < -4095)
        result = -EINVAL; /* no errno */
    if (result == 0 && size > request->capacity)
        result = -EMSGSIZE;
    if (result < 0) {
        memset(out, 0, request->capacity);
        size = 0;
    }
    header.result = result;
    header.size = (uint32_t)size;
    memcpy(reply, &header, sizeof(header));
    return sizeof(header) + ((size + 7) & ~(size_t)7);
}

/* Answers calls by `handler` until the host has closed (cella_call_close): then 0. Else -errno:
 * -EBADF outside an enclave, -ENOMEM, -EINTR when a signal came. Several threads may serve at once,
 * and then the handler runs in several at once. A thread may take a few requests together and
 * answers them one after another, so a handler must not wait for what another call does. */
static inline int cella_serve(cella_handler *handler, void *context)
{
    const uint64_t soon = 20000; /* cycles: replies that are older are not held back for others */
    unsigned char *requests = (unsigned char *)malloc(CELLA_SERVE_BUFFER);
    unsigned char *replies = (unsigned char *)calloc(1, CELLA_SERVE_BUFFER);
    ssize_t count = -1;
    int result = requests && replies ? 0 : -ENOMEM;
    while (result == 0) {
        count = read(CELLA_SERVE_DESCRIPTOR, requests, CELLA_SERVE_BUFFER);
        if (count <= 0) {
            result = count < 0 ? -errno : 0;
            break;
        }
        uint64_t since = __builtin_ia32_rdtsc();
        size_t used = 0;
        for (size_t at = 0; at < (size_t)count && result == 0;) {
            struct cella_serve_request request;
            memcpy(&request, requests + at, sizeof(request));
            at += sizeof(request);
            used += cella_serve_one(handler, context, &request, requests + at, replies + used);
            at += ((size_t)request.size + 7) & ~(size_t)7;
            if (CELLA_SERVE_BUFFER - used < sizeof(struct cella_serve_reply) + CELLA_SERVE_MOST ||
                __builtin_ia32_rdtsc() - since > soon) {
                result = cella_serve_flush(replies, &used);
                since = __builtin_ia32_rdtsc();
            }
        }
        if (result == 0)
            result = cella_serve_flush(replies, &used);
    }
    free(requests);
    free(replies);
    return result;
}

#ifdef __cplusplus
}
#endif
#endif
