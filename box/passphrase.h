/* SPDX-License-Identifier: Apache-2.0
 *
 * A key from a passphrase: Argon2id (RFC 9106).
 */
#ifndef BOX_PASSPHRASE_H
#define BOX_PASSPHRASE_H

#include "../runtime/box/format.h"

#include <cella/error.h>
#include <stddef.h>

#define PASSPHRASE_SALT 16u

struct cella_passphrase {
    const char *bytes; /* UTF-8; not NUL-terminated */
    size_t size;       /* 1.. */
};

struct passphrase_cost {
    uint32_t passes;     /* 1..64 */
    uint32_t memory_kib; /* 8 * lanes..4194304 */
    uint32_t lanes;      /* 1..16 */
};

/* What new things are made with: RFC 9106's recommendation where memory is short. */
#define PASSPHRASE_COST                                                                            \
    (struct passphrase_cost)                                                                       \
    {                                                                                              \
        .passes = 3, .memory_kib = 65536, .lanes = 4                                               \
    }

bool passphrase_cost_is_allowed(const struct passphrase_cost *cost);
/* The key is the caller's to wipe. */
cella_status passphrase_key(const struct cella_passphrase *passphrase,
                            const uint8_t salt[PASSPHRASE_SALT], const struct passphrase_cost *cost,
                            uint8_t key[BOX_KEY], cella_error *error);

#endif
