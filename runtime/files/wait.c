/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting. A waiter looks at a word, looks at what it waits for, and sleeps while the word is
 * unchanged; whoever changes something moves the word on first and then wakes. `sleepers` only
 * saves the wake where nobody sleeps.
 *
 * A set with descriptors of both sides cannot sleep in one place: it sleeps at the host, in slices
 * of WAIT_SLICE, and looks inside between them.
 */
#include "wait.h"

#define WAIT_SLICE UINT64_C(10000000) /* ns */

static struct changes wait_any; /* of anything inside that poll can see */

bool wait_interrupted(void)
{
    const struct thread *self = thread_self();
    return (self->signals_pending & ~self->signal_mask) != 0;
}

static void changes_move(struct changes *changes)
{
    changes->word++;
    if (changes->sleepers)
        thread_wake(&changes->word, UINT32_MAX);
}

void changes_signal(struct changes *changes)
{
    changes_move(changes);
    changes_move(&wait_any);
}

long changes_wait_until(struct changes *changes, uint32_t seen, uint64_t ns)
{
    if (wait_interrupted())
        return -EINTR;
    changes->sleepers++;
    thread_wait(&changes->word, seen, ns);
    changes->sleepers--;
    return wait_interrupted() ? -EINTR : 0;
}

long changes_wait(struct changes *changes, uint32_t seen)
{
    return changes_wait_until(changes, seen, FILES_FOREVER);
}

static bool item_is_host(const struct wait_item *item)
{
    return item->file && item->file->node->operations->host;
}

/* What is ready inside; *changing: some of it may become so. */
static long look_inside(struct wait_item *items, uint64_t count, bool *changing)
{
    long ready = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct wait_item *item = &items[i];
        if (!item->file || item_is_host(item))
            continue;
        uint32_t (*poll)(struct file *) = item->file->node->operations->poll;
        uint32_t bits = poll ? poll(item->file) : POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
        item->ready = bits & (item->events | WAIT_ALWAYS);
        ready += item->ready != 0;
        *changing = *changing || poll;
    }
    return ready;
}

/* Asks the host about its descriptors, waiting at most `ns`; what it says of one decides about
 * that one only. */
static long look_at_host(struct wait_item *items, uint64_t count, uint64_t hosts, uint64_t ns)
{
    uint64_t at = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (!item_is_host(&items[i]))
            continue;
        struct ring_poll poll = {.handle = items[i].file->handle,
                                 .events = (uint16_t)items[i].events};
        host_put(at, &poll, sizeof(poll));
        at += sizeof(poll);
    }
    int64_t result = ns ? host_call_slow(RING_POLL, hosts, ns, 0, 0, 0, (int64_t)hosts)
                        : host_call(RING_POLL, hosts, 0, 0, 0, 0, (int64_t)hosts);
    if (result < 0)
        return result == -EINTR ? 0 : (long)result;
    long ready = 0;
    at = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct ring_poll poll;
        if (!item_is_host(&items[i]))
            continue;
        host_get(at, &poll, sizeof(poll));
        at += sizeof(poll);
        items[i].ready = poll.revents & (items[i].events | WAIT_ALWAYS);
        ready += items[i].ready != 0;
    }
    return ready;
}

long wait_ready(struct wait_item *items, uint64_t count, uint64_t ns)
{
    uint64_t start = ns && ns != FILES_FOREVER ? clock_monotonic_ns() : 0, left = ns;
    uint64_t hosts = 0;
    for (uint64_t i = 0; i < count; i++)
        hosts += item_is_host(&items[i]);
    for (;;) {
        bool changing = false;
        uint32_t seen = wait_any.word;
        long ready = look_inside(items, count, &changing);
        if (hosts) {
            uint64_t slice = changing && left > WAIT_SLICE ? WAIT_SLICE : left;
            long more = look_at_host(items, count, hosts, ready ? 0 : slice);
            if (more < 0)
                return more;
            ready += more;
        }
        if (ready || !left)
            return ready;
        if (wait_interrupted())
            return -EINTR;
        if (!hosts) {
            long result = changes_wait_until(&wait_any, seen, left);
            if (result < 0)
                return result;
        }
        if (ns != FILES_FOREVER) {
            uint64_t past = clock_monotonic_ns() - start;
            left = past < ns ? ns - past : 0;
        }
    }
}

long wait_timeout(const struct __kernel_timespec *time, uint64_t *ns)
{
    const int64_t second = 1000000000;
    *ns = FILES_FOREVER;
    if (!time)
        return 0;
    if (!memory_is_inside(time, sizeof(*time)))
        return -EFAULT;
    struct __kernel_timespec copy = *time;
    if (copy.tv_sec < 0 || copy.tv_nsec < 0 || copy.tv_nsec >= second)
        return -EINVAL;
    if (copy.tv_sec < INT64_MAX / second)
        *ns = (uint64_t)(copy.tv_sec * second + copy.tv_nsec);
    return 0;
}

long wait_mask(const uint64_t *mask, uint64_t size, uint64_t *saved)
{
    struct thread *self = thread_self();
    *saved = self->signal_mask;
    if (!mask)
        return 0;
    if (size != sizeof(*mask))
        return -EINVAL;
    if (!memory_is_inside(mask, sizeof(*mask)))
        return -EFAULT;
    self->signal_mask |= *mask;
    return 0;
}

void wait_unmask(uint64_t saved)
{
    thread_self()->signal_mask = saved;
}
