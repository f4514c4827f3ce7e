/* SPDX-License-Identifier: Apache-2.0
 *
 * What the host's threads may ask of the kernel once the enclave runs: enter it, serve its ring and
 * the files that were opened for it, make its further threads. Not: open other files, make a
 * virtual machine or memory for one, trace, execute, make memory executable.
 */
#include "../image/fail.h"
#include "../tee/vsm/kvm.h"
#include "host.h"

#include <errno.h>
#include <linux/futex.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1 /* the sanitizers' own threads and reports need more than this allows */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define KVM_RUN_MOST (4 * 4096) /* bytes; three pages on x86 */

static const int allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(writev),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(lseek),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(flock),
    SCMP_SYS(openat2),
    SCMP_SYS(unlinkat),
    SCMP_SYS(mkdirat),
    SCMP_SYS(renameat),
    SCMP_SYS(getdents64),
    SCMP_SYS(ppoll),
    SCMP_SYS(poll),
    SCMP_SYS(futex),
    SCMP_SYS(munmap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(mremap),
    SCMP_SYS(clone),
    SCMP_SYS(clone3),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(arch_prctl),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(tgkill),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getrandom), /* whoever signs evidence */
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(restart_syscall),
};

static const int sockets[] = {
    SCMP_SYS(socket),      SCMP_SYS(connect),     SCMP_SYS(bind),       SCMP_SYS(listen),
    SCMP_SYS(accept4),     SCMP_SYS(sendto),      SCMP_SYS(recvfrom),   SCMP_SYS(shutdown),
    SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(setsockopt), SCMP_SYS(getsockopt),
    SCMP_SYS(fcntl),
};

/* A vCPU is made when its thread first starts, a slot when the heap first reaches it. */
static const unsigned long vcpu_requests[] = {
    KVM_RUN,
    KVM_CREATE_VCPU,
    KVM_SET_CPUID2,
    KVM_GET_SREGS,
    KVM_SET_SREGS,
    KVM_GET_REGS,
    KVM_SET_REGS,
    KVM_SET_XCRS,
    KVM_SET_SIGNAL_MASK,
    KVM_GET_TSC_KHZ,
    KVM_SET_USER_MEMORY_REGION2,
    KVM_GET_MSRS,
};

static int add_rules(scmp_filter_ctx filter, bool network)
{
    int error = 0;
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && !error; i++)
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]) && !error && network; i++)
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, sockets[i], 0);
    for (size_t i = 0; i < sizeof(vcpu_requests) / sizeof(vcpu_requests[0]) && !error; i++)
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                                 SCMP_A1(SCMP_CMP_EQ, vcpu_requests[i], 0));
    /* Memory of the host's own, never executable, and nobody's descriptor ... */
    if (!error)
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                                 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
                                 SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
    /* ... but a vCPU's kvm_run. Of guest_memfd that would be the system pages, which are public. */
    if (!error)
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 4,
                                 SCMP_A1(SCMP_CMP_LE, KVM_RUN_MOST, 0),
                                 SCMP_A2(SCMP_CMP_EQ, PROT_READ | PROT_WRITE, 0),
                                 SCMP_A3(SCMP_CMP_EQ, MAP_SHARED, 0), SCMP_A5(SCMP_CMP_EQ, 0, 0));
    if (!error)
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return error;
}

static cella_status load(struct cella_enclave *enclave, bool whole_process, cella_error *error)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int result = filter ? 0 : -ENOMEM;
    if (!result)
        result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, whole_process);
    if (!result)
        result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (!result)
        result = add_rules(filter, enclave->boot.flags & BOOT_NETWORK);
    if (!result)
        result = seccomp_load(filter);
    if (filter)
        seccomp_release(filter);
    return result ? fail(error, CELLA_SYSTEM, "confining the host's threads (seccomp): %s",
                         strerror(-result))
                  : CELLA_OK;
}

/* Threads inherit the filter of the thread that makes them. */
static _Thread_local bool confined;

bool host_is_confined(void)
{
    return confined;
}

cella_status host_confine_thread(struct cella_enclave *enclave, bool inherits, cella_error *error)
{
    if (enclave->options.confine == CELLA_CONFINE_NONE || SANITIZED || inherits) {
        confined = inherits;
        return CELLA_OK;
    }
    cella_status status = load(enclave, false, error);
    confined = !status;
    return status;
}

cella_status host_confine_process(struct cella_enclave *enclave, cella_error *error)
{
    if (SANITIZED)
        return CELLA_OK;
    cella_status status = load(enclave, true, error);
    confined = !status;
    return status;
}

cella_status host_hide_process(cella_error *error)
{
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0) || setrlimit(RLIMIT_CORE, &none))
        return fail(error, CELLA_SYSTEM, "making this process undumpable: %s", strerror(errno));
    return CELLA_OK;
}
