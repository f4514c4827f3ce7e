/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory files: storage in chunks of 64 KiB, found by an index, missing where nothing was written.
 *
 * What must always hold, under the node's lock:
 *   1. a byte at or beyond `size` that is in storage is 0 (unless the program wrote it through a
 *      mapping), so growing a file shows zeros;
 *   2. chunk 0 may be shorter than a chunk (small files are many); a mapped one never is;
 *   3. a chunk that is mapped is never moved or freed;
 *   4. the volume is charged for exactly `allocated` bytes.
 */
#include "node.h"

static bool volume_charge(struct volume *volume, uint64_t bytes)
{
    uint64_t used = volume->used;
    do {
        if (volume->limit && (bytes > volume->limit || used > volume->limit - bytes))
            return false;
    } while (!__atomic_compare_exchange_n((uint64_t *)&volume->used, &used, used + bytes, false,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return true;
}

static void *storage_map(struct node *node, uint64_t size)
{
    if (!volume_charge(node->volume, size))
        return NULL;
    void *storage = memory_map(size);
    if (!storage)
        node->volume->used -= size;
    else
        node->memory.allocated += size;
    return storage;
}

static void storage_unmap(struct node *node, void *storage, uint64_t size)
{
    memory_unmap(storage, size);
    node->volume->used -= size;
    node->memory.allocated -= size;
}

static uint64_t chunk_size(const struct memory_file *memory, uint64_t index)
{
    return index ? FILES_CHUNK : memory->first_size;
}

/* Room in the index for `count` chunks. */
static bool index_reserve(struct memory_file *memory, uint64_t count)
{
    uint64_t capacity = memory->capacity ? memory->capacity : 1;
    while (capacity < count)
        capacity *= 2;
    if (capacity == memory->capacity)
        return true;
    uint8_t **chunks = memory_allocate(capacity * sizeof(*chunks));
    if (!chunks)
        return false;
    if (memory->chunks)
        memcpy(chunks, memory->chunks, memory->capacity * sizeof(*chunks));
    memory_free(memory->chunks);
    memory->chunks = chunks;
    memory->capacity = capacity;
    return true;
}

/* Storage for the first `size` bytes of chunk `index`. */
static uint8_t *chunk_make(struct node *node, uint64_t index, uint64_t size)
{
    struct memory_file *memory = &node->memory;
    if (!index_reserve(memory, index + 1))
        return NULL;
    uint8_t *old = memory->chunks[index];
    uint64_t old_size = old ? chunk_size(memory, index) : 0;
    if (old && size <= old_size)
        return old;
    uint64_t wanted = index ? FILES_CHUNK : FILES_PAGE;
    while (wanted < size)
        wanted *= 2;
    uint8_t *chunk = storage_map(node, wanted);
    if (!chunk && !index && wanted > size) /* the volume's last pages: what is needed, no more */
        chunk = storage_map(node, wanted = RING_PAGE_UP(size));
    if (!chunk)
        return NULL;
    if (old) {
        memcpy(chunk, old, old_size);
        storage_unmap(node, old, old_size);
    }
    if (index == 0)
        memory->first_size = wanted;
    memory->chunks[index] = chunk;
    return chunk;
}

/* The storage at `at`, or NULL in a hole; `*length` is shortened to where that ends. */
static uint8_t *storage_at(struct memory_file *memory, uint64_t at, uint64_t *length)
{
    uint64_t index = at / FILES_CHUNK, offset = at % FILES_CHUNK;
    uint64_t left = FILES_CHUNK - offset;
    uint8_t *chunk = index < memory->capacity ? memory->chunks[index] : NULL;
    if (chunk && offset < chunk_size(memory, index))
        left = chunk_size(memory, index) - offset;
    else
        chunk = NULL;
    *length = *length < left ? *length : left;
    return chunk ? chunk + offset : NULL;
}

static long memory_read(struct file *file, struct transfer *transfer, uint64_t *position)
{
    struct node *node = file->node;
    long done = 0;
    lock_acquire(&node->lock);
    while (transfer->left && *position < node->size) {
        uint64_t length = node->size - *position;
        const uint8_t *from = storage_at(&node->memory, *position, &length);
        uint8_t *to = transfer_next(transfer, length, &length);
        if (!to) {
            done = done ? done : -EFAULT;
            break;
        }
        if (from)
            memcpy(to, from, length);
        else
            memset(to, 0, length);
        *position += length;
        done += (long)length;
    }
    lock_release(&node->lock);
    return done;
}

static long memory_write(struct file *file, struct transfer *transfer, uint64_t *position)
{
    struct node *node = file->node;
    long done = 0;
    if (!transfer->left)
        return 0;
    lock_acquire(&node->lock);
    if (file->flags & O_APPEND)
        *position = node->size;
    if (*position >= FILES_SIZE)
        done = -EFBIG;
    else if (transfer->left > FILES_SIZE - *position)
        transfer->left = FILES_SIZE - *position;
    while (done >= 0 && transfer->left) {
        uint64_t offset = *position % FILES_CHUNK, length = FILES_CHUNK - offset;
        length = length < transfer->left ? length : transfer->left;
        uint8_t *to = chunk_make(node, *position / FILES_CHUNK, offset + length);
        const uint8_t *from = to ? transfer_next(transfer, length, &length) : NULL;
        if (!from) {
            done = done ? done : to ? -EFAULT : -ENOSPC;
            break;
        }
        memcpy(to + offset, from, length);
        *position += length;
        done += (long)length;
        if (*position > node->size)
            node->size = *position;
    }
    if (done > 0)
        node_touch(node);
    lock_release(&node->lock);
    return done;
}

static bool chunk_is_mapped(const struct memory_file *memory, uint64_t index)
{
    for (const struct mapping *mapping = memory->mappings; mapping; mapping = mapping->node_next) {
        if (index >= mapping->offset / FILES_CHUNK &&
            index <= (mapping->offset + (mapping->end - mapping->start) - 1) / FILES_CHUNK)
            return true;
    }
    return false;
}

static long memory_truncate(struct file *file, uint64_t size)
{
    struct node *node = file->node;
    struct memory_file *memory = &node->memory;
    if (size > FILES_SIZE)
        return -EFBIG;
    lock_acquire(&node->lock);
    for (uint64_t at = size; at < node->size;) {
        uint64_t length = node->size - at, index = at / FILES_CHUNK;
        uint8_t *storage = storage_at(memory, at, &length);
        if (storage && at % FILES_CHUNK == 0 && !chunk_is_mapped(memory, index)) {
            storage_unmap(node, storage, chunk_size(memory, index));
            memory->chunks[index] = NULL;
        } else if (storage) {
            memset(storage, 0, length);
        }
        if (!storage && index >= memory->capacity)
            break; /* beyond it there is no storage at all */
        at += length;
    }
    node->size = size;
    node_touch(node);
    lock_release(&node->lock);
    return 0;
}

static long memory_reserve(struct file *file, uint64_t from, uint64_t to)
{
    struct node *node = file->node;
    long result = 0;
    lock_acquire(&node->lock);
    for (uint64_t at = from; at < to && !result;) {
        uint64_t offset = at % FILES_CHUNK;
        uint64_t length = to - at < FILES_CHUNK - offset ? to - at : FILES_CHUNK - offset;
        if (!chunk_make(node, at / FILES_CHUNK, offset + length))
            result = -ENOSPC;
        at += length;
    }
    if (!result && to > node->size)
        node->size = to;
    if (!result)
        node_touch(node);
    lock_release(&node->lock);
    return result;
}

static void memory_destroy(struct node *node)
{
    struct memory_file *memory = &node->memory;
    for (uint64_t i = 0; i < memory->capacity; i++) {
        if (memory->chunks[i])
            storage_unmap(node, memory->chunks[i], chunk_size(memory, i));
    }
    memory_free(memory->chunks);
}

/* Whether chunks first..last lie one behind the other, whole. */
static bool chunks_adjoin(const struct memory_file *memory, uint64_t first, uint64_t last)
{
    if (last >= memory->capacity || !memory->chunks[first] ||
        chunk_size(memory, first) < FILES_CHUNK)
        return false;
    for (uint64_t i = first + 1; i <= last; i++) {
        if (memory->chunks[i] != memory->chunks[i - 1] + FILES_CHUNK)
            return false;
    }
    return true;
}

uint8_t *memory_file_contiguous(struct node *node, uint64_t offset, uint64_t length, long *error)
{
    struct memory_file *memory = &node->memory;
    uint64_t first = offset / FILES_CHUNK, last = (offset + length - 1) / FILES_CHUNK;
    *error = -ENOMEM;
    if (!index_reserve(memory, last + 1))
        return NULL;
    if (!chunks_adjoin(memory, first, last)) {
        for (uint64_t i = first; i <= last; i++) {
            if (chunk_is_mapped(memory, i)) {
                *error = -ENOTSUP;
                return NULL;
            }
        }
        uint8_t *run = storage_map(node, (last - first + 1) * FILES_CHUNK);
        if (!run)
            return NULL;
        for (uint64_t i = first; i <= last; i++) {
            uint8_t *to = run + (i - first) * FILES_CHUNK, *old = memory->chunks[i];
            if (old) {
                memcpy(to, old, chunk_size(memory, i));
                storage_unmap(node, old, chunk_size(memory, i));
            }
            memory->chunks[i] = to;
        }
        if (first == 0)
            memory->first_size = FILES_CHUNK;
    }
    *error = 0;
    return memory->chunks[first] + offset % FILES_CHUNK;
}

const struct node_operations memory_operations = {
    .positioned = true,
    .read = memory_read,
    .write = memory_write,
    .seek = node_seek,
    .status = node_status,
    .truncate = memory_truncate,
    .reserve = memory_reserve,
    .sync = node_sync,
    .destroy = memory_destroy,
};
