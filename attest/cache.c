/* SPDX-License-Identifier: Apache-2.0
 *
 * A hash table of fixed size: sets of a few ways, the oldest of a set goes. The key is a SHA-256
 * already, so its first bytes are the hash.
 */
#include "cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 8

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
    size_t count;
    struct set *sets[]; /* NULL: nothing was put in it yet */
};

struct cache *cache_new(size_t most)
{
    size_t count = (most + WAYS - 1) / WAYS;
    struct cache *cache = calloc(1, sizeof(*cache) + count * sizeof(cache->sets[0]));
    if (!cache)
        return NULL;
    cache->count = count;
    pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

static void empty(struct entry *entry)
{
    if (entry->used && entry->type)
        entry->type->drop(entry->object);
    memset(entry, 0, sizeof(*entry));
}

void cache_free(struct cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < cache->count; i++) {
        for (size_t way = 0; cache->sets[i] && way < WAYS; way++)
            empty(&cache->sets[i]->ways[way]);
        free(cache->sets[i]);
    }
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static bool holds(const struct entry *entry, const uint8_t key[32], const struct cache_type *type)
{
    return entry->used && entry->type == type && memcmp(entry->key, key, 32) == 0;
}

static struct set **set_of(struct cache *cache, const uint8_t key[32])
{
    uint64_t hash;
    memcpy(&hash, key, sizeof(hash));
    return &cache->sets[hash % cache->count];
}

/* The entry of this key and type, else the one to put it into. Under the lock, as all below. */
static struct entry *find(struct set *set, const uint8_t key[32], const struct cache_type *type)
{
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
    struct set *set = *set_of(cache, key);
    struct entry *entry = set ? find(set, key, type) : NULL;
    bool there = entry && holds(entry, key, type);
    if (there) {
        entry->used = ++cache->clock;
        *object = entry->object;
        if (type)
            type->keep(entry->object);
    }
    pthread_mutex_unlock(&cache->lock);
    return there;
}

static void fill(struct cache *cache, struct entry *entry, const uint8_t key[32],
                 const struct cache_type *type, void *object)
{
    if (!holds(entry, key, type)) {
        empty(entry);
        memcpy(entry->key, key, 32);
        entry->type = type;
        entry->object = object;
        if (type)
            type->keep(object);
    }
    entry->used = ++cache->clock;
}

/* Without memory it is not remembered. */
static void put(struct cache *cache, const uint8_t key[32], const struct cache_type *type,
                void *object)
{
    pthread_mutex_lock(&cache->lock);
    struct set **set = set_of(cache, key);
    if (!*set)
        *set = calloc(1, sizeof(**set));
    if (*set)
        fill(cache, find(*set, key, type), key, type, object);
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
