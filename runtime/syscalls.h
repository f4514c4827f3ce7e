/* SPDX-License-Identifier: Apache-2.0
 *
 * A system call under way, and what the files of the core offer to the table in syscalls.c.
 */
#ifndef RUNTIME_SYSCALLS_H
#define RUNTIME_SYSCALLS_H

#include "runtime.h"

/* entry.S */
void runtime_gate(void);
_Noreturn void runtime_resume(const struct syscall_frame *frame, long result);
/* Drops the runtime's stack, which becomes zero, as do the thread's vector registers. */
_Noreturn void runtime_unwind(void (*function)(void));
_Noreturn void runtime_start(uint8_t *shared, uint64_t size, uint64_t flags, uint64_t tcs);
long runtime_syscall(struct syscall_frame *frame);

/* host.c */
struct ring_header *host_header(void);
void host_start(uint8_t *shared, uint64_t size);
void host_thread_start(struct thread *thread);
/* The data area of a served call; RING_CALL_DATA bytes, hostile. `entry` is below RING_CALLS. */
uint8_t *host_call_data(uint32_t entry);
/* Leaves by the gate with a request that only the host thread of this enclave thread serves. */
int64_t host_leave(uint32_t operation, uint64_t a0, uint64_t a1);

/* agent.c */
/* Runs the agent, if the image has one; then it does not return. */
void agent_start(void);
bool agent_runs(void);
/* Called when a program ends: goes on to the next one, where that was the agent and all is well. */
void agent_exit(int status, int signal);

/* memory.c */
void memory_start(void);
/* Between these the program's memory is apart from the runtime's; the end zeroes what it had. */
void memory_agent_start(void);
void memory_agent_end(void);
uint64_t memory_in_use(void);
/* Gives back the stack that a thread unmapped under its own feet. */
void memory_leave_stack(struct thread *thread);

/* clock.c */
void clock_start(void);
/* The ns of a struct timespec of the program, UINT64_MAX for ever; if it is an absolute time of
 * clock `id`, those until then. 0, or -errno. */
long clock_left(long timespec, long id, bool absolute, uint64_t *ns);

/* random.c */
void random_start(void);

/* program.c */
/* Drops the runtime's stack, and starts a program with these arguments. */
_Noreturn void program_start(const struct boot_program *program, const struct boot_span *arguments);
/* Bytes of the first thread's stack, at the heap's top. */
uint64_t program_stack_size(void);

/* info.c */
void info_forget(void); /* what the agent said of itself */

/* thread.c */
void thread_start(struct thread *thread, uint64_t tcs);
_Noreturn void thread_loop(void);
struct thread *thread_at(uint32_t number);
/* The calling thread is the first one, and no other runs. */
bool thread_is_alone(void);
/* Waits until all others are idle, then takes from all what the agent left in them. */
void thread_forget(void);

/* futex.c */
/* 0 woken, -EAGAIN *word is not value, -ETIMEDOUT, -EINTR. */
long thread_wait_bits(_Atomic uint32_t *word, uint32_t value, uint32_t bits, uint64_t ns);
uint32_t thread_wake_bits(_Atomic uint32_t *word, uint32_t count, uint32_t bits);
/* A thread is out of its queue, or has a signal: if it left for the host, it is let go. */
void thread_fetch(struct thread *thread);

/* signal.c */
void signal_raise(int number); /* to this thread */
void signal_forget(void);      /* handlers */
/* Called on the way back to the program: may change where it continues. */
long signal_deliver(struct syscall_frame *frame, long result);

/* syscalls.c. Told to the host at the end where the manifest allows it. Threads may lose a count to
 * each other: locked additions would cost more than they are worth. */
extern struct ring_statistics statistics;
/* -ENOSYS for the call under way, which the host is told of once. */
long syscall_refuse(void);

syscall_handler sys_brk, sys_mmap, sys_munmap, sys_mremap, sys_mprotect, sys_madvise;
syscall_handler sys_futex, sys_set_tid_address, sys_gettid, sys_exit, sys_exit_group,
    sys_sched_yield, sys_arch_prctl, sys_clone, sys_clone3;
syscall_handler sys_rt_sigaction, sys_rt_sigprocmask, sys_rt_sigreturn, sys_sigaltstack, sys_kill,
    sys_tkill, sys_tgkill;
syscall_handler sys_clock_gettime, sys_clock_getres, sys_clock_nanosleep, sys_nanosleep,
    sys_gettimeofday, sys_time;
syscall_handler sys_getrandom, sys_getpid, sys_getuid, sys_uname, sys_sysinfo, sys_prlimit64,
    sys_sched_getaffinity, sys_prctl;

#endif
