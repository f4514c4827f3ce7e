/* SPDX-License-Identifier: Apache-2.0
 *
 * Locks on files: POSIX record locks (owned by the process), OFD locks (owned by an open file
 * description) and flock (a world of its own). All of them hold inside this enclave only; the host
 * and its files know nothing of them.
 *
 * Under the node's lock: the ranges of one owner do not overlap, and neighbours of one type are
 * one range.
 */
#include "../syscalls.h"
#include "node.h"

struct record_lock {
    struct record_lock *next;
    uint64_t start, end;      /* bytes, the last included */
    const struct file *owner; /* NULL: the process */
    bool write;
    bool whole; /* flock */
};

static const struct record_lock *conflict(const struct node *node, const struct record_lock *wanted)
{
    const struct record_lock *lock = node->locks;
    while (lock && (lock->whole != wanted->whole || lock->owner == wanted->owner ||
                    (!lock->write && !wanted->write) || lock->start > wanted->end ||
                    wanted->start > lock->end))
        lock = lock->next;
    return lock;
}

/* Takes [start, end] out of what the owner has; `spare` is used where a range falls in two. When a
 * lock is to be set, `wanted` grows over neighbours of its type. */
static void release_range(struct node *node, struct record_lock *wanted, bool merge,
                          struct record_lock **spare)
{
    struct record_lock **link = &node->locks, *lock;
    while ((lock = *link)) {
        bool same = lock->whole == wanted->whole && lock->owner == wanted->owner;
        bool touches = lock->start <= wanted->end && wanted->start <= lock->end;
        bool joins = merge && lock->write == wanted->write &&
                     (lock->start == 0 || lock->start - 1 <= wanted->end) &&
                     (wanted->start == 0 || wanted->start - 1 <= lock->end);
        if (same && joins) {
            wanted->start = lock->start < wanted->start ? lock->start : wanted->start;
            wanted->end = lock->end > wanted->end ? lock->end : wanted->end;
        } else if (!same || !touches) {
            link = &lock->next;
            continue;
        } else if (lock->start < wanted->start && lock->end > wanted->end) {
            **spare = *lock;
            (*spare)->start = wanted->end + 1;
            lock->end = wanted->start - 1;
            lock->next = *spare;
            *spare = NULL;
            return;
        } else if (lock->start < wanted->start) {
            lock->end = wanted->start - 1;
            link = &lock->next;
            continue;
        } else if (lock->end > wanted->end) {
            lock->start = wanted->end + 1;
            link = &lock->next;
            continue;
        }
        *link = lock->next;
        memory_free(lock);
    }
}

/* Sets (or, unlock, releases) one range; waits for others when told to. */
static long lock_set(struct node *node, const struct record_lock *wanted, bool unlock, bool wait)
{
    struct record_lock *lock = memory_allocate(sizeof(*lock));
    struct record_lock *spare = memory_allocate(sizeof(*spare));
    long result = lock && spare ? 0 : -ENOLCK;
    while (result == 0) {
        uint32_t seen = node->changes.word;
        *lock = *wanted;
        lock_acquire(&node->lock);
        if (unlock || !conflict(node, lock)) {
            release_range(node, lock, !unlock, &spare);
            if (!unlock) {
                lock->next = node->locks;
                node->locks = lock;
                lock = NULL;
            }
            lock_release(&node->lock);
            changes_signal(&node->changes);
            break;
        }
        lock_release(&node->lock);
        result = wait ? changes_wait(&node->changes, seen) : -EAGAIN;
    }
    memory_free(lock);
    memory_free(spare);
    return result;
}

static void drop(struct node *node, const struct file *owner)
{
    struct record_lock **link = &node->locks, *lock;
    bool dropped = false;
    if (!__atomic_load_n(&node->locks, __ATOMIC_ACQUIRE))
        return;
    lock_acquire(&node->lock);
    while ((lock = *link)) {
        if (lock->owner == owner) {
            *link = lock->next;
            memory_free(lock);
            dropped = true;
        } else {
            link = &lock->next;
        }
    }
    lock_release(&node->lock);
    if (dropped)
        changes_signal(&node->changes);
}

void record_lock_drop_process(struct node *node)
{
    drop(node, NULL);
}

void record_lock_drop_file(struct file *file)
{
    drop(file->node, file);
}

/* The range that a struct flock means. */
static long lock_range(struct file *file, const struct flock *flock, struct record_lock *range)
{
    int64_t start = 0, length = flock->l_len, end;
    struct stat status;
    if (flock->l_whence == SEEK_CUR) {
        start = (int64_t)file->position;
    } else if (flock->l_whence == SEEK_END) {
        long result = file->node->operations->status(file->node, file, &status);
        if (result < 0)
            return result;
        start = status.st_size;
    } else if (flock->l_whence != SEEK_SET) {
        return -EINVAL;
    }
    if (__builtin_add_overflow(start, (int64_t)flock->l_start, &start))
        return -EOVERFLOW;
    if (start < 0)
        return -EINVAL;
    if (length > 0 && __builtin_add_overflow(start, length - 1, &end))
        return -EOVERFLOW;
    if (length < 0) {
        end = start - 1;
        if (__builtin_add_overflow(start, length, &start) || start < 0)
            return -EINVAL;
    } else if (length == 0) {
        end = INT64_MAX;
    }
    range->start = (uint64_t)start;
    range->end = (uint64_t)end;
    return 0;
}

static void lock_tell(const struct record_lock *found, struct flock *flock)
{
    flock->l_type = F_UNLCK;
    if (!found)
        return;
    flock->l_type = found->write ? F_WRLCK : F_RDLCK;
    flock->l_whence = SEEK_SET;
    flock->l_start = (long)found->start;
    flock->l_len = found->end == (uint64_t)INT64_MAX ? 0 : (long)(found->end - found->start + 1);
    flock->l_pid = found->owner ? -1 : RUNTIME_PID;
}

long record_lock_control(struct file *file, int command, void *argument)
{
    struct flock flock;
    struct record_lock wanted = {.owner = NULL};
    bool ask = command == F_GETLK || command == F_OFD_GETLK;
    if (!memory_is_inside(argument, sizeof(flock)))
        return -EFAULT;
    memcpy(&flock, argument, sizeof(flock));
    if (command == F_OFD_GETLK || command == F_OFD_SETLK || command == F_OFD_SETLKW) {
        if (flock.l_pid)
            return -EINVAL;
        wanted.owner = file;
    }
    long result = lock_range(file, &flock, &wanted);
    if (result < 0)
        return result;
    bool unlock = flock.l_type == F_UNLCK;
    wanted.write = flock.l_type == F_WRLCK;
    if ((!unlock && flock.l_type != F_RDLCK && flock.l_type != F_WRLCK) || (ask && unlock))
        return -EINVAL;
    if (ask) {
        lock_acquire(&file->node->lock);
        lock_tell(conflict(file->node, &wanted), &flock);
        lock_release(&file->node->lock);
        memcpy(argument, &flock, sizeof(flock));
        return 0;
    }
    if (!unlock && !(wanted.write ? file_can_write(file) : file_can_read(file)))
        return -EBADF;
    return lock_set(file->node, &wanted, unlock, command == F_SETLKW || command == F_OFD_SETLKW);
}

long sys_flock(const long *argument)
{
    enum { SHARED = 1, EXCLUSIVE = 2, NONBLOCK = 4, UNLOCK = 8 }; /* LOCK_ */
    long operation = argument[1] & ~(long)NONBLOCK;
    struct file *file = file_get(argument[0]);
    if (!file)
        return -EBADF;
    long result = -EINVAL;
    struct record_lock wanted = {
        .end = INT64_MAX, .owner = file, .whole = true, .write = operation == EXCLUSIVE};
    if (operation == SHARED || operation == EXCLUSIVE || operation == UNLOCK)
        result = file->flags & O_PATH ? -EBADF
                                      : lock_set(file->node, &wanted, operation == UNLOCK,
                                                 !(argument[1] & NONBLOCK));
    file_put(file);
    return result;
}
