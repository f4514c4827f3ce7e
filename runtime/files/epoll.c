/* SPDX-License-Identifier: Apache-2.0
 *
 * epoll, on top of wait_ready. A watch does not keep its file open: the last close takes it out
 * (epoll_forget), under the one lock of all epolls, so what a watch points to is always a file.
 *
 * Edge-triggered watches: the host tells only what is ready, not that more has come. So readiness
 * that was told is kept quiet until the program has used the file (`actions`): it is told again
 * after the next read or write if it still holds. That may be once more than Linux would, never
 * once less.
 */
#include "wait.h"

#include <linux/eventpoll.h>

#define EPOLL_SLICE UINT64_C(10000000) /* ns; changes by other threads are seen after that */
#define EPOLL_CARRY 0x3fffu            /* events that poll knows too */

struct watch {
    struct watch *next;
    struct file *file;
    int number;
    struct epoll_event event;
    uint32_t quiet;   /* edge-triggered: bits told and not used since */
    uint32_t actions; /* of the file, when they were told */
    bool spent;       /* EPOLLONESHOT: told */
    uint64_t item;    /* where the last collection put it, from 1; a hint, checked */
};

struct epoll {
    struct epoll *next;
    struct watch *watches;
    uint64_t count;
};

static struct lock epoll_lock;
static struct epoll *epolls;
static const struct node_operations epoll_operations;

void epoll_forget(struct file *file)
{
    lock_acquire(&epoll_lock);
    for (struct epoll *epoll = epolls; epoll; epoll = epoll->next) {
        struct watch **link = &epoll->watches, *watch;
        while ((watch = *link)) {
            if (watch->file == file) {
                *link = watch->next;
                epoll->count--;
                memory_free(watch);
            } else {
                link = &watch->next;
            }
        }
    }
    file->watches = 0;
    lock_release(&epoll_lock);
}

static void epoll_destroy(struct node *node)
{
    struct epoll **link = &epolls, *epoll = node->epoll;
    lock_acquire(&epoll_lock);
    while (*link != epoll)
        link = &(*link)->next;
    *link = epoll->next;
    for (struct watch *watch = epoll->watches, *next; watch; watch = next) {
        next = watch->next;
        watch->file->watches--;
        memory_free(watch);
    }
    lock_release(&epoll_lock);
    memory_free(epoll);
}

/* What the watch waits for now; 0: nothing. */
static uint32_t watch_wanted(struct watch *watch)
{
    if (watch->spent)
        return 0;
    uint32_t wanted = (watch->event.events & EPOLL_CARRY) | WAIT_ALWAYS;
    if (!(watch->event.events & EPOLLET))
        return wanted;
    if (watch->actions != watch->file->actions)
        watch->quiet = 0;
    return wanted & ~watch->quiet;
}

/* A list of what is watched, files referenced. NULL: no memory. */
static struct wait_item *epoll_collect(struct epoll *epoll, uint64_t *count)
{
    lock_acquire(&epoll_lock);
    struct wait_item *items = memory_allocate((epoll->count + 1) * sizeof(*items));
    *count = 0;
    for (struct watch *watch = epoll->watches; items && watch; watch = watch->next) {
        uint32_t wanted = watch_wanted(watch);
        watch->item = 0;
        /* A file with nothing left to tell is not asked about; hang-ups are never left out of what
         * is asked, so one that was told would end every wait at once. */
        if (!wanted || (watch->quiet & (EPOLLHUP | EPOLLERR)) || !file_try_get(watch->file))
            continue;
        items[(*count)++] = (struct wait_item){.file = watch->file, .events = wanted};
        watch->item = *count;
    }
    lock_release(&epoll_lock);
    return items;
}

/* Tells what is ready of `items`; watches that have changed meanwhile say nothing. */
static long epoll_tell(struct epoll *epoll, const struct wait_item *items, uint64_t count,
                       struct epoll_event *events, long most)
{
    long told = 0;
    lock_acquire(&epoll_lock);
    for (struct watch *watch = epoll->watches; watch && told < most; watch = watch->next) {
        uint64_t i = watch->item - 1;
        if (!watch->item || i >= count || items[i].file != watch->file)
            continue;
        uint32_t ready = items[i].ready & watch_wanted(watch);
        if (!ready)
            continue;
        events[told].events = ready;
        events[told++].data = watch->event.data;
        if (watch->event.events & EPOLLET) {
            watch->quiet |= ready;
            watch->actions = watch->file->actions;
        }
        watch->spent = watch->event.events & EPOLLONESHOT;
    }
    lock_release(&epoll_lock);
    return told;
}

/* One look, of at most `ns`. */
static long epoll_look(struct epoll *epoll, struct epoll_event *events, long most, uint64_t ns)
{
    uint64_t count;
    struct wait_item *items = epoll_collect(epoll, &count);
    if (!items)
        return -ENOMEM;
    long result = wait_ready(items, count, ns);
    if (result > 0)
        result = epoll_tell(epoll, items, count, events, most);
    for (uint64_t i = 0; i < count; i++)
        file_put(items[i].file);
    memory_free(items);
    return result;
}

static uint32_t epoll_poll(struct file *file)
{
    uint64_t count;
    struct wait_item *items = epoll_collect(file->node->epoll, &count);
    if (!items)
        return 0;
    bool ready = wait_ready(items, count, 0) > 0;
    for (uint64_t i = 0; i < count; i++)
        file_put(items[i].file);
    memory_free(items);
    return ready ? POLLIN | POLLRDNORM : 0;
}

static const struct node_operations epoll_operations = {
    .status = node_status,
    .poll = epoll_poll,
    .destroy = epoll_destroy,
};

long sys_epoll_create1(const long *argument)
{
    if (argument[0] & ~(long)EPOLL_CLOEXEC)
        return -EINVAL;
    struct epoll *epoll = memory_allocate(sizeof(*epoll));
    struct node *node = epoll ? node_new(&epoll_operations, 0600) : NULL;
    if (!node) {
        memory_free(epoll);
        return -ENOMEM;
    }
    node->epoll = epoll;
    lock_acquire(&epoll_lock);
    epoll->next = epolls;
    epolls = epoll;
    lock_release(&epoll_lock);
    struct file *file = file_new(node, O_RDWR);
    return file ? descriptor_install(file, 0, argument[0] & EPOLL_CLOEXEC) : -ENOMEM;
}

long sys_epoll_create(const long *argument)
{
    const long without_flags[6] = {0};
    return (int)argument[0] > 0 ? sys_epoll_create1(without_flags) : -EINVAL;
}

/* Under the lock. */
static long epoll_change(struct epoll *epoll, int operation, struct file *file, int number,
                         const struct epoll_event *event)
{
    struct watch **link = &epoll->watches, *watch;
    while ((watch = *link) && (watch->file != file || watch->number != number))
        link = &watch->next;
    if (operation != EPOLL_CTL_ADD && !watch)
        return -ENOENT;
    if (operation == EPOLL_CTL_ADD && watch)
        return -EEXIST;
    if (operation == EPOLL_CTL_DEL) {
        *link = watch->next;
        memory_free(watch);
        file->watches--;
        epoll->count--;
        return 0;
    }
    if (!watch) {
        if (!(watch = memory_allocate(sizeof(*watch))))
            return -ENOMEM;
        watch->file = file;
        watch->number = number;
        watch->next = epoll->watches;
        epoll->watches = watch;
        file->watches++;
        epoll->count++;
    }
    watch->event = *event;
    watch->quiet = 0;
    watch->spent = false;
    return 0;
}

long sys_epoll_ctl(const long *argument)
{
    const struct epoll_event *from = (const struct epoll_event *)argument[3];
    struct epoll_event event = {.events = 0};
    int operation = (int)argument[1];
    if (operation != EPOLL_CTL_DEL) {
        if (!memory_is_inside(from, sizeof(*from)))
            return -EFAULT;
        memcpy(&event, from, sizeof(event));
    }
    struct file *file = file_get(argument[0]), *watched = file_get(argument[2]);
    long result = -EBADF;
    if (!file || !watched)
        goto out;
    result = -EINVAL;
    if (file->node->operations != &epoll_operations ||
        watched->node->operations == &epoll_operations)
        goto out;
    if (operation != EPOLL_CTL_ADD && operation != EPOLL_CTL_DEL && operation != EPOLL_CTL_MOD)
        goto out;
    /* What is always ready cannot be watched, as in Linux. */
    result = -EPERM;
    if (!watched->node->operations->host && !watched->node->operations->poll)
        goto out;
    lock_acquire(&epoll_lock);
    result = epoll_change(file->node->epoll, operation, watched, (int)argument[2], &event);
    lock_release(&epoll_lock);
out:
    if (file)
        file_put(file);
    if (watched)
        file_put(watched);
    return result;
}

static long epoll_wait_for(const long *argument)
{
    struct epoll_event *events = (struct epoll_event *)argument[1];
    long most = (int)argument[2], result = -EBADF;
    int milliseconds = (int)argument[3];
    uint64_t start = clock_monotonic_ns();
    uint64_t ns = milliseconds < 0 ? FILES_FOREVER : (uint64_t)milliseconds * 1000000;
    if (most <= 0 || most > (long)FILES_DESCRIPTORS * 64)
        return -EINVAL;
    if (!memory_is_inside(events, (uint64_t)most * sizeof(*events)))
        return -EFAULT;
    struct file *file = file_get(argument[0]);
    if (!file)
        return -EBADF;
    bool right = file->node->operations == &epoll_operations;
    for (uint64_t left = ns; right;) {
        result =
            epoll_look(file->node->epoll, events, most, left < EPOLL_SLICE ? left : EPOLL_SLICE);
        if (result || !left)
            break;
        uint64_t past = clock_monotonic_ns() - start;
        left = ns == FILES_FOREVER ? ns : past < ns ? ns - past : 0;
    }
    file_put(file);
    return right ? result : -EINVAL;
}

long sys_epoll_wait(const long *argument)
{
    return epoll_wait_for(argument);
}

long sys_epoll_pwait(const long *argument)
{
    uint64_t saved;
    long result = wait_mask((const uint64_t *)argument[4], (uint64_t)argument[5], &saved);
    if (result < 0)
        return result;
    result = epoll_wait_for(argument);
    wait_unmask(saved);
    return result;
}
