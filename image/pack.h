/* SPDX-License-Identifier: Apache-2.0
 *
 * image_pack for a program that is in memory already: what tests and fuzzing call.
 */
#ifndef IMAGE_PACK_H
#define IMAGE_PACK_H

#include "image.h"

/* `name` is the program's path, for errors and notes; `most` bounds the stream's size. */
cella_status pack_bytes(const uint8_t *program, size_t program_size, const char *name,
                        const struct manifest *manifest, uint64_t most, uint8_t **bytes,
                        size_t *size, cella_error *error);

#endif
