/* SPDX-License-Identifier: Apache-2.0
 *
 * What streams and plain files have in common: bytes through the bounce buffer, a handle of the
 * host, and its word on size and type, which is checked here and nowhere else.
 */
#include "node.h"

int64_t host_ask(const struct file *file, uint32_t operation, uint64_t a1, uint64_t a2, uint64_t a3,
                 int64_t least, int64_t most, bool slow)
{
    for (;;) {
        int64_t result = slow ? host_call_slow(operation, file->handle, a1, a2, a3, least, most)
                              : host_call(operation, file->handle, a1, a2, a3, least, most);
        if (result != -EINTR || operation == RING_CONNECT || thread_is_signalled(thread_self()))
            return result;
    }
}

static long host_move(struct file *file, struct transfer *transfer, uint64_t *position, bool writes,
                      bool slow)
{
    uint32_t operation =
        writes ? (position ? RING_PWRITE : RING_WRITE) : (position ? RING_PREAD : RING_READ);
    long done = 0;
    while (transfer->left) {
        uint64_t length = transfer->left < RING_BUFFER_SIZE ? transfer->left : RING_BUFFER_SIZE;
        if (position && length > FILES_SIZE - *position)
            length = FILES_SIZE - *position;
        if (writes && !length)
            return done ? done : -EFBIG;
        if (writes && transfer_in(transfer, NULL, length) < 0)
            return done ? done : -EFAULT;
        int64_t result = host_ask(file, operation, length, position ? *position : 0, 0, 0,
                                  (int64_t)length, slow);
        if (result < 0)
            return done ? done : (long)result;
        if (!writes && transfer_out(transfer, NULL, (uint64_t)result) < 0)
            return done ? done : -EFAULT;
        done += (long)result;
        if (position)
            *position += (uint64_t)result;
        /* A second read of a stream could wait although there are bytes to give. */
        if ((uint64_t)result < length || (writes ? file->flags & O_NONBLOCK : !position))
            break;
    }
    return done;
}

long host_read(struct file *file, struct transfer *transfer, uint64_t *position, bool slow)
{
    return host_move(file, transfer, position, false, slow);
}

long host_write(struct file *file, struct transfer *transfer, uint64_t *position, bool slow)
{
    return host_move(file, transfer, position, true, slow);
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
    *status = (struct stat){
        .st_mode = known ? host.mode & (S_IFMT | 07777) : host.mode & 07777,
        .st_ino = host.inode,
        .st_dev = FILES_HOST_DEVICE + (uint64_t)host.device,
        .st_nlink = host.links,
        .st_uid = RUNTIME_USER,
        .st_gid = RUNTIME_USER,
        .st_size = (long)host.size,
        .st_blksize = (long)RING_BUFFER_SIZE,
        .st_blocks = (long)host.blocks,
        .st_atime = (unsigned long)host.access_seconds,
        .st_atime_nsec = host.access_nanoseconds,
        .st_mtime = (unsigned long)host.modify_seconds,
        .st_mtime_nsec = host.modify_nanoseconds,
        .st_ctime = (unsigned long)host.change_seconds,
        .st_ctime_nsec = host.change_nanoseconds,
    };
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
