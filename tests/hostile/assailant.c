/* SPDX-License-Identifier: Apache-2.0
 *
 * A program that attacks its host: it reaches past the runtime, which cannot hold back its own
 * program, writes what it likes into its shared region, and leaves through the gate. argv: seed,
 * requests a thread. Ends by itself with VERDICT_SEEN if it got to see what lies outside.
 */
#include "assailant.h"

#include "runtime/runtime.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 3

static uint64_t seed, requests;
static uint8_t *region;
static uint32_t thread_count;
static _Atomic uint64_t state;

static uint64_t next(void)
{
    uint64_t x =
        __atomic_fetch_add((uint64_t *)&state, UINT64_C(0x9e3779b97f4a7c15), __ATOMIC_RELAXED);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* Sizes, offsets, handles: mostly near what is right, and near what overflows. */
static uint64_t number(void)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     2,
                                     3,
                                     4,
                                     255,
                                     256,
                                     257,
                                     4095,
                                     4096,
                                     4097,
                                     RING_BUFFER_SIZE - 1,
                                     RING_BUFFER_SIZE,
                                     RING_BUFFER_SIZE + 1,
                                     UINT32_MAX,
                                     UINT64_C(1) << 32,
                                     INT64_MAX,
                                     UINT64_C(1) << 63,
                                     UINT64_MAX};
    switch (next() % 4) {
    case 0:
        return edges[next() % (sizeof(edges) / sizeof(edges[0]))];
    case 1:
        return next() % 40;
    case 2:
        return next() % 4200;
    default:
        return next() >> next() % 64;
    }
}

static const char *const paths[] = {
    "..",
    "../outside/secret",
    "../outside",
    "/etc/passwd",
    "/",
    ".",
    "",
    "inner",
    "inner/..",
    "inner/../../outside/secret",
    "inner/./../../outside",
    "absolute",
    "absolute/secret",
    "relative",
    "relative/secret",
    "file-absolute",
    "file-relative",
    "proc",
    "proc/self/root",
    "magic",
    "magic/../outside/secret",
    "descriptor",
    "loop",
    "file",
    "new",
    "inner/new",
    "fifo",
    "....//outside/secret",
    "\xff\xfe/../..",
};

/* A path at `at` of the buffer; its length, which may be a lie. */
static uint64_t put_path(uint8_t *buffer, uint64_t at)
{
    const char *path = paths[next() % (sizeof(paths) / sizeof(paths[0]))];
    uint64_t length = strlen(path);
    if (at > RING_BUFFER_SIZE - length)
        return number();
    memcpy(buffer + at, path, length);
    if (next() % 16 == 0 && length > 2)
        buffer[at + length / 2] = 0;
    return next() % 32 ? length : number();
}

static void leave(const struct thread *self)
{
    uint64_t gate = self->gate;
    __asm__ volatile("call *%0" : "+r"(gate) : : "rax", "rcx", "rdx", "memory", "cc");
}

/* Blocking ones are rare, or nothing else would happen; EXIT and STOP end it all. */
static uint32_t operation(void)
{
    static const uint32_t files[] = {RING_READ,   RING_WRITE,     RING_PREAD,     RING_PWRITE,
                                     RING_OPEN,   RING_CLOSE,     RING_STAT,      RING_STAT_PATH,
                                     RING_SYNC,   RING_TRUNCATE,  RING_UNLINK,    RING_MKDIR,
                                     RING_RENAME, RING_LIST,      RING_SEEK_HOST, RING_OPEN,
                                     RING_OPEN,   RING_STAT_PATH, RING_RENAME,    RING_UNLINK};
    static const uint32_t others[] = {
        RING_LOG,         RING_ARGUMENTS, RING_CLOCK,        RING_STATISTICS, RING_TIME,
        RING_WAKE,        RING_YIELD,     RING_THREAD_START, RING_CALL_WAKE,  RING_SOCKET,
        RING_SOCKET_NAME, RING_SHUTDOWN,  RING_SOCKET_GET,   RING_NONBLOCK,   RING_SOCKET_SET,
        RING_HEAP,        RING_BIND,      RING_CONNECT,      RING_SEND,       RING_QUOTE,
        RING_ATTESTATION};
    static const uint32_t blocking[] = {RING_PARK,   RING_POLL,   RING_CALL_WAIT,
                                        RING_LISTEN, RING_ACCEPT, RING_RECEIVE};
    switch (next() % 16) {
    case 0:
        return (uint32_t)number() | 128; /* none that there is */
    case 1:
    case 2:
    case 3:
    case 4:
        return others[next() % (sizeof(others) / sizeof(others[0]))];
    case 5:
        return next() % 16 ? RING_STAT_PATH
                           : blocking[next() % (sizeof(blocking) / sizeof(blocking[0]))];
    default:
        return files[next() % (sizeof(files) / sizeof(files[0]))];
    }
}

static void fill(struct ring_slot *slot, uint8_t *buffer)
{
    uint32_t what = operation();
    for (int i = 0; i < 6; i++)
        slot->arguments[i] = number();
    switch (what) {
    case RING_OPEN:
        slot->arguments[0] = next() % 16 ? 0 : number();
        slot->arguments[1] = next() % 32 ? next() % 512 : number();
        slot->arguments[3] = put_path(buffer, 0);
        break;
    case RING_STAT_PATH:
    case RING_UNLINK:
    case RING_MKDIR:
        slot->arguments[0] = next() % 16 ? 0 : number();
        slot->arguments[1] = next() % 2;
        slot->arguments[3] = put_path(buffer, 0);
        break;
    case RING_RENAME:
        slot->arguments[0] = 0;
        slot->arguments[3] = put_path(buffer, 0);
        slot->arguments[1] = put_path(buffer, slot->arguments[3]);
        break;
    case RING_POLL:
    case RING_PARK:
    case RING_CALL_WAIT:
        if (next() % 8)
            slot->arguments[1] = next() % 1000000;
        break;
    case RING_TRUNCATE:
        slot->arguments[0] = next() % 32;
        if (next() % 4)
            slot->arguments[1] = next() % 100000;
        break;
    case RING_PWRITE:
        slot->arguments[0] = next() % 32;
        if (slot->arguments[2] > 1 << 20) /* holes of terabytes are slow to remove */
            slot->arguments[2] &= 0xfffff;
        break;
    case RING_LOG:
        break;
    default:
        if (next() % 8)
            slot->arguments[0] = next() % 32;
        break;
    }
    slot->operation = what;
}

/* What the host put into any buffer must not hold what lies outside. */
static void look(const uint8_t *buffer)
{
    for (uint64_t at = 0; at + sizeof(ASSAILANT_MARK) < 8192; at++)
        if (buffer[at] == (uint8_t)ASSAILANT_MARK[0] &&
            memcmp(buffer + at, ASSAILANT_MARK, sizeof(ASSAILANT_MARK) - 1) == 0)
            _exit(VERDICT_SEEN);
}

/* Some bytes somewhere in the region; half of them in headers and slots. */
static void scribble(void)
{
    uint64_t size = ring_size(thread_count);
    uint64_t head = ring_buffer_offset(thread_count, 0);
    uint64_t at = next() % (next() % 2 ? head : size);
    uint64_t slots = ring_slots_offset();
    /* The host ends an enclave for an impossible reply to a call: not with every seed. */
    if (at < slots && seed % 2)
        return;
    /* A slot's operation by chance EXIT or STOP would end the attack too soon. */
    if (at >= slots && at < head && (at - slots) % sizeof(struct ring_slot) >= 4 &&
        (at - slots) % sizeof(struct ring_slot) < 8)
        return;
    region[at] = (uint8_t)next();
}

static void *attack(void *argument)
{
    const struct thread *self = thread_self();
    for (uint64_t i = 0; i < requests; i++) {
        fill(self->slot, self->buffer);
        for (uint64_t n = next() % 8; n; n--)
            scribble();
        static const uint32_t states[] = {RING_SUBMITTED, RING_SUBMITTED_GATE, RING_SUBMITTED,
                                          RING_DONE, RING_IDLE};
        uint32_t how = states[next() % (next() % 16 ? 2 : 5)];
        __atomic_store_n((uint32_t *)&self->slot->state, how, __ATOMIC_RELEASE);
        leave(self);
        look(self->buffer);
    }
    return argument;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    int made = 0;
    if (argc < 3)
        return 1;
    seed = strtoull(argv[1], NULL, 10);
    requests = strtoull(argv[2], NULL, 10);
    const struct thread *self = thread_self();
    region = (uint8_t *)self->slot - ring_slots_offset() - self->number * sizeof(*self->slot);
    thread_count = ((const struct boot_header *)LAYOUT_BOOT)->thread_count;
    __atomic_store_n((uint64_t *)&state, seed * 7919, __ATOMIC_RELAXED);
    for (; made < THREADS; made++)
        if (pthread_create(&threads[made], NULL, attack, NULL))
            break;
    attack(NULL);
    /* The runtime's own requests were torn meanwhile: it may have stopped before this. */
    for (int i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
