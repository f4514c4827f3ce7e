/* SPDX-License-Identifier: Apache-2.0
 *
 * mmap of files. A private mapping is a copy of what the file holds now; a shared one is the
 * storage of a memory file itself, which is why it costs nothing and why both always agree.
 */
#include "memory_file.h"

#include <asm/mman.h>
#include <linux/mman.h>

static struct lock mappings_lock;
static struct mapping *mappings;

static long map_private(struct file *file, uint64_t offset, uint64_t length, bool fixed,
                        void **address)
{
    uint64_t size = RING_PAGE_UP(length);
    uint8_t *memory = fixed ? *address : memory_map(size);
    if (!memory)
        return -ENOMEM;
    struct iovec vector = {memory, size};
    while (vector.iov_len) {
        struct transfer transfer = {.vector = &vector, .left = vector.iov_len};
        if (transfer.left > FILES_TRANSFER)
            transfer.left = FILES_TRANSFER;
        long done = file->node->operations->read(file, &transfer, &offset);
        if (done < 0) {
            if (!fixed)
                memory_unmap(memory, size);
            return done;
        }
        if (!done)
            break;
        vector.iov_base = (uint8_t *)vector.iov_base + done;
        vector.iov_len -= (uint64_t)done;
    }
    *address = memory;
    return 0;
}

static long map_shared(struct node *node, uint64_t offset, uint64_t length, void **address)
{
    struct mapping *mapping = memory_allocate(sizeof(*mapping));
    if (!mapping)
        return -ENOMEM;
    long error;
    length = RING_PAGE_UP(length);
    lock_acquire(&mappings_lock);
    lock_acquire(&node->lock);
    uint8_t *start = memory_file_contiguous(node, offset, length, &error);
    if (start) {
        *mapping = (struct mapping){.start = (uint64_t)start,
                                    .end = (uint64_t)start + length,
                                    .offset = offset,
                                    .node = node_get(node),
                                    .node_next = node->memory.mappings,
                                    .next = mappings};
        node->memory.mappings = mappings = mapping;
        *address = start;
    }
    lock_release(&node->lock);
    lock_release(&mappings_lock);
    if (!start)
        memory_free(mapping);
    return error;
}

long files_map(int descriptor, uint64_t offset, uint64_t length, int protection, int flags,
               void **address)
{
    int type = flags & MAP_TYPE;
    bool shared = type == MAP_SHARED || type == MAP_SHARED_VALIDATE, fixed = flags & MAP_FIXED;
    struct file *file = file_get(descriptor);
    if (!file)
        return -EBADF;
    const struct node_operations *operations = file->node->operations;
    bool memory = operations == &memory_operations, constant = operations == &constant_operations;
    long result = -EINVAL;
    if (!length || offset % FILES_PAGE || (!shared && type != MAP_PRIVATE))
        goto out;
    result = -EOVERFLOW;
    if (length > FILES_SIZE || offset > FILES_SIZE - length)
        goto out;
    result = file->flags & O_PATH ? -EBADF : -EACCES;
    if (!file_can_read(file) || (shared && (protection & PROT_WRITE) && !file_can_write(file)))
        goto out;
    result = -ENODEV;
    if (!operations->read || !operations->positioned)
        goto out;
    if (!shared || (constant && !(protection & PROT_WRITE)))
        result = map_private(file, offset, length, fixed, address);
    else if (!memory)
        result = -ENODEV; /* the host's file cannot be memory of the enclave */
    else if (fixed)
        result = -ENOTSUP; /* storage cannot be put at an address of choice */
    else
        result = map_shared(file->node, offset, length, address);
out:
    file_put(file);
    return result;
}

static bool mapping_meets(const struct mapping *mapping, uint64_t start, uint64_t end)
{
    return mapping->start < end && start < mapping->end;
}

static void mapping_drop(struct mapping *mapping)
{
    struct mapping **link = &mappings;
    while (*link != mapping)
        link = &(*link)->next;
    *link = mapping->next;
    lock_acquire(&mapping->node->lock);
    for (link = &mapping->node->memory.mappings; *link != mapping;)
        link = &(*link)->node_next;
    *link = mapping->node_next;
    lock_release(&mapping->node->lock);
}

bool files_unmapped(uint64_t start, uint64_t end, uint64_t *from, uint64_t *to)
{
    struct mapping *found = NULL, *whole = NULL, *rest = NULL;
    lock_acquire(&mappings_lock);
    for (struct mapping *mapping = mappings; mapping; mapping = mapping->next) {
        if (!mapping_meets(mapping, start, end))
            continue;
        /* The same storage mapped twice has one address: one munmap takes one of them away. */
        if (mapping->start == start && mapping->end == end)
            found = mapping;
        else if (!found || mapping->start < found->start)
            found = found && found->start == start && found->end == end ? found : mapping;
    }
    if (found) {
        *from = found->start > start ? found->start : start;
        *to = found->end < end ? found->end : end;
        if (found->start < *from && found->end > *to && (rest = memory_allocate(sizeof(*rest)))) {
            /* a hole in the middle: the upper part lives on as a mapping of its own */
            *rest = *found;
            rest->start = *to;
            rest->offset += *to - found->start;
            node_get(rest->node);
            lock_acquire(&rest->node->lock);
            rest->node_next = rest->node->memory.mappings;
            rest->node->memory.mappings = rest;
            lock_release(&rest->node->lock);
            rest->next = mappings;
            mappings = rest;
            found->end = *from;
        } else if (found->start < *from && found->end == *to) {
            found->end = *from;
        } else if (found->start == *from && found->end > *to) {
            found->offset += *to - *from;
            found->start = *to;
        } else if (found->start == *from) {
            mapping_drop(whole = found);
        }
    }
    lock_release(&mappings_lock);
    if (whole) {
        node_put(whole->node);
        memory_free(whole);
    }
    return found;
}

long files_sync_map(uint64_t start, uint64_t length)
{
    long result = -ENOMEM;
    lock_acquire(&mappings_lock);
    for (const struct mapping *mapping = mappings; mapping; mapping = mapping->next) {
        if (mapping->start <= start && length <= mapping->end - start && start < mapping->end)
            result = 0;
    }
    lock_release(&mappings_lock);
    return result;
}
