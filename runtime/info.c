/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls that ask who and where one is. The answers describe the enclave, not the host.
 */
#include "syscalls.h"

#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sysinfo.h>
#include <linux/utsname.h>

#define CPUS_MOST 8

long sys_getpid(const long *argument)
{
    return RUNTIME_PID;
}

long sys_getuid(const long *argument)
{
    return RUNTIME_USER;
}

long sys_uname(const long *argument)
{
    static const struct new_utsname name = {
        .sysname = "Linux",
        .nodename = "enclave",
        .release = "6.1.0-cella",
        .version = "#1 cella",
        .machine = "x86_64",
        .domainname = "(none)",
    };
    return program_write(argument[0], &name, sizeof(name));
}

long sys_sysinfo(const long *argument)
{
    struct sysinfo info;
    uint64_t used = memory_in_use();
    memset(&info, 0, sizeof(info));
    info.uptime = (long)(clock_monotonic_ns() / 1000000000);
    info.totalram = boot->heap.size;
    info.freeram = used < boot->heap.size ? boot->heap.size - used : 0;
    info.procs = 1;
    info.mem_unit = 1;
    return program_write(argument[0], &info, sizeof(info));
}

static uint64_t limit_of(long resource)
{
    switch (resource) {
    case RLIMIT_STACK:
        return program_stack_size();
    case RLIMIT_NOFILE:
        return RUNTIME_DESCRIPTORS;
    case RLIMIT_NPROC:
        return boot->thread_count;
    case RLIMIT_AS:
    case RLIMIT_DATA:
        return boot->heap.size;
    case RLIMIT_CORE:
        return 0;
    default:
        return RLIM64_INFINITY;
    }
}

long sys_prlimit64(const long *argument)
{
    uint64_t limit = limit_of(argument[1]);
    const struct rlimit64 limits = {limit, limit};
    if (argument[0] != 0 && argument[0] != RUNTIME_PID)
        return -ESRCH;
    if ((uint64_t)argument[1] >= RLIM_NLIMITS)
        return -EINVAL;
    if (argument[2]) /* limits are the manifest's */
        return -EPERM;
    return argument[3] ? program_write(argument[3], &limits, sizeof(limits)) : 0;
}

/* As many CPUs as there can be threads at once, but a machine's worth. */
long sys_sched_getaffinity(const long *argument)
{
    uint32_t count = boot->thread_count < CPUS_MOST ? boot->thread_count : CPUS_MOST;
    uint64_t mask = (UINT64_C(1) << count) - 1;
    if ((uint64_t)argument[1] < sizeof(mask))
        return -EINVAL;
    long error = program_write(argument[2], &mask, sizeof(mask));
    return error ? error : (long)sizeof(mask);
}

static char name[16] = "enclave"; /* one for all threads */

void info_forget(void)
{
    memcpy(name, "enclave\0\0\0\0\0\0\0\0", sizeof(name));
}

long sys_prctl(const long *argument)
{
    if (argument[0] == PR_GET_NAME)
        return program_write(argument[1], name, sizeof(name));
    if (argument[0] != PR_SET_NAME)
        return -EINVAL;
    return program_read(name, argument[1], sizeof(name) - 1);
}
