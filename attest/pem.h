/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks of a PEM text (RFC 7468): other text may stand before, between and behind them. Base64 is
 * read strictly; encrypted blocks, those with headers and those with empty lines are malformed
 * here.
 */
#ifndef ATTEST_PEM_H
#define ATTEST_PEM_H

#include "der.h"

struct pem_reader {
    const char *at, *end;
    uint8_t *room; /* for what is inside of a block */
    bool failed;   /* a block is malformed or cut off, or there is no memory */
};

struct pem_block {
    struct der label;  /* "CERTIFICATE" */
    struct der inside; /* until the next is read */
};

struct pem_reader pem_read(const uint8_t *bytes, size_t size);
/* False: there is no further block, or `failed`. */
bool pem_next(struct pem_reader *reader, struct pem_block *block);
void pem_end(struct pem_reader *reader);

/* By label. */
bool pem_is_certificate(const struct pem_block *block);
bool pem_is_list(const struct pem_block *block);
bool pem_is_public_key(const struct pem_block *block);

#endif
