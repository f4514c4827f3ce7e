/* SPDX-License-Identifier: Apache-2.0
 *
 * What was verified before, by the SHA-256 of all that went into it. Two kinds of entries: facts
 * ("this key signed these bytes": true for ever, so a time is never part of one), and objects that
 * were parsed from bytes with that hash. Bounded: the entry that was not used for longest goes.
 * Thread-safe.
 */
#ifndef ATTEST_CACHE_H
#define ATTEST_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache;

struct cache *cache_new(size_t most); /* NULL: no memory */
void cache_free(struct cache *cache); /* NULL is let pass */

bool cache_has(struct cache *cache, const uint8_t key[32]);
void cache_remember(struct cache *cache, const uint8_t key[32]);

/* An object that counts its own references: `keep` adds one, `drop` takes one away. */
struct cache_type {
    void (*keep)(void *object);
    void (*drop)(void *object);
};
/* The object, with a reference for the caller; NULL: not there. */
void *cache_get(struct cache *cache, const uint8_t key[32], const struct cache_type *type);
/* Puts it in, with a reference of the cache's own. */
void cache_put(struct cache *cache, const uint8_t key[32], const struct cache_type *type,
               void *object);

#endif
