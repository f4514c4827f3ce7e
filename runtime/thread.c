/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads. A thread of the program runs on a TCS; TCS 0 starts the program, the others wait to be
 * given a thread by clone. What a thread is to run is decided inside: the host only enters TCSs,
 * and entering one that has nothing to run does nothing.
 *
 * Life of a TCS: FREE -(clone)-> TAKEN -(clone)-> ASSIGNED -(its loop)-> RUNNING -(exit)-> FREE.
 * While it is TAKEN its thread block belongs to the thread that clones.
 */
#include "syscalls.h"

#include <asm/prctl.h>
#include <linux/sched.h>
#include <stdatomic.h>

enum state { FREE = 0, TAKEN = 1, ASSIGNED = 2, RUNNING = 3 };

static _Atomic int32_t next_tid = RUNTIME_PID + 1;
static _Atomic int32_t running = 1;
static _Atomic int32_t leaving; /* threads that end, and still use the program's memory */

static struct thread *block_of(uint32_t number)
{
    uint64_t page = (uint64_t)number * THREAD_PAGES + THREAD_PAGE_BLOCK;
    return (struct thread *)(boot->threads + page * LAYOUT_PAGE);
}

void thread_start(struct thread *thread, uint64_t tcs)
{
    uint64_t number = (tcs - boot->threads) / (THREAD_PAGES * LAYOUT_PAGE);
    if (number >= boot->thread_count)
        runtime_stop(RING_STOP_BOOT, 2);
    thread->number = (uint32_t)number;
    host_thread_start(thread);
    if (number == 0) {
        thread->tid = RUNTIME_PID;
        atomic_store(&thread->state, RUNNING);
    }
}

struct thread *thread_at(uint32_t number)
{
    struct thread *thread = block_of(number);
    return atomic_load(&thread->state) >= ASSIGNED ? thread : NULL;
}

static void write_fs_base(struct thread *thread, uint64_t base)
{
    thread->fs_base = base;
    __asm__ volatile("wrfsbase %0" : : "r"(base));
}

/* Runs what clone left for this TCS, again and again; never returns to its caller. */
_Noreturn void thread_loop(void)
{
    struct thread *self = thread_self();
    while (atomic_load_explicit(&self->state, memory_order_acquire) != ASSIGNED)
        host_leave(RING_THREAD_IDLE, 0, 0);
    write_fs_base(self, self->fs_base);
    __asm__ volatile("ldmxcsr %0; fldcw %1" : : "m"(self->mxcsr), "m"(self->x87));
    struct syscall_frame frame = self->start;
    atomic_store(&self->state, RUNNING);
    runtime_resume(&frame, 0);
}

/* The flags of a thread, as pthread_create of glibc and musl and Rust's std give them. */
#define THREAD_FLAGS                                                                               \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SETTLS)
#define OTHER_FLAGS                                                                                \
    (CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID |             \
     CLONE_DETACHED)

static struct thread *take_free(void)
{
    static _Atomic bool told; /* that there are too few TCSs */
    for (uint32_t i = 0; i < boot->thread_count; i++) {
        struct thread *thread = block_of(i);
        uint32_t is_free = FREE;
        if (!atomic_compare_exchange_strong(&thread->state, &is_free, TAKEN))
            continue;
        thread->number = i;
        return thread;
    }
    if (!atomic_exchange(&told, true))
        runtime_log(RING_LOG_THREADS, boot->thread_count);
    return NULL;
}

static long clone(const struct clone_args *given)
{
    uint32_t *parent_tid = (uint32_t *)given->parent_tid;
    uint32_t *child_tid = (uint32_t *)given->child_tid;
    uint64_t flags = given->flags, stack = given->stack + given->stack_size;
    if ((flags & THREAD_FLAGS) != THREAD_FLAGS)
        return syscall_refuse(); /* fork, vfork: there is one process in an enclave */
    if (flags & ~(uint64_t)(THREAD_FLAGS | OTHER_FLAGS))
        return -EINVAL;
    if (!memory_is_inside((void *)(stack - 8), 8) ||
        (flags & CLONE_PARENT_SETTID && !memory_is_inside(parent_tid, 4)) ||
        (flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID) && !memory_is_inside(child_tid, 4)))
        return -EFAULT;

    struct thread *self = thread_self(), *child = take_free();
    if (!child)
        return -EAGAIN;
    int32_t tid = atomic_fetch_add(&next_tid, 1);
    child->tid = tid;
    child->clear_tid = flags & CLONE_CHILD_CLEARTID ? child_tid : NULL;
    child->signal_mask = self->signal_mask;
    atomic_store(&child->signals_pending, 0);
    child->signal_stack_size = 0;
    child->fs_base = given->tls;
    __asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(child->mxcsr), "=m"(child->x87));
    /* The child continues where the parent does, on its own stack. */
    child->start = *self->frame;
    child->program_stack = stack - 8;
    *(uint64_t *)child->program_stack = *(const uint64_t *)self->program_stack;
    if (flags & CLONE_PARENT_SETTID)
        *parent_tid = (uint32_t)tid;
    if (flags & CLONE_CHILD_SETTID)
        *child_tid = (uint32_t)tid;
    atomic_fetch_add(&running, 1);
    atomic_store_explicit(&child->state, ASSIGNED, memory_order_release);

    if (host_call(RING_THREAD_START, child->number, 0, 0, 0, 0, 0) < 0) {
        uint32_t assigned = ASSIGNED;
        /* Take it back, unless the host entered it all the same. */
        if (atomic_compare_exchange_strong(&child->state, &assigned, FREE)) {
            atomic_fetch_sub(&running, 1);
            return -EAGAIN;
        }
    }
    return tid;
}

long sys_clone(const long *argument)
{
    const struct clone_args given = {.flags = (uint64_t)argument[0] & ~UINT64_C(CSIGNAL),
                                     .stack = (uint64_t)argument[1],
                                     .parent_tid = (uint64_t)argument[2],
                                     .child_tid = (uint64_t)argument[3],
                                     .tls = (uint64_t)argument[4]};
    return clone(&given);
}

long sys_clone3(const long *argument)
{
    struct clone_args given;
    if ((uint64_t)argument[1] < CLONE_ARGS_SIZE_VER0)
        return -EINVAL;
    long error = program_read(&given, argument[0], CLONE_ARGS_SIZE_VER0);
    return error ? error : clone(&given);
}

static void finish_thread(void)
{
    struct thread *self = thread_self();
    _Atomic uint32_t *word = (_Atomic uint32_t *)self->clear_tid;
    atomic_store(&self->state, FREE); /* first: who joins may want the TCS at once */
    if (word) {
        atomic_store(word, 0);
        thread_wake(word, 1);
    }
    atomic_fetch_sub(&leaving, 1);
    thread_loop();
}

long sys_exit(const long *argument)
{
    struct thread *self = thread_self();
    atomic_fetch_add(&leaving, 1);
    if (atomic_fetch_sub(&running, 1) == 1) {
        atomic_store(&running, 1);
        atomic_fetch_sub(&leaving, 1);
        runtime_exit((int)argument[0] & 0xff, 0);
    }
    memory_leave_stack(self);
    runtime_unwind(finish_thread);
}

bool thread_is_alone(void)
{
    return thread_self()->number == 0 && running == 1;
}

void thread_forget(void)
{
    while (leaving)
        host_leave(RING_YIELD, 0, 0);
    for (uint32_t i = 0; i < boot->thread_count; i++) {
        struct thread *thread = block_of(i);
        thread->program_stack = 0;
        thread->frame = NULL;
        thread->start = (struct syscall_frame){0};
        thread->fs_base = 0;
        thread->clear_tid = NULL;
        thread->signal_mask = 0;
        thread->signals_pending = 0;
        thread->signal_stack = thread->signal_stack_size = 0;
        thread->left_stack_size = 0;
    }
    next_tid = RUNTIME_PID + 1;
    write_fs_base(thread_self(), 0);
}

long sys_exit_group(const long *argument)
{
    runtime_exit((int)argument[0] & 0xff, 0);
}

long sys_set_tid_address(const long *argument)
{
    struct thread *self = thread_self();
    if (argument[0] && !memory_is_inside((void *)argument[0], 4))
        return -EFAULT;
    self->clear_tid = (uint32_t *)argument[0];
    return self->tid;
}

long sys_gettid(const long *argument)
{
    return thread_self()->tid;
}

long sys_sched_yield(const long *argument)
{
    /* The host's scheduler decides who runs; leaving each time would cost more than it gives. */
    static _Atomic uint32_t yields;
    if (atomic_fetch_add(&yields, 1) % 64 == 63)
        host_leave(RING_YIELD, 0, 0);
    __builtin_ia32_pause();
    return 0;
}

long sys_arch_prctl(const long *argument)
{
    struct thread *self = thread_self();
    switch (argument[0]) {
    case ARCH_SET_FS:
        write_fs_base(self, (uint64_t)argument[1]);
        return 0;
    case ARCH_GET_FS:
        return program_write(argument[1], &self->fs_base, sizeof(self->fs_base));
    default: /* %gs is the runtime's own */
        return -EINVAL;
    }
}
