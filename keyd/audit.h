/* SPDX-License-Identifier: Apache-2.0
 *
 * The audit log of a keyd: JSON lines in the hash chain of room/log.h, only ever appended to, by
 * one process at a time. A file that has grown is put aside as log.N, where N is the number of its
 * first line, from 0; the chain goes on in a new one, whose first line, "continue", has the hash of
 * the former's last as any line has.
 *
 * What always holds: audit_sync says yes only when the line is on the disk, and a key goes out only
 * then. Lines that wait at the same time go to the disk together. After a failure nothing is
 * written any more: what follows a line that is half there would break the chain.
 */
#ifndef KEYD_AUDIT_H
#define KEYD_AUDIT_H

#include <cella/error.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIT_LINE 4096u /* bytes of a line, at most */

struct audit;

/* The end of a chain. */
struct audit_head {
    uint64_t lines;
    uint8_t sha256[32]; /* of the last line; zeros: there is none */
};

/* Opens or makes it. A file of `most` bytes is put aside at the next line. A last line that was
 * torn (its process was killed, the machine lost power) is cut off: *torn is its size, and the
 * log's next line tells of it. CELLA_REFUSED: another process has it, or its last line does not
 * follow from the one before. */
cella_status audit_open(const char *path, size_t most, struct audit **audit, size_t *torn,
                        cella_error *error);
void audit_close(struct audit *audit); /* NULL is let pass; what was added is written */

/* Adds a line; takes `fields`, which may be NULL for no memory. `head` is the chain's end with it.
 * CELLA_SYSTEM: the log has failed. */
cella_status audit_add(struct audit *audit, const char *event, json_t *fields,
                       struct audit_head *head, cella_error *error);
/* Waits until the first `lines` lines are on the disk. */
cella_status audit_sync(struct audit *audit, uint64_t lines, cella_error *error);
/* The end of what is on the disk. False: the log has failed, and nothing is written any more. */
bool audit_head(struct audit *audit, struct audit_head *head);

/* Where somebody moved the file away, the next line is the first of another. */
void audit_reopen(struct audit *audit);

/* ---- checking ---- */

struct audit_set {
    const char *path;        /* what was put aside beside it is of it */
    const char *const *more; /* files that were taken elsewhere, in any order */
    size_t count;
    const uint8_t
        *after; /* SHA-256 of the line before the first that is here; NULL: all are here */
};

struct audit_found {
    struct audit_head head;
    uint64_t first; /* number of the first line that is here; from 0 */
    size_t files;
    size_t torn; /* bytes of a line that is torn at the end, which is none of the log */
};

/* Reads files of a log and checks the chain through all of them; `each` (may be NULL) is given
 * every entry. CELLA_REFUSED: the chain is broken, or lines are missing; the sentence says where.
 */
cella_status audit_check_set(const struct audit_set *set,
                             void (*each)(const json_t *entry, void *context), void *context,
                             struct audit_found *found, cella_error *error);
/* The same of a log that is all in its place. */
cella_status audit_check(const char *path, void (*each)(const json_t *entry, void *context),
                         void *context, struct audit_head *head, size_t *torn, cella_error *error);

/* ---- the files that were put aside ---- */

/* Their numbers, in ascending order; the caller's to free(). */
cella_status audit_parts(const char *path, uint64_t **numbers, size_t *count, cella_error *error);
/* The name of one: room for PATH_MAX. False: too long. */
bool audit_part(const char *path, uint64_t number, char *name);
/* The number that a file's first line says it has. */
cella_status audit_first(const char *path, uint64_t *number, cella_error *error);

#endif
