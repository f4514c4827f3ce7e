/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as an event log, in both forms, replayed in each bank, and what it proves.
 */
#include "attest/tpm/eventlog.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good)
        abort();
}

static void look(const struct eventlog *log, uint16_t id)
{
    struct eventlog_values values;
    struct eventlog_facts facts, none;
    cella_error error = {0};
    cella_status status = eventlog_replay(log, id, &values, &error);
    must(status == CELLA_OK || *error.sentence);
    if (eventlog_facts(log, id, EVENTLOG_ALL, &facts, &error) == CELLA_OK) {
        must(status == CELLA_OK); /* facts are of banks that can be replayed */
        must(facts.secure_boot_known || !facts.secure_boot);
        must(!facts.command_lines_complete || facts.command_line_count > 0);
        for (size_t i = 0; i < facts.command_line_count; i++)
            must(*facts.command_lines[i] || log->form == EVENTLOG_CCEL);
    }
    eventlog_facts_free(&facts);
    if (eventlog_facts(log, id, 0, &none, &error) == CELLA_OK)
        must(!none.secure_boot_known && none.command_line_count == 0);
    eventlog_facts_free(&none);
    eventlog_covers(log, id, 7, "\0\0\0\0", 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (enum eventlog_form form = EVENTLOG_TCG2; form <= EVENTLOG_CCEL; form++) {
        struct eventlog log;
        struct eventlog_rtmrs rtmrs;
        cella_error error = {0};
        if (eventlog_read(data, size, form, &log, &error)) {
            must(*error.sentence && !log.events);
            continue;
        }
        must(log.used <= size && (form == EVENTLOG_CCEL || log.used == size));
        for (size_t i = 0; i < log.bank_count; i++)
            look(&log, log.banks[i].id);
        eventlog_replay_rtmr(&log, &rtmrs, &error);
        eventlog_free(&log);
    }
    return 0;
}
