/* SPDX-License-Identifier: Apache-2.0
 *
 * A key asked for: a challenge, evidence that binds it to a recipient's key of this one request,
 * the release, and the key opened.
 *
 * What always holds: a key comes from the keyd that has both pinned keys, in answer to this
 * request; it and the recipient's secret half are nowhere but in this enclave.
 */
#ifndef KEYD_AGENT_ASK_H
#define KEYD_AGENT_ASK_H

#include "https.h"
#include "reply.h"

#define ASK_TRIES 4 /* where the keyd says that it is busy */

struct ask_keyd {
    struct https_server server;
    uint8_t kid[32];   /* SHA-256 of the SubjectPublicKeyInfo of the key that signs replies */
    EVP_PKEY *signing; /* NULL: not asked for yet. To be freed */
};

/* `key` is to be wiped. */
cella_status ask_key(struct ask_keyd *keyd, const char *name, uint8_t key[REPLY_KEY],
                     cella_error *error);

#endif
