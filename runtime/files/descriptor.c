/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of descriptors, and the open file descriptions behind it.
 *
 * Looking one up takes no lock: file_get reads the entry, takes a reference unless the count is 0,
 * and looks at the entry again. That is safe because a struct file is only ever used again as a
 * struct file, and its count is set last.
 */
#include "node.h"

#include <stdatomic.h>

struct descriptor {
    _Atomic(struct file *) file;
    _Atomic uint32_t close_on_exec;
};

static struct descriptor *descriptors;
static struct lock descriptors_lock; /* writers of the table, and the free files */
static struct file *files_free;

void descriptors_start(void)
{
    descriptors = memory_map(RUNTIME_DESCRIPTORS * sizeof(*descriptors));
    if (!descriptors)
        runtime_stop(RING_STOP_MEMORY, RUNTIME_DESCRIPTORS * sizeof(*descriptors));
}

void descriptors_forget(void)
{
    for (long number = 0; number < (long)RUNTIME_DESCRIPTORS; number++)
        sys_close(&number);
}

static struct descriptor *descriptor_at(long number)
{
    return (uint32_t)number < RUNTIME_DESCRIPTORS ? &descriptors[(uint32_t)number] : NULL;
}

struct file *file_get(long number)
{
    struct descriptor *descriptor = descriptor_at(number);
    struct file *file;
    while (descriptor && (file = atomic_load(&descriptor->file))) {
        uint32_t count = atomic_load(&file->references);
        if (!count || !atomic_compare_exchange_weak(&file->references, &count, count + 1))
            continue;
        if (atomic_load(&descriptor->file) == file)
            return file;
        file_put(file);
    }
    return NULL;
}

struct file *file_get_content(long number)
{
    struct file *file = file_get(number);
    if (!file || !(file->flags & O_PATH))
        return file;
    file_put(file);
    return NULL;
}

struct file *file_new(struct node *node, uint32_t flags)
{
    lock_acquire(&descriptors_lock);
    struct file *file = files_free;
    if (file)
        files_free = file->next;
    lock_release(&descriptors_lock);
    if (!file && !(file = memory_allocate(sizeof(*file)))) {
        node_put(node);
        return NULL;
    }
    file->flags = flags & ~(uint32_t)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC);
    file->position = 0;
    file->node = node;
    file->handle = node->operations == &stream_operations ? node->special : 0;
    atomic_store(&file->references, 1);
    return file;
}

void file_put(struct file *file)
{
    if (atomic_fetch_sub(&file->references, 1) != 1)
        return;
    if (file->node->operations->close)
        file->node->operations->close(file);
    node_put(file->node);
    lock_acquire(&descriptors_lock);
    file->next = files_free;
    files_free = file;
    lock_release(&descriptors_lock);
}

long descriptor_install(struct file *file, long least, bool close_on_exec)
{
    if (!file)
        return -ENOMEM;
    lock_acquire(&descriptors_lock);
    for (long number = least; number < (long)RUNTIME_DESCRIPTORS; number++) {
        if (descriptors[number].file)
            continue;
        descriptors[number].close_on_exec = close_on_exec;
        atomic_store(&descriptors[number].file, file);
        lock_release(&descriptors_lock);
        return number;
    }
    lock_release(&descriptors_lock);
    file_put(file);
    return -EMFILE;
}

/* Puts `file` (NULL: nothing) in the place of what is there, which is returned. */
static struct file *descriptor_exchange(struct descriptor *descriptor, struct file *file,
                                        bool close_on_exec)
{
    lock_acquire(&descriptors_lock);
    struct file *old = atomic_exchange(&descriptor->file, file);
    descriptor->close_on_exec = close_on_exec;
    lock_release(&descriptors_lock);
    return old;
}

long sys_close(const long *argument)
{
    struct descriptor *descriptor = descriptor_at(argument[0]);
    FILE_HELD file = descriptor ? descriptor_exchange(descriptor, NULL, false) : NULL;
    return file ? 0 : -EBADF;
}

long sys_dup(const long *argument)
{
    struct file *file = file_get(argument[0]);
    return file ? descriptor_install(file, 0, false) : -EBADF;
}

static long descriptor_replace(long from, long to, bool close_on_exec)
{
    struct descriptor *descriptor = descriptor_at(to);
    struct file *file = descriptor ? file_get(from) : NULL;
    if (!file)
        return -EBADF;
    FILE_HELD old = descriptor_exchange(descriptor, file, close_on_exec);
    return (long)(uint32_t)to;
}

long sys_dup2(const long *argument)
{
    if ((uint32_t)argument[0] != (uint32_t)argument[1])
        return descriptor_replace(argument[0], argument[1], false);
    FILE_HELD file = file_get(argument[0]);
    return file ? (long)(uint32_t)argument[1] : -EBADF;
}

long sys_dup3(const long *argument)
{
    if ((uint32_t)argument[0] == (uint32_t)argument[1] || (argument[2] & ~(long)O_CLOEXEC))
        return -EINVAL;
    return descriptor_replace(argument[0], argument[1], argument[2] & O_CLOEXEC);
}

static long file_set_flags(struct file *file, uint32_t wanted)
{
    uint32_t changeable = O_APPEND | O_NONBLOCK | O_NOATIME, flags = file->flags;
    uint32_t change = (flags ^ wanted) & (changeable | O_ASYNC | O_DIRECT);
    /* Signals on readiness and unbuffered access do not exist here; a plain file's O_APPEND is the
     * host's to keep and was fixed at open. */
    if (change & (O_ASYNC | O_DIRECT))
        return -EINVAL;
    if ((change & O_APPEND) && file->node->operations == &plain_operations)
        return -EINVAL;
    if ((change & O_NONBLOCK) && file->node->operations->nonblock) {
        long result = file->node->operations->nonblock(file, wanted & O_NONBLOCK);
        if (result < 0)
            return result;
    }
    file->flags = (flags & ~changeable) | (wanted & changeable);
    return 0;
}

long sys_fcntl(const long *argument)
{
    uint32_t value = (uint32_t)argument[2];
    int command = (int)argument[1];
    FILE_HELD file = file_get(argument[0]);
    if (!file)
        return -EBADF;
    struct descriptor *descriptor = descriptor_at(argument[0]);
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        if (value >= RUNTIME_DESCRIPTORS)
            return -EINVAL;
        return descriptor_install(file_get(argument[0]), value, command == F_DUPFD_CLOEXEC);
    case F_GETFD:
        return descriptor->close_on_exec ? FD_CLOEXEC : 0;
    case F_SETFD:
        descriptor->close_on_exec = (value & FD_CLOEXEC) != 0;
        return 0;
    case F_GETFL:
        return file->flags;
    case F_SETFL:
        return file->flags & O_PATH ? -EBADF : file_set_flags(file, value);
    case F_SETLK:
    case F_SETLKW:
    case F_GETLK:
        return file->flags & O_PATH ? -EBADF
                                    : record_lock(file, command, (struct flock *)argument[2]);
    default:
        return -EINVAL;
    }
}

long sys_ioctl(const long *argument)
{
    enum { NCLEX = 0x5450, CLEX = 0x5451, NBIO = 0x5421 }; /* FIONCLEX, FIOCLEX, FIONBIO */
    FILE_HELD file = file_get_content(argument[0]);
    if (!file)
        return -EBADF;
    uint32_t request = (uint32_t)argument[1];
    const int *value = (const int *)argument[2];
    switch (request) {
    case NCLEX:
    case CLEX:
        descriptor_at(argument[0])->close_on_exec = request == CLEX;
        return 0;
    case NBIO:
        if (!memory_is_inside(value, sizeof(*value)))
            return -EFAULT;
        return file_set_flags(file, *value ? file->flags | O_NONBLOCK
                                           : file->flags & ~(uint32_t)O_NONBLOCK);
    default:
        return file->node->operations->control
                   ? file->node->operations->control(file, request, (void *)argument[2])
                   : -ENOTTY;
    }
}
