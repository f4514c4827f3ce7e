/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's standard streams: descriptors 0, 1 and 2, and /dev/stdin, stdout, stderr. What they
 * are (a pipe, a terminal, a file) is the host's word, and decides only how a call is made, never
 * what is done with its result.
 */
#include "node.h"

static long stream_status(struct node *node, struct file *file, struct stat *status)
{
    (void)file;
    int64_t result = host_call(RING_STAT, node->special, 0, 0, 0, 0, 0);
    if (result < 0)
        return (long)result;
    host_status(RING_STAT, status);
    if (!(status->st_mode & S_IFMT))
        status->st_mode |= S_IFIFO; /* an anonymous file of the host */
    status->st_ino = node->special + 1;
    status->st_dev = 1;
    return 0;
}

/* The type, asked for once. 0: the host does not say. */
static uint32_t stream_type(struct node *node)
{
    uint32_t mode = __atomic_load_n(&node->mode, __ATOMIC_RELAXED);
    if (!(mode & S_IFMT)) {
        struct stat status;
        /* A directory it is not, whatever the host says: nothing leads through it. */
        if (stream_status(node, NULL, &status) == 0 && (status.st_mode & S_IFMT) != S_IFDIR)
            __atomic_store_n(&node->mode, mode = (status.st_mode & S_IFMT) | 0600,
                             __ATOMIC_RELAXED);
    }
    return mode & S_IFMT;
}

/* Whether a call may wait long: then it leaves rather than hold up the host's polling thread. */
static bool stream_waits(struct node *node, bool writes)
{
    uint32_t type = stream_type(node);
    return type != S_IFREG && !(writes && type == S_IFCHR);
}

/* O_NONBLOCK belongs to this side: the host's stream may be shared with other processes. */
static bool stream_would_wait(struct file *file, uint16_t events)
{
    if (!(file->flags & O_NONBLOCK))
        return false;
    struct ring_poll poll = {.handle = file->handle, .events = events};
    host_put(0, &poll, sizeof(poll));
    return host_call(RING_POLL, 1, 0, 0, 0, 0, 1) == 0;
}

static long stream_read(struct file *file, struct transfer *transfer, uint64_t *position)
{
    if (position && stream_type(file->node) != S_IFREG)
        return -ESPIPE;
    if (stream_would_wait(file, POLLIN))
        return -EAGAIN;
    return host_read(file, transfer, position, stream_waits(file->node, false));
}

static long stream_write(struct file *file, struct transfer *transfer, uint64_t *position)
{
    if (position && stream_type(file->node) != S_IFREG)
        return -ESPIPE;
    if (stream_would_wait(file, POLLOUT))
        return -EAGAIN;
    return host_write(file, transfer, position, stream_waits(file->node, true));
}

static long stream_seek(struct file *file, int64_t offset, int whence)
{
    if (stream_type(file->node) != S_IFREG)
        return -ESPIPE;
    if (whence < SEEK_SET || whence > SEEK_END)
        return -EINVAL;
    return (long)host_call(RING_SEEK_HOST, file->handle, (uint64_t)offset, (uint64_t)whence, 0, 0,
                           INT64_MAX);
}

const struct node_operations stream_operations = {
    .host = true,
    .read = stream_read,
    .write = stream_write,
    .seek = stream_seek,
    .status = stream_status,
    .truncate = host_truncate,
    .sync = host_sync,
};

static struct node *streams[3];

void stream_open(void)
{
    for (uint32_t handle = 0; handle < 3; handle++)
        if (descriptor_install(file_new(node_get(streams[handle]), O_RDWR), handle, false) < 0)
            runtime_stop(RING_STOP_MEMORY, sizeof(struct file));
}

void stream_start(void)
{
    static const char *const paths[3] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
    for (uint32_t handle = 0; handle < 3; handle++) {
        streams[handle] =
            tree_mount(paths[handle], strlen(paths[handle]), &stream_operations, 0600);
        streams[handle]->special = handle;
    }
    stream_open();
}
