/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals that the program sends itself: raise, abort, pthread_kill, SIGPIPE. They are delivered
 * when a system call returns. The host sends none, and a fault is none: it stops the enclave, since
 * nothing in it runs with more rights than the program.
 *
 * The frame on the program's stack is Linux's rt_sigframe (ucontext, siginfo, XSAVE area), so
 * handlers with SA_SIGINFO, sigaltstack and setjmp find what they expect.
 */
#include "syscalls.h"

#include <asm/sigcontext.h>
#include <asm/signal.h>
#include <asm/ucontext.h>
#include <linux/errno.h>
#include <linux/signal.h>
#include <stdatomic.h>

#define SIGNALS     64
#define BIT(number) (UINT64_C(1) << ((number)-1))
#define UNBLOCKABLE (BIT(SIGKILL) | BIT(SIGSTOP))
#define RED_ZONE    128

/* struct sigaction as rt_sigaction has it */
struct action {
    uint64_t handler, flags, restorer, mask;
};

#define HANDLER_DEFAULT 0
#define HANDLER_IGNORE  1

/* siginfo: what a program that looks reads */
struct information {
    int32_t number, error, code, pad;
    int32_t pid, uid;
    uint8_t rest[104];
};
static_assert(sizeof(struct information) == 128, "Linux's siginfo_t");

struct signal_frame {
    uint64_t restorer; /* where the handler returns to */
    struct ucontext context;
    struct information information;
    /* the XSAVE area lies behind, 64-aligned */
};

static struct lock action_lock;
static struct action actions[SIGNALS + 1];
static uint32_t xsave_size;

static uint32_t find_xsave_size(void)
{
    uint32_t eax = 0xd, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return ebx;
}

static bool is_ignored_by_default(int number)
{
    return number == SIGCHLD || number == SIGURG || number == SIGWINCH || number == SIGCONT;
}

static void send(struct thread *thread, int number, bool by_kill)
{
    lock_acquire(&action_lock);
    uint64_t handler = actions[number].handler;
    lock_release(&action_lock);
    bool blocked = (thread->signal_mask | thread->signal_waited) & BIT(number);
    if (!blocked && (handler == HANDLER_IGNORE ||
                     (handler == HANDLER_DEFAULT && is_ignored_by_default(number))))
        return;
    if (by_kill)
        atomic_fetch_or(&thread->signals_killed, BIT(number));
    else
        atomic_fetch_and(&thread->signals_killed, ~BIT(number));
    atomic_fetch_or(&thread->signals_pending, BIT(number));
    if (thread != thread_self())
        thread_interrupt(thread);
}

void signal_raise(int number)
{
    send(thread_self(), number, true);
}

static bool is_on_signal_stack(const struct thread *self, uint64_t stack)
{
    return self->signal_stack_size && stack > self->signal_stack &&
           stack <= self->signal_stack + self->signal_stack_size;
}

static uint64_t choose_stack(struct thread *self, const struct action *action, uint64_t stack)
{
    if (action->flags & SA_ONSTACK && self->signal_stack_size && !is_on_signal_stack(self, stack))
        return self->signal_stack + self->signal_stack_size;
    return stack - RED_ZONE;
}

static void save_registers(struct sigcontext *context, const struct syscall_frame *frame,
                           uint64_t stack, uint64_t address, long result)
{
    memset(context, 0, sizeof(*context));
    context->r8 = frame->r8;
    context->r9 = frame->r9;
    context->r10 = frame->r10;
    context->r12 = frame->r12;
    context->r13 = frame->r13;
    context->r14 = frame->r14;
    context->r15 = frame->r15;
    context->rdi = frame->rdi;
    context->rsi = frame->rsi;
    context->rbp = frame->rbp;
    context->rbx = frame->rbx;
    context->rdx = frame->rdx;
    context->rax = (uint64_t)result;
    context->rcx = context->rip = address;
    context->rsp = stack;
    context->r11 = context->eflags = 0x202;
    context->cs = 0x33;
    context->ss = 0x2b;
}

/* SI_USER or SI_TKILL */
static int32_t code_of(const struct thread *self, int number)
{
    return atomic_load(&self->signals_killed) & BIT(number) ? 0 : -6;
}

/* Puts a frame for `number` on the program's stack, and lets the program continue in its handler.
 */
static void enter_handler(struct syscall_frame *frame, int number, const struct action *action,
                          long result)
{
    struct thread *self = thread_self();
    uint64_t stack = self->program_stack + 8;
    uint64_t address = *(const uint64_t *)self->program_stack;
    if (!xsave_size)
        xsave_size = find_xsave_size();

    uint64_t state = (choose_stack(self, action, stack) - xsave_size) & ~UINT64_C(63);
    uint64_t at = ((state - sizeof(struct signal_frame)) & ~UINT64_C(15)) - 8;
    if (!memory_is_inside((void *)(at - 8), state + xsave_size - at))
        runtime_exit(0, SIGSEGV);
    struct signal_frame *made = (struct signal_frame *)at;
    memset((void *)state, 0, xsave_size);
    __asm__ volatile("xsave64 (%0)" : : "r"(state), "a"(-1), "d"(-1) : "memory");

    memset(made, 0, sizeof(*made));
    made->restorer = action->restorer;
    save_registers(&made->context.uc_mcontext, frame, stack, address, result);
    made->context.uc_mcontext.fpstate = (void *)state;
    made->context.uc_stack.ss_sp = (void *)self->signal_stack;
    made->context.uc_stack.ss_size = self->signal_stack_size;
    made->context.uc_stack.ss_flags = self->signal_stack_size ? 0 : SS_DISABLE;
    made->context.uc_sigmask =
        self->signal_mask_restored ? self->signal_mask_saved : self->signal_mask;
    self->signal_mask_restored = false;
    made->information.number = number;
    made->information.code = code_of(self, number);
    made->information.pid = RUNTIME_PID;
    made->information.uid = 1000;

    self->signal_mask |= action->mask & ~UNBLOCKABLE;
    if (!(action->flags & SA_NODEFER))
        self->signal_mask |= BIT(number);
    frame->rdi = (uint64_t)number;
    frame->rsi = (uint64_t)(uintptr_t)&made->information;
    frame->rdx = (uint64_t)(uintptr_t)&made->context;
    /* runtime_leave returns to what program_stack points to, and the handler must find rsp at
     * `restorer`: so the handler's address goes one word below. */
    self->program_stack = at - 8;
    *(uint64_t *)self->program_stack = action->handler;
}

long signal_deliver(struct syscall_frame *frame, long result)
{
    struct thread *self = thread_self();
    for (;;) {
        uint64_t ready = atomic_load(&self->signals_pending) & ~self->signal_mask;
        if (!ready) {
            if (self->signal_mask_restored) { /* rt_sigsuspend, and no handler ran */
                self->signal_mask_restored = false;
                self->signal_mask = self->signal_mask_saved;
                continue;
            }
            return result;
        }
        int number = __builtin_ctzll(ready) + 1;
        atomic_fetch_and(&self->signals_pending, ~BIT(number));
        lock_acquire(&action_lock);
        struct action action = actions[number];
        if (action.flags & SA_RESETHAND && action.handler > HANDLER_IGNORE)
            actions[number].handler = HANDLER_DEFAULT;
        lock_release(&action_lock);
        if (action.handler == HANDLER_IGNORE ||
            (action.handler == HANDLER_DEFAULT && is_ignored_by_default(number)))
            continue;
        if (action.handler == HANDLER_DEFAULT)
            runtime_exit(0, number);
        enter_handler(frame, number, &action, result);
        result = 0; /* al: no vector arguments; the real result is in the frame */
    }
}

/* rt_sigreturn: `call` pushed its return address over signal_frame.restorer. */
long signal_return(struct syscall_frame *frame)
{
    struct thread *self = thread_self();
    struct signal_frame *made = (struct signal_frame *)self->program_stack;
    if (!memory_is_inside(made, sizeof(*made)))
        runtime_exit(0, SIGSEGV);
    const struct sigcontext *context = &made->context.uc_mcontext;
    uint64_t stack = context->rsp - 8;
    uint64_t state = (uint64_t)(uintptr_t)context->fpstate;
    if (state & 63 || !memory_is_inside((void *)state, xsave_size) ||
        !memory_is_inside((void *)stack, 8))
        runtime_exit(0, SIGSEGV);
    __asm__ volatile("xrstor64 (%0)" : : "r"(state), "a"(-1), "d"(-1) : "memory");
    frame->r8 = context->r8;
    frame->r9 = context->r9;
    frame->r10 = context->r10;
    frame->r12 = context->r12;
    frame->r13 = context->r13;
    frame->r14 = context->r14;
    frame->r15 = context->r15;
    frame->rdi = context->rdi;
    frame->rsi = context->rsi;
    frame->rbp = context->rbp;
    frame->rbx = context->rbx;
    frame->rdx = context->rdx;
    self->signal_mask = made->context.uc_sigmask & ~UNBLOCKABLE;
    uint64_t address = context->rip;
    long result = (long)context->rax;
    *(uint64_t *)stack = address;
    self->program_stack = stack;
    return result;
}

long sys_rt_sigaction(const long *argument)
{
    long number = argument[0];
    const struct action *new = (const struct action *)argument[1];
    struct action *old = (struct action *)argument[2];
    if (number < 1 || number > SIGNALS || argument[3] != 8 ||
        (new && (number == SIGKILL || number == SIGSTOP)))
        return -EINVAL;
    if ((new && !memory_is_inside(new, sizeof(*new))) ||
        (old && !memory_is_inside(old, sizeof(*old))))
        return -EFAULT;
    if (new &&new->handler > HANDLER_IGNORE && !(new->flags &SA_RESTORER))
        return -EINVAL;
    lock_acquire(&action_lock);
    struct action before = actions[number];
    if (new)
        actions[number] = *new;
    lock_release(&action_lock);
    if (old)
        *old = before;
    return 0;
}

long sys_rt_sigprocmask(const long *argument)
{
    struct thread *self = thread_self();
    const uint64_t *set = (const uint64_t *)argument[1];
    uint64_t *old = (uint64_t *)argument[2];
    if (argument[3] != 8)
        return -EINVAL;
    if ((set && !memory_is_inside(set, 8)) || (old && !memory_is_inside(old, 8)))
        return -EFAULT;
    uint64_t before = self->signal_mask;
    if (set) {
        uint64_t given = *set & ~UNBLOCKABLE;
        switch (argument[0]) {
        case SIG_BLOCK:
            self->signal_mask |= given;
            break;
        case SIG_UNBLOCK:
            self->signal_mask &= ~given;
            break;
        case SIG_SETMASK:
            self->signal_mask = given;
            break;
        default:
            return -EINVAL;
        }
    }
    if (old)
        *old = before;
    return 0;
}

long sys_rt_sigpending(const long *argument)
{
    struct thread *self = thread_self();
    if (!memory_is_inside((void *)argument[0], 8) || argument[1] != 8)
        return argument[1] == 8 ? -EFAULT : -EINVAL;
    *(uint64_t *)argument[0] = atomic_load(&self->signals_pending) & self->signal_mask;
    return 0;
}

/* Waits at most `ns` until a signal of this thread is ready. */
static bool wait_for_signal(uint64_t ready, uint64_t ns)
{
    struct thread *self = thread_self();
    _Atomic uint32_t nobody = 0;
    uint64_t start = ns == UINT64_MAX ? 0 : clock_monotonic_ns();
    while (!(atomic_load(&self->signals_pending) & ready)) {
        uint64_t passed = ns == UINT64_MAX ? 0 : clock_monotonic_ns() - start;
        if (passed >= ns || atomic_load(&self->signals_pending) & ~self->signal_mask)
            return false;
        thread_wait(&nobody, 0, ns == UINT64_MAX ? ns : ns - passed);
    }
    return true;
}

long sys_pause(const long *argument)
{
    (void)argument;
    wait_for_signal(~thread_self()->signal_mask, UINT64_MAX);
    return -EINTR; /* the handler runs on the way back */
}

long sys_rt_sigsuspend(const long *argument)
{
    struct thread *self = thread_self();
    const uint64_t *mask = (const uint64_t *)argument[0];
    if (argument[1] != 8)
        return -EINVAL;
    if (!memory_is_inside(mask, 8))
        return -EFAULT;
    self->signal_mask_saved = self->signal_mask;
    self->signal_mask_restored = true;
    self->signal_mask = *mask & ~UNBLOCKABLE;
    wait_for_signal(~self->signal_mask, UINT64_MAX);
    return -EINTR;
}

long sys_rt_sigtimedwait(const long *argument)
{
    struct thread *self = thread_self();
    const uint64_t *set = (const uint64_t *)argument[0];
    struct information *information = (struct information *)argument[1];
    uint64_t ns = UINT64_MAX;
    if (argument[3] != 8)
        return -EINVAL;
    if (!memory_is_inside(set, 8) ||
        (information && !memory_is_inside(information, sizeof(*information))) ||
        (argument[2] && !memory_is_inside((void *)argument[2], 16)))
        return -EFAULT;
    if (argument[2] && !clock_timespec_ns((void *)argument[2], &ns))
        return -EINVAL;
    self->signal_waited = *set & ~UNBLOCKABLE;
    bool got = wait_for_signal(self->signal_waited, ns);
    uint64_t ready = atomic_load(&self->signals_pending) & self->signal_waited;
    self->signal_waited = 0;
    if (!got || !ready)
        return atomic_load(&self->signals_pending) & ~self->signal_mask ? -EINTR : -EAGAIN;
    int number = __builtin_ctzll(ready) + 1;
    atomic_fetch_and(&self->signals_pending, ~BIT(number));
    if (information) {
        memset(information, 0, sizeof(*information));
        information->number = number;
        information->code = code_of(self, number);
        information->pid = RUNTIME_PID;
        information->uid = 1000;
    }
    return number;
}

long sys_sigaltstack(const long *argument)
{
    struct thread *self = thread_self();
    const stack_t *new = (const stack_t *)argument[0];
    stack_t *old = (stack_t *)argument[1];
    if ((new && !memory_is_inside(new, sizeof(*new))) ||
        (old && !memory_is_inside(old, sizeof(*old))))
        return -EFAULT;
    bool on_it = is_on_signal_stack(self, self->program_stack);
    stack_t before = {.ss_sp = (void *)self->signal_stack,
                      .ss_flags = on_it                     ? SS_ONSTACK
                                  : self->signal_stack_size ? 0
                                                            : SS_DISABLE,
                      .ss_size = self->signal_stack_size};
    if (new) {
        if (on_it)
            return -EPERM;
        if (new->ss_flags & ~SS_DISABLE)
            return -EINVAL;
        if (!(new->ss_flags &SS_DISABLE) && new->ss_size < 2048)
            return -ENOMEM;
        self->signal_stack = (uint64_t)(uintptr_t) new->ss_sp;
        self->signal_stack_size = new->ss_flags &SS_DISABLE ? 0 : new->ss_size;
    }
    if (old)
        *old = before;
    return 0;
}

/* A thread that takes `number` now, else this one. */
static struct thread *choose_thread(int number)
{
    struct thread *self = thread_self();
    if (!(self->signal_mask & BIT(number)))
        return self;
    for (uint32_t i = 0; i < boot->thread_count; i++) {
        struct thread *thread = thread_at(i);
        if (thread && !(thread->signal_mask & BIT(number) & ~thread->signal_waited))
            return thread;
    }
    return self;
}

long sys_kill(const long *argument)
{
    int32_t pid = (int32_t)argument[0];
    int32_t number = (int32_t)argument[1];
    if (number < 0 || number > SIGNALS)
        return -EINVAL;
    if (pid != RUNTIME_PID && pid != 0 && pid != -RUNTIME_PID)
        return -ESRCH; /* there is no other process */
    if (number)
        send(choose_thread(number), number, true);
    return 0;
}

static long send_to(int32_t tid, int32_t number)
{
    if (number < 0 || number > SIGNALS || tid <= 0)
        return -EINVAL;
    for (uint32_t i = 0; i < boot->thread_count; i++) {
        struct thread *thread = thread_at(i);
        if (!thread || thread->tid != tid)
            continue;
        if (number)
            send(thread, number, false);
        return 0;
    }
    return -ESRCH;
}

long sys_tkill(const long *argument)
{
    return send_to((int32_t)argument[0], (int32_t)argument[1]);
}

long sys_tgkill(const long *argument)
{
    return (int32_t)argument[0] == RUNTIME_PID ? send_to((int32_t)argument[1], (int32_t)argument[2])
                                               : -ESRCH;
}
