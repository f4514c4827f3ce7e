/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices that every program expects: /dev/null, zero, full, random, urandom.
 */
#include "node.h"

enum { DEVICE_NULL = 3, DEVICE_ZERO = 5, DEVICE_FULL = 7, DEVICE_RANDOM = 8, DEVICE_URANDOM = 9 };

static long device_read(struct file *file, struct transfer *transfer, uint64_t *position)
{
    uint32_t device = file->node->special;
    long done = 0;
    (void)position;
    while (device != DEVICE_NULL && transfer->left) {
        uint64_t length;
        uint8_t *to = transfer_next(transfer, transfer->left, &length);
        if (!to)
            return done ? done : -EFAULT;
        if (device == DEVICE_ZERO || device == DEVICE_FULL)
            memset(to, 0, length);
        else
            random_bytes(to, length);
        done += (long)length;
    }
    return done;
}

static long device_write(struct file *file, struct transfer *transfer, uint64_t *position)
{
    (void)position;
    /* What is written to the random devices is not mixed in: the entropy is the CPU's. */
    if (file->node->special == DEVICE_FULL && transfer->left)
        return -ENOSPC;
    return (long)transfer->left;
}

static long device_seek(struct file *file, int64_t offset, int whence)
{
    (void)file;
    (void)offset;
    (void)whence;
    return 0;
}

static long device_status(struct node *node, struct file *file, struct stat *status)
{
    long result = node_status(node, file, status);
    status->st_rdev = 1 << 8 | node->special;
    return result;
}

static const struct node_operations device_operations = {
    .read = device_read,
    .write = device_write,
    .seek = device_seek,
    .status = device_status,
};

void device_start(void)
{
    static const struct {
        const char *path;
        uint32_t number;
    } devices[] = {
        {"/dev/null", DEVICE_NULL},       {"/dev/zero", DEVICE_ZERO},
        {"/dev/full", DEVICE_FULL},       {"/dev/random", DEVICE_RANDOM},
        {"/dev/urandom", DEVICE_URANDOM},
    };
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        const char *path = devices[i].path;
        struct node *node = tree_mount(path, strlen(path), &device_operations, S_IFCHR | 0666);
        node->special = devices[i].number;
    }
}
