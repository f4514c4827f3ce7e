/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads a box from one end to the other. What must hold: nothing is given out that the tree under
 * the superblock's root does not vouch for.
 */
#ifndef BOX_READER_H
#define BOX_READER_H

#include "box.h"
#include "group.h"

#include <openssl/evp.h>

/* Where the box is: a file, or memory. */
struct box_source {
    const char *where;    /* names it in errors */
    const uint8_t *bytes; /* NULL: the file */
    int fd;
    int direct; /* the same, around the page cache; -1: not so */
    uint64_t size;
};

struct box_reader {
    const struct box_source *source;
    uint8_t *header; /* its pages */
    uint32_t header_pages;
    struct box_super super;
    uint8_t file_id[BOX_ID];
    uint8_t file_key[BOX_KEY];
    uint64_t *journal; /* targets of a commit that was not finished; NULL: none */
    struct box_seal *leaves;
    uint64_t groups, batches;
};

/* Header and superblock, not checked by a key. */
cella_status reader_look(struct box_reader *reader, const struct box_source *source,
                         cella_error *error);
/* The same, authenticated. */
cella_status reader_unlock(struct box_reader *reader, const struct box_source *source,
                           const struct cella_box_keys *keys, cella_error *error);
/* After reader_unlock: the file's length, the journal and the tree down to the leaves' seals. */
cella_status reader_begin(struct box_reader *reader, cella_error *error);
void reader_end(struct box_reader *reader); /* also after a failure */

/* The plaintext of a batch, from the first of the BATCH_PAGES pages of `pages` on; or *hole: it is
 * zeros, which are not put there. By several threads at once, each with its own cipher (aead_new
 * of file_key). */
cella_status reader_batch(const struct box_reader *reader, EVP_CIPHER_CTX *cipher, uint64_t number,
                          uint8_t *pages, bool *hole, cella_error *error);
void reader_info(const struct box_reader *reader, struct cella_box_info *info);

#endif
