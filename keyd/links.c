/* SPDX-License-Identifier: Apache-2.0
 *
 * Two tables of fixed size: connections, and the clients that have any.
 */
#include "links.h"

#include "limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SHARE 8  /* of the bytes one client has one in so many */
#define SPARE 16 /* connections that are gone but not closed yet */

struct peer {
    struct limits_client who;
    unsigned links; /* 0: free */
    atomic_size_t bytes;
};

struct link {
    struct peer *peer; /* NULL: free */
    int fd;
    _Atomic int64_t until;
};

struct links {
    pthread_mutex_t lock;
    size_t count;
    unsigned most; /* of one client */
    size_t bytes_most;
    atomic_size_t bytes;
    struct link *all;
    struct peer *peers;
};

struct links *links_new(unsigned most, size_t bytes)
{
    struct links *links = calloc(1, sizeof(*links));
    if (!links)
        return NULL;
    pthread_mutex_init(&links->lock, NULL);
    links->count = (size_t)most + SPARE;
    links->most = (most + 1) / 2;
    links->bytes_most = bytes;
    links->all = calloc(links->count, sizeof(*links->all));
    links->peers = calloc(links->count, sizeof(*links->peers));
    if (links->all && links->peers)
        return links;
    links_free(links);
    return NULL;
}

void links_free(struct links *links)
{
    if (!links)
        return;
    pthread_mutex_destroy(&links->lock);
    free(links->all);
    free(links->peers);
    free(links);
}

/* The client's place, else a free one; NULL: none. Under the lock. */
static struct peer *find(struct links *links, const struct limits_client *who)
{
    struct peer *place = NULL;
    for (size_t i = 0; i < links->count; i++) {
        struct peer *peer = &links->peers[i];
        if (peer->links && limits_same(&peer->who, who))
            return peer;
        if (!peer->links && !place)
            place = peer;
    }
    return place;
}

bool links_may_open(struct links *links, const struct sockaddr *client)
{
    struct limits_client who;
    limits_identify(client, &who);
    pthread_mutex_lock(&links->lock);
    const struct peer *peer = find(links, &who);
    bool may = peer && peer->links < links->most;
    pthread_mutex_unlock(&links->lock);
    return may;
}

struct link *links_open(struct links *links, const struct sockaddr *client, int fd, int64_t until)
{
    struct limits_client who;
    struct link *opened = NULL;
    limits_identify(client, &who);
    pthread_mutex_lock(&links->lock);
    struct peer *peer = find(links, &who);
    for (size_t i = 0; i < links->count && peer && peer->links < links->most && !opened; i++)
        if (!links->all[i].peer)
            opened = &links->all[i];
    if (opened) {
        peer->who = who;
        peer->links++;
        opened->peer = peer;
        opened->fd = fd;
        opened->until = until;
    }
    pthread_mutex_unlock(&links->lock);
    return opened;
}

void links_close(struct links *links, struct link *link)
{
    pthread_mutex_lock(&links->lock);
    link->peer->links--;
    link->peer = NULL;
    pthread_mutex_unlock(&links->lock);
}

void link_wait(struct link *link, int64_t until)
{
    link->until = until;
}

unsigned links_sweep(struct links *links, int64_t now)
{
    unsigned late = 0;
    pthread_mutex_lock(&links->lock);
    for (size_t i = 0; i < links->count; i++) {
        struct link *link = &links->all[i];
        int64_t until = link->until;
        if (link->peer && until && now > until) {
            shutdown(link->fd, SHUT_RDWR);
            late++;
        }
    }
    pthread_mutex_unlock(&links->lock);
    return late;
}

/* Adds, where it stays in bounds. */
static bool add(atomic_size_t *to, size_t size, size_t most)
{
    size_t was = *to;
    do {
        if (size > most || was > most - size)
            return false;
    } while (!atomic_compare_exchange_weak(to, &was, was + size));
    return true;
}

bool link_reserve(struct links *links, struct link *link, size_t size)
{
    if (!add(&link->peer->bytes, size, links->bytes_most / SHARE))
        return false;
    if (add(&links->bytes, size, links->bytes_most))
        return true;
    atomic_fetch_sub(&link->peer->bytes, size);
    return false;
}

void link_release(struct links *links, struct link *link, size_t size)
{
    atomic_fetch_sub(&link->peer->bytes, size);
    atomic_fetch_sub(&links->bytes, size);
}
