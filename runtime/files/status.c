/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls that look at files or change what is written about them: stat in its forms, access, chmod,
 * chown, utimensat, truncate, sync, statfs.
 */
#include "node.h"

#include <asm/statfs.h>
#include <linux/magic.h>
#include <linux/time_types.h>

static long place_status(struct place *place, struct stat *status)
{
    if (place->below)
        return plain_status(place, status);
    return place->node->operations->status(place->node, place->file, status);
}

static long status_at(long directory, const char *path, long flags, struct stat *status)
{
    struct place place;
    long result = path_target(&place, directory, path, flags);
    if (result == 0)
        result = place_status(&place, status);
    path_end(&place);
    return result;
}

static long status_give(long result, const struct stat *status, void *to)
{
    if (result < 0)
        return result;
    if (!memory_is_inside(to, sizeof(*status)))
        return -EFAULT;
    memcpy(to, status, sizeof(*status));
    return 0;
}

long sys_stat(const long *argument)
{
    struct stat status;
    long result = status_at(AT_FDCWD, (const char *)argument[0], 0, &status);
    return status_give(result, &status, (void *)argument[1]);
}

long sys_lstat(const long *argument)
{
    return sys_stat(argument);
}

long sys_fstat(const long *argument)
{
    struct stat status;
    struct file *file = file_get(argument[0]);
    if (!file)
        return -EBADF;
    long result = file->node->operations->status(file->node, file, &status);
    file_put(file);
    return status_give(result, &status, (void *)argument[1]);
}

#define STATUS_FLAGS (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT)

long sys_newfstatat(const long *argument)
{
    struct stat status;
    if (argument[3] & ~(long)STATUS_FLAGS)
        return -EINVAL;
    long result = status_at(argument[0], (const char *)argument[1], argument[3], &status);
    return status_give(result, &status, (void *)argument[2]);
}

long sys_statx(const long *argument)
{
    struct stat from;
    struct statx *to = (struct statx *)argument[4];
    if ((argument[2] & ~(long)(STATUS_FLAGS | AT_STATX_SYNC_TYPE)) ||
        (argument[3] & (long)STATX__RESERVED))
        return -EINVAL;
    long result = status_at(argument[0], (const char *)argument[1], argument[2], &from);
    if (result < 0)
        return result;
    if (!memory_is_inside(to, sizeof(*to)))
        return -EFAULT;
    memset(to, 0, sizeof(*to));
    to->stx_mask = STATX_BASIC_STATS;
    to->stx_blksize = (uint32_t)from.st_blksize;
    to->stx_nlink = (uint32_t)from.st_nlink;
    to->stx_uid = from.st_uid;
    to->stx_gid = from.st_gid;
    to->stx_mode = (uint16_t)from.st_mode;
    to->stx_ino = from.st_ino;
    to->stx_size = (uint64_t)from.st_size;
    to->stx_blocks = (uint64_t)from.st_blocks;
    to->stx_atime.tv_sec = (int64_t)from.st_atime;
    to->stx_atime.tv_nsec = (uint32_t)from.st_atime_nsec;
    to->stx_mtime.tv_sec = (int64_t)from.st_mtime;
    to->stx_mtime.tv_nsec = (uint32_t)from.st_mtime_nsec;
    to->stx_ctime.tv_sec = (int64_t)from.st_ctime;
    to->stx_ctime.tv_nsec = (uint32_t)from.st_ctime_nsec;
    /* makedev's split, as in st_dev and st_rdev */
    to->stx_dev_major = (uint32_t)(from.st_dev >> 8) & 0xfff;
    to->stx_dev_minor = (uint32_t)((from.st_dev & 0xff) | ((from.st_dev >> 12) & 0xfff00));
    to->stx_rdev_major = (uint32_t)(from.st_rdev >> 8) & 0xfff;
    to->stx_rdev_minor = (uint32_t)(from.st_rdev & 0xff);
    return 0;
}

static bool place_is_read_only(const struct place *place)
{
    const struct node *node = place->below ? place->parent : place->node;
    if (node->operations == &plain_operations || node->operations == &plain_directory_operations)
        return !node->plain.writable;
    return node_is_directory(node) ? !node->volume : node->operations == &constant_operations;
}

static long access_at(long directory, const char *path, long wanted, long flags)
{
    struct place place;
    struct stat status;
    if ((wanted & ~7L) || (flags & ~(long)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
        return -EINVAL;
    long result = path_target(&place, directory, path, flags);
    if (result == 0)
        result = place_status(&place, &status);
    if (result == 0) {
        /* Whether a plain file may really be read only the host knows, and says at open. */
        bool plain = status.st_dev >= 0x10000;
        uint32_t mode = status.st_mode;
        if (plain)
            mode |= 0600;
        if ((wanted & 2) && place_is_read_only(&place))
            result = -EROFS;
        else if (((mode >> 6) & (uint32_t)wanted) != (uint32_t)wanted)
            result = -EACCES;
    }
    path_end(&place);
    return result;
}

long sys_access(const long *argument)
{
    return access_at(AT_FDCWD, (const char *)argument[0], argument[1], 0);
}

long sys_faccessat(const long *argument)
{
    return access_at(argument[0], (const char *)argument[1], argument[2], 0);
}

long sys_faccessat2(const long *argument)
{
    return access_at(argument[0], (const char *)argument[1], argument[2], argument[3]);
}

/* ---- what is written about a file: kept for what lives in memory ---- */

struct change {
    bool mode_set, owner_set;
    uint32_t mode, user, group;
    bool accessed_set, modified_set;
    struct runtime_time accessed, modified;
};

static long change_node(struct node *node, const struct change *change)
{
    if (node->operations != &memory_operations && node->operations != &directory_operations)
        return node->operations == &constant_operations ? -EROFS : -EPERM;
    if (!node->volume)
        return -EROFS;
    /* There is one user; the root alone could give a file away. */
    if (change->owner_set && ((change->user != UINT32_MAX && change->user != FILES_OWNER) ||
                              (change->group != UINT32_MAX && change->group != FILES_OWNER)))
        return -EPERM;
    lock_acquire(&node->lock);
    if (change->mode_set)
        node->mode = (node->mode & S_IFMT) | (change->mode & 07777);
    if (change->accessed_set)
        node->accessed = change->accessed;
    if (change->modified_set)
        node->modified = change->modified;
    node->changed = node_now();
    lock_release(&node->lock);
    return 0;
}

static long change_at(long directory, const char *path, long flags, const struct change *change)
{
    struct place place;
    if (flags & ~(long)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    long result = path_target(&place, directory, path, flags);
    if (result == 0)
        /* The host keeps such things of its files; there is no way to ask it. */
        result = place.below ? -EPERM : change_node(place.node, change);
    path_end(&place);
    return result;
}

static long change_descriptor(long descriptor, const struct change *change)
{
    struct file *file = file_get(descriptor);
    if (!file)
        return -EBADF;
    long result = file->flags & O_PATH ? -EBADF : change_node(file->node, change);
    file_put(file);
    return result;
}

static struct change change_mode(long mode)
{
    return (struct change){.mode_set = true, .mode = (uint32_t)mode};
}

static struct change change_owner(const long *argument)
{
    return (struct change){
        .owner_set = true, .user = (uint32_t)argument[0], .group = (uint32_t)argument[1]};
}

long sys_chmod(const long *argument)
{
    struct change change = change_mode(argument[1]);
    return change_at(AT_FDCWD, (const char *)argument[0], 0, &change);
}

long sys_fchmod(const long *argument)
{
    struct change change = change_mode(argument[1]);
    return change_descriptor(argument[0], &change);
}

long sys_fchmodat(const long *argument)
{
    struct change change = change_mode(argument[2]);
    return change_at(argument[0], (const char *)argument[1], 0, &change);
}

long sys_chown(const long *argument)
{
    struct change change = change_owner(argument + 1);
    return change_at(AT_FDCWD, (const char *)argument[0], 0, &change);
}

long sys_lchown(const long *argument)
{
    return sys_chown(argument);
}

long sys_fchown(const long *argument)
{
    struct change change = change_owner(argument + 1);
    return change_descriptor(argument[0], &change);
}

long sys_fchownat(const long *argument)
{
    struct change change = change_owner(argument + 2);
    return change_at(argument[0], (const char *)argument[1], argument[4], &change);
}

/* One time of utimensat; false: malformed. */
static bool change_time(const struct __kernel_timespec *from, bool *set, struct runtime_time *time)
{
    enum { NOW = (1 << 30) - 1, OMIT = (1 << 30) - 2 }; /* UTIME_NOW, UTIME_OMIT */
    int64_t nanoseconds = from ? from->tv_nsec : NOW;
    *set = nanoseconds != OMIT;
    if (nanoseconds == NOW)
        *time = node_now();
    else if (*set)
        *time = (struct runtime_time){from->tv_sec, nanoseconds};
    return nanoseconds == NOW || nanoseconds == OMIT ||
           (nanoseconds >= 0 && nanoseconds < 1000000000);
}

long sys_utimensat(const long *argument)
{
    const char *path = (const char *)argument[1];
    const struct __kernel_timespec *times = (const struct __kernel_timespec *)argument[2];
    struct change change = {.accessed_set = false};
    if (times && !memory_is_inside(times, 2 * sizeof(*times)))
        return -EFAULT;
    if (!change_time(times, &change.accessed_set, &change.accessed) ||
        !change_time(times ? times + 1 : NULL, &change.modified_set, &change.modified))
        return -EINVAL;
    if (!path)
        return change_descriptor(argument[0], &change);
    return change_at(argument[0], path, argument[3], &change);
}

/* ---- size ---- */

static long truncate_file(struct file *file, long size)
{
    if (size < 0 || !file_can_write(file) || !file->node->operations->truncate)
        return -EINVAL;
    return file->node->operations->truncate(file, (uint64_t)size);
}

long sys_ftruncate(const long *argument)
{
    if (argument[1] < 0)
        return -EINVAL;
    struct file *file = file_get(argument[0]);
    if (!file)
        return -EBADF;
    long result = file->flags & O_PATH ? -EBADF : truncate_file(file, argument[1]);
    file_put(file);
    return result;
}

long sys_truncate(const long *argument)
{
    if (argument[1] < 0)
        return -EINVAL;
    const long open[6] = {argument[0], O_WRONLY | O_CLOEXEC};
    long descriptor = sys_open(open);
    if (descriptor < 0)
        return descriptor;
    const long truncate[6] = {descriptor, argument[1]};
    long result = sys_ftruncate(truncate);
    sys_close(&descriptor);
    return result;
}

long sys_fallocate(const long *argument)
{
    int64_t offset = argument[2], length = argument[3], end;
    struct file *file = file_get(argument[0]);
    if (!file)
        return -EBADF;
    long result;
    if (offset < 0 || length <= 0)
        result = -EINVAL;
    else if (argument[1])
        result = -EOPNOTSUPP;
    else if (!file_can_write(file))
        result = -EBADF;
    else if (__builtin_add_overflow(offset, length, &end))
        result = -EFBIG;
    else if (!file->node->operations->reserve)
        result = node_is_directory(file->node) ? -EISDIR : -EOPNOTSUPP;
    else
        result = file->node->operations->reserve(file, (uint64_t)offset, (uint64_t)end);
    file_put(file);
    return result;
}

long sys_fadvise64(const long *argument)
{
    struct file *file = file_get(argument[0]);
    if (!file)
        return -EBADF;
    /* Advice, which may be left alone; what makes no sense is still an error. */
    long result = 0;
    if (!file->node->operations->seek)
        result = -ESPIPE;
    else if (argument[2] < 0 || argument[3] < 0 || argument[3] > 5)
        result = -EINVAL;
    file_put(file);
    return result;
}

static long sync_descriptor(long descriptor, bool data_only)
{
    struct file *file = file_get(descriptor);
    if (!file)
        return -EBADF;
    long result = -EBADF;
    if (!(file->flags & O_PATH))
        result =
            file->node->operations->sync ? file->node->operations->sync(file, data_only) : -EINVAL;
    file_put(file);
    return result;
}

long sys_fsync(const long *argument)
{
    return sync_descriptor(argument[0], false);
}

long sys_fdatasync(const long *argument)
{
    return sync_descriptor(argument[0], true);
}

/* ---- statfs ---- */

static long statfs_give(const struct place *place, void *to)
{
    const struct node *node = place->below ? place->parent : place->node;
    struct statfs status = {.f_type = TMPFS_MAGIC, .f_bsize = 4096, .f_frsize = 4096};
    /* There is no request for what the host's file system has left. */
    if (place->below || node->operations->host)
        return -ENOSYS;
    if (!memory_is_inside(to, sizeof(status)))
        return -EFAULT;
    status.f_namelen = NAME_MAX;
    if (node->volume && node->volume->limit) {
        uint64_t used = (node->volume->used + 4095) / 4096;
        status.f_blocks = (long)(node->volume->limit / 4096);
        status.f_bfree = status.f_bavail =
            status.f_blocks > (long)used ? status.f_blocks - (long)used : 0;
    }
    memcpy(to, &status, sizeof(status));
    return 0;
}

long sys_statfs(const long *argument)
{
    struct place place;
    long result = path_target(&place, AT_FDCWD, (const char *)argument[0], 0);
    if (result == 0)
        result = statfs_give(&place, (void *)argument[1]);
    path_end(&place);
    return result;
}

long sys_fstatfs(const long *argument)
{
    struct place place = {.file = file_get(argument[0])};
    if (!place.file)
        return -EBADF;
    place.node = place.file->node;
    long result = statfs_give(&place, (void *)argument[1]);
    path_end(&place);
    return result;
}

/* There are no symbolic links inside; only descriptors look like some. */
static long readlink_at(long directory, const char *path, char *to, long size)
{
    struct place place;
    struct stat status;
    if (size <= 0)
        return -EINVAL;
    long result = path_target(&place, directory, path, 0);
    bool is_descriptor = result == 0 && place.descriptor >= 0;
    if (result == 0 && place.below)
        result = plain_status(&place, &status);
    if (result == 0)
        result = -EINVAL;
    if (is_descriptor) {
        char *buffer = memory_allocate(PATH_MAX);
        lock_acquire(&tree_lock);
        bool named = place.node->parent || place.node == tree_root || place.node->name;
        result = !buffer ? -ENOMEM : named ? tree_path(place.node, buffer, PATH_MAX) : -ENOENT;
        lock_release(&tree_lock);
        if (result > 0) {
            long length = result < size ? result : size;
            if (!memory_is_inside(to, (uint64_t)length))
                length = -EFAULT;
            else
                memcpy(to, buffer + PATH_MAX - result, (size_t)length);
            result = length;
        }
        memory_free(buffer);
    }
    path_end(&place);
    return result;
}

long sys_readlink(const long *argument)
{
    return readlink_at(AT_FDCWD, (const char *)argument[0], (char *)argument[1], argument[2]);
}

long sys_readlinkat(const long *argument)
{
    return readlink_at(argument[0], (const char *)argument[1], (char *)argument[2], argument[3]);
}
