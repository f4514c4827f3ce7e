/* SPDX-License-Identifier: Apache-2.0
 *
 * A key from a passphrase, by libargon2. The cost comes from files, which may be hostile: it has
 * bounds.
 */
#include "passphrase.h"

#include "../image/fail.h"

#include <argon2.h>

bool passphrase_cost_is_allowed(const struct passphrase_cost *cost)
{
    return cost->passes >= 1 && cost->passes <= 64 && cost->lanes >= 1 && cost->lanes <= 16 &&
           cost->memory_kib >= 8 * cost->lanes && cost->memory_kib <= 4194304;
}

cella_status passphrase_key(const struct cella_passphrase *passphrase,
                            const uint8_t salt[PASSPHRASE_SALT], const struct passphrase_cost *cost,
                            uint8_t key[BOX_KEY], cella_error *error)
{
    if (!passphrase->size)
        return fail(error, CELLA_INVALID, "the passphrase is empty; give one");
    int result = argon2id_hash_raw(cost->passes, cost->memory_kib, cost->lanes, passphrase->bytes,
                                   passphrase->size, salt, PASSPHRASE_SALT, key, BOX_KEY);
    if (result != ARGON2_OK)
        return fail(error, CELLA_SYSTEM, "Argon2id with %u KiB of memory: %s", cost->memory_kib,
                    argon2_error_message(result));
    return CELLA_OK;
}
