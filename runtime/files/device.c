/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices that every program expects: /dev/null, zero, full, random, urandom; and the names of
 * descriptors, /dev/fd/N, /proc/self/fd/N, /dev/stdin, stdout, stderr.
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

static const struct node_operations link_operations = {.status = node_status};

static long descriptors_list(struct file *file, uint8_t *buffer, uint64_t size)
{
    uint64_t done = 0;
    bool full = false;
    lock_acquire(&file->lock);
    for (; !full && file->position < FILES_DESCRIPTORS; file->position++) {
        char digits[4];
        size_t at = sizeof(digits);
        uint64_t number = file->position;
        struct file *named = file_get((long)number);
        if (!named)
            continue;
        file_put(named);
        do
            digits[--at] = (char)('0' + number % 10);
        while (number /= 10);
        uint64_t used = directory_entry(buffer + done, size - done, file->position + 1,
                                        file->position + 1, 10, digits + at, sizeof(digits) - at);
        full = !used;
        done += used;
        if (full)
            break;
    }
    lock_release(&file->lock);
    return full && !done ? -EINVAL : (long)done;
}

static const struct node_operations descriptors_operations = {
    .status = node_status,
    .list = descriptors_list,
};

bool device_link(struct place *place)
{
    if (place->node && place->node->operations == &link_operations) {
        place->descriptor = place->node->special;
        return true;
    }
    if (place->node || place->below || !place->parent ||
        place->parent->operations != &descriptors_operations || place->length > 4)
        return false;
    long number = 0;
    for (size_t i = 0; i < place->length; i++) {
        if (place->name[i] < '0' || place->name[i] > '9')
            return false;
        number = number * 10 + (place->name[i] - '0');
    }
    place->descriptor = number;
    return true;
}

void device_start(void)
{
    static const struct {
        const char *path;
        uint32_t number;
        uint32_t mode;
        const struct node_operations *operations;
    } devices[] = {
        {"/dev/null", DEVICE_NULL, S_IFCHR | 0666, &device_operations},
        {"/dev/zero", DEVICE_ZERO, S_IFCHR | 0666, &device_operations},
        {"/dev/full", DEVICE_FULL, S_IFCHR | 0666, &device_operations},
        {"/dev/random", DEVICE_RANDOM, S_IFCHR | 0666, &device_operations},
        {"/dev/urandom", DEVICE_URANDOM, S_IFCHR | 0666, &device_operations},
        {"/dev/stdin", 0, S_IFLNK | 0777, &link_operations},
        {"/dev/stdout", 1, S_IFLNK | 0777, &link_operations},
        {"/dev/stderr", 2, S_IFLNK | 0777, &link_operations},
        {"/dev/fd", 0, S_IFDIR | 0555, &descriptors_operations},
        {"/proc/self/fd", 0, S_IFDIR | 0555, &descriptors_operations},
    };
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        struct node *node = tree_mount(devices[i].path, strlen(devices[i].path),
                                       devices[i].operations, devices[i].mode);
        node->special = devices[i].number;
    }
}
