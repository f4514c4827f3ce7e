/* SPDX-License-Identifier: Apache-2.0
 *
 * What streams and plain files have in common: bytes through the bounce buffer, a handle of the
 * host, and its word on size and type, which is checked here and nowhere else.
 */
#include "node.h"

/* One piece: what the host answers is 0..length, or an errno, or the enclave has stopped. */
static int64_t piece(uint32_t operation, const struct file *file, uint64_t length, uint64_t offset,
                     bool slow)
{
    for (;;) {
        int64_t result =
            slow ? host_call_slow(operation, file->handle, length, offset, 0, 0, (int64_t)length)
                 : host_call(operation, file->handle, length, offset, 0, 0, (int64_t)length);
        /* The host's own interruptions are nothing to the program. */
        if (result != -EINTR || wait_interrupted())
            return result;
    }
}

long host_read(struct file *file, struct transfer *transfer, uint64_t *position, bool slow)
{
    long done = 0;
    while (transfer->left) {
        uint64_t length = transfer->left < RING_BUFFER_SIZE ? transfer->left : RING_BUFFER_SIZE;
        if (position && length > FILES_SIZE - *position)
            length = FILES_SIZE - *position;
        int64_t result =
            piece(position ? RING_PREAD : RING_READ, file, length, position ? *position : 0, slow);
        if (result < 0)
            return done ? done : (long)result;
        if (transfer_out(transfer, NULL, (uint64_t)result) < 0)
            return done ? done : -EFAULT;
        done += (long)result;
        if (position)
            *position += (uint64_t)result;
        /* A second read of a stream could wait although there are bytes to give. */
        if ((uint64_t)result < length || !position)
            break;
    }
    return done;
}

long host_write(struct file *file, struct transfer *transfer, uint64_t *position, bool slow)
{
    long done = 0;
    while (transfer->left) {
        uint64_t length = transfer->left < RING_BUFFER_SIZE ? transfer->left : RING_BUFFER_SIZE;
        if (position && length > FILES_SIZE - *position)
            length = FILES_SIZE - *position;
        if (!length)
            return done ? done : -EFBIG;
        if (transfer_in(transfer, NULL, length) < 0)
            return done ? done : -EFAULT;
        int64_t result = piece(position ? RING_PWRITE : RING_WRITE, file, length,
                               position ? *position : 0, slow);
        if (result < 0)
            return done ? done : (long)result;
        done += (long)result;
        if (position)
            *position += (uint64_t)result;
        if ((uint64_t)result < length || (file->flags & O_NONBLOCK))
            break;
    }
    return done;
}

void host_status(uint32_t operation, struct stat *status)
{
    struct ring_stat host;
    host_get(0, &host, sizeof(host));
    if (host.size > FILES_SIZE || host.blocks > FILES_SIZE || host.access_nanoseconds > 999999999 ||
        host.modify_nanoseconds > 999999999 || host.change_nanoseconds > 999999999)
        runtime_stop(RING_STOP_HOST_LIED, operation);
    uint32_t type = host.mode & S_IFMT;
    bool known = type == S_IFREG || type == S_IFDIR || type == S_IFCHR || type == S_IFIFO ||
                 type == S_IFSOCK || type == S_IFBLK || type == S_IFLNK;
    memset(status, 0, sizeof(*status));
    status->st_mode = known ? host.mode & (S_IFMT | 07777) : host.mode & 07777;
    status->st_ino = host.inode;
    status->st_dev = FILES_HOST_DEVICE + (uint64_t)host.device;
    status->st_nlink = host.links;
    status->st_uid = status->st_gid = FILES_OWNER;
    status->st_size = (long)host.size;
    status->st_blksize = (long)RING_BUFFER_SIZE;
    status->st_blocks = (long)host.blocks;
    status->st_atime = (unsigned long)host.access_seconds;
    status->st_atime_nsec = host.access_nanoseconds;
    status->st_mtime = (unsigned long)host.modify_seconds;
    status->st_mtime_nsec = host.modify_nanoseconds;
    status->st_ctime = (unsigned long)host.change_seconds;
    status->st_ctime_nsec = host.change_nanoseconds;
}

long host_truncate(struct file *file, uint64_t size)
{
    return (long)host_call(RING_TRUNCATE, file->handle, size, 0, 0, 0, 0);
}

long host_sync(struct file *file, bool data_only)
{
    return (long)host_call(RING_SYNC, file->handle, data_only, 0, 0, 0, 0);
}

void host_close(struct file *file)
{
    /* Nobody is left to be told of an error. */
    (void)host_call(RING_CLOSE, file->handle, 0, 0, 0, 0, 0);
}
