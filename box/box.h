/* SPDX-License-Identifier: Apache-2.0
 *
 * Boxes as whole files: sealed from a file or bytes, opened again, looked at. (Random access, for
 * programs in an enclave, is runtime/box/core.h.) What comes out was authenticated before; a box or
 * a file that could not be made whole does not appear at all.
 */
#ifndef BOX_BOX_H
#define BOX_BOX_H

#include "header.h"

struct cella_box_info {
    uint64_t size;           /* of the content, bytes */
    uint64_t generation;     /* 1 when sealed, counts commits */
    uint8_t version[32];     /* what a contract calls the box's digest */
    char name[BOX_NAME + 1]; /* of what was sealed */
    uint8_t file_id[BOX_ID];
};

/* Called now and then, from any thread, one at a time; `total` 0: not known. */
struct cella_box_progress {
    void (*report)(void *context, uint64_t done, uint64_t total);
    void *context;
};

/* Seals a file (or what a pipe gives) into the box `box`. `name` NULL: the file's own. Ranges that
 * the file system knows as holes stay holes: a sparse file's box shows where it has data. */
cella_status cella_box_seal_file(const char *from, const char *name, const struct cella_box_to *to,
                                 const char *box, bool replaces,
                                 const struct cella_box_progress *progress, cella_error *error);
/* Checks all of a box and, unless `to` is NULL, puts its content there. `info` may be NULL. */
cella_status cella_box_open_file(const char *box, const struct cella_box_keys *keys, const char *to,
                                 bool replaces, const struct cella_box_progress *progress,
                                 struct cella_box_info *info, cella_error *error);

/* The same in memory. The results are the caller's to free; the plaintext has a NUL behind it,
 * which `size` does not count. */
cella_status cella_box_seal_bytes(const void *bytes, size_t size, const char *name,
                                  const struct cella_box_to *to, uint8_t **box, size_t *box_size,
                                  cella_error *error);
cella_status cella_box_open_bytes(const void *box, size_t box_size, const char *where,
                                  const struct cella_box_keys *keys, uint8_t **bytes, size_t *size,
                                  struct cella_box_info *info, cella_error *error);

/* What a box says of itself, without a key: nobody has checked it. *pages (NULL: not wanted) are
 * its header's, checked by box_head_check, the caller's to free. */
cella_status cella_box_look(const char *box, struct cella_box_info *info, uint8_t **pages,
                            cella_error *error);
/* The file key and what is under it, header and superblock authenticated (the blocks are not). For
 * whoever gives it to another: wipe it. */
cella_status cella_box_file_key(const char *box, const struct cella_box_keys *keys,
                                uint8_t file_key[BOX_KEY], struct cella_box_info *info,
                                cella_error *error);

#endif
