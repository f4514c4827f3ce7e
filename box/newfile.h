/* SPDX-License-Identifier: Apache-2.0
 *
 * A file that appears under its name whole or not at all.
 */
#ifndef BOX_NEWFILE_H
#define BOX_NEWFILE_H

#include <cella/error.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct new_file {
    int fd;     /* read and write */
    int direct; /* the same, around the page cache; -1: not so */
    const char *path;
    char *temporary; /* its name so far; NULL: it has none (and vanishes with the process) */
    bool replaces;
    pthread_mutex_t writing; /* with `fd`: else threads would spin for its lock in the kernel */
};

/* Refuses a path where something is, unless `replaces`; then only a regular file. `path` is
 * borrowed until the end. */
cella_status new_file_open(struct new_file *file, const char *path, mode_t mode, bool replaces,
                           cella_error *error);
/* How large it gets, about; a file that is worth it goes around the page cache from here on, where
 * the file system does that. */
void new_file_expect(struct new_file *file, uint64_t size);
/* From several threads at once. Around the page cache goes what begins at a page of the file, in
 * memory that begins at one too: all of it but what is not a whole page. */
cella_status new_file_write(struct new_file *file, uint64_t offset, const uint8_t *bytes,
                            size_t size, cella_error *error);
/* Gives it its name, when its bytes are on the disk. It is closed in any case. */
cella_status new_file_commit(struct new_file *file, cella_error *error);
void new_file_abandon(struct new_file *file);

#endif
