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
#include <linux/signal.h>
#include <stdatomic.h>

#define SIGNALS            64
#define BIT(number)        (UINT64_C(1) << ((number)-1))
#define UNBLOCKABLE        (BIT(SIGKILL) | BIT(SIGSTOP))
#define IGNORED_BY_DEFAULT (BIT(SIGCHLD) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGCONT))
#define RED_ZONE           128

struct signal_frame {
    uint64_t restorer; /* where the handler returns to */
    struct ucontext context;
    siginfo_t information;
    /* the XSAVE area lies behind, 64-aligned */
};

static struct lock action_lock;
static struct sigaction actions[SIGNALS + 1];
static uint32_t xsave_size;

static uint32_t find_xsave_size(void)
{
    uint32_t eax = 0xd, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return ebx;
}

static bool is_ignored(const struct sigaction *action, int number)
{
    return action->sa_handler == SIG_IGN ||
           (action->sa_handler == SIG_DFL && IGNORED_BY_DEFAULT & BIT(number));
}

static void send(struct thread *thread, int number)
{
    lock_acquire(&action_lock);
    bool ignored = is_ignored(&actions[number], number);
    lock_release(&action_lock);
    if (ignored && !(thread->signal_mask & BIT(number)))
        return;
    atomic_fetch_or(&thread->signals_pending, BIT(number));
    if (thread != thread_self())
        thread_fetch(thread);
}

void signal_forget(void)
{
    memset(actions, 0, sizeof(actions));
}

void signal_raise(int number)
{
    send(thread_self(), number);
}

/* This thread's signal stack, as sigaltstack tells of it when the program's stack is at `stack`. */
static stack_t signal_stack(const struct thread *self, uint64_t stack)
{
    stack_t told = {.ss_sp = (void *)self->signal_stack, .ss_size = self->signal_stack_size};
    if (!told.ss_size)
        told.ss_flags = SS_DISABLE;
    else if (stack - self->signal_stack - 1 < told.ss_size)
        told.ss_flags = SS_ONSTACK;
    return told;
}

/* Puts a frame for `number` on the program's stack, and lets the program continue in its handler.
 */
static void enter_handler(struct syscall_frame *frame, int number, const struct sigaction *action,
                          long result)
{
    struct thread *self = thread_self();
    uint64_t stack = self->program_stack + 8;
    stack_t other = signal_stack(self, stack);
    bool switches = action->sa_flags & SA_ONSTACK && !other.ss_flags;
    uint64_t top = switches ? self->signal_stack + other.ss_size : stack - RED_ZONE;
    if (!xsave_size)
        xsave_size = find_xsave_size();

    uint64_t state = (top - xsave_size) & ~UINT64_C(63);
    uint64_t at = ((state - sizeof(struct signal_frame)) & ~UINT64_C(15)) - 8;
    if (!memory_is_inside((void *)(at - 8), state + xsave_size - at))
        runtime_exit(0, SIGSEGV);
    struct signal_frame *made = (struct signal_frame *)at;
    memset((void *)state, 0, xsave_size);
    __asm__ volatile("xsave64 (%0)" : : "r"(state), "a"(-1), "d"(-1) : "memory");

    memset(made, 0, sizeof(*made));
    made->restorer = (uint64_t)action->sa_restorer;
    struct sigcontext *context = &made->context.uc_mcontext;
    memcpy(context, frame, sizeof(*frame));
    context->rax = (uint64_t)result;
    context->rcx = context->rip = *(const uint64_t *)self->program_stack;
    context->rsp = stack;
    context->r11 = context->eflags = 0x202;
    context->cs = 0x33;
    context->ss = 0x2b;
    context->fpstate = (void *)state;
    made->context.uc_stack = other;
    made->context.uc_sigmask = self->signal_mask;
    made->information.si_signo = number;
    made->information.si_code = SI_TKILL; /* what pthread_cancel's handler looks for */
    made->information.si_pid = RUNTIME_PID;
    made->information.si_uid = RUNTIME_USER;

    self->signal_mask |= action->sa_mask & ~UNBLOCKABLE;
    if (!(action->sa_flags & SA_NODEFER))
        self->signal_mask |= BIT(number);
    frame->rdi = (uint64_t)number;
    frame->rsi = (uint64_t)&made->information;
    frame->rdx = (uint64_t)&made->context;
    /* runtime_leave returns to what program_stack points to, and the handler must find rsp at
     * `restorer`: so the handler's address goes one word below. */
    self->program_stack = at - 8;
    *(uint64_t *)self->program_stack = (uint64_t)action->sa_handler;
}

long signal_deliver(struct syscall_frame *frame, long result)
{
    struct thread *self = thread_self();
    uint64_t ready;
    while ((ready = atomic_load(&self->signals_pending) & ~self->signal_mask)) {
        int number = __builtin_ctzll(ready) + 1;
        atomic_fetch_and(&self->signals_pending, ~BIT(number));
        lock_acquire(&action_lock);
        struct sigaction action = actions[number];
        if (action.sa_flags & SA_RESETHAND && action.sa_handler != SIG_IGN)
            actions[number].sa_handler = SIG_DFL;
        lock_release(&action_lock);
        if (is_ignored(&action, number))
            continue;
        if (action.sa_handler == SIG_DFL)
            runtime_exit(0, number);
        enter_handler(frame, number, &action, result);
        result = 0; /* al: no vector arguments; the real result is in the frame */
    }
    return result;
}

/* `call` pushed its return address over signal_frame.restorer. */
long sys_rt_sigreturn(const long *argument)
{
    struct thread *self = thread_self();
    struct syscall_frame *frame = self->frame;
    const struct signal_frame *made = (const struct signal_frame *)self->program_stack;
    if (!memory_is_inside(made, sizeof(*made)))
        runtime_exit(0, SIGSEGV);
    const struct sigcontext *context = &made->context.uc_mcontext;
    uint64_t stack = context->rsp - 8, state = (uint64_t)context->fpstate;
    if (state & 63 || !memory_is_inside((void *)state, xsave_size) ||
        !memory_is_inside((void *)stack, 8))
        runtime_exit(0, SIGSEGV);
    __asm__ volatile("xrstor64 (%0)" : : "r"(state), "a"(-1), "d"(-1) : "memory");
    memcpy(frame, context, sizeof(*frame));
    self->signal_mask = made->context.uc_sigmask & ~UNBLOCKABLE;
    self->program_stack = stack;
    uint64_t address = context->rip; /* the frame may lie where it goes */
    *(uint64_t *)stack = address;
    return (long)frame->number;
}

long sys_rt_sigaction(const long *argument)
{
    long number = argument[0], error;
    struct sigaction given;
    if (number < 1 || number > SIGNALS || argument[3] != 8 ||
        (argument[1] && UNBLOCKABLE & BIT(number)))
        return -EINVAL;
    if (argument[1] && (error = program_read(&given, argument[1], sizeof(given))))
        return error;
    if (argument[1] && given.sa_handler != SIG_DFL && given.sa_handler != SIG_IGN &&
        !(given.sa_flags & SA_RESTORER))
        return -EINVAL;
    lock_acquire(&action_lock);
    struct sigaction old = actions[number];
    if (argument[1])
        actions[number] = given;
    lock_release(&action_lock);
    return argument[2] ? program_write(argument[2], &old, sizeof(old)) : 0;
}

long sys_rt_sigprocmask(const long *argument)
{
    struct thread *self = thread_self();
    uint64_t set, old = self->signal_mask;
    long error;
    if (argument[3] != 8)
        return -EINVAL;
    if (argument[1] && (error = program_read(&set, argument[1], sizeof(set))))
        return error;
    if (argument[1]) {
        switch (argument[0]) {
        case SIG_BLOCK:
            set |= old;
            break;
        case SIG_UNBLOCK:
            set = old & ~set;
            break;
        case SIG_SETMASK:
            break;
        default:
            return -EINVAL;
        }
        self->signal_mask = set & ~UNBLOCKABLE;
    }
    return argument[2] ? program_write(argument[2], &old, sizeof(old)) : 0;
}

long sys_sigaltstack(const long *argument)
{
    struct thread *self = thread_self();
    stack_t given, old = signal_stack(self, self->program_stack);
    long error;
    if (argument[0] && (error = program_read(&given, argument[0], sizeof(given))))
        return error;
    if (argument[0]) {
        bool disabled = given.ss_flags & SS_DISABLE;
        if (old.ss_flags == SS_ONSTACK)
            return -EPERM;
        if (given.ss_flags & ~SS_DISABLE)
            return -EINVAL;
        if (!disabled && given.ss_size < 2048)
            return -ENOMEM;
        self->signal_stack = (uint64_t)given.ss_sp;
        self->signal_stack_size = disabled ? 0 : given.ss_size;
    }
    return argument[1] ? program_write(argument[1], &old, sizeof(old)) : 0;
}

/* To thread `tid`; for 0 to the first that takes it now, and where all block it, to this one. */
static long send_to(int32_t pid, int32_t tid, int32_t number)
{
    struct thread *to = tid ? NULL : thread_self();
    if (number < 0 || number > SIGNALS || tid < 0)
        return -EINVAL;
    if (pid != RUNTIME_PID)
        return -ESRCH; /* there is no other process */
    for (uint32_t i = 0; i < boot->thread_count; i++) {
        struct thread *thread = thread_at(i);
        bool takes = thread && number && !(thread->signal_mask & BIT(number));
        if (thread && (tid ? thread->tid == tid : takes)) {
            to = thread;
            break;
        }
    }
    if (to && number)
        send(to, number);
    return to ? 0 : -ESRCH;
}

long sys_kill(const long *argument)
{
    int32_t pid = (int32_t)argument[0];
    bool group = pid == 0 || pid == -RUNTIME_PID;
    return send_to(group ? RUNTIME_PID : pid, 0, (int32_t)argument[1]);
}

long sys_tgkill(const long *argument)
{
    int32_t tid = (int32_t)argument[1];
    return tid ? send_to((int32_t)argument[0], tid, (int32_t)argument[2]) : -EINVAL;
}

long sys_tkill(const long *argument)
{
    const long here[] = {RUNTIME_PID, argument[0], argument[1]};
    return sys_tgkill(here);
}
