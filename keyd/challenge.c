/* SPDX-License-Identifier: Apache-2.0
 *
 * A ring: a nonce starts with the number of its place, and the rest is random. All live equally
 * long, so that the next place is nearly always the one that was free for longest.
 */
#include "challenge.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER 8  /* bytes of the place */
#define TRIES  64 /* places that are looked at for a free one */

struct place {
    int64_t until; /* 0: free */
    uint8_t random[CHALLENGE_SIZE - NUMBER];
};

struct challenges {
    pthread_mutex_t lock;
    size_t most, next;
    int64_t life;
    struct place places[];
};

struct challenges *challenges_new(size_t most, int64_t life)
{
    struct challenges *challenges =
        calloc(1, sizeof(*challenges) + most * sizeof(challenges->places[0]));
    if (!challenges)
        return NULL;
    challenges->most = most;
    challenges->life = life;
    pthread_mutex_init(&challenges->lock, NULL);
    return challenges;
}

void challenges_free(struct challenges *challenges)
{
    if (!challenges)
        return;
    pthread_mutex_destroy(&challenges->lock);
    free(challenges);
}

static struct place *find_free(struct challenges *challenges, int64_t now, uint64_t *number)
{
    for (size_t i = 0; i < TRIES; i++) {
        *number = challenges->next++ % challenges->most;
        if (challenges->places[*number].until < now)
            return &challenges->places[*number];
    }
    return NULL;
}

bool challenge_give(struct challenges *challenges, int64_t now, uint8_t nonce[CHALLENGE_SIZE])
{
    uint64_t number;
    if (RAND_bytes(nonce + NUMBER, CHALLENGE_SIZE - NUMBER) != 1)
        return false;
    pthread_mutex_lock(&challenges->lock);
    struct place *place = find_free(challenges, now, &number);
    if (place) {
        memcpy(place->random, nonce + NUMBER, sizeof(place->random));
        place->until = now + challenges->life;
    }
    pthread_mutex_unlock(&challenges->lock);
    memcpy(nonce, &number, NUMBER);
    return place;
}

bool challenge_use(struct challenges *challenges, int64_t now, const uint8_t nonce[CHALLENGE_SIZE])
{
    uint64_t number;
    memcpy(&number, nonce, NUMBER);
    if (number >= challenges->most)
        return false;
    pthread_mutex_lock(&challenges->lock);
    struct place *place = &challenges->places[number];
    bool good = place->until >= now && place->until != 0 &&
                CRYPTO_memcmp(place->random, nonce + NUMBER, sizeof(place->random)) == 0;
    if (good)
        place->until = 0;
    pthread_mutex_unlock(&challenges->lock);
    return good;
}
