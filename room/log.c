/* SPDX-License-Identifier: Apache-2.0
 *
 * The hash chain, made and checked.
 */
#include "log.h"

#include "../image/fail.h"
#include "../image/file.h"
#include "../image/hex.h"
#include "contract.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static json_t *entry_make(const struct room_log *log, const char *event, json_t *fields)
{
    char now[21], previous[65];
    contract_time_text(time(NULL), now);
    hex_write(log->previous, 32, previous);
    json_t *entry = json_pack("{s:I, s:s, s:s}", "sequence", (json_int_t)log->sequence, "time", now,
                              "event", event);
    if (!fields || json_object_update(entry, fields) ||
        json_object_set_new(entry, "previous", json_string(previous))) {
        json_decref(entry);
        return NULL;
    }
    return entry;
}

void room_log_add(struct room_log *log, const char *event, json_t *fields)
{
    json_t *entry = entry_make(log, event, fields);
    char *line = entry ? json_dumps(entry, JSON_COMPACT) : NULL;
    size_t length = line ? strlen(line) : 0;
    char *grown = line && !log->failed ? realloc(log->text, log->size + length + 2) : NULL;
    if (grown) {
        log->text = grown;
        memcpy(grown + log->size, line, length);
        memcpy(grown + log->size + length, "\n", 2);
        log->size += length + 1;
        log->sequence++;
    }
    log->failed |= !grown || digest_bytes(line, length, log->previous, NULL) != CELLA_OK;
    free(line);
    json_decref(entry);
    json_decref(fields);
}

void room_log_free(struct room_log *log)
{
    free(log->text);
    *log = (struct room_log){0};
}

json_t *room_log_line(const char *line, size_t length, uint64_t sequence,
                      const uint8_t previous[32])
{
    char expected[65];
    json_t *entry = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
    const json_t *number = json_object_get(entry, "sequence");
    const char *chained = json_string_value(json_object_get(entry, "previous"));
    hex_write(previous, 32, expected);
    if (json_is_integer(number) && json_integer_value(number) == (json_int_t)sequence && chained &&
        strcmp(chained, expected) == 0 && json_is_string(json_object_get(entry, "event")) &&
        json_is_string(json_object_get(entry, "time")))
        return entry;
    json_decref(entry);
    return NULL;
}

cella_status room_log_read(const void *text, size_t size, const char *name, json_t **entries,
                           cella_error *error)
{
    uint8_t previous[32] = {0};
    const char *at = text, *end = at + size;
    json_t *list = json_array();
    *entries = NULL;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((newline ? newline : end) - at);
        json_t *entry = newline ? room_log_line(at, length, json_array_size(list), previous) : NULL;
        if (!entry || json_array_append_new(list, entry) ||
            digest_bytes(at, length, previous, error)) {
            size_t line = json_array_size(list) + 1;
            json_decref(list);
            return fail(error, CELLA_REFUSED,
                        "%s: line %zu does not follow from the one before: the log was altered",
                        name, line);
        }
        at = newline + 1;
    }
    *entries = list;
    return CELLA_OK;
}
