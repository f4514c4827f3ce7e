/* SPDX-License-Identifier: Apache-2.0
 *
 * The SGXS stream, canonical form only: one ECREATE, then for each page an EADD and its 16 EEXTEND,
 * at rising offsets. The records are what the processor hashes (Intel SDM vol. 3D, ECREATE, EADD,
 * EEXTEND), so the stream's SHA-256 is MRENCLAVE.
 */
#ifndef IMAGE_SGXS_H
#define IMAGE_SGXS_H

#include "image.h"

#define SGXS_PAGE_BYTES                                                                            \
    (IMAGE_RECORD + IMAGE_CHUNKS * IMAGE_CHUNK_STRIDE) /* one page's records                       \
                                                        */
#define SGXS_SIZE_MOST   (UINT64_C(4) << 30)
#define SGXS_ELRANGE_MAX (UINT64_C(1) << 46)

/* Writes the first record; returns its size. */
size_t sgxs_write_create(uint8_t *stream, uint32_t ssa_frame_size, uint64_t elrange_size);
/* Writes the records of a page; `page` NULL: zeros. Returns SGXS_PAGE_BYTES. */
size_t sgxs_write_page(uint8_t *stream, uint64_t offset, uint64_t flags, const uint8_t *page);

/* Fills elrange_size, ssa_frame_size, pages and page_count from bytes and size. Everything is
 * checked; `name` is for errors. pages is the caller's to free, on failure too. */
cella_status sgxs_read(struct image *image, const char *name, cella_error *error);

#endif
