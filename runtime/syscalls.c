/* SPDX-License-Identifier: Apache-2.0
 *
 * Every system call that the runtime answers. What is not here is ENOSYS, and is logged once by
 * name. docs/syscalls.md lists them for users.
 */
#include "syscalls.h"

#include "files/files.h"
#include "serve.h"

#include <asm/unistd.h>
#include <stdatomic.h>

#define ENTRY(name) [__NR_##name] = sys_##name

/* 0, whatever is asked: there is nothing to do. */
static long nothing(const long *argument)
{
    return 0;
}

/* Restartable sequences need a kernel that watches preemption. Every glibc asks and does without,
 * so this refusal is not worth a line in the log. */
static long unlogged(const long *argument)
{
    return -ENOSYS;
}

static long read_or_serve(const long *argument)
{
    return (int)argument[0] == SERVE_DESCRIPTOR
               ? serve_read((uint8_t *)argument[1], (uint64_t)argument[2])
               : sys_read(argument);
}

static long write_or_serve(const long *argument)
{
    return (int)argument[0] == SERVE_DESCRIPTOR
               ? serve_write((const uint8_t *)argument[1], (uint64_t)argument[2])
               : sys_write(argument);
}

static syscall_handler *const table[RING_SYSCALLS] = {
    /* memory.c. Nothing is ever paged out, and a shared mapping is the file's own memory. */
    ENTRY(brk), ENTRY(mmap), ENTRY(munmap), ENTRY(mremap), ENTRY(mprotect),
    ENTRY(madvise), [__NR_msync] = nothing, [__NR_mlock] = nothing, [__NR_munlock] = nothing,
    /* thread.c, futex.c. A robust list matters to mutexes that processes share. */
    ENTRY(futex), ENTRY(set_tid_address), [__NR_set_robust_list] = nothing, ENTRY(gettid),
    ENTRY(exit), ENTRY(exit_group), ENTRY(sched_yield), ENTRY(arch_prctl), ENTRY(clone),
    ENTRY(clone3), [__NR_rseq] = unlogged,
    /* signal.c */
    ENTRY(rt_sigaction), ENTRY(rt_sigprocmask), ENTRY(rt_sigreturn), ENTRY(sigaltstack),
    ENTRY(kill), ENTRY(tkill), ENTRY(tgkill),
    /* clock.c, random.c */
    ENTRY(clock_gettime), ENTRY(clock_getres), ENTRY(clock_nanosleep), ENTRY(nanosleep),
    ENTRY(gettimeofday), ENTRY(time), ENTRY(getrandom),
    /* info.c. The parent is 0, as that of the first process of a PID namespace. */
    ENTRY(getpid), [__NR_getppid] = nothing, ENTRY(getuid), [__NR_geteuid] = sys_getuid,
    [__NR_getgid] = sys_getuid, [__NR_getegid] = sys_getuid, ENTRY(uname), ENTRY(sysinfo),
    ENTRY(prlimit64), ENTRY(sched_getaffinity), ENTRY(prctl),
    /* files/: reading and writing */
    [__NR_read] = read_or_serve, [__NR_write] = write_or_serve, ENTRY(readv), ENTRY(writev),
    ENTRY(pread64), ENTRY(pwrite64), ENTRY(lseek),
    /* files/: descriptors */
    ENTRY(open), ENTRY(openat), ENTRY(creat), ENTRY(close), ENTRY(dup), ENTRY(dup2), ENTRY(dup3),
    ENTRY(fcntl), ENTRY(ioctl),
    /* files/: status */
    ENTRY(stat), [__NR_lstat] = sys_stat, ENTRY(fstat), ENTRY(newfstatat), ENTRY(statx),
    ENTRY(access), ENTRY(faccessat), ENTRY(faccessat2),
    /* files/: content */
    ENTRY(truncate), ENTRY(ftruncate), ENTRY(fallocate), ENTRY(fsync), ENTRY(fdatasync),
    /* files/: names */
    ENTRY(unlink), ENTRY(unlinkat), ENTRY(rmdir), ENTRY(rename), ENTRY(renameat), ENTRY(renameat2),
    ENTRY(mkdir), ENTRY(mkdirat), ENTRY(getdents64), ENTRY(getcwd), ENTRY(chdir), ENTRY(fchdir),
    ENTRY(readlink), ENTRY(readlinkat),
    /* files/: attributes */
    ENTRY(chmod), ENTRY(fchmod), ENTRY(fchmodat), ENTRY(chown),
    ENTRY(fchown), [__NR_lchown] = sys_chown, ENTRY(fchownat), ENTRY(umask),
    /* files/: pipes, eventfds, waiting */
    ENTRY(pipe), ENTRY(pipe2), ENTRY(eventfd2), ENTRY(poll),
    /* files/: sockets */
    ENTRY(socket), ENTRY(connect), ENTRY(bind), ENTRY(listen), ENTRY(accept), ENTRY(accept4),
    ENTRY(sendto), ENTRY(recvfrom), ENTRY(sendmsg), ENTRY(recvmsg), ENTRY(shutdown),
    ENTRY(getsockname), ENTRY(getpeername), ENTRY(setsockopt), ENTRY(getsockopt)};

struct ring_statistics statistics;

long syscall_refuse(void)
{
    static _Atomic uint64_t told[RING_SYSCALLS / 64];
    uint64_t number = thread_self()->frame->number, bit = UINT64_C(1) << number % 64;
    if (number < RING_SYSCALLS && !(atomic_fetch_or(&told[number / 64], bit) & bit))
        runtime_log(RING_LOG_UNSUPPORTED, number);
    return -ENOSYS;
}

/* Page 0 is the trampoline, so a call through a null function pointer comes here too. It must stop
 * the program, not become some system call: only the sites that pack rewrote may call. */
static void check_site(uint64_t return_address)
{
    uint64_t stubs = boot->program.pages.offset + boot->program.pages.size;
    const struct boot_span *agent = &boot->agent.pages;
    const uint32_t *sites = (const uint32_t *)boot->sites.offset;
    uint32_t places = (uint32_t)(boot->sites.size / sizeof(*sites));
    uint32_t at = boot_site_slot((uint32_t)return_address, places);
    if (return_address < UINT32_MAX) {
        for (; sites[at]; at = (at + 1) & (places - 1))
            if (sites[at] == return_address)
                return;
        if (return_address >= stubs && return_address < boot->blob.offset &&
            return_address - agent->offset >= agent->size)
            return;
    }
    runtime_stop(RING_STOP_WILD_CALL, runtime_debug ? return_address : 0);
}

long runtime_syscall(struct syscall_frame *frame)
{
    struct thread *self = thread_self();
    check_site(*(const uint64_t *)self->program_stack);
    uint64_t number = frame->number;
    const long arguments[6] = {(long)frame->rdi, (long)frame->rsi, (long)frame->rdx,
                               (long)frame->r10, (long)frame->r8,  (long)frame->r9};
    syscall_handler *handler = number < RING_SYSCALLS ? table[number] : NULL;
    self->frame = frame;
    self->forwarded = false;
    long result = handler ? handler(arguments) : syscall_refuse();
    if (number < RING_SYSCALLS)
        (self->forwarded ? statistics.forwarded : statistics.inside)[number]++;
    if (__builtin_expect(thread_is_signalled(self), 0))
        result = signal_deliver(frame, result);
    return result;
}
