/* SPDX-License-Identifier: Apache-2.0
 *
 * The blob region while it is made: bytes one after another, at addresses that are known at once.
 */
#ifndef IMAGE_BLOB_H
#define IMAGE_BLOB_H

#include "image.h"

struct blob {
    uint64_t address; /* of bytes[0] */
    uint8_t *bytes;   /* owned */
    size_t size;
    size_t capacity;
};

/* Appends; *span says where. False: no memory. */
bool blob_put(struct blob *blob, const void *bytes, size_t size, struct boot_span *span);
/* Appends zeros up to an address that is a multiple of `alignment`. */
bool blob_align(struct blob *blob, size_t alignment);

/* Everything that the manifest asks for, as the runtime reads it: fills the boot header's
 * arguments, environment, files, directory and flags. Reads the files that are carried or hashed.
 * `program` is argv[0] where the manifest has no arguments. */
cella_status blob_put_manifest(struct blob *blob, const struct manifest *manifest,
                               const char *program, struct boot_header *boot, cella_error *error);

#endif
