/* SPDX-License-Identifier: Apache-2.0
 *
 * What every file of the runtime knows. The runtime is freestanding C (no libc, no SSE:
 * -mgeneral-regs-only, because a system call must keep the program's vector registers), runs in the
 * enclave beside the program, and answers its system calls.
 *
 * Conventions: inside the runtime errors are -errno; nothing is ever reported as done that was not.
 * `host_` memory (ring slots and buffers) is hostile: see ring.h.
 */
#ifndef RUNTIME_RUNTIME_H
#define RUNTIME_RUNTIME_H

#include "boot.h"
#include "ring.h"

#include <linux/errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- library.c: what a libc would give ---- */
void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);

/* ---- who the program is, to itself ---- */
#define RUNTIME_PID         100
#define RUNTIME_USER        1000u
#define RUNTIME_DESCRIPTORS 1024u

/* ---- entry.S, start.c ---- */
extern const struct boot_header *boot; /* the boot page */
extern bool runtime_debug;             /* attributes.DEBUG */

/* Stops the enclave; the host is told why, nothing else. */
_Noreturn void runtime_stop(enum ring_stop why, uint64_t detail);
/* Ends the program. */
_Noreturn void runtime_exit(int status, int signal);
void runtime_log(enum ring_log what, uint64_t detail);

/* ---- thread.c ---- */
/* The program's registers as runtime_syscall_entry pushes them: in the order of struct sigcontext,
 * so that signal.c copies them. */
struct syscall_frame {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx;
    uint64_t number; /* rax */
};
static_assert(sizeof(struct syscall_frame) == 14 * 8, "entry.S knows this");

/* The thread block, at %gs:0. entry.S knows the first five fields. */
struct thread {
    struct thread *self;
    uint64_t stack;         /* top of the runtime's stack for this thread */
    uint64_t program_stack; /* rsp at the system call under way */
    uint64_t gate;
    uint64_t started;       /* not 0 once this TCS has been entered */
    struct ring_slot *slot; /* shared */
    uint8_t *buffer;        /* shared; RING_BUFFER_SIZE bytes */
    uint32_t number;        /* TCS */
    int32_t tid;
    struct syscall_frame *frame; /* of the system call under way */
    bool forwarded;              /* it asked the host */
    /* futex.c */
    struct thread *queue_next;
    uint64_t queue_key;
    uint32_t queue_bits;
    _Atomic uint32_t queued; /* in a queue */
    _Atomic uint32_t parked; /* about to leave, or left, until it is woken */
    /* thread.c: what clone leaves for a TCS that enters (or comes back) to find */
    _Atomic uint32_t state;
    struct syscall_frame start; /* of the clone; program_stack is the child's */
    uint64_t fs_base;
    uint32_t *clear_tid;
    uint32_t mxcsr;
    uint16_t x87;
    uint64_t left_stack, left_stack_size; /* unmapped by the thread itself: given back at its end */
    /* signal.c */
    uint64_t signal_mask;
    _Atomic uint64_t signals_pending;
    uint64_t signal_stack, signal_stack_size;
};

static inline struct thread *thread_self(void)
{
    struct thread *thread;
    __asm__("mov %%gs:0, %0" : "=r"(thread));
    return thread;
}

/* A signal is to be delivered: what the thread waits for ends with -EINTR. */
static inline bool thread_is_signalled(const struct thread *thread)
{
    return (thread->signals_pending & ~thread->signal_mask) != 0;
}

/* ---- futex.c: a mutex, not recursive, that may be held across host_call ---- */
struct lock {
    _Atomic uint32_t word; /* 0 free, 1 held, 2 held and waited for */
};
void lock_acquire(struct lock *lock);
void lock_release(struct lock *lock);

/* ---- host.c: requests to the host ---- */
/* Asks and waits for the reply. What comes back is -133..-1 or `least`..`most`, else the enclave
 * has been stopped. Any lock may be held; the thread may sleep. */
int64_t host_call(uint32_t operation, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                  int64_t least, int64_t most);
/* The same for requests that may take long: leaves by the gate at once rather than hold up the
 * host's polling thread. */
int64_t host_call_slow(uint32_t operation, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                       int64_t least, int64_t most);
/* Copies between private memory and this thread's bounce buffer; offset + size is checked against
 * RING_BUFFER_SIZE (beyond it the enclave stops). */
void host_put(size_t offset, const void *bytes, size_t size);
void host_get(size_t offset, void *bytes, size_t size);

/* ---- memory.c: the heap. Sizes are rounded up to pages; pages are zero. ---- */
void *memory_map(uint64_t size);               /* for the runtime itself; NULL: no room */
void *memory_map_program(uint64_t size);       /* for the program */
void memory_unmap(void *start, uint64_t size); /* a whole mapping or part of one */
/* Small objects of the runtime itself, 16-aligned, zeroed; NULL: no room. */
void *memory_allocate(size_t size);
void memory_free(void *object);
/* True when the program may hand us [start, start + size): inside ELRANGE, no wrap. */
bool memory_is_inside(const void *start, uint64_t size);
/* Copy from and to the memory that a system call's argument points to: 0, or -EFAULT. */
static inline long program_read(void *to, long from, size_t size)
{
    if (!memory_is_inside((const void *)from, size))
        return -EFAULT;
    __builtin_memcpy(to, (const void *)from, size);
    return 0;
}
static inline long program_write(long to, const void *from, size_t size)
{
    if (!memory_is_inside((const void *)to, size))
        return -EFAULT;
    __builtin_memcpy((void *)to, from, size);
    return 0;
}

/* ---- random.c ---- */
void random_bytes(void *bytes, size_t size);

/* ---- keys.c: names (no NUL at the end) to keys ---- */
#define KEYS_MOST 64u
#define KEYS_NAME 255u /* longest name */
struct key {
    char name[KEYS_NAME];
    size_t length;
    uint8_t bytes[32];
    bool bound; /* it opens a box of `version`, and nothing else */
    uint8_t version[32];
};
/* `version` NULL: any. 0, -EINVAL (no name, or too long), -EEXIST (a key is set once), -ENOSPC. */
int keys_set(const char *name, size_t length, const uint8_t key[32], const uint8_t *version);
/* The key, which stays where it is; NULL: there is none of that name. */
const struct key *keys_get(const char *name, size_t length);

/* ---- clock.c ---- */
struct runtime_time {
    int64_t seconds, nanoseconds;
};
uint64_t clock_monotonic_ns(void);
/* CLOCK_REALTIME; false where the manifest allows no clock. */
bool clock_realtime(struct runtime_time *time);

/* ---- futex.c, thread.c ---- */
/* Sleeps while *word == value, at most `ns` (UINT64_MAX: for ever); may return for no reason. */
void thread_wait(_Atomic uint32_t *word, uint32_t value, uint64_t ns);
/* Wakes up to `count` threads that sleep on `word`. */
void thread_wake(_Atomic uint32_t *word, uint32_t count);

/* ---- syscalls.c ---- */
/* Every handler: six arguments as the kernel's ABI has them; the result, or -errno. */
typedef long syscall_handler(const long *argument);

#endif
