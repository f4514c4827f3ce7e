/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of descriptors, and the open file descriptions behind it.
 *
 * Looking one up takes no lock: file_get reads the entry, takes a reference unless the count is 0,
 * and looks at the entry again. That is safe because a struct file is only ever used again as a
 * struct file, and its count is set last.
 */
#include "node.h"

#include <linux/close_range.h>
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
    descriptors = memory_map(FILES_DESCRIPTORS * sizeof(*descriptors));
    if (!descriptors)
        runtime_stop(RING_STOP_MEMORY, FILES_DESCRIPTORS * sizeof(*descriptors));
}

static struct descriptor *descriptor_at(long number)
{
    return (uint32_t)number < FILES_DESCRIPTORS ? &descriptors[(uint32_t)number] : NULL;
}

bool file_try_get(struct file *file)
{
    uint32_t count = atomic_load(&file->references);
    while (count && !atomic_compare_exchange_weak(&file->references, &count, count + 1))
        ;
    return count != 0;
}

struct file *file_get(long number)
{
    struct descriptor *descriptor = descriptor_at(number);
    struct file *file;
    while (descriptor && (file = atomic_load(&descriptor->file))) {
        if (!file_try_get(file))
            continue;
        if (atomic_load(&descriptor->file) == file)
            return file;
        file_put(file);
    }
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
    file->handle = 0;
    file->actions = file->watches = 0;
    file->listing = NULL;
    atomic_store(&file->references, 1);
    return file;
}

void file_put(struct file *file)
{
    if (atomic_fetch_sub(&file->references, 1) != 1)
        return;
    if (file->watches)
        epoll_forget(file);
    record_lock_drop_file(file);
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
    lock_acquire(&descriptors_lock);
    for (long number = least; number < (long)FILES_DESCRIPTORS; number++) {
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

/* What close means beyond the count: the process's record locks on the node go (POSIX). */
static void descriptor_closed(struct file *file)
{
    record_lock_drop_process(file->node);
    file_put(file);
}

static long descriptor_close(long number)
{
    struct descriptor *descriptor = descriptor_at(number);
    if (!descriptor)
        return -EBADF;
    lock_acquire(&descriptors_lock);
    struct file *file = atomic_exchange(&descriptor->file, NULL);
    lock_release(&descriptors_lock);
    if (!file)
        return -EBADF;
    descriptor_closed(file);
    return 0;
}

long sys_close(const long *argument)
{
    return descriptor_close(argument[0]);
}

long sys_close_range(const long *argument)
{
    uint32_t first = (uint32_t)argument[0], last = (uint32_t)argument[1];
    uint32_t flags = (uint32_t)argument[2];
    /* UNSHARE asks for a table of one's own: every thread shares one here. */
    if (first > last || (flags & ~(uint32_t)CLOSE_RANGE_CLOEXEC))
        return -EINVAL;
    for (uint32_t number = first; number <= last && number < FILES_DESCRIPTORS; number++) {
        if (flags & CLOSE_RANGE_CLOEXEC)
            descriptors[number].close_on_exec = 1;
        else
            descriptor_close((long)number);
    }
    return 0;
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
    lock_acquire(&descriptors_lock);
    struct file *old = atomic_exchange(&descriptor->file, file);
    descriptor->close_on_exec = close_on_exec;
    lock_release(&descriptors_lock);
    if (old)
        descriptor_closed(old);
    return (long)(uint32_t)to;
}

long sys_dup2(const long *argument)
{
    if ((uint32_t)argument[0] != (uint32_t)argument[1])
        return descriptor_replace(argument[0], argument[1], false);
    struct file *file = file_get(argument[0]);
    if (!file)
        return -EBADF;
    file_put(file);
    return (long)(uint32_t)argument[1];
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
    uint32_t number = (uint32_t)argument[0], value = (uint32_t)argument[2];
    struct file *file = file_get(argument[0]);
    if (!file)
        return -EBADF;
    int command = (int)argument[1];
    bool on_descriptor = command == F_DUPFD || command == F_DUPFD_CLOEXEC || command == F_GETFD ||
                         command == F_SETFD || command == F_GETFL;
    long result = -EINVAL;
    if ((file->flags & O_PATH) && !on_descriptor) {
        file_put(file);
        return -EBADF;
    }
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        if (value >= FILES_DESCRIPTORS)
            break;
        return descriptor_install(file, value, command == F_DUPFD_CLOEXEC);
    case F_GETFD:
        result = descriptors[number].close_on_exec ? FD_CLOEXEC : 0;
        break;
    case F_SETFD:
        descriptors[number].close_on_exec = (value & FD_CLOEXEC) != 0;
        result = 0;
        break;
    case F_GETFL:
        result = file->flags;
        break;
    case F_SETFL:
        result = file_set_flags(file, value);
        break;
    case F_SETLK:
    case F_SETLKW:
    case F_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
    case F_OFD_GETLK:
        result = record_lock_control(file, command, (void *)argument[2]);
        break;
    default:
        break;
    }
    file_put(file);
    return result;
}

long sys_ioctl(const long *argument)
{
    enum { NCLEX = 0x5450, CLEX = 0x5451, NBIO = 0x5421 }; /* FIONCLEX, FIOCLEX, FIONBIO */
    struct file *file = file_get(argument[0]);
    if (!file || (file->flags & O_PATH)) {
        if (file)
            file_put(file);
        return -EBADF;
    }
    uint32_t request = (uint32_t)argument[1];
    void *pointer = (void *)argument[2];
    long result;
    if (request == NCLEX || request == CLEX) {
        descriptors[(uint32_t)argument[0]].close_on_exec = request == CLEX;
        result = 0;
    } else if (request == NBIO) {
        result = -EFAULT;
        if (memory_is_inside(pointer, sizeof(int))) {
            uint32_t flags = file->flags & ~(uint32_t)O_NONBLOCK;
            result = file_set_flags(file, *(int *)pointer ? flags | O_NONBLOCK : flags);
        }
    } else if (file->node->operations->control) {
        result = file->node->operations->control(file, request, pointer);
    } else {
        result = -ENOTTY;
    }
    file_put(file);
    return result;
}
