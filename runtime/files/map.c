/* SPDX-License-Identifier: Apache-2.0
 *
 * mmap of files. A private mapping is a copy of what the file holds now; a shared one is the
 * storage of a memory file itself, which is why it costs nothing and why both always agree.
 */
#include "node.h"

#include <asm/mman.h>
#include <linux/mman.h>

static struct lock mappings_lock;
static struct mapping *mappings;

static long map_private(struct file *file, uint64_t offset, uint64_t length, bool fixed,
                        void **address)
{
    uint64_t size = RING_PAGE_UP(length);
    uint8_t *memory = fixed ? *address : memory_map_program(size);
    if (!memory)
        return -ENOMEM;
    struct iovec vector = {memory, size};
    struct transfer transfer = {.vector = &vector, .left = size};
    long done;
    do
        done = file->node->operations->read(file, &transfer, &offset);
    while (done > 0);
    if (done < 0) {
        if (!fixed)
            memory_unmap(memory, size);
        return done;
    }
    *address = memory;
    return 0;
}

/* Under the node's lock. */
static void mapping_add(struct mapping *mapping)
{
    mapping->node_next = mapping->node->memory.mappings;
    mapping->node->memory.mappings = mapping;
    mapping->next = mappings;
    mappings = mapping;
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
                                    .node = node_get(node)};
        mapping_add(mapping);
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
    FILE_HELD file = file_get_content(descriptor);
    if (!file)
        return -EBADF;
    const struct node_operations *operations = file->node->operations;
    if (!length || offset % FILES_PAGE || (!shared && type != MAP_PRIVATE))
        return -EINVAL;
    if (length > FILES_SIZE || offset > FILES_SIZE - length)
        return -EOVERFLOW;
    if (!file_can_read(file) || (shared && (protection & PROT_WRITE) && !file_can_write(file)))
        return -EACCES;
    if (!operations->read || !operations->positioned)
        return -ENODEV;
    if (!shared || (operations == &constant_operations && !(protection & PROT_WRITE)))
        return map_private(file, offset, length, fixed, address);
    if (operations != &memory_operations)
        return -ENODEV; /* the host's file cannot be memory of the enclave */
    /* Storage cannot be put at an address of choice. */
    return fixed ? -ENOTSUP : map_shared(file->node, offset, length, address);
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

/* The same storage mapped twice has one address: one munmap takes one of the two away, the one that
 * was mapped like this, or else the lowest. */
static struct mapping *mapping_find(uint64_t start, uint64_t end)
{
    struct mapping *found = NULL;
    for (struct mapping *mapping = mappings; mapping; mapping = mapping->next) {
        if (mapping->start == start && mapping->end == end)
            return mapping;
        if (mapping->start < end && start < mapping->end &&
            (!found || mapping->start < found->start))
            found = mapping;
    }
    return found;
}

bool files_unmapped(uint64_t start, uint64_t end, uint64_t *from, uint64_t *to)
{
    struct mapping *dropped = NULL;
    lock_acquire(&mappings_lock);
    struct mapping *found = mapping_find(start, end);
    if (found) {
        *from = found->start > start ? found->start : start;
        *to = found->end < end ? found->end : end;
        if (found->start < *from && found->end > *to) {
            /* a hole in the middle: the upper part lives on as a mapping of its own */
            struct mapping *rest = memory_allocate(sizeof(*rest));
            if (!rest)
                runtime_stop(RING_STOP_MEMORY, sizeof(*rest));
            *rest = *found;
            rest->start = *to;
            rest->offset += *to - found->start;
            node_get(rest->node);
            lock_acquire(&rest->node->lock);
            mapping_add(rest);
            lock_release(&rest->node->lock);
        }
        if (found->start < *from) {
            found->end = *from;
        } else if (found->end > *to) {
            found->offset += *to - found->start;
            found->start = *to;
        } else {
            mapping_drop(dropped = found);
        }
    }
    lock_release(&mappings_lock);
    if (dropped) {
        node_put(dropped->node);
        memory_free(dropped);
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
