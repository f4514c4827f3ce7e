/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence for the program inside: the report body of SGX (Intel SDM vol. 3D, REPORT), filled for
 * every TEE from what was loaded, and signed by whom the caller of cella_start named.
 */
#include "host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ATTRIBUTE_INIT UINT64_C(1)
#define XFRM_LEGACY    UINT64_C(3) /* x87 and SSE: SGX's least */

struct report_body {
    uint8_t cpusvn[16];
    uint32_t miscselect;
    uint8_t zero1[12];
    uint8_t isv_ext_prod_id[16];
    uint64_t attributes, xfrm;
    uint8_t mrenclave[32];
    uint8_t zero2[32];
    uint8_t mrsigner[32];
    uint8_t zero3[32];
    uint8_t config_id[64];
    uint16_t isv_prod_id, isv_svn, config_svn;
    uint8_t zero4[42];
    uint8_t isv_family_id[16];
    uint8_t report_data[RING_REPORT_DATA];
};
static_assert(offsetof(struct report_body, attributes) == 48 &&
                  offsetof(struct report_body, mrenclave) == 64 &&
                  offsetof(struct report_body, mrsigner) == 128 &&
                  offsetof(struct report_body, isv_prod_id) == 256 &&
                  offsetof(struct report_body, isv_family_id) == 304 &&
                  sizeof(struct report_body) == CELLA_REPORT_BYTES,
              "the report body is SGX's");

/* Images are not signed yet: MRSIGNER and what goes with it are zero. */
static struct report_body report_of(const struct cella_enclave *enclave, const uint8_t *data)
{
    struct report_body report = {
        .attributes = ATTRIBUTE_INIT | TEE_ATTRIBUTE_MODE64 |
                      (enclave->options.insecure_debug ? TEE_ATTRIBUTE_DEBUG : 0),
        .xfrm = XFRM_LEGACY,
    };
    memcpy(report.mrenclave, enclave->mrenclave, sizeof(report.mrenclave));
    memcpy(report.report_data, data, sizeof(report.report_data));
    return report;
}

static void forget(struct host_thread *thread)
{
    free(thread->evidence);
    thread->evidence = NULL;
    thread->evidence_size = 0;
}

/* Evidence for the report data in the buffer, which becomes the thread's. */
static int64_t make(struct cella_enclave *enclave, struct host_thread *thread,
                    const uint8_t *buffer)
{
    struct report_body report = report_of(enclave, buffer);
    uint8_t *bytes = NULL;
    size_t size = 0;
    cella_error error = {0};
    forget(thread);
    if (enclave->options.evidence(enclave->options.evidence_context, (const uint8_t *)&report,
                                  enclave->operations->name, &bytes, &size, &error)) {
        host_log(enclave, "no evidence for the program: %s", error.sentence);
    } else if (!size || size > RING_EVIDENCE_MOST) {
        host_log(enclave, "no evidence for the program: it would have %zu bytes, not 1 to %llu",
                 size, (unsigned long long)RING_EVIDENCE_MOST);
    } else {
        thread->evidence = bytes;
        thread->evidence_size = size;
        return (int64_t)size;
    }
    free(bytes);
    return -EIO;
}

/* A part of what was made; once all of it was had it is forgotten. */
static int64_t serve_quote(struct cella_enclave *enclave, const struct host_request *request)
{
    struct host_thread *thread = &enclave->threads[request->thread];
    uint64_t at = request->arguments[0];
    int64_t result = at ? 0 : make(enclave, thread, request->buffer);
    if (result < 0)
        return result;
    if (at >= thread->evidence_size)
        return -EINVAL;
    size_t part = thread->evidence_size - (size_t)at;
    part = part < RING_BUFFER_SIZE ? part : RING_BUFFER_SIZE;
    memcpy(request->buffer, thread->evidence + at, part);
    if (at + part == thread->evidence_size)
        forget(thread);
    return at ? (int64_t)part : result;
}

int64_t host_evidence_serve(struct cella_enclave *enclave, const struct host_request *request)
{
    bool quote = request->operation == RING_QUOTE;
    if (!(enclave->boot.flags & BOOT_ATTESTATION))
        return -EACCES;
    if (!enclave->options.evidence)
        return quote ? -EIO : RING_ATTESTATION_NONE;
    if (quote)
        return serve_quote(enclave, request);
    return enclave->operations == &tee_vsm ? RING_ATTESTATION_VSM : RING_ATTESTATION_PROCESS;
}
