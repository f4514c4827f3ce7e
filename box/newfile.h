/* SPDX-License-Identifier: Apache-2.0
 *
 * A file that appears under its name whole or not at all.
 */
#ifndef BOX_NEWFILE_H
#define BOX_NEWFILE_H

#include <cella/error.h>
#include <stdbool.h>
#include <sys/types.h>

struct new_file {
    int fd; /* read and write */
    const char *path;
    char *temporary; /* its name so far; NULL: it has none (and vanishes with the process) */
    bool replaces;
};

/* Refuses a path where something is, unless `replaces`; then only a regular file. `path` is
 * borrowed until the end. */
cella_status new_file_open(struct new_file *file, const char *path, mode_t mode, bool replaces,
                           cella_error *error);
/* Gives it its name, when its bytes are on the disk. It is closed in any case. */
cella_status new_file_commit(struct new_file *file, cella_error *error);
void new_file_abandon(struct new_file *file);

#endif
