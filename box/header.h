/* SPDX-License-Identifier: Apache-2.0
 *
 * The header of a box, as the tools make and open it: who may open the box. The format is
 * runtime/box/format.h's.
 */
#ifndef BOX_HEADER_H
#define BOX_HEADER_H

#include "key.h"

/* Who may open a box that is made. */
struct cella_box_to {
    const uint8_t (*recipients)[CELLA_KEY_SIZE]; /* receiving keys */
    size_t recipient_count;
    const struct cella_passphrase *passphrase; /* NULL: none */
    const uint8_t *key;                        /* BOX_KEY bytes; NULL: none */
};

/* What may open a box. Each may be missing. */
struct cella_box_keys {
    const struct cella_key *keys;
    size_t count;
    const struct cella_passphrase *passphrase;
    const uint8_t *key; /* BOX_KEY bytes: the file key, or one that it is wrapped under */
};

/* What follows works on `pages`: the header's pages, one behind another. `where` names the box. */

/* How many pages the header has that begins with this one. */
cella_status box_head_count(const uint8_t page[BOX_PAGE], const char *where, uint32_t *count,
                            cella_error *error);
/* Checks all that can be checked without a key. */
cella_status box_head_check(const uint8_t *pages, uint32_t count, const char *where,
                            cella_error *error);
/* Makes a header with a random file id, and a random file key in `file_key`. *pages is the
 * caller's to free. */
cella_status box_head_make(const struct cella_box_to *to, const char *name,
                           uint8_t file_key[BOX_KEY], uint8_t **pages, uint32_t *count,
                           cella_error *error);
/* Finds the file key, and checks that the header is the one that was made with it. */
cella_status box_head_open(const uint8_t *pages, uint32_t count, const char *where,
                           const struct cella_box_keys *keys, uint8_t file_key[BOX_KEY],
                           cella_error *error);
/* A stanza of a checked header. */
struct box_recipient {
    unsigned type, size;
    const uint8_t *content; /* of `size` bytes, not aligned */
};
/* Goes from a stanza to the next; from one without content to the first. False: no more. */
bool box_head_next(const uint8_t *pages, struct box_recipient *recipient);

#endif
