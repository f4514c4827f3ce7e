/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of a room and of a party: small, and whole at any moment (written under a temporary name,
 * then renamed). Both sides use it.
 */
#ifndef ROOM_STORE_H
#define ROOM_STORE_H

#include <cella/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_PATH 4096
#define STORE_MOST (UINT64_C(4) << 20) /* bytes of a statement, evidence, a release, ... */

/* A path. One that does not fit becomes "", which nothing opens. */
__attribute__((format(printf, 2, 3))) void store_path(char to[STORE_PATH], const char *format, ...);

enum store_kind {
    STORE_SHARED,  /* others may read it */
    STORE_PRIVATE, /* 0600, and on the disk before this returns */
};

cella_status store_write(const char *path, const void *bytes, size_t size, enum store_kind kind,
                         cella_error *error);
bool store_there(const char *path);
/* Removes the files of a folder (of it alone). Not there: fine. */
cella_status store_clear(const char *path, cella_error *error);

#endif
