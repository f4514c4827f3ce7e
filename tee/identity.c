/* SPDX-License-Identifier: Apache-2.0
 *
 * Reports and keys of an initialised enclave.
 */
#include "identity.h"
#include "image/fail.h"

#include <string.h>

/* Offsets in REPORT. */
#define REPORT_ATTRIBUTES 48
#define REPORT_XFRM       56
#define REPORT_MRENCLAVE  64
#define REPORT_DATA       320

#define ATTRIBUTE_INIT    UINT64_C(0x1)

#define KEY_REPORT        3
#define KEY_SEAL          4
#define KEY_POLICIES      0x3u

static cella_status check_ready(const struct build *build, const char *what, cella_error *error)
{
    if (build->state != BUILD_READY)
        return fail(error, CELLA_INVALID, "%s: the enclave is not initialised", what);
    return CELLA_OK;
}

cella_status identity_report(const struct build *build, enum tee_kind kind, uint64_t xfrm,
                             const struct tee_report_request *request, struct tee_report *report,
                             cella_error *error)
{
    cella_status status = check_ready(build, "report", error);
    if (status)
        return status;
    uint64_t attributes = build->parameters.attributes | ATTRIBUTE_INIT;
    memset(report, 0, sizeof(*report));
    report->kind = kind;
    memcpy(report->body + REPORT_ATTRIBUTES, &attributes, 8);
    memcpy(report->body + REPORT_XFRM, &xfrm, 8);
    memcpy(report->body + REPORT_MRENCLAVE, build->mrenclave, sizeof(build->mrenclave));
    memcpy(report->body + REPORT_DATA, request->report_data, sizeof(request->report_data));
    return CELLA_OK;
}

cella_status identity_key(const struct build *build, const struct tee_key_request *request,
                          uint8_t key[16], cella_error *error)
{
    (void)key;
    cella_status status = check_ready(build, "key", error);
    if (status)
        return status;
    if (request->name != KEY_REPORT && request->name != KEY_SEAL)
        return fail(error, CELLA_INVALID, "key: there is no key named %u (3 report, 4 seal)",
                    request->name);
    if (request->policy & ~KEY_POLICIES)
        return fail(error, CELLA_INVALID,
                    "key: policy %#x has bits other than 1 (MRENCLAVE) and 2 (MRSIGNER)",
                    request->policy);
    return fail(error, CELLA_UNSUPPORTED,
                "key: this machine has no platform key yet, so no key can be derived");
}
