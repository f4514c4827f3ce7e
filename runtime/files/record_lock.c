/* SPDX-License-Identifier: Apache-2.0
 *
 * POSIX record locks. They are the process's, and never in the way of the process that has them:
 * there is one process in an enclave, and neither the host nor another enclave takes part. So every
 * lock that is well-formed is granted at once, and nothing has to be remembered of it.
 */
#include "node.h"

long record_lock(struct file *file, int command, struct flock *flock)
{
    int64_t start = 0, end;
    if (!memory_is_inside(flock, sizeof(*flock)))
        return -EFAULT;
    const struct flock asked = *flock;
    if (asked.l_whence == SEEK_CUR) {
        start = (int64_t)file->position;
    } else if (asked.l_whence == SEEK_END) {
        struct stat status;
        long result = file->node->operations->status(file->node, file, &status);
        if (result < 0)
            return result;
        start = status.st_size;
    } else if (asked.l_whence != SEEK_SET) {
        return -EINVAL;
    }
    if (__builtin_add_overflow(start, (int64_t)asked.l_start, &start))
        return -EOVERFLOW;
    if (start < 0 || (asked.l_len < 0 && start + asked.l_len < 0))
        return -EINVAL;
    if (asked.l_len > 0 && __builtin_add_overflow(start, (int64_t)asked.l_len - 1, &end))
        return -EOVERFLOW;
    bool reads = asked.l_type == F_RDLCK, writes = asked.l_type == F_WRLCK;
    if (command == F_GETLK) {
        if (!reads && !writes)
            return -EINVAL;
        flock->l_type = F_UNLCK; /* nothing is in the way */
        return 0;
    }
    if (!reads && !writes && asked.l_type != F_UNLCK)
        return -EINVAL;
    return (reads && !file_can_read(file)) || (writes && !file_can_write(file)) ? -EBADF : 0;
}
