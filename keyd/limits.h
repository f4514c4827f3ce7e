/* SPDX-License-Identifier: Apache-2.0
 *
 * How often a client may ask: a token bucket for each address (of IPv6: each /64). Bounded: the
 * bucket that was not asked for longest makes room. Thread-safe.
 */
#ifndef KEYD_LIMITS_H
#define KEYD_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Who asks, for all that is counted by client. */
struct limits_client {
    uint8_t family; /* 4, 6; 0: nobody */
    uint8_t address[8];
};
void limits_identify(const struct sockaddr *client, struct limits_client *who);
bool limits_same(const struct limits_client *a, const struct limits_client *b);

struct limits;

/* `rate` requests a second and `burst` at once, for each of `most` clients. NULL: no memory. */
struct limits *limits_new(size_t most, unsigned rate, unsigned burst);
void limits_free(struct limits *limits);

/* Takes one request of this client. `now` is in milliseconds and never goes back. */
bool limits_take(struct limits *limits, int64_t now, const struct sockaddr *client);

#endif
