/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that cannot change: measured ones lie in the image; hashed ones are read from the host
 * whole, at the first open, and nothing of them is used before size and SHA-256 are right.
 */
#include "node.h"
#include "sha256.h"

/* Reads exactly `size` bytes, then looks for one more. */
static long hashed_read(uint64_t handle, uint8_t *bytes, uint64_t size, struct sha256 *hash)
{
    for (uint64_t at = 0; at <= size;) {
        uint64_t wanted = size - at < RING_BUFFER_SIZE ? size - at : RING_BUFFER_SIZE;
        uint64_t asked = wanted ? wanted : 1;
        int64_t result = host_call(RING_PREAD, handle, asked, at, 0, 0, (int64_t)asked);
        if (result == -EINTR)
            continue;
        if (result < 0)
            return (long)result;
        if ((result == 0) != (wanted == 0))
            return -EIO; /* too short, or too long */
        if (result == 0)
            break;
        host_get(0, bytes + at, (size_t)result);
        sha256_add(hash, bytes + at, (size_t)result);
        at += (uint64_t)result;
    }
    return 0;
}

static long hashed_load(struct node *node)
{
    const struct boot_file *source = node->constant.source;
    struct sha256 hash;
    uint8_t digest[32];
    uint8_t *bytes = memory_map(node->size ? node->size : 1);
    if (!bytes)
        return -ENOMEM;
    int64_t handle =
        host_call(RING_OPEN, node->constant.index, RING_OPEN_READ, 0, 0, 3, FILES_HANDLE);
    long result = (long)handle;
    if (handle >= 0) {
        sha256_begin(&hash);
        result = hashed_read((uint64_t)handle, bytes, node->size, &hash);
        (void)host_call(RING_CLOSE, (uint64_t)handle, 0, 0, 0, 0, 0);
    }
    if (result == 0) {
        sha256_end(&hash, digest);
        if (memcmp(digest, source->sha256, sizeof(digest)) != 0)
            result = -EIO;
    }
    if (result < 0)
        memory_unmap(bytes, node->size ? node->size : 1);
    else
        node->constant.bytes = bytes;
    return result;
}

/* A hashed file is read and checked at its first open. */
static long constant_open(struct node **opened)
{
    struct node *node = *opened;
    long result = 0;
    lock_acquire(&node->lock);
    if (!node->constant.bytes)
        result = hashed_load(node);
    if (result == 0)
        node->constant.opens++;
    lock_release(&node->lock);
    return result;
}

static void constant_close(struct file *file)
{
    struct node *node = file->node;
    if (file->flags & O_PATH)
        return;
    lock_acquire(&node->lock);
    if (--node->constant.opens == 0 && node->constant.source) {
        memory_unmap((void *)node->constant.bytes, node->size ? node->size : 1);
        node->constant.bytes = NULL;
    }
    lock_release(&node->lock);
}

long constant_read(struct file *file, struct transfer *transfer, uint64_t *position)
{
    const struct node *node = file->node;
    uint64_t size = *position < node->size ? node->size - *position : 0;
    size = size < transfer->left ? size : transfer->left;
    if (transfer_out(transfer, node->constant.bytes + *position, size) < 0)
        return -EFAULT;
    *position += size;
    return (long)size;
}

const struct node_operations constant_operations = {
    .positioned = true,
    .open = constant_open,
    .read = constant_read,
    .seek = node_seek,
    .status = node_status,
    .sync = node_sync,
    .close = constant_close,
};
