/* SPDX-License-Identifier: Apache-2.0
 *
 * The heap: everything of ELRANGE that was not added. brk grows up from its start, mappings are
 * taken from its end downwards, highest free place first.
 *
 * Page permissions inside an enclave are frozen: the heap is readable and writable, never
 * executable. mprotect to less is accepted and not enforced (docs/threat-model.md says so); to more
 * is refused.
 *
 * Invariants (under `heap_lock`):
 *   1. regions[0..region_count) are sorted, page aligned, do not overlap or touch without being
 *      different mappings, and lie in [brk_peak, ceiling);
 *   2. brk_start <= brk_now <= brk_peak <= every region's start;
 *   3. memory below `lowest` and above brk_peak has never been given out, so it is zero;
 *      everything else is zeroed when it is given out again;
 *   4. while the agent runs, what it has (brk, mappings) is below `split` and what the runtime has
 * is above, so that one can be zeroed whole and the other stays. Below it `agent_lowest` is what
 *      `lowest` is above. Otherwise split is the heap's start.
 */
#include "files/files.h"
#include "syscalls.h"

#include <linux/mman.h>

#define PAGE         UINT64_C(4096)
#define REGIONS_MOST 65536u /* like Linux's vm.max_map_count */

struct region {
    uint64_t start, end;
};

static struct lock heap_lock;
static struct region *regions;
static uint32_t region_count;
static uint64_t ceiling, lowest;
static uint64_t split, agent_lowest;
static uint64_t brk_start, brk_now, brk_peak;
static uint64_t in_use;

/* Chunks of the heap that have memory. The first and the last have it at launch. */
#define CHUNKS_MOST (HEAP_SIZE_MAX / HEAP_CHUNK)
static uint64_t chunks_ready[CHUNKS_MOST / 64];

static uint64_t page_up(uint64_t value)
{
    return (value + PAGE - 1) & ~(PAGE - 1);
}

/* Sees to it that [start, end) has memory; false: the host has none. */
static bool commit(uint64_t start, uint64_t end)
{
    uint64_t first = (start - boot->heap.offset) / HEAP_CHUNK;
    uint64_t last = (end - 1 - boot->heap.offset) / HEAP_CHUNK;
    for (uint64_t chunk = first; chunk <= last; chunk++) {
        if (chunks_ready[chunk / 64] >> chunk % 64 & 1)
            continue;
        if (host_call(RING_HEAP, chunk, 0, 0, 0, 0, 0) != 0)
            return false;
        chunks_ready[chunk / 64] |= UINT64_C(1) << chunk % 64;
    }
    return true;
}

void memory_start(void)
{
    uint64_t end = boot->heap.offset + boot->heap.size;
    uint64_t table = REGIONS_MOST * sizeof(struct region);
    if (boot->heap.size < boot->stack_size + table + PAGE)
        runtime_stop(RING_STOP_MEMORY, boot->stack_size + table);
    if (boot->heap.size > HEAP_SIZE_MAX)
        runtime_stop(RING_STOP_BOOT, 4);
    uint64_t last_chunk = (boot->heap.size - 1) / HEAP_CHUNK;
    chunks_ready[0] |= 1;
    chunks_ready[last_chunk / 64] |= UINT64_C(1) << last_chunk % 64;
    ceiling = end - boot->stack_size - table;
    if (!commit(ceiling, end))
        runtime_stop(RING_STOP_MEMORY, boot->stack_size + table);
    regions = (struct region *)ceiling;
    lowest = ceiling;
    split = brk_start = brk_now = brk_peak = boot->heap.offset;
}

/* Where the program's mappings end. */
static uint64_t program_ceiling(void)
{
    return split > boot->heap.offset ? split : ceiling;
}

uint64_t memory_in_use(void)
{
    return in_use;
}

bool memory_is_inside(const void *start, uint64_t size)
{
    uint64_t at = (uint64_t)(uintptr_t)start;
    return at >= LAYOUT_BOOT && at < boot->elrange_size && size <= boot->elrange_size - at;
}

static bool heap_holds(uint64_t start, uint64_t size)
{
    return start >= boot->heap.offset && size <= boot->heap.size &&
           start - boot->heap.offset <= boot->heap.size - size;
}

/* The number of regions that start below `address`. */
static uint32_t below(uint64_t address)
{
    uint32_t low = 0, high = region_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (regions[middle].start < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void account(int64_t bytes)
{
    in_use += (uint64_t)bytes;
    if (in_use > statistics.heap_peak)
        statistics.heap_peak = in_use;
}

/* Where mappings may be: above the brk heap, below the runtime's own. */
static bool may_map(uint64_t start, uint64_t size)
{
    return start >= page_up(brk_peak) && start < ceiling && size <= ceiling - start;
}

static bool is_free(uint64_t start, uint64_t end)
{
    uint32_t at = below(end);
    return may_map(start, end - start) && end <= program_ceiling() &&
           (at == 0 || regions[at - 1].end <= start);
}

/* Makes place `at` twice; false: there are too many. */
static bool open_place(uint32_t at)
{
    if (region_count == REGIONS_MOST)
        return false;
    memmove(&regions[at + 1], &regions[at], (region_count - at) * sizeof(regions[0]));
    region_count++;
    return true;
}

static void close_place(uint32_t at)
{
    region_count--;
    memmove(&regions[at], &regions[at + 1], (region_count - at) * sizeof(regions[0]));
}

static bool insert(uint64_t start, uint64_t end)
{
    uint32_t at = below(start);
    bool joins_lower = at > 0 && regions[at - 1].end == start;
    bool joins_upper = at < region_count && regions[at].start == end;
    if (joins_lower && joins_upper) {
        regions[at - 1].end = regions[at].end;
        close_place(at);
    } else if (joins_lower) {
        regions[at - 1].end = end;
    } else if (joins_upper) {
        regions[at].start = start;
    } else {
        if (!open_place(at))
            return false;
        regions[at] = (struct region){start, end};
    }
    account((int64_t)(end - start));
    return true;
}

/* Takes [start, end) out of the regions; false: there is no room to split one. */
static bool cut(uint64_t start, uint64_t end)
{
    uint32_t at = below(start);
    if (at > 0 && regions[at - 1].end > start)
        at--;
    while (at < region_count && regions[at].start < end) {
        uint64_t from = regions[at].start > start ? regions[at].start : start;
        uint64_t to = regions[at].end < end ? regions[at].end : end;
        bool keeps_lower = from > regions[at].start, keeps_upper = to < regions[at].end;
        if (keeps_lower && keeps_upper && !open_place(at))
            return false;
        account(-(int64_t)(to - from));
        if (keeps_lower)
            regions[at++].end = from;
        if (keeps_upper)
            regions[at++].start = to;
        if (!keeps_lower && !keeps_upper)
            close_place(at);
    }
    return true;
}

/* Zeroes what of [start, end) has been used before. */
static void zero(uint64_t start, uint64_t end)
{
    uint64_t used = end < brk_peak ? end : brk_peak;
    uint64_t least = end <= split ? agent_lowest : lowest;
    uint64_t dirty = start > least ? start : least;
    if (start < used)
        memset((void *)start, 0, used - start);
    if (dirty < end)
        memset((void *)dirty, 0, end - dirty);
}

/* Gives [start, end) out as a region of zero pages. */
static bool give(uint64_t start, uint64_t end)
{
    if (!commit(start, end) || !insert(start, end))
        return false;
    zero(start, end);
    uint64_t *least = end <= split ? &agent_lowest : &lowest;
    if (start < *least)
        *least = start;
    return true;
}

/* The highest free place of `size` bytes in [least, most); 0: none. */
static uint64_t find_place(uint64_t size, uint64_t least, uint64_t most)
{
    uint64_t top = most;
    for (uint32_t i = below(most);; i--) {
        uint64_t bottom = i > 0 && regions[i - 1].end > least ? regions[i - 1].end : least;
        if (top >= bottom && top - bottom >= size)
            return top - size;
        if (i == 0 || regions[i - 1].start <= least)
            return 0;
        top = regions[i - 1].start;
    }
}

/* The heap is too small: once is enough to say so. */
static long no_room(uint64_t size)
{
    static bool told;
    bool first = !told;
    told = true;
    if (first)
        runtime_log(RING_LOG_HEAP, size);
    return -ENOMEM;
}

static void *map(uint64_t size, bool program)
{
    if (!size || size > boot->heap.size)
        return NULL;
    size = page_up(size);
    lock_acquire(&heap_lock);
    uint64_t least = page_up(brk_peak);
    uint64_t start = program ? find_place(size, least, program_ceiling())
                             : find_place(size, least > split ? least : split, ceiling);
    if (start && !give(start, start + size))
        start = 0;
    lock_release(&heap_lock);
    return (void *)start;
}

void *memory_map(uint64_t size)
{
    return map(size, false);
}

void *memory_map_program(uint64_t size)
{
    return map(size, true);
}

void memory_unmap(void *start, uint64_t size)
{
    uint64_t at = (uint64_t)(uintptr_t)start;
    lock_acquire(&heap_lock);
    bool done = cut(at, at + page_up(size));
    lock_release(&heap_lock);
    if (!done)
        runtime_stop(RING_STOP_MEMORY, sizeof(struct region));
}

/* ---- the agent ---- */

void memory_agent_start(void)
{
    split = boot->heap.offset + ((ceiling - boot->heap.offset) / 2 & ~(PAGE - 1));
    agent_lowest = split;
}

static void wipe(uint64_t start, uint64_t end)
{
    if (start < end)
        memset((void *)start, 0, end - start);
}

void memory_agent_end(void)
{
    uint64_t end = boot->heap.offset + boot->heap.size, at = lowest;
    lock_acquire(&heap_lock);
    if (!cut(boot->heap.offset, split))
        runtime_stop(RING_STOP_MEMORY, sizeof(struct region));
    wipe(brk_start, brk_peak);
    wipe(agent_lowest, split);
    wipe(end - program_stack_size(), end);
    for (uint32_t i = 0; i < region_count; i++) { /* what the runtime had for it, and has no more */
        wipe(at, regions[i].start);
        at = regions[i].end;
    }
    wipe(at, ceiling);
    account(-(int64_t)(brk_now - brk_start));
    split = brk_now = brk_peak = brk_start;
    lock_release(&heap_lock);
}

/* ---- small objects: sizes are powers of two, each with a free list; above, mappings. What is in a
 * free list is zero. ---- */

#define OBJECT_LEAST UINT64_C(32)
#define OBJECT_MOST  (UINT64_C(32) << 10)
#define SLAB         (UINT64_C(64) << 10)

struct object {
    uint64_t size; /* with this header */
    struct object *next;
};
static_assert(sizeof(struct object) == 16, "objects are 16-aligned");

static struct lock object_lock;
static struct object *free_objects[16]; /* by the logarithm of the size */

static struct object *take_object(uint64_t size)
{
    struct object **list = &free_objects[__builtin_ctzll(size)], *object;
    lock_acquire(&object_lock);
    uint8_t *slab = *list ? NULL : memory_map(SLAB);
    for (uint64_t at = 0; slab && at < SLAB; at += size) {
        object = (struct object *)(void *)(slab + at);
        object->next = *list;
        *list = object;
    }
    object = *list;
    if (object)
        *list = object->next;
    lock_release(&object_lock);
    return object;
}

void *memory_allocate(size_t size)
{
    uint64_t whole = OBJECT_LEAST;
    if (size > boot->heap.size)
        return NULL;
    while (whole < size + sizeof(struct object))
        whole *= 2;
    if (whole > OBJECT_MOST)
        whole = page_up(size + sizeof(struct object));
    struct object *object = whole > OBJECT_MOST ? memory_map(whole) : take_object(whole);
    if (!object)
        return NULL;
    object->size = whole;
    return object + 1;
}

void memory_free(void *freed)
{
    struct object *object = (struct object *)freed - 1;
    if (!freed)
        return;
    if (object->size > OBJECT_MOST) {
        memory_unmap(object, object->size);
        return;
    }
    struct object **list = &free_objects[__builtin_ctzll(object->size)];
    memset(freed, 0, object->size - sizeof(*object));
    lock_acquire(&object_lock);
    object->next = *list;
    *list = object;
    lock_release(&object_lock);
}

/* ---- system calls ---- */

long sys_brk(const long *argument)
{
    uint64_t wanted = (uint64_t)argument[0];
    lock_acquire(&heap_lock);
    uint64_t most = program_ceiling();
    uint64_t limit = region_count && regions[0].start < most ? regions[0].start : most;
    if (wanted >= brk_start && wanted <= limit && (wanted <= brk_now || commit(brk_now, wanted))) {
        if (wanted > brk_now)
            zero(brk_now, wanted);
        if (wanted > brk_peak)
            brk_peak = wanted;
        account((int64_t)(wanted - brk_now));
        brk_now = wanted;
    }
    uint64_t now = brk_now;
    lock_release(&heap_lock);
    if (wanted > limit)
        no_room(wanted - now);
    return (long)now;
}

/* Takes [start, end) from the program. Shared file mappings in it are the files' own memory. */
static bool unmap(uint64_t start, uint64_t end)
{
    uint64_t from, to;
    while (files_unmapped(start, end, &from, &to)) {
        if (!unmap(start, from))
            return false;
        start = to;
    }
    lock_acquire(&heap_lock);
    bool done = start >= end || cut(start, end);
    lock_release(&heap_lock);
    return done;
}

/* Makes zero pages of the program where `flags` say: their address, or -errno. */
static long place(uint64_t wanted, uint64_t size, int flags)
{
    if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
        void *start = memory_map_program(size);
        return start ? (long)start : no_room(size);
    }
    if (wanted & (PAGE - 1))
        return -EINVAL;
    if (!may_map(wanted, size) || (!(flags & MAP_FIXED_NOREPLACE) && !unmap(wanted, wanted + size)))
        return -ENOMEM;
    long result = (long)wanted;
    lock_acquire(&heap_lock);
    if (!is_free(wanted, wanted + size))
        result = -EEXIST;
    else if (!give(wanted, wanted + size))
        result = -ENOMEM;
    lock_release(&heap_lock);
    return result;
}

long sys_mmap(const long *argument)
{
    uint64_t wanted = (uint64_t)argument[0], size = (uint64_t)argument[1];
    int protection = (int)argument[2], flags = (int)argument[3], fd = (int)argument[4];
    uint64_t offset = (uint64_t)argument[5];
    int type = flags & MAP_TYPE;
    if (!size || (type != MAP_PRIVATE && type != MAP_SHARED && type != MAP_SHARED_VALIDATE) ||
        offset & (PAGE - 1))
        return -EINVAL;
    if (protection & PROT_EXEC)
        return -EACCES; /* W^X: nothing becomes executable after launch */
    if (size > boot->heap.size)
        return no_room(size);
    if (flags & MAP_ANONYMOUS)
        return place(wanted, page_up(size), flags);

    void *address = (void *)wanted;
    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
        long placed = type == MAP_PRIVATE ? place(wanted, page_up(size), flags) : -EOPNOTSUPP;
        if (placed < 0)
            return placed;
    }
    long error = files_map(fd, offset, size, protection, flags, &address);
    return error < 0 ? error : (long)address;
}

long sys_munmap(const long *argument)
{
    uint64_t start = (uint64_t)argument[0], size = (uint64_t)argument[1];
    if (start & (PAGE - 1) || !size || size > boot->elrange_size)
        return -EINVAL;
    size = page_up(size);
    if (!may_map(start, size))
        return -EINVAL;

    struct thread *self = thread_self();
    memory_leave_stack(self);
    if (self->program_stack - start < size) {
        self->left_stack = start;
        self->left_stack_size = size;
        return 0;
    }
    return unmap(start, start + size) ? 0 : -ENOMEM;
}

/* A detached thread of musl unmaps its stack and then calls exit. Natively neither touches the
 * stack; here each system call is a call, whose return address lies on it. So the stack is kept
 * until the thread has ended, or has found another. */
void memory_leave_stack(struct thread *thread)
{
    uint64_t start = thread->left_stack, size = thread->left_stack_size;
    thread->left_stack_size = 0;
    if (size && !unmap(start, start + size))
        runtime_stop(RING_STOP_MEMORY, sizeof(struct region));
}

/* Resizes [start, start + old) where it is: its address, or -errno. */
static long resize(uint64_t start, uint64_t old, uint64_t size)
{
    long result = -ENOMEM;
    lock_acquire(&heap_lock);
    uint32_t at = below(start + 1);
    if (at == 0 || regions[at - 1].end < start + old)
        result = -EFAULT;
    else if (size == old || (size < old && cut(start + size, start + old)))
        result = (long)start;
    else if (size > old && is_free(start + old, start + size) && give(start + old, start + size))
        result = (long)start;
    lock_release(&heap_lock);
    return result;
}

long sys_mremap(const long *argument)
{
    uint64_t start = (uint64_t)argument[0], old = page_up((uint64_t)argument[1]);
    uint64_t size = (uint64_t)argument[2], flags = (uint64_t)argument[3];
    if (flags & ~(uint64_t)MREMAP_MAYMOVE)
        return -EOPNOTSUPP;
    if (start & (PAGE - 1) || !size || !old)
        return -EINVAL;
    if (!heap_holds(start, old))
        return -EFAULT;
    if (files_sync_map(start, old) == 0)
        return -EOPNOTSUPP; /* a shared mapping is the file's own memory */
    if (size > boot->heap.size)
        return no_room(size);
    size = page_up(size);
    long result = resize(start, old, size);
    if (result != -ENOMEM || !flags || size < old)
        return result;
    long moved = place(0, size, 0);
    if (moved < 0)
        return moved;
    memcpy((void *)moved, (void *)start, old);
    memory_unmap((void *)start, old);
    return moved;
}

long sys_mprotect(const long *argument)
{
    uint64_t start = (uint64_t)argument[0], size = page_up((uint64_t)argument[1]);
    if (start & (PAGE - 1))
        return -EINVAL;
    if (!memory_is_inside((void *)start, size))
        return -ENOMEM;
    /* Less than there is succeeds: READ anywhere, and WRITE in the heap. */
    uint64_t most = heap_holds(start, size) ? PROT_READ | PROT_WRITE : PROT_READ;
    return (uint64_t)argument[2] & (PROT_READ | PROT_WRITE | PROT_EXEC) & ~most ? -EACCES : 0;
}

long sys_madvise(const long *argument)
{
    /* These change nothing: there is neither fork nor dump, and FREE may keep the data. */
    const uint32_t harmless = 1u << MADV_NORMAL | 1u << MADV_RANDOM | 1u << MADV_SEQUENTIAL |
                              1u << MADV_WILLNEED | 1u << MADV_FREE | 1u << MADV_HUGEPAGE |
                              1u << MADV_NOHUGEPAGE | 1u << MADV_DONTFORK | 1u << MADV_DONTDUMP |
                              1u << MADV_COLD;
    uint64_t start = (uint64_t)argument[0], size = page_up((uint64_t)argument[1]);
    if (start & (PAGE - 1))
        return -EINVAL;
    if (!memory_is_inside((void *)start, size))
        return -ENOMEM;
    if ((uint64_t)argument[2] < 32 && harmless >> argument[2] & 1)
        return 0;
    if (argument[2] != MADV_DONTNEED || !heap_holds(start, size))
        return -EINVAL;
    /* Must read as zero afterwards, but a shared file stays what it is. */
    if (files_sync_map(start, size) != 0)
        memset((void *)start, 0, size);
    return 0;
}
