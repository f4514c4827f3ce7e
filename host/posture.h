/* SPDX-License-Identifier: Apache-2.0
 *
 * The posture: what this host's kernel and its settings let root, or an intruder with root, do to
 * an enclave. It is looked at, never changed: nothing is mounted, loaded or written.
 *
 * What always holds: every row has a value and a meaning; a row is POSTURE_OK only where what makes
 * it so was seen. What could not be seen is POSTURE_UNKNOWN, and its value says why.
 */
#ifndef HOST_POSTURE_H
#define HOST_POSTURE_H

#include <stddef.h>

enum posture_class { POSTURE_OK, POSTURE_WARN, POSTURE_UNKNOWN };

struct posture_row {
    const char *name;
    const char *opens; /* what root can do where this row is not OK; NULL: nothing */
    char value[160];
    enum posture_class class;
    const char *meaning;
};

#define POSTURE_ROWS_MOST 32

struct posture {
    size_t count;
    struct posture_row rows[POSTURE_ROWS_MOST];
};

/* `root` is the folder in which proc, sys and dev are looked for: "/", but for tests. Rows that are
 * found by trying a system call are about this host whatever `root` is. */
void posture_read(const char *root, struct posture *posture);

const struct posture_row *posture_find(const struct posture *posture, const char *name);
/* "ok", "warn", "unknown" */
const char *posture_class_name(enum posture_class class);

#endif
