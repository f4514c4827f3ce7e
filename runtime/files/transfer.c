/* SPDX-License-Identifier: Apache-2.0
 *
 * read and write in all their forms: the program's buffers, checked before use, and the position.
 *
 * Every buffer is checked twice: all of a vector before anything happens (as Linux does), and each
 * one again when its turn comes, because another thread may have changed the vector meanwhile.
 */
#include "node.h"

long transfer_begin(struct transfer *transfer, const struct iovec *vector, uint64_t count)
{
    if (count > UIO_MAXIOV)
        return -EINVAL;
    if (count && !memory_is_inside(vector, count * sizeof(*vector)))
        return -EFAULT;
    uint64_t total = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t length = __atomic_load_n(&vector[i].iov_len, __ATOMIC_RELAXED);
        if (length > FILES_SIZE)
            return -EINVAL;
        if (length && !memory_is_inside(vector[i].iov_base, length))
            return -EFAULT;
        total = total + length > FILES_TRANSFER ? FILES_TRANSFER : total + length;
    }
    *transfer = (struct transfer){.vector = vector, .left = total};
    return 0;
}

uint8_t *transfer_next(struct transfer *transfer, uint64_t most, uint64_t *length)
{
    /* `left` counts bytes that the vector held when it was checked; a vector that has shrunk since
     * could lead beyond its end, to a stretch that is not the program's. */
    for (;;) {
        if (!memory_is_inside(transfer->vector, sizeof(struct iovec)))
            return NULL;
        uint8_t *base = __atomic_load_n(&transfer->vector->iov_base, __ATOMIC_RELAXED);
        uint64_t size = __atomic_load_n(&transfer->vector->iov_len, __ATOMIC_RELAXED);
        if (transfer->used >= size) {
            transfer->vector++;
            transfer->used = 0;
            continue;
        }
        uint64_t piece = size - transfer->used;
        piece = piece < most ? piece : most;
        piece = piece < transfer->left ? piece : transfer->left;
        base += transfer->used;
        if (!memory_is_inside(base, piece))
            return NULL;
        transfer->used += piece;
        transfer->left -= piece;
        *length = piece;
        return base;
    }
}

static long transfer_all(struct transfer *transfer, uint8_t *other, uint64_t size, bool in)
{
    uint64_t length;
    for (uint64_t done = 0; done < size; done += length) {
        uint8_t *bytes = transfer_next(transfer, size - done, &length);
        if (!bytes)
            return -EFAULT;
        if (!other)
            (in ? host_put(done, bytes, length) : host_get(done, bytes, length));
        else
            memcpy(in ? other + done : bytes, in ? bytes : other + done, length);
    }
    return 0;
}

long transfer_in(struct transfer *transfer, void *other, uint64_t size)
{
    return transfer_all(transfer, other, size, true);
}

long transfer_out(struct transfer *transfer, const void *other, uint64_t size)
{
    return transfer_all(transfer, (uint8_t *)other, size, false);
}

/* `offset` NULL: at the description's position, which moves. */
static long transfer_call(long descriptor, const struct iovec *vector, uint64_t count, bool writes,
                          const long *offset)
{
    if (offset && *offset < 0)
        return -EINVAL;
    FILE_HELD file = file_get(descriptor);
    if (!file || !(writes ? file_can_write(file) : file_can_read(file)))
        return -EBADF;
    const struct node_operations *operations = file->node->operations;
    struct transfer transfer;
    uint64_t position = offset ? (uint64_t)*offset : 0;
    long (*move)(struct file *, struct transfer *, uint64_t *) =
        writes ? operations->write : operations->read;
    if (offset && !operations->seek)
        return -ESPIPE;
    if (!move)
        return node_is_directory(file->node) ? -EISDIR : -EINVAL;
    long result = transfer_begin(&transfer, vector, count);
    if (result < 0)
        return result;
    if (offset) {
        result = move(file, &transfer, &position);
    } else if (operations->positioned) {
        lock_acquire(&file->lock);
        result = move(file, &transfer, &file->position);
        lock_release(&file->lock);
    } else {
        result = move(file, &transfer, NULL);
    }
    if (result == -EPIPE && writes)
        signal_raise(13); /* SIGPIPE */
    return result;
}

static long transfer_one(const long *argument, bool writes, const long *offset)
{
    /* The vector is the runtime's own, so it is checked here; transfer_begin takes it as well. */
    struct iovec one = {(void *)argument[1], (uint64_t)argument[2]};
    if (one.iov_len > FILES_TRANSFER)
        one.iov_len = FILES_TRANSFER;
    return transfer_call(argument[0], &one, 1, writes, offset);
}

long sys_read(const long *argument)
{
    return transfer_one(argument, false, NULL);
}

long sys_write(const long *argument)
{
    return transfer_one(argument, true, NULL);
}

long sys_pread64(const long *argument)
{
    return transfer_one(argument, false, &argument[3]);
}

long sys_pwrite64(const long *argument)
{
    return transfer_one(argument, true, &argument[3]);
}

long sys_readv(const long *argument)
{
    return transfer_call(argument[0], (const struct iovec *)argument[1], (uint64_t)argument[2],
                         false, NULL);
}

long sys_writev(const long *argument)
{
    return transfer_call(argument[0], (const struct iovec *)argument[1], (uint64_t)argument[2],
                         true, NULL);
}

long sys_lseek(const long *argument)
{
    FILE_HELD file = file_get_content(argument[0]);
    if (!file)
        return -EBADF;
    return file->node->operations->seek
               ? file->node->operations->seek(file, argument[1], (int)argument[2])
               : -ESPIPE;
}
