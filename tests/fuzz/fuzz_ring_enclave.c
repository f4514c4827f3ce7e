/* SPDX-License-Identifier: Apache-2.0
 *
 * The enclave's side of served calls and of its requests, natively, against a host that writes
 * anything into the shared region whenever the enclave leaves or pauses.
 *
 * What must hold: the enclave ends by runtime_stop or goes on; it touches nothing outside the
 * region and the program's buffers; in the region it writes to no reply and no data area but those
 * of requests that it took.
 */
static void hostile_turn(void);
#define __builtin_ia32_pause hostile_turn
#include "../../runtime/host.c"
#include "../../runtime/serve.c"
#undef __builtin_ia32_pause

#include <asm/prctl.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct boot_header header_page = {.elrange_size = 4096, .thread_count = 2};
const struct boot_header *boot = &header_page;
static struct thread self;
static jmp_buf stopped;
static uint8_t *shared;
static uint64_t shared_size;
static const uint8_t *input;
static size_t left;
static uint32_t tail;

#define BUFFER (sizeof(struct serve_request) + 2 * RING_CALL_DATA)
static uint8_t *buffer; /* the program's; its own allocation, so that the sanitizer knows its end */

/* ---- what the rest of the runtime would be ---- */

_Noreturn void runtime_stop(enum ring_stop why, uint64_t detail)
{
    (void)why;
    (void)detail;
    longjmp(stopped, 1);
}

void lock_acquire(struct lock *lock)
{
    if (lock->word)
        abort();
    lock->word = 1;
}

void lock_release(struct lock *lock)
{
    lock->word = 0;
}

bool memory_is_inside(const void *start, uint64_t size)
{
    uint64_t at = (uint64_t)start, low = (uint64_t)buffer;
    return at >= low && at - low <= BUFFER && size <= BUFFER - (at - low);
}

struct ring_statistics statistics;

/* ---- the host ---- */

static uint32_t next(uint32_t bytes)
{
    uint32_t value = 0;
    for (; bytes && left; bytes--, left--)
        value = value << 8 | *input++;
    return value;
}

static void queue(bool well_formed)
{
    struct ring_header *ring = host_header();
    struct ring_call_request *cell = &ring->requests[tail % RING_CALLS];
    cell->entry = well_formed ? next(1) % RING_CALLS : next(2);
    cell->ticket = next(1);
    cell->operation = next(1);
    cell->length = well_formed ? next(3) % (RING_CALL_DATA + 1) : next(4);
    cell->capacity = well_formed ? next(3) % (RING_CALL_DATA + 1) : next(4);
    atomic_store(&cell->sequence, ++tail);
}

static void scribble(void)
{
    uint64_t limit = next(1) & 1 ? sizeof(struct ring_header) : shared_size;
    uint64_t offset = next(4) % (limit / 4) * 4;
    uint32_t value = next(4);
    memcpy(shared + offset, &value, 4);
}

static void hostile_turn(void)
{
    struct ring_slot *slot = self.slot;
    if (!left) { /* let it come to an end */
        atomic_store(&host_header()->closed, 1);
        slot->result = 0;
        atomic_store(&slot->state, RING_DONE);
        return;
    }
    switch (next(1) % 5) {
    case 0:
        queue(true);
        break;
    case 1:
        queue(false);
        break;
    case 2:
        scribble();
        break;
    case 3:
        slot->result = (int32_t)next(4);
        atomic_store(&slot->state, RING_DONE);
        break;
    default:
        slot->result = 0;
        atomic_store(&slot->state, RING_DONE);
    }
}

void runtime_gate(void)
{
    hostile_turn();
}

/* ---- the program ---- */

static void reply_to(uint64_t used)
{
    uint8_t *replies = malloc(BUFFER);
    uint64_t at = 0, end = 0;
    while (used - at >= sizeof(struct serve_request)) {
        struct serve_request request;
        memcpy(&request, buffer + at, sizeof(request));
        if (request.length > RING_CALL_DATA || request.capacity > RING_CALL_DATA ||
            request.entry >= RING_CALLS || padded(request.length) > used - at - sizeof(request))
            abort(); /* the program may rely on what it reads */
        struct serve_reply reply = {.entry = request.entry,
                                    .generation = request.generation,
                                    .length =
                                        request.capacity ? next(3) % (request.capacity + 1) : 0};
        at += sizeof(request) + padded(request.length);
        if (BUFFER - end < sizeof(reply) + padded(reply.length))
            break;
        memcpy(replies + end, &reply, sizeof(reply));
        memset(replies + end + sizeof(reply), 0x77, padded(reply.length));
        end += sizeof(reply) + padded(reply.length);
    }
    memcpy(buffer, replies, end);
    free(replies);
    if (serve_write(buffer, end) > 0 && serve_write(buffer, end) != -EINVAL)
        abort(); /* answered twice */
}

static void act(void)
{
    switch (next(1) % 6) {
    case 0:
        hostile_turn();
        break;
    case 1:
    case 2: {
        long used = serve_read(buffer, next(1) & 1 ? BUFFER : BUFFER - RING_CALL_DATA);
        if (used > (long)BUFFER)
            abort();
        if (used > 0)
            reply_to((uint64_t)used);
        break;
    }
    case 3: { /* the program writes anything */
        uint64_t count = next(1);
        for (uint64_t i = 0; i < count; i++)
            buffer[i] = (uint8_t)next(1);
        long used = serve_write(buffer, count);
        if (used > (long)count)
            abort();
        break;
    }
    case 4:
        if (serve_read(buffer, next(2)) != -EINVAL || serve_read(buffer - 1, BUFFER) != -EFAULT ||
            serve_write(buffer, BUFFER + 1) != -EFAULT)
            abort();
        break;
    default: {
        int64_t result = host_call(RING_READ, 0, 100, 0, 0, 0, 100);
        if (result > 100 || result < -ERRNO_MOST)
            abort();
    }
    }
}

static void begin(void)
{
    if (!shared) {
        shared_size = ring_size(header_page.thread_count);
        uint8_t *space = mmap(NULL, shared_size + 8192, PROT_NONE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        shared = space + 4096;
        mprotect(shared, shared_size, PROT_READ | PROT_WRITE);
        buffer = malloc(BUFFER);
        self.self = &self;
        syscall(SYS_arch_prctl, ARCH_SET_GS, &self);
    }
    memset(shared, 0, ring_buffer_offset(2, 0));
    memset(entries, 0, sizeof(entries));
    head_lock.word = head = readers = asleep = tail = 0;
    served = false;
    host_start(shared, shared_size);
    host_thread_start(&self);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input = data;
    left = size;
    begin();
    if (setjmp(stopped) == 0)
        while (left)
            act();
    return 0;
}
