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

#define WAIT_SLICE      UINT64_C(10000000)             /* ns */
#define WAIT_ALWAYS     (POLLERR | POLLHUP | POLLNVAL) /* told whether asked for or not */
#define WAIT_NEVER_LONG (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM) /* of files */

struct wait_item {
    struct file *file; /* referenced; NULL: skipped */
    uint32_t events, ready;
};

static struct changes wait_any; /* of anything inside that poll can see */

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

long changes_wait(struct changes *changes, uint32_t seen, uint64_t ns)
{
    if (thread_is_signalled(thread_self()))
        return -EINTR;
    changes->sleepers++;
    thread_wait(&changes->word, seen, ns);
    changes->sleepers--;
    return thread_is_signalled(thread_self()) ? -EINTR : 0;
}

/* Fills `ready` and returns how many items have some. Looks inside first; then asks the host about
 * those that it has, *hosts, and lets it wait at most `ns` if nothing is ready. What the host says
 * of one decides about that one only. */
static long look(struct wait_item *items, uint64_t count, uint64_t ns, uint64_t *hosts)
{
    struct ring_poll poll;
    bool changing = false; /* some of what is inside may become ready */
    long ready = 0;
    *hosts = 0;
    for (struct wait_item *item = items; item < items + count; item++) {
        const struct node_operations *operations = item->file ? item->file->node->operations : NULL;
        if (operations && operations->host) {
            poll = (struct ring_poll){item->file->handle, (uint16_t)item->events, 0};
            host_put((*hosts)++ * sizeof(poll), &poll, sizeof(poll));
        } else if (operations) {
            item->ready = (operations->poll ? operations->poll(item->file) : WAIT_NEVER_LONG) &
                          (item->events | WAIT_ALWAYS);
            ready += item->ready != 0;
            changing = changing || operations->poll;
        }
    }
    if (!*hosts)
        return ready;
    ns = ready ? 0 : changing && ns > WAIT_SLICE ? WAIT_SLICE : ns;
    int64_t result = ns ? host_call_slow(RING_POLL, *hosts, ns, 0, 0, 0, (int64_t)*hosts)
                        : host_call(RING_POLL, *hosts, 0, 0, 0, 0, (int64_t)*hosts);
    if (result < 0)
        return result == -EINTR ? ready : (long)result;
    uint64_t at = 0;
    for (struct wait_item *item = items; item < items + count; item++) {
        if (!item->file || !item->file->node->operations->host)
            continue;
        host_get(at++ * sizeof(poll), &poll, sizeof(poll));
        item->ready = poll.revents & (item->events | WAIT_ALWAYS);
        ready += item->ready != 0;
    }
    return ready;
}

/* As look, but returns 0 only after `ns` (0: looks only; FILES_FOREVER); or -EINTR. */
static long wait_ready(struct wait_item *items, uint64_t count, uint64_t ns)
{
    uint64_t start = ns && ns != FILES_FOREVER ? clock_monotonic_ns() : 0, left = ns, hosts;
    for (;;) {
        uint32_t seen = wait_any.word;
        long result = look(items, count, left, &hosts);
        if (result || !left)
            return result;
        if (thread_is_signalled(thread_self()))
            return -EINTR;
        if (!hosts && (result = changes_wait(&wait_any, seen, left)) < 0)
            return result;
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
    if (count > RUNTIME_DESCRIPTORS)
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
