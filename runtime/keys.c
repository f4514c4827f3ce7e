/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys by name: set once each, by the agent or by who writes to /dev/attestation/keys/NAME, used to
 * open boxes.
 *
 * Invariant: entries 0..count-1 never change once `count` says that they are there, so looking one
 * up takes no lock and what it returns stays.
 */
#include "runtime.h"

static struct lock keys_lock; /* of those who add */
static struct key keys[KEYS_MOST];
static _Atomic uint32_t count;

const struct key *keys_get(const char *name, size_t length)
{
    for (uint32_t i = 0; i < count; i++) {
        if (keys[i].length == length && memcmp(keys[i].name, name, length) == 0)
            return &keys[i];
    }
    return NULL;
}

static int add(const char *name, size_t length, const uint8_t bytes[32], const uint8_t *version)
{
    if (keys_get(name, length))
        return -EEXIST;
    if (count == KEYS_MOST)
        return -ENOSPC;
    struct key *key = &keys[count];
    memcpy(key->name, name, length);
    key->length = length;
    memcpy(key->bytes, bytes, sizeof(key->bytes));
    key->bound = version;
    if (version)
        memcpy(key->version, version, sizeof(key->version));
    count++;
    return 0;
}

int keys_set(const char *name, size_t length, const uint8_t key[32], const uint8_t *version)
{
    if (!length || length > KEYS_NAME)
        return -EINVAL;
    lock_acquire(&keys_lock);
    int result = add(name, length, key, version);
    lock_release(&keys_lock);
    return result;
}
