/* SPDX-License-Identifier: Apache-2.0
 *
 * Logs against the PCRs that were quoted: also for other evidence that carries a quote.
 *
 * What always holds: facts are of logs that lead to the quoted PCRs, and of no PCR that was not
 * quoted.
 */
#ifndef TPM_LOGS_H
#define TPM_LOGS_H

#include "attest/appraisal.h"
#include "eventlog.h"
#include "ima.h"

/* Starts as zeros; tpm_facts_free is let pass then. */
struct tpm_facts {
    bool has_events, has_ima;
    struct eventlog_facts events;
    struct ima_log ima;
    size_t ima_count;      /* entries that were measured; the rest is nobody's word */
    size_t ima_violations; /* among them */
    bool ima_boot_known;   /* its first entry is of the quoted PCRs 0 to 9, or 0 to 7 */
    bool ima_boot_asked;   /* PCRs 0 to 9 are quoted, by SHA-256 or better */
    bool ima_boot_whole;   /* 0 to 9, by SHA-256 or better: root extended none of them since */
    uint32_t unexplained;  /* quoted PCRs (bit n) that are not zero and in no log */
};

/* `pcrs` are what was quoted (tpm_quote_pcrs). Refuses as LOG, PARSE or UNSUPPORTED: each bank and
 * each of the PCRs that the log has events for has to be reproduced; those of the firmware (0 to 7)
 * that have none must not have been extended. */
cella_status tpm_judge_event_log(struct appraisal *appraisal, const struct tpm_pcrs *pcrs,
                                 const uint8_t *bytes, size_t size, struct tpm_facts *facts);
/* Keeps the entries: `bytes` must stay as long as `facts`. */
cella_status tpm_judge_ima_log(struct appraisal *appraisal, const struct tpm_pcrs *pcrs,
                               const uint8_t *bytes, size_t size, struct tpm_facts *facts);

/* A TD's log (CCEL) and the RTMRs of its quote: RTMR 0 to 2 have to be reproduced, and RTMR 3 if
 * the log has events for it. Refuses in the same way. */
cella_status tpm_judge_ccel(struct appraisal *appraisal, const uint8_t *const rtmrs[EVENTLOG_RTMRS],
                            const uint8_t *bytes, size_t size, struct tpm_facts *facts);

void tpm_claim_logs(struct appraisal *appraisal, const struct tpm_facts *facts);
void tpm_facts_free(struct tpm_facts *facts);

/* Ends an appraisal as `why` says; CELLA_REFUSED becomes `class`. */
cella_status tpm_refuse(struct appraisal *appraisal, cella_status status, const char *class,
                        const char *claim, const char *expected, const cella_error *why,
                        const char *advice);

#endif
