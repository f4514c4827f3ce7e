/* SPDX-License-Identifier: Apache-2.0
 *
 * The log of a run: JSON lines, each with the SHA-256 of the line before it ("previous"; zeros
 * first), so that nothing in the middle can be taken out or changed. Its end is held by the seal
 * (seal.h), which has the SHA-256 of the whole text.
 */
#ifndef ROOM_LOG_H
#define ROOM_LOG_H

#include <cella/error.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Starts as zeros. After a failure nothing is added any more. */
struct room_log {
    char *text;
    size_t size;
    uint64_t sequence;    /* of the next entry */
    uint8_t previous[32]; /* SHA-256 of the last line */
    bool failed;
};

/* Adds an entry; takes `fields` (an object), which may be NULL for no memory. */
void room_log_add(struct room_log *log, const char *event, json_t *fields);
void room_log_free(struct room_log *log);

/* The entry of one line (without its end), where it is the next one of the chain; the caller's to
 * json_decref. NULL: it is not. */
json_t *room_log_line(const char *line, size_t length, uint64_t sequence,
                      const uint8_t previous[32]);

/* Reads a log: an array of its entries, the caller's to json_decref. A broken chain is
 * CELLA_REFUSED, and the sentence, which starts with `name`, says at which line. */
cella_status room_log_read(const void *text, size_t size, const char *name, json_t **entries,
                           cella_error *error);

#endif
