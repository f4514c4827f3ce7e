/* SPDX-License-Identifier: Apache-2.0
 *
 * A TD's event log (CCEL) against the RTMRs of its quote.
 */
#include "logs.h"

#include "image/hex.h"

#include <stdio.h>
#include <string.h>

#define RTMR_RUNTIME 3 /* the first that may be extended by whoever runs inside, in no log */

/* Facts are of registers that the log leads to. */
static cella_status compare(struct appraisal *appraisal, const uint8_t *const rtmrs[EVENTLOG_RTMRS],
                            const struct eventlog_rtmrs *replayed, uint32_t *compared)
{
    char claim[16], quoted[97], found[97] = "no events";
    for (unsigned i = 0; i < EVENTLOG_RTMRS; i++) {
        if (memcmp(rtmrs[i], replayed->values[i], 48) == 0) {
            *compared |= 2u << i;
            continue;
        }
        if (!replayed->known[i] && i == RTMR_RUNTIME) {
            appraisal_warn(appraisal, "no log explains RTMR %u", i);
            continue;
        }
        if (replayed->known[i])
            hex_write(replayed->values[i], 48, found);
        snprintf(claim, sizeof(claim), "RTMR %u", i);
        return appraisal_refuse(appraisal, CLASS_LOG, claim, hex_write(rtmrs[i], 48, quoted), found,
                                "The event log is of another start, or was altered: fetch it "
                                "together with the quote.");
    }
    return CELLA_OK;
}

cella_status tpm_judge_ccel(struct appraisal *appraisal, const uint8_t *const rtmrs[EVENTLOG_RTMRS],
                            const uint8_t *bytes, size_t size, struct tpm_facts *facts)
{
    struct eventlog log = {0};
    struct eventlog_rtmrs replayed;
    uint32_t compared = 0;
    cella_error error;
    cella_status status = eventlog_read(bytes, size, EVENTLOG_CCEL, &log, &error);
    if (!status)
        status = eventlog_replay_rtmr(&log, &replayed, &error);
    if (status) {
        status = tpm_refuse(appraisal, status, CLASS_LOG, "event log", "a TD's log (CCEL)", &error,
                            NULL);
    } else {
        status = compare(appraisal, rtmrs, &replayed, &compared);
        if (!status) {
            status = eventlog_facts(&log, TPM_SHA384, compared, &facts->events, &error);
            facts->has_events = !status;
            if (status)
                status = tpm_refuse(appraisal, status, CLASS_LOG, "event log",
                                    "events that prove what they say", &error, NULL);
        }
    }
    eventlog_free(&log);
    return status;
}
