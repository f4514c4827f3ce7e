/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and digests. A file is read once, whole, so that what is checked is what is used.
 */
#ifndef IMAGE_FILE_H
#define IMAGE_FILE_H

#include <cella/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads a regular file of at most `limit` bytes; *bytes is the caller's to free, and is followed by
 * a NUL that `size` does not count. */
cella_status file_read(const char *path, uint64_t limit, uint8_t **bytes, size_t *size,
                       cella_error *error);
/* SHA-256 and exact size of a regular file of any size. */
cella_status file_digest(const char *path, uint8_t sha256[32], uint64_t *size, cella_error *error);
cella_status digest_bytes(const void *bytes, size_t size, uint8_t sha256[32], cella_error *error);

/* False: errno. */
bool file_write_all(int fd, const void *bytes, size_t size);
/* Makes a folder, and those on the way to it. What is there already is fine. */
cella_status file_folder(const char *path, mode_t mode, cella_error *error);

/* The part of a path behind the last "/". */
const char *file_name(const char *path);

#endif
