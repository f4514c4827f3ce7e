/* SPDX-License-Identifier: Apache-2.0
 *
 * Logs as collateral. They are told apart by their beginning; which register they are of, and
 * whether they are true, is seen when evidence is judged.
 */
#include "attest/collateral.h"

#include "eventlog.h"
#include "ima.h"
#include "image/fail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cella_status add(cella_verifier *verifier, enum collateral_kind kind, const uint8_t *bytes,
                        size_t size, const char *name, cella_error *error)
{
    struct collateral one = {.kind = kind, .bytes = malloc(size), .size = size};
    if (!one.bytes)
        return fail(error, CELLA_MEMORY, "%s: no memory to keep it", name);
    memcpy(one.bytes, bytes, size);
    snprintf(one.name, sizeof(one.name), "%s", name);
    return collateral_add(verifier, &one, error);
}

/* A log of SHA-1 begins with nothing that tells what it is; zeros at least are none. */
static cella_status read_events(const uint8_t *bytes, size_t size, cella_error *error)
{
    struct eventlog log;
    cella_status status = eventlog_read(bytes, size, EVENTLOG_TCG2, &log, error);
    if (!status && !eventlog_agile(bytes, size) && log.events[0].type == 0)
        status = fail(error, CELLA_INVALID, "event log: it begins with no event");
    eventlog_free(&log);
    if (status == CELLA_INVALID && eventlog_agile(bytes, size)) {
        cella_error other;
        status = eventlog_read(bytes, size, EVENTLOG_CCEL, &log, &other) ? status : CELLA_OK;
        eventlog_free(&log);
    }
    return status;
}

cella_status collateral_read_log(cella_verifier *verifier, const uint8_t *bytes, size_t size,
                                 const char *name, cella_error *error)
{
    cella_error why;
    cella_status status;
    enum collateral_kind kind = COLLATERAL_IMA_LOG;
    if (ima_recognise(bytes, size)) {
        struct ima_log log;
        status = ima_read(bytes, size, &log, &why);
        ima_free(&log);
    } else {
        kind = COLLATERAL_EVENT_LOG;
        status = read_events(bytes, size, &why);
        if (status == CELLA_INVALID && !eventlog_agile(bytes, size))
            return fail(error, CELLA_UNSUPPORTED, "%s: no log", name);
    }
    if (status)
        return fail(error, CELLA_INVALID, "%s: %.400s", name, why.sentence);
    return add(verifier, kind, bytes, size, name, error);
}
