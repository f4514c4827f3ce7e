/* SPDX-License-Identifier: Apache-2.0
 *
 * A hash table of sets of a few ways. Where one is full, the table is doubled; at its greatest, the
 * oldest of the set goes. The key is a SHA-256 already, so its first bytes are the hash.
 */
#include "cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 8
#define SETS 2 /* to begin with: most verifiers judge one piece of evidence */

struct entry {
    uint8_t key[32];
    const struct cache_type *type; /* NULL: a fact */
    void *object;
    uint64_t used; /* the clock when it was last asked for; 0: empty */
};

struct set {
    struct entry ways[WAYS];
};

struct cache {
    pthread_mutex_t lock;
    uint64_t clock;
    size_t count, most; /* of sets: now, and at the greatest */
    struct set *sets;
};

struct cache *cache_new(size_t most)
{
    struct cache *cache = calloc(1, sizeof(*cache));
    if (!cache)
        return NULL;
    cache->most = (most + WAYS - 1) / WAYS;
    cache->count = cache->most < SETS ? cache->most : SETS;
    cache->sets = calloc(cache->count, sizeof(*cache->sets));
    if (!cache->sets) {
        free(cache);
        return NULL;
    }
    pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

static void drop(const struct entry *entry)
{
    if (entry->used && entry->type)
        entry->type->drop(entry->object);
}

void cache_free(struct cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < cache->count; i++)
        for (size_t way = 0; way < WAYS; way++)
            drop(&cache->sets[i].ways[way]);
    free(cache->sets);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static bool holds(const struct entry *entry, const uint8_t key[32], const struct cache_type *type)
{
    return entry->used && entry->type == type && memcmp(entry->key, key, 32) == 0;
}

/* The entry of this key and type, else the one to put it into. Under the lock, as all below. */
static struct entry *find(struct set *sets, size_t count, const uint8_t key[32],
                          const struct cache_type *type)
{
    uint64_t hash;
    memcpy(&hash, key, sizeof(hash));
    struct set *set = &sets[hash % count];
    struct entry *oldest = set->ways;
    for (struct entry *entry = set->ways; entry < set->ways + WAYS; entry++) {
        if (holds(entry, key, type))
            return entry;
        if (entry->used < oldest->used)
            oldest = entry;
    }
    return oldest;
}

/* Whether it is there, with the object and a reference to it. */
static bool look_up(struct cache *cache, const uint8_t key[32], const struct cache_type *type,
                    void **object)
{
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = find(cache->sets, cache->count, key, type);
    bool there = holds(entry, key, type);
    if (there) {
        entry->used = ++cache->clock;
        *object = entry->object;
        if (type)
            type->keep(entry->object);
    }
    pthread_mutex_unlock(&cache->lock);
    return there;
}

/* Twice the sets; what was in one is in two then, so nothing has to go. False: no memory. */
static bool grow(struct cache *cache)
{
    size_t count = 2 * cache->count;
    struct set *sets = calloc(count, sizeof(*sets));
    if (!sets)
        return false;
    for (size_t i = 0; i < cache->count; i++)
        for (size_t way = 0; way < WAYS; way++) {
            const struct entry *entry = &cache->sets[i].ways[way];
            if (entry->used)
                *find(sets, count, entry->key, entry->type) = *entry;
        }
    free(cache->sets);
    cache->sets = sets;
    cache->count = count;
    return true;
}

static void put(struct cache *cache, const uint8_t key[32], const struct cache_type *type,
                void *object)
{
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = find(cache->sets, cache->count, key, type);
    while (entry->used && !holds(entry, key, type) && 2 * cache->count <= cache->most &&
           grow(cache))
        entry = find(cache->sets, cache->count, key, type);
    if (!holds(entry, key, type)) {
        drop(entry);
        memcpy(entry->key, key, 32);
        entry->type = type;
        entry->object = object;
        if (type)
            type->keep(object);
    }
    entry->used = ++cache->clock;
    pthread_mutex_unlock(&cache->lock);
}

bool cache_has(struct cache *cache, const uint8_t key[32])
{
    void *nothing;
    return look_up(cache, key, NULL, &nothing);
}

void cache_remember(struct cache *cache, const uint8_t key[32])
{
    put(cache, key, NULL, NULL);
}

void *cache_get(struct cache *cache, const uint8_t key[32], const struct cache_type *type)
{
    void *object;
    return look_up(cache, key, type, &object) ? object : NULL;
}

void cache_put(struct cache *cache, const uint8_t key[32], const struct cache_type *type,
               void *object)
{
    put(cache, key, type, object);
}
