/* SPDX-License-Identifier: Apache-2.0
 *
 * sendfile: from a file with a position to anything that can be written, through memory.
 */
#include "node.h"

#define SENDFILE_PIECE (UINT64_C(64) << 10)

/* One read or write of a piece, through the handlers that programs use. */
static long piece(syscall_handler *handler, long descriptor, void *bytes, long size, long offset)
{
    const long argument[6] = {descriptor, (long)bytes, size, offset};
    return handler(argument);
}

long sys_sendfile(const long *argument)
{
    int64_t *given = (int64_t *)argument[2];
    uint64_t left = (uint64_t)argument[3] < FILES_TRANSFER ? (uint64_t)argument[3] : FILES_TRANSFER;
    const long where[6] = {argument[1], 0, SEEK_CUR};
    if (given && !memory_is_inside(given, sizeof(*given)))
        return -EFAULT;
    struct file *from = file_get(argument[1]);
    if (!from)
        return -EBADF;
    bool seekable = from->node->operations->positioned;
    file_put(from);
    if (!seekable)
        return -EINVAL;
    int64_t offset = given ? *given : sys_lseek(where);
    if (offset < 0)
        return given ? -EINVAL : offset;
    void *bytes = memory_map(SENDFILE_PIECE);
    if (!bytes)
        return -ENOMEM;
    long done = 0, result = 0;
    while (left) {
        long wanted = (long)(left < SENDFILE_PIECE ? left : SENDFILE_PIECE);
        result = piece(sys_pread64, argument[1], bytes, wanted, offset);
        if (result > 0)
            result = piece(sys_write, argument[0], bytes, result, 0);
        if (result <= 0)
            break;
        offset += result;
        done += result;
        left -= (uint64_t)result;
        if (result < wanted)
            break;
    }
    memory_unmap(bytes, SENDFILE_PIECE);
    if (done && given) {
        *given = offset;
    } else if (done) {
        const long position[6] = {argument[1], offset, SEEK_SET};
        sys_lseek(position);
    }
    return done ? done : result;
}
