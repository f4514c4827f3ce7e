/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes: made, counted, described.
 */
#include "node.h"

static _Atomic uint64_t node_number = 1;

struct runtime_time node_now(void)
{
    struct runtime_time now = {0, 0};
    if (!clock_realtime(&now))
        return (struct runtime_time){0, 0};
    return now;
}

void node_touch(struct node *node)
{
    node->modified = node->changed = node_now();
}

struct node *node_new(const struct node_operations *operations, uint32_t mode)
{
    struct node *node = memory_allocate(sizeof(*node));
    if (!node)
        return NULL;
    node->operations = operations;
    node->references = 1;
    node->mode = mode;
    node->links = 1;
    node->number = node_number++;
    node->accessed = node->modified = node->changed = node_now();
    return node;
}

void node_put(struct node *node)
{
    while (node && --node->references == 0) {
        struct node *parent = node->parent;
        if (node->operations->destroy)
            node->operations->destroy(node);
        memory_free(node->name);
        memory_free(node);
        node = parent;
    }
}

long node_status(struct node *node, struct file *file, struct stat *status)
{
    (void)file;
    lock_acquire(&node->lock);
    *status = (struct stat){
        .st_dev = node->volume ? node->volume->device : 1,
        .st_ino = node->number,
        .st_nlink = node->links,
        .st_mode = node->mode,
        .st_uid = RUNTIME_USER,
        .st_gid = RUNTIME_USER,
        .st_size = (long)node->size,
        .st_blksize = FILES_PAGE,
        .st_blocks = (long)((node->size + 511) / 512),
        .st_atime = (unsigned long)node->accessed.seconds,
        .st_atime_nsec = (unsigned long)node->accessed.nanoseconds,
        .st_mtime = (unsigned long)node->modified.seconds,
        .st_mtime_nsec = (unsigned long)node->modified.nanoseconds,
        .st_ctime = (unsigned long)node->changed.seconds,
        .st_ctime_nsec = (unsigned long)node->changed.nanoseconds,
    };
    if (node_is_directory(node) && node->links)
        status->st_nlink = 2 + node->directory.subdirectories;
    if (node->operations == &memory_operations)
        status->st_blocks = (long)(node->memory.allocated / 512);
    lock_release(&node->lock);
    return 0;
}

long seek_within(struct file *file, int64_t offset, int whence, uint64_t size)
{
    if (whence < SEEK_SET || whence > SEEK_END)
        return -EINVAL;
    long result = -EINVAL;
    lock_acquire(&file->lock);
    int64_t base = whence == SEEK_CUR   ? (int64_t)file->position
                   : whence == SEEK_END ? (int64_t)size
                                        : 0;
    if (__builtin_add_overflow(base, offset, &base))
        result = -EOVERFLOW;
    else if (base >= 0)
        file->position = (uint64_t)(result = base);
    lock_release(&file->lock);
    return result;
}

long node_seek(struct file *file, int64_t offset, int whence)
{
    return seek_within(file, offset, whence, __atomic_load_n(&file->node->size, __ATOMIC_RELAXED));
}

long node_sync(struct file *file, bool data_only)
{
    (void)file;
    (void)data_only;
    return 0;
}
