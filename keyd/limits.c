/* SPDX-License-Identifier: Apache-2.0
 *
 * A hash table of fixed size: sets of a few ways. The hash is keyed, so that nobody can choose
 * addresses that fall into one set.
 */
#include "limits.h"

#include <netinet/in.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WAYS     8
#define REQUEST  1000 /* a request is so many tokens: they come by the millisecond */
#define NOBODY   0
#define FAMILY_4 4
#define FAMILY_6 6

struct bucket {
    struct limits_client who; /* NOBODY: free */
    int64_t tokens, at;
};

struct limits {
    pthread_mutex_t lock;
    uint64_t secret;
    int64_t rate, burst;
    size_t sets;
    struct bucket buckets[];
};

struct limits *limits_new(size_t most, unsigned rate, unsigned burst)
{
    size_t sets = (most + WAYS - 1) / WAYS;
    struct limits *limits = calloc(1, sizeof(*limits) + sets * WAYS * sizeof(struct bucket));
    if (!limits || RAND_bytes((uint8_t *)&limits->secret, sizeof(limits->secret)) != 1) {
        free(limits);
        return NULL;
    }
    limits->rate = rate;
    limits->burst = (int64_t)burst * REQUEST;
    limits->sets = sets;
    pthread_mutex_init(&limits->lock, NULL);
    return limits;
}

void limits_free(struct limits *limits)
{
    if (!limits)
        return;
    pthread_mutex_destroy(&limits->lock);
    free(limits);
}

/* Who it is. IPv4 in IPv6 is IPv4. */
void limits_identify(const struct sockaddr *client, struct limits_client *who)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    memset(who, 0, sizeof(*who));
    who->family = FAMILY_6;
    if (client->sa_family == AF_INET) {
        who->family = FAMILY_4;
        memcpy(who->address, &((const struct sockaddr_in *)client)->sin_addr, 4);
    } else if (client->sa_family == AF_INET6) {
        const uint8_t *bytes = ((const struct sockaddr_in6 *)client)->sin6_addr.s6_addr;
        if (memcmp(bytes, mapped, sizeof(mapped)) == 0) {
            who->family = FAMILY_4;
            memcpy(who->address, bytes + 12, 4);
        } else {
            memcpy(who->address, bytes, 8);
        }
    }
}

bool limits_same(const struct limits_client *a, const struct limits_client *b)
{
    return a->family == b->family && memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

static uint64_t hash(uint64_t secret, const struct limits_client *who)
{
    uint64_t value;
    memcpy(&value, who->address, sizeof(value));
    value ^= secret + who->family;
    for (int round = 0; round < 3; round++) {
        value *= UINT64_C(0x9e3779b97f4a7c15);
        value ^= value >> 29;
        value += secret;
    }
    return value;
}

/* Its bucket; a new one is full. Under the lock. */
static struct bucket *find(struct limits *limits, int64_t now, const struct limits_client *who)
{
    struct bucket *set = &limits->buckets[hash(limits->secret, who) % limits->sets * WAYS];
    struct bucket *oldest = set;
    for (struct bucket *bucket = set; bucket < set + WAYS; bucket++) {
        if (limits_same(&bucket->who, who))
            return bucket;
        if (bucket->who.family == NOBODY ||
            (oldest->who.family != NOBODY && bucket->at < oldest->at))
            oldest = bucket;
    }
    oldest->who = *who;
    oldest->tokens = limits->burst;
    oldest->at = now;
    return oldest;
}

bool limits_take(struct limits *limits, int64_t now, const struct sockaddr *client)
{
    struct limits_client who;
    limits_identify(client, &who);
    pthread_mutex_lock(&limits->lock);
    struct bucket *bucket = find(limits, now, &who);
    /* A second fills no more than the rate; whoever was away for long has a full one. */
    int64_t passed = now - bucket->at, enough = limits->burst / (limits->rate ? limits->rate : 1);
    bucket->tokens += passed > enough ? limits->burst : passed * limits->rate;
    if (bucket->tokens > limits->burst)
        bucket->tokens = limits->burst;
    bucket->at = now;
    bool may = bucket->tokens >= REQUEST;
    if (may)
        bucket->tokens -= REQUEST;
    pthread_mutex_unlock(&limits->lock);
    return may;
}
