/* SPDX-License-Identifier: Apache-2.0
 *
 * Superblocks of a box: sealed and found.
 */
#ifndef BOX_SUPER_H
#define BOX_SUPER_H

#include "../runtime/box/format.h"

#include <cella/error.h>
#include <openssl/evp.h>

/* Seals a superblock into its page. */
bool super_seal(EVP_CIPHER_CTX *cipher, const uint8_t file_id[BOX_ID],
                const struct box_super *super, uint8_t page[BOX_PAGE]);
/* The superblock that counts, of the two slots' pages; `header_pages` stand before them. `cipher`
 * NULL: nobody has checked what it says. */
cella_status super_find(EVP_CIPHER_CTX *cipher, const uint8_t file_id[BOX_ID],
                        uint32_t header_pages, const uint8_t slots[2 * BOX_PAGE], const char *where,
                        struct box_super *super, cella_error *error);

#endif
