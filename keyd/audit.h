/* SPDX-License-Identifier: Apache-2.0
 *
 * The audit log of a keyd: a file of JSON lines in the hash chain of room/log.h, only ever appended
 * to, by one process at a time.
 *
 * What always holds: audit_sync says yes only when the line is on the disk, and a key goes out only
 * then. Lines that wait at the same time go to the disk together. After a failure nothing is
 * written any more: what follows a line that is half there would break the chain.
 */
#ifndef KEYD_AUDIT_H
#define KEYD_AUDIT_H

#include <cella/error.h>

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIT_LINE 4096u /* bytes of a line, at most */

struct audit;

/* The end of a chain. */
struct audit_head {
    uint64_t lines;
    uint8_t sha256[32]; /* of the last line; zeros: there is none */
};

/* Opens or makes it. A last line that was torn (its process was killed, the machine lost power) is
 * cut off: *torn is its size, and the log's next line tells of it. CELLA_REFUSED: another process
 * has it, or its last line is none. */
cella_status audit_open(const char *path, struct audit **audit, size_t *torn, cella_error *error);
void audit_close(struct audit *audit); /* NULL is let pass; what was added is written */

/* Adds a line; takes `fields`, which may be NULL for no memory. `head` is the chain's end with it.
 * CELLA_SYSTEM: the log has failed. */
cella_status audit_add(struct audit *audit, const char *event, json_t *fields,
                       struct audit_head *head, cella_error *error);
/* Waits until the first `lines` lines are on the disk. */
cella_status audit_sync(struct audit *audit, uint64_t lines, cella_error *error);
void audit_head(struct audit *audit, struct audit_head *head);

/* Reads a log from its start and checks the chain; `each` (may be NULL) is given every entry. A
 * line that is torn at the end is none of it: *torn is its size. CELLA_REFUSED: the chain is
 * broken; the sentence says at which line. */
cella_status audit_check(const char *path, void (*each)(const json_t *entry, void *context),
                         void *context, struct audit_head *head, size_t *torn, cella_error *error);

#endif
