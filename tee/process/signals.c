/* SPDX-License-Identifier: Apache-2.0
 *
 * Faults and interrupts of threads that are inside.
 *
 * Invariants:
 *   1. while a thread is inside, only the signals below can reach it, and handlers of the host
 *      application cannot: they would run with the program's thread-local storage. Every other
 *      signal waits until the thread leaves, except the ones that end or stop the process by
 *      default;
 *   2. until `inside` is known to be 0 the handler calls nothing and uses no thread-local storage
 *      (%fs is the program's): no stack protector, no sanitizer;
 *   3. a fault that is not an enclave's goes to the handler that was there before.
 */
#include "image/fail.h"
#include "process.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define VECTOR_PAGE_FAULT 14
#define FLAGS_CLEAN       0x202 /* RFLAGS: nothing but the interrupt flag */
#define KERNEL_SIGSET     8     /* bytes of the kernel's sigset_t */

static const int fault_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
#define FAULT_SIGNALS (sizeof(fault_signals) / sizeof(fault_signals[0]))

/* They reach a thread inside where their disposition is the default: Ctrl-C ends the process. */
static const int default_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
#define DEFAULT_SIGNALS (sizeof(default_signals) / sizeof(default_signals[0]))

struct process_switch process_switches[SWITCH_COUNT];

static struct sigaction previous[FAULT_SIGNALS], previous_interrupt;
static int interrupt_signal; /* 0: not installed */
static volatile uintptr_t stacks_start;
static volatile uintptr_t stacks_size;
static volatile uint64_t syscall_target;

/* Hands a fault of the host application to whoever had the signal before. */
static void chain(int number, siginfo_t *info, void *context)
{
    const struct sigaction *before = NULL;
    for (size_t i = 0; i < FAULT_SIGNALS; i++)
        if (fault_signals[i] == number)
            before = &previous[i];
    if (before->sa_flags & SA_SIGINFO) {
        before->sa_sigaction(number, info, context);
        return;
    }
    bool sent = info->si_code <= 0; /* by kill, not by a fault */
    if (before->sa_handler == SIG_IGN && sent)
        return;
    if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) {
        before->sa_handler(number);
        return;
    }
    /* The default ends the process: at once when the signal was sent, else when the instruction
     * faults again. */
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(number, &action, NULL);
    if (sent)
        syscall(SYS_tgkill, getpid(), (int)syscall(SYS_gettid), number);
}

__attribute__((no_stack_protector, no_sanitize("address"), no_sanitize("undefined"))) static void
handle(int number, siginfo_t *info, void *context)
{
    ucontext_t *user = context;
    greg_t *registers = user->uc_mcontext.gregs;
    uintptr_t place = (uintptr_t)user->uc_stack.ss_sp - stacks_start;
    struct process_switch *thread =
        place < stacks_size ? &process_switches[place / PROCESS_STACK_SIZE] : NULL;

    if (!thread || !thread->inside || thread->reason) {
        if (number != interrupt_signal)
            chain(number, info, context);
        return;
    }
    if (number == interrupt_signal) {
        if (!thread->interrupt)
            return;
        thread->reason = TEE_EXIT_INTERRUPTED;
    } else {
        uint64_t rip = (uint64_t)registers[REG_RIP];
        uint64_t address = (uint64_t)registers[REG_CR2];
        uint32_t vector = (uint32_t)registers[REG_TRAPNO];
        /* `call *%rax` into page 0: go where the trampoline leads. */
        if (number == SIGSEGV && vector == VECTOR_PAGE_FAULT && address == rip &&
            rip < TRAMPOLINE_BYTES && syscall_target) {
            registers[REG_RIP] = (greg_t)syscall_target;
            return;
        }
        thread->vector = vector;
        thread->fault_rip = rip;
        thread->fault_address = vector == VECTOR_PAGE_FAULT ? address : 0;
        thread->fault_rsp = (uint64_t)registers[REG_RSP];
        thread->reason =
            number == SIGBUS && info->si_code == BUS_ADRERR ? TEE_EXIT_NO_MEMORY : TEE_EXIT_FAULT;
    }
    registers[REG_RIP] = (greg_t)(uintptr_t)process_switch_leave;
    registers[REG_RDI] = (greg_t)(uintptr_t)thread;
    registers[REG_EFL] = FLAGS_CLEAN;
}

static bool is_ours(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && (action.sa_flags & SA_SIGINFO) &&
           action.sa_sigaction == handle;
}

/* A real-time signal that nobody uses, or 0. */
static int free_signal(void)
{
    for (int number = SIGRTMAX; number >= SIGRTMIN; number--) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0 && !(action.sa_flags & SA_SIGINFO) &&
            action.sa_handler == SIG_DFL)
            return number;
    }
    return 0;
}

cella_status process_signals_install(void *stacks, uint32_t count, cella_error *error)
{
    if (interrupt_signal) {
        /* Left from an enclave before, because somebody had put a handler over ours. */
        for (size_t i = 0; i < FAULT_SIGNALS; i++)
            if (!is_ours(fault_signals[i]))
                return fail(error, CELLA_UNSUPPORTED,
                            "create: this process replaced the process TEE's handler of signal %d "
                            "(%s); install handlers before the first enclave is made",
                            fault_signals[i], strsignal(fault_signals[i]));
    } else {
        int number = free_signal();
        if (!number)
            return fail(error, CELLA_UNSUPPORTED,
                        "create: this process uses every real-time signal; the process TEE needs "
                        "one");
        struct sigaction action = {.sa_sigaction = handle,
                                   .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
        /* The previous handlers first: the first fault may come before sigaction returns. */
        for (size_t i = 0; i < FAULT_SIGNALS; i++)
            sigaction(fault_signals[i], NULL, &previous[i]);
        sigaction(number, &action, &previous_interrupt);
        interrupt_signal = number;
        for (size_t i = 0; i < FAULT_SIGNALS; i++)
            sigaction(fault_signals[i], &action, NULL);
    }
    stacks_start = (uintptr_t)stacks;
    stacks_size = count * PROCESS_STACK_SIZE;
    return CELLA_OK;
}

void process_signals_remove(void)
{
    stacks_size = 0;
    stacks_start = 0;
    syscall_target = 0;
    if (!interrupt_signal)
        return;
    for (size_t i = 0; i < FAULT_SIGNALS; i++)
        if (!is_ours(fault_signals[i]))
            return; /* a handler that may chain to ours: ours stays, and hands on */
    for (size_t i = 0; i < FAULT_SIGNALS; i++)
        sigaction(fault_signals[i], &previous[i], NULL);
    /* An interrupt may still be on its way to a thread: from now on it is nobody's. */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(interrupt_signal, &ignore, NULL);
    sigaction(interrupt_signal, &previous_interrupt, NULL);
    interrupt_signal = 0;
}

void process_signals_set_syscall(uint64_t target)
{
    syscall_target = target;
}

static uint64_t signal_bit(int number)
{
    return UINT64_C(1) << (number - 1);
}

/* The system call, not pthread_sigmask, which leaves out the C library's own two signals. */
static void set_mask(int how, const uint64_t *mask, uint64_t *old)
{
    syscall(SYS_rt_sigprocmask, how, mask, old, KERNEL_SIGSET);
}

cella_status process_signals_enter(uint32_t thread, struct process_signals_saved *saved,
                                   cella_error *error)
{
    stack_t stack = {.ss_sp = (void *)(stacks_start + thread * PROCESS_STACK_SIZE),
                     .ss_size = PROCESS_STACK_SIZE};
    stack_t old;
    if (sigaltstack(&stack, &old) != 0)
        return fail(error, CELLA_SYSTEM,
                    "enter: the thread cannot take a stack for signal handlers: %s (an enclave "
                    "cannot be entered from a signal handler)",
                    strerror(errno));
    saved->stack = old.ss_sp;
    saved->stack_size = old.ss_size;
    saved->stack_flags = old.ss_flags;

    uint64_t mask = ~signal_bit(interrupt_signal);
    for (size_t i = 0; i < FAULT_SIGNALS; i++)
        mask &= ~signal_bit(fault_signals[i]);
    set_mask(SIG_SETMASK, &mask, &saved->mask);

    uint64_t allowed = 0;
    for (size_t i = 0; i < DEFAULT_SIGNALS; i++) {
        struct sigaction action;
        if (!(saved->mask & signal_bit(default_signals[i])) &&
            sigaction(default_signals[i], NULL, &action) == 0 && !(action.sa_flags & SA_SIGINFO) &&
            action.sa_handler == SIG_DFL)
            allowed |= signal_bit(default_signals[i]);
    }
    if (allowed)
        set_mask(SIG_UNBLOCK, &allowed, NULL);
    return CELLA_OK;
}

void process_signals_leave(const struct process_signals_saved *saved)
{
    stack_t stack = {
        .ss_sp = saved->stack, .ss_size = saved->stack_size, .ss_flags = saved->stack_flags};
    sigaltstack(&stack, NULL);
    set_mask(SIG_SETMASK, &saved->mask, NULL);
}

void process_signals_kick(int tid)
{
    syscall(SYS_tgkill, getpid(), tid, interrupt_signal);
}
