/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections that are open: until when each has to come on, how many a client has, and how many
 * bytes of requests it keeps here. A client is an address (of IPv6: a /64), as for limits.h.
 * Bounded: nothing is allocated after the start. Thread-safe.
 */
#ifndef KEYD_LINKS_H
#define KEYD_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct links;
struct link;

/* `most` connections, of which one client has half; `bytes`, of which it has an eighth. NULL: no
 * memory. */
struct links *links_new(unsigned most, size_t bytes);
void links_free(struct links *links);

/* Whether this client may have another one. */
bool links_may_open(struct links *links, const struct sockaddr *client);
/* NULL: it may not, or all are open. To be closed before `fd` is. */
struct link *links_open(struct links *links, const struct sockaddr *client, int fd, int64_t until);
void links_close(struct links *links, struct link *link);

/* It has to come on until then; 0: it may wait. In the milliseconds of links_sweep. */
void link_wait(struct link *link, int64_t until);
/* Ends those that are late: their sockets are shut down. Returns how many. */
unsigned links_sweep(struct links *links, int64_t now);

/* Room for bytes of a request. False: too many of this client, or of all. */
bool link_reserve(struct links *links, struct link *link, size_t size);
void link_release(struct links *links, struct link *link, size_t size);

#endif
