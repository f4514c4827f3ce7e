/* SPDX-License-Identifier: Apache-2.0
 *
 * eventfd: a counter that can be waited for. Under the node's lock it is below UINT64_MAX.
 */
#include "node.h"

#define EVENT_MOST      (UINT64_MAX - 1)
#define EVENT_SEMAPHORE 1u /* EFD_SEMAPHORE */

static long event_read(struct file *file, struct transfer *transfer, uint64_t *position)
{
    struct node *node = file->node;
    (void)position;
    if (transfer->left < sizeof(uint64_t))
        return -EINVAL;
    for (;;) {
        uint32_t seen = node->changes.word;
        lock_acquire(&node->lock);
        uint64_t taken = node->event.semaphore && node->event.count ? 1 : node->event.count;
        node->event.count -= taken;
        lock_release(&node->lock);
        if (taken) {
            changes_signal(&node->changes);
            long result = transfer_out(transfer, &taken, sizeof(taken));
            return result < 0 ? result : (long)sizeof(taken);
        }
        long result =
            file->flags & O_NONBLOCK ? -EAGAIN : changes_wait(&node->changes, seen, FILES_FOREVER);
        if (result < 0)
            return result;
    }
}

static long event_write(struct file *file, struct transfer *transfer, uint64_t *position)
{
    struct node *node = file->node;
    uint64_t given;
    (void)position;
    if (transfer->left < sizeof(given))
        return -EINVAL;
    long result = transfer_in(transfer, &given, sizeof(given));
    if (result == 0 && given == UINT64_MAX)
        result = -EINVAL;
    while (result == 0) {
        uint32_t seen = node->changes.word;
        lock_acquire(&node->lock);
        bool fits = given <= EVENT_MOST - node->event.count;
        node->event.count += fits ? given : 0;
        lock_release(&node->lock);
        if (fits) {
            changes_signal(&node->changes);
            return sizeof(given);
        }
        result =
            file->flags & O_NONBLOCK ? -EAGAIN : changes_wait(&node->changes, seen, FILES_FOREVER);
    }
    return result;
}

static uint32_t event_poll(struct file *file)
{
    lock_acquire(&file->node->lock);
    uint64_t count = file->node->event.count;
    lock_release(&file->node->lock);
    return (count ? POLLIN | POLLRDNORM : 0) | (count < EVENT_MOST ? POLLOUT | POLLWRNORM : 0);
}

static const struct node_operations event_operations = {
    .read = event_read,
    .write = event_write,
    .status = node_status,
    .poll = event_poll,
};

long sys_eventfd2(const long *argument)
{
    uint32_t flags = (uint32_t)argument[1];
    if (flags & ~(uint32_t)(EVENT_SEMAPHORE | O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    struct node *node = node_new(&event_operations, 0600);
    if (!node)
        return -ENOMEM;
    node->event.count = (uint32_t)argument[0];
    node->event.semaphore = flags & EVENT_SEMAPHORE;
    struct file *file = file_new(node, (flags & O_NONBLOCK) | O_RDWR);
    return descriptor_install(file, 0, flags & O_CLOEXEC);
}
