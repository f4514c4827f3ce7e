/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads event logs, and replays them.
 */
#include "eventlog.h"

#include "attest/reader.h"
#include "image/fail.h"

#include <stdlib.h>
#include <string.h>

#define EV_NO_ACTION 3
#define SHA1_HEAD    32 /* bytes of an event of a SHA-1 log before its data */
#define SPEC_ID      "Spec ID Event03"
#define SPEC_BANKS   24 /* where the data of the first event says the number of banks */
#define LOCALITY     "StartupLocality"
#define EVENTS_MOST  65536

static cella_status malformed(cella_error *error, size_t at, const char *what)
{
    return fail(error, CELLA_INVALID, "event log: byte %zu: %s", at, what);
}

bool eventlog_agile(const uint8_t *bytes, size_t size)
{
    return size >= SHA1_HEAD + sizeof(SPEC_ID) &&
           memcmp(bytes + SHA1_HEAD, SPEC_ID, sizeof(SPEC_ID)) == 0;
}

static cella_status add_bank(struct eventlog *log, uint16_t id, size_t size, cella_error *error)
{
    const struct tpm_hash *hash = tpm_hash(id);
    if (size == 0 || size > TPM_HASH_MOST || (hash && hash->size != size))
        return fail(error, CELLA_INVALID, "event log: algorithm 0x%04x: digests of %zu bytes", id,
                    size);
    for (size_t i = 0; i < log->bank_count; i++)
        if (log->banks[i].id == id)
            return fail(error, CELLA_INVALID, "event log: algorithm 0x%04x is named twice", id);
    log->banks[log->bank_count].id = id;
    log->banks[log->bank_count].size = size;
    log->banks[log->bank_count++].hash = hash;
    return CELLA_OK;
}

/* The first event of a crypto-agile log: which algorithms there are, with how long digests. */
static cella_status read_banks(struct reader *reader, struct eventlog *log, cella_error *error)
{
    const uint8_t *head = read_bytes(reader, SHA1_HEAD);
    struct reader data = {.size = (size_t)little_endian(head + SHA1_HEAD - 4, 4)};
    data.bytes = read_bytes(reader, data.size);
    if (!data.bytes)
        return malformed(error, 0, "its first event is longer than the log");
    if (little_endian(head + 4, 4) != EV_NO_ACTION)
        return malformed(error, 0, "the event that names its algorithms has to be EV_NO_ACTION");
    read_bytes(&data, SPEC_BANKS);
    uint32_t count = (uint32_t)read_little(&data, 4);
    if (count == 0 || count > EVENTLOG_BANKS)
        return fail(error, CELLA_INVALID, "event log: %u algorithms; at most %d are taken", count,
                    EVENTLOG_BANKS);
    for (uint32_t i = 0; i < count && !data.failed; i++) {
        uint16_t id = (uint16_t)read_little(&data, 2);
        cella_status status = add_bank(log, id, (size_t)read_little(&data, 2), error);
        if (status)
            return status;
    }
    read_bytes(&data, (size_t)read_little(&data, 1));
    if (data.failed || data.size != 0)
        return malformed(error, 0, "the event that names its algorithms is not as long as it says");
    return CELLA_OK;
}

/* Digests of a crypto-agile event. */
static cella_status read_digests(struct reader *reader, const struct eventlog *log, size_t at,
                                 struct eventlog_event *event, cella_error *error)
{
    uint32_t count = (uint32_t)read_little(reader, 4);
    if (count > log->bank_count)
        return malformed(error, at, "more digests than the log has algorithms");
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        uint16_t id = (uint16_t)read_little(reader, 2);
        size_t bank = 0;
        while (bank < log->bank_count && log->banks[bank].id != id)
            bank++;
        if (bank == log->bank_count)
            return malformed(error, at, "a digest of an algorithm that the log does not name");
        if (event->digests[bank])
            return malformed(error, at, "two digests of one algorithm");
        event->digests[bank] = read_bytes(reader, log->banks[bank].size);
    }
    return CELLA_OK;
}

static cella_status read_event(struct reader *reader, const struct eventlog *log, bool agile,
                               size_t at, struct eventlog_event *event, cella_error *error)
{
    memset(event, 0, sizeof(*event));
    event->index = (uint32_t)read_little(reader, 4);
    event->type = (uint32_t)read_little(reader, 4);
    if (!agile)
        event->digests[0] = read_bytes(reader, 20);
    cella_status status = agile ? read_digests(reader, log, at, event, error) : CELLA_OK;
    if (status)
        return status;
    event->size = (size_t)read_little(reader, 4);
    event->data = read_bytes(reader, event->size);
    if (reader->failed)
        return malformed(error, at, "an event that goes on beyond the end of the log");
    bool known =
        log->form == EVENTLOG_CCEL ? event->index <= EVENTLOG_RTMRS : event->index < EVENTLOG_PCRS;
    if (!known && event->type != EV_NO_ACTION)
        return malformed(error, at, "an event for a register that there is not");
    return CELLA_OK;
}

/* EV_NO_ACTION is extended nowhere, but may say what PCR 0 begins with. */
static cella_status read_locality(struct eventlog *log, const struct eventlog_event *event,
                                  size_t at, cella_error *error)
{
    if (event->type != EV_NO_ACTION || event->size < sizeof(LOCALITY) ||
        memcmp(event->data, LOCALITY, sizeof(LOCALITY)) != 0)
        return CELLA_OK;
    if (event->size != sizeof(LOCALITY) + 1 || event->index != 0)
        return malformed(error, at, "a startup locality of the wrong size, or not of PCR 0");
    uint8_t locality = event->data[sizeof(LOCALITY)];
    if (locality != 0 && locality != 3 && locality != 4)
        return malformed(error, at, "a startup locality that is none of 0, 3, 4");
    if (log->locality_said)
        return malformed(error, at, "a second startup locality");
    log->locality_said = true;
    log->locality = locality;
    return CELLA_OK;
}

static cella_status add_event(struct eventlog *log, const struct eventlog_event *event,
                              cella_error *error)
{
    if (log->count == EVENTS_MOST)
        return fail(error, CELLA_INVALID, "event log: more than %d events", EVENTS_MOST);
    if ((log->count & (log->count - 1)) == 0) { /* full at each power of two */
        size_t capacity = log->count ? 2 * log->count : 1;
        struct eventlog_event *events = realloc(log->events, capacity * sizeof(*events));
        if (!events)
            return fail(error, CELLA_MEMORY, "event log: no memory");
        log->events = events;
    }
    log->events[log->count++] = *event;
    return CELLA_OK;
}

/* What follows the events of a CCEL: only zeros, or only ff. */
static bool padding(const struct reader *reader)
{
    if (reader->bytes[0] != 0 && reader->bytes[0] != 0xff)
        return false;
    return memcmp(reader->bytes, reader->bytes + 1, reader->size - 1) == 0;
}

static cella_status read_events(struct reader *reader, size_t size, bool agile,
                                struct eventlog *log, cella_error *error)
{
    cella_status status = CELLA_OK;
    bool maybe_padding = log->form == EVENTLOG_CCEL;
    while (reader->size > 0 && !status) {
        struct eventlog_event event;
        size_t at = size - reader->size;
        uint64_t first = little_endian(reader->bytes, reader->size < 8 ? reader->size : 8);
        if (maybe_padding && (first == 0 || reader->bytes[0] == 0xff)) {
            if (padding(reader))
                break;
            maybe_padding = false; /* asked once: a hostile log costs no quadratic time */
        }
        status = read_event(reader, log, agile, at, &event, error);
        if (!status)
            status = read_locality(log, &event, at, error);
        if (!status)
            status = add_event(log, &event, error);
    }
    log->used = size - reader->size;
    return status;
}

cella_status eventlog_read(const uint8_t *bytes, size_t size, enum eventlog_form form,
                           struct eventlog *log, cella_error *error)
{
    struct reader reader = {.bytes = bytes, .size = size};
    bool agile = eventlog_agile(bytes, size);
    memset(log, 0, sizeof(*log));
    log->form = form;
    if (size > EVENTLOG_MOST)
        return fail(error, CELLA_INVALID, "event log: %zu bytes; at most %u are taken", size,
                    EVENTLOG_MOST);
    if (size < SHA1_HEAD)
        return fail(error, CELLA_INVALID, "event log: %zu bytes are no event", size);
    if (form == EVENTLOG_CCEL && !agile)
        return fail(error, CELLA_INVALID, "event log: a CCEL names its algorithms first");
    cella_status status =
        agile ? read_banks(&reader, log, error) : add_bank(log, TPM_SHA1, 20, error);
    if (!status)
        status = read_events(&reader, size, agile, log, error);
    if (status)
        eventlog_free(log);
    return status;
}

void eventlog_free(struct eventlog *log)
{
    free(log->events);
    memset(log, 0, sizeof(*log));
}

/* ---- replaying ---- */

/* CELLA_UNSUPPORTED: no such bank. */
static cella_status find_bank(const struct eventlog *log, uint16_t algorithm, size_t *bank,
                              cella_error *error)
{
    const struct tpm_hash *hash = tpm_hash(algorithm);
    for (*bank = 0; *bank < log->bank_count; ++*bank)
        if (hash && log->banks[*bank].id == algorithm)
            return CELLA_OK;
    return fail(error, CELLA_UNSUPPORTED, "event log: it has no digests of %s",
                hash ? hash->name : "an algorithm that is not known");
}

cella_status eventlog_bank(const struct eventlog *log, uint16_t algorithm, size_t *bank,
                           cella_error *error)
{
    cella_status status = find_bank(log, algorithm, bank, error);
    for (size_t i = 0; i < log->count && !status; i++)
        if (log->events[i].type != EV_NO_ACTION && !log->events[i].digests[*bank])
            status = fail(error, CELLA_UNSUPPORTED, "event log: event %zu: it has no digest of %s",
                          i, log->banks[*bank].hash->name);
    return status;
}

cella_status eventlog_replay(const struct eventlog *log, uint16_t algorithm,
                             struct eventlog_values *values, cella_error *error)
{
    size_t bank;
    cella_status status = eventlog_bank(log, algorithm, &bank, error);
    memset(values, 0, sizeof(*values));
    if (status)
        return status;
    const struct tpm_hash *hash = values->hash = log->banks[bank].hash;
    for (size_t i = 17; log->form == EVENTLOG_TCG2 && i <= 22; i++) /* of a dynamic launch */
        memset(values->values[i], 0xff, hash->size);
    values->values[0][hash->size - 1] = log->locality;
    values->known[0] = log->locality_said;
    for (size_t i = 0; i < log->count; i++) {
        const struct eventlog_event *event = &log->events[i];
        if (event->type == EV_NO_ACTION)
            continue;
        values->known[event->index] = true;
        if (!tpm_extend(hash, values->values[event->index], event->digests[bank], hash->size))
            return fail(error, CELLA_MEMORY, "event log: no memory");
    }
    return CELLA_OK;
}

cella_status eventlog_replay_rtmr(const struct eventlog *log, struct eventlog_rtmrs *rtmrs,
                                  cella_error *error)
{
    struct eventlog_values values;
    memset(rtmrs, 0, sizeof(*rtmrs));
    if (log->form != EVENTLOG_CCEL)
        return fail(error, CELLA_UNSUPPORTED, "event log: not a CCEL, so of no RTMR");
    cella_status status = eventlog_replay(log, TPM_SHA384, &values, error);
    for (size_t i = 0; i < EVENTLOG_RTMRS && !status; i++) {
        rtmrs->known[i] = values.known[i + 1];
        memcpy(rtmrs->values[i], values.values[i + 1], sizeof(rtmrs->values[i]));
    }
    return status;
}
