/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls that look at files or change what is written about them: stat in its forms, access,
 * readlink, chmod, chown, truncate, fallocate, fsync.
 */
#include "node.h"

#define STATUS_FLAGS (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT)

static long place_status(struct place *place, struct stat *status)
{
    if (place->below)
        return box_is_place(place) ? box_status(place, status) : plain_status(place, status);
    return place->node->operations->status(place->node, place->file, status);
}

static long status_at(long directory, const char *path, long flags, struct stat *status)
{
    PLACE_HELD place;
    long result = path_target(&place, directory, path, flags);
    return result < 0 ? result : place_status(&place, status);
}

long sys_newfstatat(const long *argument)
{
    struct stat status;
    if (argument[3] & ~(long)STATUS_FLAGS)
        return -EINVAL;
    long result = status_at(argument[0], (const char *)argument[1], argument[3], &status);
    return result < 0 ? result : program_write(argument[2], &status, sizeof(status));
}

/* lstat too: nothing that a program can see is a symbolic link. */
long sys_stat(const long *argument)
{
    return sys_newfstatat((const long[6]){AT_FDCWD, argument[0], argument[1], 0});
}

long sys_fstat(const long *argument)
{
    struct stat status;
    FILE_HELD file = file_get(argument[0]);
    if (!file)
        return -EBADF;
    long result = file->node->operations->status(file->node, file, &status);
    return result < 0 ? result : program_write(argument[1], &status, sizeof(status));
}

long sys_statx(const long *argument)
{
    struct stat from;
    if ((argument[2] & ~(long)(STATUS_FLAGS | AT_STATX_SYNC_TYPE)) ||
        (argument[3] & (long)STATX__RESERVED))
        return -EINVAL;
    long result = status_at(argument[0], (const char *)argument[1], argument[2], &from);
    if (result < 0)
        return result;
    const struct statx to = {
        .stx_mask = STATX_BASIC_STATS,
        .stx_blksize = (uint32_t)from.st_blksize,
        .stx_nlink = (uint32_t)from.st_nlink,
        .stx_uid = from.st_uid,
        .stx_gid = from.st_gid,
        .stx_mode = (uint16_t)from.st_mode,
        .stx_ino = from.st_ino,
        .stx_size = (uint64_t)from.st_size,
        .stx_blocks = (uint64_t)from.st_blocks,
        .stx_atime = {(int64_t)from.st_atime, (uint32_t)from.st_atime_nsec, 0},
        .stx_mtime = {(int64_t)from.st_mtime, (uint32_t)from.st_mtime_nsec, 0},
        .stx_ctime = {(int64_t)from.st_ctime, (uint32_t)from.st_ctime_nsec, 0},
        /* makedev's split, as in st_dev and st_rdev */
        .stx_dev_major = (uint32_t)(from.st_dev >> 8) & 0xfff,
        .stx_dev_minor = (uint32_t)((from.st_dev & 0xff) | ((from.st_dev >> 12) & 0xfff00)),
        .stx_rdev_major = (uint32_t)(from.st_rdev >> 8) & 0xfff,
        .stx_rdev_minor = (uint32_t)(from.st_rdev & 0xff),
    };
    return program_write(argument[4], &to, sizeof(to));
}

static bool place_is_read_only(const struct place *place)
{
    const struct node *node = place->below ? place->parent : place->node;
    if (node->operations == &plain_operations || node_is_host_directory(node))
        return !node->plain.writable;
    if (node->operations == &box_operations)
        return box_is_read_only(node);
    return node_is_directory(node) ? !node->volume : node->operations == &constant_operations;
}

long sys_faccessat2(const long *argument)
{
    struct stat status;
    uint32_t wanted = (uint32_t)argument[2];
    if ((argument[2] & ~7L) ||
        (argument[3] & ~(long)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
        return -EINVAL;
    PLACE_HELD place;
    long result = path_target(&place, argument[0], (const char *)argument[1], argument[3]);
    if (result == 0)
        result = place_status(&place, &status);
    if (result < 0)
        return result;
    if ((wanted & 2) && place_is_read_only(&place))
        return -EROFS;
    /* Whether a plain file may really be read only the host knows, and says at open. */
    uint32_t mode = status.st_dev >= FILES_HOST_DEVICE ? status.st_mode | 0600 : status.st_mode;
    return ((mode >> 6) & wanted) == wanted ? 0 : -EACCES;
}

long sys_faccessat(const long *argument)
{
    return sys_faccessat2((const long[6]){argument[0], argument[1], argument[2], 0});
}

long sys_access(const long *argument)
{
    return sys_faccessat2((const long[6]){AT_FDCWD, argument[0], argument[1], 0});
}

long sys_readlinkat(const long *argument)
{
    struct stat status;
    if (argument[3] <= 0)
        return -EINVAL;
    long result = status_at(argument[0], (const char *)argument[1], 0, &status);
    return result < 0 ? result : -EINVAL; /* there are no symbolic links */
}

long sys_readlink(const long *argument)
{
    return sys_readlinkat((const long[6]){AT_FDCWD, argument[0], argument[1], argument[2]});
}

/* ---- mode and owner: kept for what lives in memory ---- */

#define KEEP UINT32_MAX /* what chown's -1 is */

static long change(const struct place *place, uint32_t mode, uint32_t user, uint32_t group)
{
    struct node *node = place->node;
    /* The host keeps such things of its files; there is no way to ask it. */
    if (place->below)
        return -EPERM;
    if (node->operations != &memory_operations && node->operations != &directory_operations)
        return node->operations == &constant_operations ? -EROFS : -EPERM;
    if (!node->volume)
        return -EROFS;
    /* There is one user; the root alone could give a file away. */
    if ((user != KEEP && user != RUNTIME_USER) || (group != KEEP && group != RUNTIME_USER))
        return -EPERM;
    lock_acquire(&node->lock);
    if (mode != KEEP)
        node->mode = (node->mode & S_IFMT) | mode;
    node->changed = node_now();
    lock_release(&node->lock);
    return 0;
}

long sys_fchmodat(const long *argument)
{
    PLACE_HELD place;
    long result = path_target(&place, argument[0], (const char *)argument[1], 0);
    return result < 0 ? result : change(&place, (uint32_t)argument[2] & 07777, KEEP, KEEP);
}

long sys_chmod(const long *argument)
{
    return sys_fchmodat((const long[6]){AT_FDCWD, argument[0], argument[1]});
}

long sys_fchmod(const long *argument)
{
    PLACE_HELD place;
    long result = path_descriptor(&place, argument[0]);
    return result < 0 ? result : change(&place, (uint32_t)argument[1] & 07777, KEEP, KEEP);
}

long sys_fchownat(const long *argument)
{
    if (argument[4] & ~(long)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    PLACE_HELD place;
    long result = path_target(&place, argument[0], (const char *)argument[1], argument[4]);
    return result < 0 ? result : change(&place, KEEP, (uint32_t)argument[2], (uint32_t)argument[3]);
}

/* lchown too. */
long sys_chown(const long *argument)
{
    return sys_fchownat((const long[6]){AT_FDCWD, argument[0], argument[1], argument[2], 0});
}

long sys_fchown(const long *argument)
{
    PLACE_HELD place;
    long result = path_descriptor(&place, argument[0]);
    return result < 0 ? result : change(&place, KEEP, (uint32_t)argument[1], (uint32_t)argument[2]);
}

/* ---- content ---- */

long sys_ftruncate(const long *argument)
{
    if (argument[1] < 0)
        return -EINVAL;
    FILE_HELD file = file_get_content(argument[0]);
    if (!file)
        return -EBADF;
    if (!file_can_write(file) || !file->node->operations->truncate)
        return -EINVAL;
    return file->node->operations->truncate(file, (uint64_t)argument[1]);
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
    int64_t end;
    FILE_HELD file = file_get(argument[0]);
    if (!file)
        return -EBADF;
    if (argument[2] < 0 || argument[3] <= 0)
        return -EINVAL;
    if (argument[1])
        return -EOPNOTSUPP;
    if (!file_can_write(file))
        return -EBADF;
    if (__builtin_add_overflow((int64_t)argument[2], (int64_t)argument[3], &end))
        return -EFBIG;
    return file->node->operations->reserve
               ? file->node->operations->reserve(file, (uint64_t)argument[2], (uint64_t)end)
               : -EOPNOTSUPP;
}

static long sync_descriptor(long descriptor, bool data_only)
{
    FILE_HELD file = file_get_content(descriptor);
    if (!file)
        return -EBADF;
    return file->node->operations->sync ? file->node->operations->sync(file, data_only) : -EINVAL;
}

long sys_fsync(const long *argument)
{
    return sync_descriptor(argument[0], false);
}

long sys_fdatasync(const long *argument)
{
    return sync_descriptor(argument[0], true);
}
