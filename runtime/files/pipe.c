/* SPDX-License-Identifier: Apache-2.0
 *
 * Pipes, wholly inside. Writes of at most PIPE_BUF bytes are atomic. Under the node's lock:
 * `count` bytes from `head` on, round the end, are written and not read.
 */
#include "node.h"

#define PIPE_SIZE (UINT64_C(64) << 10)

struct pipe {
    uint64_t head, count;
    uint32_t readers, writers; /* descriptions that can still */
    uint8_t bytes[PIPE_SIZE];
};

/* Moves what can be moved at once, to or from the program. */
static long pipe_move(struct pipe *pipe, struct transfer *transfer, bool writes)
{
    long done = 0;
    while (transfer->left && (writes ? pipe->count < PIPE_SIZE : pipe->count)) {
        uint64_t at = writes ? (pipe->head + pipe->count) % PIPE_SIZE : pipe->head;
        uint64_t most = writes ? PIPE_SIZE - pipe->count : pipe->count, length;
        uint8_t *program =
            transfer_next(transfer, most < PIPE_SIZE - at ? most : PIPE_SIZE - at, &length);
        if (!program)
            return done ? done : -EFAULT;
        if (writes) {
            memcpy(pipe->bytes + at, program, length);
            pipe->count += length;
        } else {
            memcpy(program, pipe->bytes + at, length);
            pipe->head = (at + length) % PIPE_SIZE;
            pipe->count -= length;
        }
        done += (long)length;
    }
    return done;
}

static long pipe_read(struct file *file, struct transfer *transfer, uint64_t *position)
{
    struct node *node = file->node;
    (void)position;
    while (transfer->left) {
        uint32_t seen = node->changes.word;
        lock_acquire(&node->lock);
        bool ended = !node->pipe->writers;
        long done = pipe_move(node->pipe, transfer, false);
        lock_release(&node->lock);
        if (done > 0)
            changes_signal(&node->changes);
        if (done || ended)
            return done;
        if (file->flags & O_NONBLOCK)
            return -EAGAIN;
        done = changes_wait(&node->changes, seen, FILES_FOREVER);
        if (done < 0)
            return done;
    }
    return 0;
}

static long pipe_write(struct file *file, struct transfer *transfer, uint64_t *position)
{
    struct node *node = file->node;
    uint64_t whole = transfer->left <= PIPE_BUF ? transfer->left : 1;
    long done = 0;
    (void)position;
    while (transfer->left) {
        uint32_t seen = node->changes.word;
        long given = 0;
        lock_acquire(&node->lock);
        if (!node->pipe->readers)
            given = -EPIPE;
        else if (PIPE_SIZE - node->pipe->count >= whole)
            given = pipe_move(node->pipe, transfer, true);
        lock_release(&node->lock);
        if (given > 0) {
            changes_signal(&node->changes);
            done += given;
            continue;
        }
        if (given == 0)
            given = file->flags & O_NONBLOCK ? -EAGAIN
                                             : changes_wait(&node->changes, seen, FILES_FOREVER);
        if (given < 0)
            return done ? done : given;
    }
    return done;
}

static uint32_t pipe_poll(struct file *file)
{
    const struct pipe *pipe = file->node->pipe;
    uint32_t ready = 0;
    lock_acquire(&file->node->lock);
    if (file_can_read(file)) {
        ready |= pipe->count ? POLLIN | POLLRDNORM : 0;
        ready |= pipe->writers ? 0 : POLLHUP;
    } else {
        ready |= PIPE_SIZE - pipe->count >= PIPE_BUF ? POLLOUT | POLLWRNORM : 0;
        ready |= pipe->readers ? 0 : POLLERR;
    }
    lock_release(&file->node->lock);
    return ready;
}

static long pipe_control(struct file *file, uint32_t request, void *argument)
{
    const uint32_t bytes_to_read = 0x541b; /* FIONREAD */
    if (request != bytes_to_read)
        return -ENOTTY;
    int count = (int)file->node->pipe->count;
    return program_write((long)argument, &count, sizeof(count));
}

static void pipe_close(struct file *file)
{
    lock_acquire(&file->node->lock);
    if (file_can_read(file))
        file->node->pipe->readers--;
    else
        file->node->pipe->writers--;
    lock_release(&file->node->lock);
    changes_signal(&file->node->changes);
}

static void pipe_destroy(struct node *node)
{
    memory_free(node->pipe);
}

static const struct node_operations pipe_operations = {
    .read = pipe_read,
    .write = pipe_write,
    .status = node_status,
    .control = pipe_control,
    .poll = pipe_poll,
    .close = pipe_close,
    .destroy = pipe_destroy,
};

long sys_pipe2(const long *argument)
{
    int *numbers = (int *)argument[0];
    uint32_t flags = (uint32_t)argument[1];
    if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    if (!memory_is_inside(numbers, 2 * sizeof(*numbers)))
        return -EFAULT;
    struct node *node = node_new(&pipe_operations, S_IFIFO | 0600);
    if (!node)
        return -ENOMEM;
    if (!(node->pipe = memory_allocate(sizeof(*node->pipe)))) {
        node_put(node);
        return -ENOMEM;
    }
    node->pipe->readers = node->pipe->writers = 1;
    struct file *reader = file_new(node_get(node), (flags & O_NONBLOCK) | O_RDONLY);
    struct file *writer = file_new(node, (flags & O_NONBLOCK) | O_WRONLY);
    long from = descriptor_install(reader, 0, flags & O_CLOEXEC);
    long to = descriptor_install(writer, 0, flags & O_CLOEXEC);
    if (from < 0 || to < 0) {
        if (from >= 0)
            sys_close(&from);
        if (to >= 0)
            sys_close(&to);
        return from < 0 ? from : to;
    }
    numbers[0] = (int)from;
    numbers[1] = (int)to;
    return 0;
}

long sys_pipe(const long *argument)
{
    return sys_pipe2((const long[6]){argument[0], 0});
}
