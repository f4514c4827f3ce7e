/* SPDX-License-Identifier: Apache-2.0
 *
 * Superblocks of a box.
 */
#include "super.h"

#include "../image/fail.h"
#include "aead.h"

#include <string.h>

struct additional {
    uint8_t is_for;
    uint8_t file_id[BOX_ID];
    uint8_t slot;
    uint8_t super[sizeof(struct box_super)];
};
static_assert(sizeof(struct additional) == 98, "part of the format");

static struct additional additional_of(const uint8_t file_id[BOX_ID], const struct box_super *super)
{
    struct additional additional = {.is_for = BOX_FOR_SUPER, .slot = super->sequence % 2};
    memcpy(additional.file_id, file_id, BOX_ID);
    memcpy(additional.super, super, sizeof(*super));
    return additional;
}

bool super_seal(EVP_CIPHER_CTX *cipher, const uint8_t file_id[BOX_ID],
                const struct box_super *super, uint8_t page[BOX_PAGE])
{
    struct box_seal seal;
    struct additional additional = additional_of(file_id, super);
    if (!aead_nonces(seal.nonce, BOX_NONCE) ||
        !aead_seal(cipher, seal.nonce, &additional, sizeof(additional), NULL, 0, NULL, seal.tag))
        return false;
    memset(page, 0, BOX_PAGE);
    memcpy(page, &seal, sizeof(seal));
    memcpy(page + sizeof(seal), super, sizeof(*super));
    return true;
}

/* Whether a slot may count: it says that it is in its place, there is nothing behind it, and with a
 * key, it is sealed. */
static bool slot_read(EVP_CIPHER_CTX *cipher, const uint8_t file_id[BOX_ID], unsigned slot,
                      const uint8_t *page, struct box_super *super)
{
    struct box_seal seal;
    memcpy(&seal, page, sizeof(seal));
    memcpy(super, page + sizeof(seal), sizeof(*super));
    struct additional additional = additional_of(file_id, super);
    size_t used = sizeof(seal) + sizeof(*super);
    return super->sequence && super->sequence % 2 == slot &&
           aead_is_zero(page + used, BOX_PAGE - used) &&
           (!cipher || aead_open(cipher, seal.nonce, &additional, sizeof(additional), NULL, 0, NULL,
                                 seal.tag));
}

cella_status super_find(EVP_CIPHER_CTX *cipher, const uint8_t file_id[BOX_ID],
                        uint32_t header_pages, const uint8_t slots[2 * BOX_PAGE], const char *where,
                        struct box_super *super, cella_error *error)
{
    struct box_super slot[2];
    bool good[2];
    for (unsigned i = 0; i < 2; i++)
        good[i] = slot_read(cipher, file_id, i, slots + i * BOX_PAGE, &slot[i]);
    if (!good[0] && !good[1])
        return fail(error, CELLA_REFUSED,
                    "%s: neither superblock belongs to its header: it has another box's header, or "
                    "was altered",
                    where);
    *super = slot[good[1] && (!good[0] || slot[1].sequence > slot[0].sequence)];
    if (!box_super_is_sound(super, header_pages + UINT64_C(2)))
        return fail(error, CELLA_INVALID, "%s: its superblock is malformed", where);
    return CELLA_OK;
}
