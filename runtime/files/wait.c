/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting, and poll. A waiter looks at a word, looks at what it waits for, and sleeps while the
 * word is unchanged; whoever changes something moves the word on first and then wakes. `sleepers`
 * only saves the wake where nobody sleeps.
 *
 * A set with descriptors of both sides cannot sleep in one place: it sleeps at the host, in slices
 * of WAIT_SLICE, and looks inside between them.
 */
#include "node.h"

#define WAIT_SLICE  UINT64_C(10000000)             /* ns */
#define WAIT_ALWAYS (POLLERR | POLLHUP | POLLNVAL) /* told whether asked for or not */

struct wait_item {
    struct file *file; /* referenced; NULL: skipped */
    uint32_t events, ready;
};

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

/* changes_wait for at most `ns`. */
static long changes_wait_until(struct changes *changes, uint32_t seen, uint64_t ns)
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

/* Fills `ready` and returns how many items have some: at once where there are any, else after at
 * most `ns` (0: looks only; FILES_FOREVER) with 0, or -EINTR. */
static long wait_ready(struct wait_item *items, uint64_t count, uint64_t ns)
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

long sys_poll(const long *argument)
{
    struct pollfd *set = (struct pollfd *)argument[0];
    uint64_t count = (uint32_t)argument[1];
    int milliseconds = (int)argument[2];
    uint64_t ns = milliseconds < 0 ? FILES_FOREVER : (uint64_t)milliseconds * 1000000;
    long closed = 0;
    if (count > FILES_DESCRIPTORS)
        return -EINVAL;
    if (count && !memory_is_inside(set, count * sizeof(*set)))
        return -EFAULT;
    struct wait_item *items = memory_allocate((count + 1) * sizeof(*items));
    if (!items)
        return -ENOMEM;
    for (uint64_t i = 0; i < count; i++) {
        int number = set[i].fd;
        items[i].events = (uint16_t)set[i].events;
        items[i].file = number >= 0 ? file_get(number) : NULL;
        if (number >= 0 && !items[i].file) {
            items[i].ready = POLLNVAL;
            closed++;
        }
    }
    long result = wait_ready(items, count, closed ? 0 : ns);
    for (uint64_t i = 0; i < count; i++) {
        if (result >= 0)
            set[i].revents = (short)items[i].ready;
        file_end(&items[i].file);
    }
    memory_free(items);
    return result < 0 ? result : result + closed;
}
