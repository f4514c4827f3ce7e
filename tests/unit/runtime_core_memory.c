/* SPDX-License-Identifier: Apache-2.0
 *
 * runtime/memory.c against a model that is an array of pages: random system calls, and each answer
 * has to be one that the model allows; what is given is free, inside and zero; what was written
 * stays until it is given back.
 */
#include "runtime_core.h"

#include "../../runtime/files/files.h"

#include <errno.h>
#include <linux/mman.h>
#include <string.h>

/* <sys/mman.h> and <linux/mman.h> collide. */
void *mmap(void *, size_t, int, int, int, long);
int munmap(void *, size_t);
int mprotect(void *, size_t, int);

#define PAGE    UINT64_C(4096)
#define HEAP    (UINT64_C(8) << 20)
#define STACK   (UINT64_C(64) << 10)
#define TABLE   (65536 * UINT64_C(16)) /* the runtime's own */
#define PAGES   ((HEAP - STACK - TABLE) / PAGE)
#define NO_MARK UINT64_C(0)

static struct boot_header header;
const struct boot_header *boot = &header;
bool runtime_debug;
struct ring_statistics statistics;
static unsigned long heap_logs;

void lock_acquire(struct lock *lock)
{
    assert_int_equal(lock->word, 0); /* one thread: never held twice */
    lock->word = 1;
}

void lock_release(struct lock *lock)
{
    lock->word = 0;
}

void runtime_log(enum ring_log what, uint64_t detail)
{
    (void)detail;
    heap_logs += what == RING_LOG_HEAP;
}

uint64_t program_stack_size(void)
{
    return STACK / 2;
}

/* The host gives chunks of the heap their memory; `heap_gives` false: it has none. */
static bool heap_gives = true;
static uint64_t chunk_asked[8];

int64_t host_call(uint32_t operation, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                  int64_t least, int64_t most)
{
    (void)a1;
    (void)a2;
    (void)a3;
    assert_true(operation == RING_HEAP && least == 0 && most == 0);
    assert_true(a0 < 8 && boot->heap.size > a0 * HEAP_CHUNK);
    if (!heap_gives)
        return -ENOMEM;
    chunk_asked[a0]++;
    assert_int_equal(mprotect((void *)(boot->heap.offset + a0 * HEAP_CHUNK), HEAP_CHUNK, 3), 0);
    return 0;
}

bool files_unmapped(uint64_t start, uint64_t end, uint64_t *from, uint64_t *to)
{
    (void)start;
    (void)end;
    (void)from;
    (void)to;
    return false;
}

long files_map(int fd, uint64_t offset, uint64_t size, int protection, int flags, void **address)
{
    (void)fd;
    (void)offset;
    (void)size;
    (void)protection;
    (void)flags;
    (void)address;
    return -EBADF;
}

long files_sync_map(uint64_t start, uint64_t size)
{
    (void)start;
    (void)size;
    return -ENOMEM;
}

/* ---- the model ---- */

static uint64_t base;        /* of the heap */
static bool mapped[PAGES];   /* by mmap */
static uint64_t mark[PAGES]; /* what the first and last words of a mapped page hold */
static uint64_t brk_now, brk_peak;
static uint64_t seed;

static uint64_t page_up(uint64_t value)
{
    return (value + PAGE - 1) & ~(PAGE - 1);
}

static uint64_t *words(uint64_t page)
{
    return (uint64_t *)(base + page * PAGE);
}

static uint64_t lowest_page(void) /* that mmap may give */
{
    return (page_up(brk_peak) - base) / PAGE;
}

static uint64_t first_mapped(void)
{
    uint64_t page = 0;
    while (page < PAGES && !mapped[page])
        page++;
    return page;
}

static uint64_t largest_gap(void)
{
    uint64_t largest = 0, run = 0;
    for (uint64_t page = lowest_page(); page < PAGES; page++) {
        run = mapped[page] ? 0 : run + 1;
        largest = run > largest ? run : largest;
    }
    return largest;
}

static bool is_mapped(uint64_t page, uint64_t count, bool wanted)
{
    for (uint64_t i = page; i < page + count; i++)
        if (i >= PAGES || mapped[i] != wanted)
            return false;
    return true;
}

static void check_zero(uint64_t page, uint64_t count)
{
    for (uint64_t i = page * 512; i < (page + count) * 512; i++)
        assert_int_equal(((uint64_t *)base)[i], 0);
}

static void give(uint64_t page, uint64_t count)
{
    assert_true(page >= lowest_page() && page + count <= PAGES);
    assert_true(is_mapped(page, count, false));
    check_zero(page, count);
    for (uint64_t i = page; i < page + count; i++) {
        mapped[i] = true;
        mark[i] = words(i)[0] = words(i)[511] = core_random(&seed);
    }
}

static void take(uint64_t page, uint64_t count)
{
    memset(mapped + page, 0, count);
}

static void check_marks(void)
{
    for (uint64_t i = 0; i < PAGES; i++)
        if (mapped[i])
            assert_true(words(i)[0] == mark[i] && words(i)[511] == mark[i]);
}

/* ---- the calls ---- */

static long call(syscall_handler *handler, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                 uint64_t e)
{
    const long argument[6] = {(long)a, (long)b, (long)c, (long)d, (long)e, 0};
    return handler(argument);
}

static uint64_t any(uint64_t below)
{
    return core_random(&seed) % below;
}

static uint64_t some_size(void)
{
    return any(8) ? 1 + any(40 * PAGE) : 1 + any(HEAP);
}

static void do_map(void)
{
    uint64_t size = some_size(), pages = page_up(size) / PAGE;
    long at = call(sys_mmap, any(2) ? core_random(&seed) : 0, size, 3, MAP_PRIVATE | MAP_ANONYMOUS,
                   (uint64_t)-1);
    if (at == -ENOMEM) {
        assert_true(largest_gap() < pages);
        return;
    }
    assert_true(at > 0 && (at & 4095) == 0 && (uint64_t)at >= base);
    give(((uint64_t)at - base) / PAGE, pages);
}

static void do_map_fixed(void)
{
    uint64_t page = any(PAGES + 20), pages = 1 + any(30), at = base + page * PAGE;
    bool replace = any(2), odd = !any(16);
    long result = call(sys_mmap, at + odd, pages * PAGE, 3,
                       (replace ? MAP_FIXED : MAP_FIXED_NOREPLACE) | MAP_PRIVATE | MAP_ANONYMOUS,
                       (uint64_t)-1);
    if (odd) {
        assert_int_equal(result, -EINVAL);
    } else if (page < lowest_page() || page + pages > PAGES) {
        assert_int_equal(result, -ENOMEM);
    } else if (!replace && !is_mapped(page, pages, false)) {
        assert_int_equal(result, -EEXIST);
    } else {
        assert_int_equal(result, at);
        take(page, pages);
        give(page, pages);
    }
}

static void do_unmap(void)
{
    uint64_t page = any(PAGES + 20), size = 1 + any(40 * PAGE), pages = page_up(size) / PAGE;
    bool odd = !any(16);
    long result = call(sys_munmap, base + page * PAGE + odd, size, 0, 0, 0);
    if (odd || page < lowest_page() || page + pages > PAGES) {
        assert_int_equal(result, -EINVAL);
        return;
    }
    assert_int_equal(result, 0);
    take(page, pages);
}

/* Pages keep what they hold, where they go. */
static void check_moved(const uint64_t *marks, uint64_t page, uint64_t kept, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        assert_false(mapped[page + i]);
        if (i < kept)
            assert_true(words(page + i)[0] == marks[i] && words(page + i)[511] == marks[i]);
        else
            check_zero(page + i, 1);
        mapped[page + i] = true;
        mark[page + i] = words(page + i)[0] = words(page + i)[511] =
            i < kept ? marks[i] : core_random(&seed);
    }
}

static void do_remap(void)
{
    static uint64_t marks[PAGES];
    uint64_t page = any(PAGES), old = 1 + any(12), size = 1 + any(24);
    for (int tries = 0; tries < 50 && !is_mapped(page, old, true); tries++)
        page = any(PAGES);
    bool moves = any(2);
    uint64_t kept = old < size ? old : size;
    bool was_mapped = is_mapped(page, old, true);
    bool room = was_mapped && size > old && page + size <= PAGES &&
                is_mapped(page + old, size - old, false);
    uint64_t gap = largest_gap();
    memcpy(marks, mark + page, (page + old <= PAGES ? old : PAGES - page) * sizeof(marks[0]));
    long result = call(sys_mremap, base + page * PAGE, old * PAGE, size * PAGE,
                       moves ? MREMAP_MAYMOVE : 0u, 0);
    if (!was_mapped) {
        assert_int_equal(result, -EFAULT);
    } else if (size <= old || room) {
        assert_int_equal(result, base + page * PAGE);
        take(page, old);
        check_moved(marks, page, kept, size);
    } else if (!moves || gap < size) {
        assert_int_equal(result, -ENOMEM);
    } else {
        assert_true(result > 0 && (result & 4095) == 0);
        uint64_t to = ((uint64_t)result - base) / PAGE;
        assert_true(to >= lowest_page() && to + size <= PAGES);
        assert_true(is_mapped(to, size, false)); /* `page` is still its own */
        take(page, old);
        check_moved(marks, to, kept, size);
    }
}

static void do_brk(void)
{
    uint64_t most = base + first_mapped() * PAGE;
    uint64_t wanted = any(4) ? base + any(64 * PAGE) : base + any(HEAP);
    if (!any(16))
        wanted = core_random(&seed);
    uint64_t now = (uint64_t)call(sys_brk, wanted, 0, 0, 0, 0);
    if (wanted < base || wanted > most) {
        assert_int_equal(now, brk_now);
        return;
    }
    assert_int_equal(now, wanted);
    for (uint64_t at = brk_now; at < now; at++)
        assert_int_equal(*(uint8_t *)at, 0);
    if (now > brk_now)
        memset((void *)brk_now, 0xb4, now - brk_now);
    for (uint64_t at = base; at < now; at += 97)
        assert_int_equal(*(uint8_t *)at, 0xb4);
    brk_now = now;
    brk_peak = now > brk_peak ? now : brk_peak;
}

static void do_advise(void)
{
    uint64_t page = any(PAGES), count = 1 + any(6);
    if (!is_mapped(page, count, true))
        return;
    assert_int_equal(call(sys_madvise, base + page * PAGE, count * PAGE, MADV_DONTNEED, 0, 0), 0);
    check_zero(page, count);
    for (uint64_t i = page; i < page + count; i++)
        mark[i] = words(i)[0] = words(i)[511] = core_random(&seed);
}

static void begin(uint64_t start)
{
    if (!base)
        base = (uint64_t)mmap(NULL, HEAP, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(base != (uint64_t)-1);
    header = (struct boot_header){
        .heap = {base, HEAP}, .stack_size = STACK, .elrange_size = UINT64_C(1) << 47};
    seed = start;
}

static void test_random(void **state)
{
    (void)state;
    begin(1);
    memory_start();
    brk_now = brk_peak = base;
    for (unsigned turn = 0; turn < 30000; turn++) {
        switch (any(10)) {
        case 0:
        case 1:
        case 2:
            do_map();
            break;
        case 3:
            do_map_fixed();
            break;
        case 4:
        case 5:
        case 6:
            do_unmap();
            break;
        case 7:
            do_remap();
            break;
        case 8:
            do_advise();
            break;
        default:
            if (!any(8))
                do_brk();
            break;
        }
        if (turn % 16 == 0)
            check_marks();
        uint64_t count = 0;
        for (uint64_t i = 0; i < PAGES; i++)
            count += mapped[i];
        assert_int_equal(memory_in_use(), count * PAGE + brk_now - base);
        assert_true(statistics.heap_peak >= memory_in_use());
    }
    assert_true(heap_logs == 1); /* it was too small, and said so once */
}

/* The runtime's own objects: apart from each other, zero, and never the program's. */
static void test_objects(void **state)
{
    (void)state;
    static uint8_t *objects[300];
    static size_t sizes[300];
    for (unsigned turn = 0; turn < 20000; turn++) {
        size_t i = any(300);
        if (objects[i]) {
            for (size_t at = 0; at < sizes[i]; at++)
                assert_int_equal(objects[i][at], (uint8_t)i);
            memory_free(objects[i]);
            objects[i] = NULL;
            continue;
        }
        sizes[i] = any(4) ? any(300) : any(40000);
        objects[i] = memory_allocate(sizes[i]);
        if (!objects[i])
            continue;
        assert_int_equal((uint64_t)objects[i] & 15, 0);
        for (size_t at = 0; at < sizes[i]; at++)
            assert_int_equal(objects[i][at], 0);
        memset(objects[i], (int)i, sizes[i]);
    }
    memory_free(NULL);
    assert_null(memory_allocate(SIZE_MAX));
    assert_null(memory_allocate(SIZE_MAX - 8));
    assert_null(memory_allocate(HEAP));
    assert_null(memory_map(UINT64_MAX));
    assert_null(memory_map(HEAP + 1));
    assert_null(memory_map(0));
    check_marks();
}

static void test_refusals(void **state)
{
    (void)state;
    const uint64_t anonymous = MAP_PRIVATE | MAP_ANONYMOUS, none = (uint64_t)-1;
    assert_int_equal(call(sys_mmap, 0, 0, 3, anonymous, none), -EINVAL);
    assert_int_equal(call(sys_mmap, 0, PAGE, 7, anonymous, none), -EACCES);
    assert_int_equal(call(sys_mmap, 0, PAGE, 3, MAP_ANONYMOUS, none), -EINVAL);
    assert_int_equal(call(sys_mmap, 0, UINT64_MAX, 3, anonymous, none), -ENOMEM);
    assert_int_equal(call(sys_mmap, 0, UINT64_MAX - PAGE, 3, anonymous, none), -ENOMEM);
    assert_int_equal(
        call(sys_mmap, UINT64_MAX & ~(PAGE - 1), 2 * PAGE, 3, anonymous | MAP_FIXED, none),
        -ENOMEM);
    assert_int_equal(call(sys_mmap, 0, PAGE, 3, anonymous | MAP_FIXED, none), -ENOMEM);
    assert_int_equal(call(sys_munmap, base, 0, 0, 0, 0), -EINVAL);
    assert_int_equal(call(sys_munmap, base, UINT64_MAX, 0, 0, 0), -EINVAL);
    assert_int_equal(call(sys_munmap, 0, PAGE, 0, 0, 0), -EINVAL);
    assert_int_equal(call(sys_munmap, UINT64_MAX & ~(PAGE - 1), PAGE, 0, 0, 0), -EINVAL);
    /* The stack and the runtime's table, at the heap's top. */
    assert_int_equal(call(sys_munmap, base + HEAP - PAGE, PAGE, 0, 0, 0), -EINVAL);
    assert_int_equal(call(sys_munmap, base + PAGES * PAGE, PAGE, 0, 0, 0), -EINVAL);
    assert_int_equal(call(sys_mmap, base + PAGES * PAGE, PAGE, 3, anonymous | MAP_FIXED, none),
                     -ENOMEM);
    assert_int_equal(call(sys_mremap, base, PAGE, 0, 0, 0), -EINVAL);
    assert_int_equal(call(sys_mremap, base, UINT64_MAX, PAGE, 0, 0), -EINVAL);
    assert_int_equal(call(sys_mremap, base, PAGE, PAGE, MREMAP_FIXED, base), -EOPNOTSUPP);
    assert_int_equal(call(sys_mremap, base, PAGE, PAGE, 8, base), -EOPNOTSUPP);
    assert_int_equal(call(sys_mremap, 0, PAGE, PAGE, MREMAP_MAYMOVE, 0), -EFAULT);
    assert_int_equal(call(sys_mprotect, base, PAGE, 7, 0, 0), -EACCES);
    assert_int_equal(call(sys_mprotect, base, PAGE, 3, 0, 0), 0);
    assert_int_equal(call(sys_mprotect, base + 1, PAGE, 3, 0, 0), -EINVAL);
    assert_int_equal(call(sys_madvise, base, PAGE, 12345, 0, 0), -EINVAL);
    assert_true(memory_is_inside((void *)base, HEAP));
    assert_false(memory_is_inside((void *)base, UINT64_MAX));
    assert_false(memory_is_inside((void *)(LAYOUT_BOOT - 1), 1));
    assert_false(memory_is_inside((void *)UINT64_MAX, 1));
    check_marks();
}

/* A heap of several chunks, where only the first and the last have memory: the others are asked for
 * once each, before anything in them is touched, and a host that has none is no more than ENOMEM.
 */
static void test_chunks(void **state)
{
    (void)state;
    const uint64_t anonymous = MAP_PRIVATE | MAP_ANONYMOUS, none = (uint64_t)-1, chunks = 4;
    uint64_t heap = (uint64_t)mmap(NULL, chunks * HEAP_CHUNK, 0,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(heap != none);
    assert_int_equal(mprotect((void *)heap, HEAP_CHUNK, 3), 0);
    assert_int_equal(mprotect((void *)(heap + (chunks - 1) * HEAP_CHUNK), HEAP_CHUNK, 3), 0);
    header = (struct boot_header){.heap = {heap, chunks * HEAP_CHUNK},
                                  .stack_size = STACK,
                                  .elrange_size = UINT64_C(1) << 47};
    memory_start();
    heap_gives = false;
    long last = call(sys_mmap, 0, HEAP_CHUNK - STACK - TABLE, 3, anonymous, none);
    assert_true(last > 0);
    assert_int_equal(call(sys_mmap, 0, PAGE, 3, anonymous, none), -ENOMEM);
    assert_int_equal(call(sys_brk, heap + HEAP_CHUNK, 0, 0, 0, 0), heap + HEAP_CHUNK);
    assert_int_equal(call(sys_brk, heap + HEAP_CHUNK + 1, 0, 0, 0, 0), heap + HEAP_CHUNK);
    uint64_t used = memory_in_use();
    heap_gives = true;
    assert_int_equal(call(sys_brk, heap + HEAP_CHUNK + 1, 0, 0, 0, 0), heap + HEAP_CHUNK + 1);
    *(uint8_t *)(heap + HEAP_CHUNK) = 1;
    long both = call(sys_mmap, 0, HEAP_CHUNK + PAGE, 3, anonymous, none);
    assert_true(both > 0);
    memset((void *)both, 1, HEAP_CHUNK + PAGE);
    assert_int_equal(memory_in_use(), used + 1 + HEAP_CHUNK + PAGE);
    for (int turn = 0; turn < 3; turn++) {
        assert_int_equal(call(sys_munmap, (uint64_t)both, HEAP_CHUNK + PAGE, 0, 0, 0), 0);
        both = call(sys_mmap, 0, HEAP_CHUNK + PAGE, 3, anonymous, none);
        assert_true(both > 0);
        assert_int_equal(*(uint8_t *)both, 0);
    }
    assert_true(chunk_asked[0] == 0 && chunk_asked[1] == 1 && chunk_asked[2] == 1 &&
                chunk_asked[3] == 0);
    assert_int_equal(call(sys_munmap, (uint64_t)both, HEAP_CHUNK + PAGE, 0, 0, 0), 0);
    assert_int_equal(call(sys_munmap, (uint64_t)last, HEAP_CHUNK - STACK - TABLE, 0, 0, 0), 0);
    assert_int_equal(call(sys_brk, heap, 0, 0, 0, 0), heap);
    assert_int_equal(memory_in_use(), 0);
    assert_int_equal(munmap((void *)heap, chunks * HEAP_CHUNK), 0);
}

static void test_small(void **state)
{
    (void)state;
    begin(2);
    header.heap.size = STACK + TABLE + PAGE - 1;
    assert_stops(memory_start(), RING_STOP_MEMORY, STACK + TABLE);
}

/* A thread that unmaps the stack it stands on still has its return address there until it ends. */
static void test_own_stack(void **state)
{
    (void)state;
    struct thread *self = thread_self();
    int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    long stack = call(sys_mmap, 0, 4 * PAGE, 3, anonymous, -1);
    uint64_t before = memory_in_use();
    self->program_stack = (uint64_t)stack + 4 * PAGE - 8;
    *(uint64_t *)self->program_stack = 0x1234;
    assert_int_equal(call(sys_munmap, stack, 4 * PAGE, 0, 0, 0), 0);
    assert_int_equal(memory_in_use(), before);
    assert_int_not_equal(call(sys_mmap, 0, 4 * PAGE, 3, anonymous, -1), stack);
    assert_int_equal(*(uint64_t *)self->program_stack, 0x1234);

    memory_leave_stack(self);
    assert_int_equal(call(sys_mmap, 0, 4 * PAGE, 3, anonymous, -1), stack);
    assert_int_equal(*(uint64_t *)self->program_stack, 0);
    memory_leave_stack(self); /* once only */
    assert_int_equal(memory_in_use(), before + 4 * PAGE);

    /* It has found another stack: the next call of its gives the first one back. */
    long second = call(sys_mmap, 0, PAGE, 3, anonymous, -1);
    assert_int_equal(call(sys_munmap, stack, 4 * PAGE, 0, 0, 0), 0);
    self->program_stack = 0;
    assert_int_equal(call(sys_munmap, second, PAGE, 0, 0, 0), 0);
    assert_int_equal(memory_in_use(), before);
}

static bool is_zero(uint64_t start, uint64_t end)
{
    for (const uint64_t *word = (const uint64_t *)start; word < (const uint64_t *)end; word++)
        if (*word)
            return false;
    return true;
}

/* What the agent has is apart from what the runtime has for it, and all of it is zeroed. */
static void test_agent(void **state)
{
    (void)state;
    const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    begin(3);
    memory_start();
    uint64_t heap = header.heap.offset, end = heap + header.heap.size, in_use = memory_in_use();
    uint64_t top = end - STACK - TABLE;
    memory_agent_start();
    uint64_t half = (top - heap) / 2 & ~(PAGE - 1);
    uint64_t kept = (uint64_t)memory_map(3 * PAGE), gone = (uint64_t)memory_map(2 * PAGE);
    assert_int_equal(kept, top - 3 * PAGE);
    assert_int_equal(gone, kept - 2 * PAGE);
    uint64_t first = (uint64_t)call(sys_mmap, 0, 4 * PAGE, 3, anonymous, -1);
    assert_int_equal(first, heap + half - 4 * PAGE);
    uint64_t again = (uint64_t)memory_map_program(PAGE);
    assert_int_equal(again, first - PAGE);
    /* neither reaches into the other's half */
    assert_int_equal(call(sys_brk, first + PAGE, 0, 0, 0, 0), heap);
    assert_int_equal(call(sys_brk, heap + 5000, 0, 0, 0, 0), heap + 5000);
    assert_int_equal(call(sys_mmap, heap + half, PAGE, 3, anonymous | MAP_FIXED_NOREPLACE, -1),
                     -EEXIST);
    assert_int_equal(call(sys_mmap, 0, half, 3, anonymous, -1), -ENOMEM);
    assert_null(memory_map(half));
    assert_int_equal(call(sys_mremap, first, 4 * PAGE, 5 * PAGE, 0, 0), -ENOMEM);

    memset((void *)heap, 0xee, 5000);
    memset((void *)again, 0xee, 5 * PAGE);
    memset((void *)gone, 0xee, 5 * PAGE);
    memset((void *)(end - STACK / 2), 0xee, STACK / 2);
    assert_int_equal(call(sys_munmap, first, PAGE, 0, 0, 0), 0);
    assert_int_equal(call(sys_brk, heap + 100, 0, 0, 0, 0), heap + 100);
    memory_unmap((void *)gone, 2 * PAGE);

    memory_agent_end();
    assert_true(is_zero(heap, kept));
    assert_true(is_zero(end - STACK, end));
    for (uint64_t at = kept; at < top; at += 8)
        assert_int_equal(*(const uint64_t *)at, UINT64_C(0xeeeeeeeeeeeeeeee));
    assert_int_equal(memory_in_use(), in_use + 3 * PAGE);
    /* the program has it all */
    assert_int_equal(call(sys_brk, heap + 5000, 0, 0, 0, 0), heap + 5000);
    uint64_t rest = kept - (heap + 2 * PAGE);
    assert_int_equal(call(sys_mmap, 0, rest, 3, anonymous, -1), heap + 2 * PAGE);
    assert_true(is_zero(heap, kept));

    assert_int_equal(call(sys_munmap, heap + 2 * PAGE, top - heap - 2 * PAGE, 0, 0, 0), 0);
    assert_int_equal(call(sys_brk, heap, 0, 0, 0, 0), heap);
    memset((void *)kept, 0, 3 * PAGE); /* as at launch, for the next test */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunks),   cmocka_unit_test(test_agent),
        cmocka_unit_test(test_random),   cmocka_unit_test(test_objects),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_own_stack),
        cmocka_unit_test(test_small),
    };
    struct thread self = {0};
    core_become(&self);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
