/* SPDX-License-Identifier: Apache-2.0
 *
 * Nonces that were given out and not used yet: each is good once and for a while. Bounded: when all
 * places are taken, none is given; one that was given is never dropped before its time.
 * Thread-safe.
 */
#ifndef KEYD_CHALLENGE_H
#define KEYD_CHALLENGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHALLENGE_SIZE 32u

struct challenges;

/* `most` of them at once, each for `life` seconds. NULL: no memory. */
struct challenges *challenges_new(size_t most, int64_t life);
void challenges_free(struct challenges *challenges);

/* `now` is in seconds and never goes back. False: too many are open, or no randomness. */
bool challenge_give(struct challenges *challenges, int64_t now, uint8_t nonce[CHALLENGE_SIZE]);
/* True: it was given, is not too old, and was not used; now it is. */
bool challenge_use(struct challenges *challenges, int64_t now, const uint8_t nonce[CHALLENGE_SIZE]);

#endif
