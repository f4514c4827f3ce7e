/* SPDX-License-Identifier: Apache-2.0
 *
 * The shared region: the one piece of memory that an enclave and its host both see. Shared by
 * runtime/ (inside) and host/ (outside); docs/ring.md says why all is as it is.
 *
 * For either side everything in here is hostile and may change at any moment:
 *   1. Every address in the region is computed from thread_count, which is measured.
 *   2. A field is read once into private memory, then checked, then used. Bytes are copied in once.
 *   3. Lengths are checked against what was asked, not against what the other side says.
 *   4. A result that the operation cannot have stops the enclave.
 *   5. A slot is the enclave's to write while IDLE or DONE, the host's while TAKEN:
 *      IDLE -(enclave)-> SUBMITTED -(host, compare-and-swap)-> TAKEN -(host)-> DONE -> IDLE
 *
 * A slot is served by a host thread that polls (ring_header.listening is not 0); when nobody does,
 * by the host thread that runs the enclave thread, which leaves through the gate with its slot
 * SUBMITTED. If a poller has taken it meanwhile, that thread waits until it is DONE.
 */
#ifndef RUNTIME_RING_H
#define RUNTIME_RING_H

#include "boot.h"

#include <assert.h>
#include <stdint.h>

#define RING_MAGIC       UINT32_C(0x474e4952) /* "RING" */
#define RING_VERSION     1u
#define RING_BUFFER_SIZE (UINT64_C(256) << 10) /* bounce buffer of a thread */

enum ring_state {
    RING_IDLE = 0,
    RING_SUBMITTED = 1,
    RING_TAKEN = 2,
    RING_DONE = 3,
    RING_SUBMITTED_GATE = 4, /* as SUBMITTED, but it may take long: pollers pass it over */
};

/* What the enclave asks of its host. `a0`..`a3` are ring_slot.arguments; `buffer` is the thread's
 * bounce buffer. A result below 0 is -errno. Handles are the host's names of open files: 0, 1, 2
 * are the standard streams, others come from RING_OPEN and RING_SOCKET. A path is given as the
 * index of its entry in the file table and the part below that, in the buffer (of length 0 for the
 * entry itself). */
enum ring_operation {
    /* the enclave's life */
    RING_EXIT = 1,       /* a0 exit status 0..255, a1 signal that ended it or 0; never answered */
    RING_STOP = 2,       /* a0 enum ring_stop, a1 detail; never answered */
    RING_LOG = 3,        /* a0 enum ring_log, a1 detail -> 0 */
    RING_ARGUMENTS = 4,  /* a0 0 argv 1 envp, a1 most bytes -> length of the strings in buffer */
    RING_CLOCK = 5,      /* -> 0, struct ring_clock in buffer */
    RING_STATISTICS = 6, /* struct ring_statistics in buffer -> 0 */
    RING_TIME = 7,       /* a0 clockid -> 0, struct ring_time in buffer; where there is no TSC */
    RING_HEAP = 8,       /* a0 chunk of the heap that has no memory yet -> 0 */
    /* a0 0: RING_REPORT_DATA bytes in buffer -> length of the evidence, of which so much is in the
     * buffer as fits; a0 how much of it is had: -> length of what follows, as much as fits */
    RING_QUOTE = 9,
    RING_ATTESTATION = 10, /* -> enum ring_attestation: what evidence there is */

    /* threads; those marked * by gate only. A sleeper may be woken for no reason at any time. */
    RING_THREAD_START = 16, /* a0 thread number: enter it, or wake it from RING_THREAD_IDLE -> 0 */
    RING_THREAD_IDLE = 17,  /* * the thread has nothing to run -> 0 */
    RING_PARK = 18,         /* * sleep until slot.wake is not a0; a1 most ns, ~0 for ever -> 0 */
    RING_WAKE = 19,         /* a0 thread number whose slot.wake was changed -> 0 */
    RING_YIELD = 20,        /* * -> 0 */

    /* files of the host */
    RING_READ = 32,      /* a0 handle, a1 length -> bytes in buffer */
    RING_WRITE = 33,     /* a0 handle, a1 length, bytes in buffer -> bytes written */
    RING_PREAD = 34,     /* a0 handle, a1 length, a2 offset -> bytes in buffer */
    RING_PWRITE = 35,    /* a0 handle, a1 length, a2 offset, bytes in buffer -> bytes written */
    RING_OPEN = 36,      /* a0 index, a1 RING_OPEN_ flags, a2 mode, a3 length -> handle */
    RING_CLOSE = 37,     /* a0 handle -> 0 */
    RING_STAT = 38,      /* a0 handle -> 0, struct ring_stat in buffer */
    RING_STAT_PATH = 39, /* a0 index, a1 1 to follow a last link, a3 length -> 0, ring_stat */
    RING_TRUNCATE = 40,  /* a0 handle, a1 size -> 0 */
    RING_SYNC = 41,      /* a0 handle, a1 1 for data only -> 0 */
    RING_UNLINK = 42,    /* a0 index, a1 1 for a directory, a3 length -> 0 */
    RING_MKDIR = 43,     /* a0 index, a2 mode, a3 length -> 0 */
    RING_RENAME = 44,    /* a0 index, a1 length of new (behind old), a3 length of old -> 0 */
    /* a0 handle of a directory, a1 length -> bytes of struct ring_entry in buffer, of as many as
     * take a1 bytes as struct linux_dirent64; 0 at the end */
    RING_LIST = 45,
    RING_SEEK_HOST = 46, /* a0 handle of a stream, a1 offset, a2 whence -> offset */
    RING_POLL = 47,      /* a0 count, a1 most ns or ~0, ring_poll[count] in buffer -> count ready */

    /* sockets, only with BOOT_NETWORK. `address`: a sockaddr in buffer, behind any data; those
     * that come back are struct ring_address, behind a1 bytes in RING_RECEIVE. */
    RING_SOCKET = 64,      /* a0 domain, a1 type, a2 protocol -> handle */
    RING_CONNECT = 65,     /* a0 handle, a1 length of address -> 0 */
    RING_BIND = 66,        /* the same */
    RING_LISTEN = 67,      /* a0 handle, a1 backlog -> 0 */
    RING_ACCEPT = 68,      /* a0 handle, a1 flags -> handle, address */
    RING_SEND = 69,        /* a0 handle, a1 length, a2 flags, a3 length of address -> bytes */
    RING_RECEIVE = 70,     /* a0 handle, a1 length, a2 flags -> bytes, address */
    RING_SHUTDOWN = 71,    /* a0 handle, a1 how -> 0 */
    RING_SOCKET_NAME = 72, /* a0 handle, a1 0 own 1 peer -> 0, address */
    RING_SOCKET_SET = 73,  /* a0 handle, a1 level, a2 name, a3 length, value in buffer -> 0 */
    RING_SOCKET_GET = 74,  /* a0 handle, a1 level, a2 name, a3 length -> length, value in buffer */
    RING_NONBLOCK = 75,    /* a0 handle, a1 1 on 0 off -> 0 */

    /* served calls (cella_serve), which themselves never pass through a slot */
    RING_CALL_WAIT = 96, /* * sleep until position a0 is queued, or none will be; a1 most ns -> 0 */
    RING_CALL_WAKE = 97, /* a0 RING_CALL_WAKE_ flags -> 0 */
};

enum ring_stop {
    RING_STOP_HOST_LIED = 1, /* detail: the operation whose reply was impossible */
    RING_STOP_MEMORY = 2,    /* detail: bytes wanted; more than the runtime itself needs to go on */
    RING_STOP_BOOT = 3,      /* the image's boot page is malformed */
    RING_STOP_INTERNAL = 4,  /* an invariant of the runtime does not hold */
    RING_STOP_INSECURE = 5,  /* the CPU lacks something that the runtime must have (RDRAND) */
    RING_STOP_WILD_CALL = 6, /* a call into page 0 that is no system call; debug: from where */
    RING_STOP_AGENT = 7,     /* the agent ended while others of its threads ran */
};

enum ring_log {
    RING_LOG_UNSUPPORTED = 1, /* detail: number of a syscall answered with ENOSYS, once each */
    RING_LOG_HEAP = 2,        /* detail: bytes that brk or mmap refused; heap_size is too small */
    RING_LOG_THREADS = 3,     /* detail: thread count; clone found no free TCS */
    RING_LOG_BOX = 4,         /* detail: enum box_fault_kind; a2 block, a3 length of the box's path
                               * in the enclave, in the buffer */
};

#define RING_CALL_WAKE_CALLERS (1u << 0) /* callers sleep whose replies are there */
#define RING_CALL_WAKE_SERVER  (1u << 1) /* more is queued than this thread takes: one more */

#define RING_OPEN_READ         (1u << 0)
#define RING_OPEN_WRITE        (1u << 1)
#define RING_OPEN_CREATE       (1u << 2)
#define RING_OPEN_EXCLUSIVE    (1u << 3)
#define RING_OPEN_TRUNCATE     (1u << 4)
#define RING_OPEN_APPEND       (1u << 5)
#define RING_OPEN_DIRECTORY    (1u << 6)
#define RING_OPEN_NOFOLLOW     (1u << 7)
#define RING_OPEN_NONBLOCK     (1u << 8)
#define RING_OPEN_LOCK         (1u << 9) /* no other writer, or no writer if not to write: -EBUSY */

#define RING_STRINGS_MOST      1000u /* that RING_ARGUMENTS may give */

#define RING_REPORT_DATA       64u
#define RING_EVIDENCE_MOST     (UINT64_C(4) << 20) /* bytes of evidence */

/* The host's word: only evidence itself shows what an enclave runs in. */
enum ring_attestation {
    RING_ATTESTATION_NONE = 0, /* RING_QUOTE fails */
    RING_ATTESTATION_VSM = 1,
    RING_ATTESTATION_PROCESS = 2,
};

/* ns = ns_base + (tsc - tsc_base) * 1e6 / tsc_khz. tsc_khz 0: no TSC, use RING_TIME. */
struct ring_clock {
    uint64_t tsc_khz;
    uint64_t tsc_base;
    uint64_t realtime_ns;  /* since 1970, at tsc_base */
    uint64_t monotonic_ns; /* at tsc_base */
};

struct ring_time {
    uint64_t seconds;
    uint64_t nanoseconds;
};

/* Numbers and layout are Linux's struct stat's where names agree. */
struct ring_stat {
    uint64_t inode, size, blocks;
    uint32_t mode, links;
    int64_t access_seconds, modify_seconds, change_seconds;
    uint32_t access_nanoseconds, modify_nanoseconds, change_nanoseconds;
    uint32_t device; /* an index that tells file systems apart */
};
static_assert(sizeof(struct ring_stat) == 72, "both sides know this");

struct ring_entry {
    uint64_t inode;
    uint16_t name_length; /* 1..255 */
    uint8_t type;         /* DT_ */
    uint8_t zero[5];
    /* the name follows, padded with zeros to 8 bytes */
};
static_assert(sizeof(struct ring_entry) == 16, "both sides know this");

struct ring_poll {
    uint32_t handle;
    uint16_t events; /* POLL */
    uint16_t revents;
};

struct ring_address {
    uint32_t length; /* 0..128 */
    uint8_t bytes[128];
};

#define RING_SYSCALLS 512u

struct ring_statistics {
    uint64_t inside[RING_SYSCALLS];    /* answered without leaving, by syscall number */
    uint64_t forwarded[RING_SYSCALLS]; /* asked of the host at least once */
    uint64_t heap_peak;                /* most bytes of heap in use */
    uint64_t polled, gated;            /* requests served by polling, by leaving */
};
static_assert(sizeof(struct ring_statistics) <= RING_BUFFER_SIZE, "goes through the buffer");

struct ring_slot {
    _Atomic uint32_t state;
    uint32_t operation;
    uint64_t arguments[6];
    int64_t result;
    /* parking: changed by a waking thread inside, slept on by the host */
    _Alignas(64) _Atomic uint32_t wake;
    uint32_t zero[15];
    uint8_t pad[128];
};
static_assert(sizeof(struct ring_slot) == 256, "both sides know this");

/* Served calls: a bounded queue of requests, in the order of their positions 0, 1, 2, ... (modulo
 * 2^32), and one place for each call under way, its entry, where the reply lies and bytes that are
 * too many to lie in line. docs/ring.md tells the protocol and why it loses nothing.
 *   1. requests[p % RING_CALLS] is the host's to write. Position p is there, whole, when its
 *      `sequence` is p + 1. The enclave takes positions in order, and counts in private memory.
 *   2. The host has an entry from before its request is queued until it has seen its reply.
 *   3. replies[e] is the enclave's to write, once for each time that e was taken, but for `state`:
 *      it is the request's ticket when the reply is there. A caller that goes to sleep on it makes
 *      it ticket + 1 by compare-and-swap; who answers puts the ticket there by exchange, and has
 *      somebody to wake if it was odd. Tickets are even, and never the entry's last one. */
#define RING_CALLS       256u
#define RING_CALL_INLINE 104u
#define RING_CALL_DATA   (UINT64_C(64) << 10) /* most bytes of a request or a reply */

struct ring_call_request {
    _Atomic uint32_t sequence;
    uint32_t entry; /* 0..RING_CALLS-1 */
    uint32_t ticket;
    uint32_t operation;
    uint32_t length;   /* up to RING_CALL_INLINE bytes lie in `data`, else in the entry's data */
    uint32_t capacity; /* most bytes that the caller takes */
    uint8_t data[RING_CALL_INLINE];
};
static_assert(sizeof(struct ring_call_request) == 128, "two cache lines, fetched as a pair");

struct ring_call_reply {
    _Atomic uint32_t state;
    uint32_t length; /* 0..capacity; the same place rule */
    int32_t status;  /* the handler's result: 0 or -errno */
    uint32_t zero[3];
    uint8_t data[RING_CALL_INLINE];
};
static_assert(sizeof(struct ring_call_reply) == 128, "two cache lines, fetched as a pair");

struct ring_header {
    uint32_t magic;
    uint32_t version;
    uint32_t thread_count;
    uint32_t zero;
    _Alignas(64) _Atomic uint32_t listening; /* host threads that poll now */
    _Alignas(64) _Atomic uint32_t serving;   /* enclave threads that poll for calls, told only while
                                                others of them are in RING_CALL_WAIT */
    _Atomic uint32_t served;                 /* 1 once the program serves */
    _Alignas(64) _Atomic uint32_t closed;    /* 1: the host queues no more calls */
    _Alignas(128) struct ring_call_request requests[RING_CALLS];
    struct ring_call_reply replies[RING_CALLS];
};

#define RING_PAGE_UP(n) (((uint64_t)(n) + 4095) & ~UINT64_C(4095))

/* Where things lie, from the region's start. */
static inline uint64_t ring_slots_offset(void)
{
    return RING_PAGE_UP(sizeof(struct ring_header));
}

static inline uint64_t ring_buffer_offset(uint32_t thread_count, uint32_t thread)
{
    return RING_PAGE_UP(ring_slots_offset() + (uint64_t)thread_count * sizeof(struct ring_slot)) +
           (uint64_t)thread * RING_BUFFER_SIZE;
}

static inline uint64_t ring_call_data_offset(uint32_t thread_count, uint32_t call)
{
    return ring_buffer_offset(thread_count, thread_count) + (uint64_t)call * RING_CALL_DATA;
}

static inline uint64_t ring_size(uint32_t thread_count)
{
    return ring_call_data_offset(thread_count, RING_CALLS);
}

#endif
