/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls that ask who and where one is. The answers describe the enclave, not the host.
 */
#include "syscalls.h"

#include <linux/errno.h>
#include <linux/membarrier.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sysinfo.h>
#include <linux/utsname.h>
#include <stdatomic.h>

#define USER 1000

long sys_getpid(const long *argument)
{
    (void)argument;
    return RUNTIME_PID;
}

long sys_getppid(const long *argument)
{
    (void)argument;
    return 0; /* like the first process of a PID namespace */
}

long sys_getuid(const long *argument)
{
    (void)argument;
    return USER;
}

long sys_getpgid(const long *argument)
{
    return argument[0] == 0 || argument[0] == RUNTIME_PID ? RUNTIME_PID : -ESRCH;
}

long sys_getgroups(const long *argument)
{
    return argument[0] < 0 ? -EINVAL : 0;
}

long sys_getresuid(const long *argument)
{
    for (int i = 0; i < 3; i++) {
        if (!memory_is_inside((void *)argument[i], 4))
            return -EFAULT;
        *(uint32_t *)argument[i] = USER;
    }
    return 0;
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
    if (!memory_is_inside((void *)argument[0], sizeof(name)))
        return -EFAULT;
    memcpy((void *)argument[0], &name, sizeof(name));
    return 0;
}

long sys_sysinfo(const long *argument)
{
    struct sysinfo *info = (struct sysinfo *)argument[0];
    if (!memory_is_inside(info, sizeof(*info)))
        return -EFAULT;
    memset(info, 0, sizeof(*info));
    uint64_t used = memory_in_use();
    info->uptime = (long)(clock_monotonic_ns() / 1000000000);
    info->totalram = boot->heap.size;
    info->freeram = used < boot->heap.size ? boot->heap.size - used : 0;
    info->procs = (uint16_t)thread_count_running();
    info->mem_unit = 1;
    return 0;
}

static long limit_of(long resource, struct rlimit64 *limit)
{
    limit->rlim_cur = limit->rlim_max = RLIM64_INFINITY;
    switch (resource) {
    case RLIMIT_STACK:
        limit->rlim_cur = limit->rlim_max = boot->stack_size;
        return 0;
    case RLIMIT_NOFILE:
        limit->rlim_cur = limit->rlim_max = 1024;
        return 0;
    case RLIMIT_NPROC:
        limit->rlim_cur = limit->rlim_max = boot->thread_count;
        return 0;
    case RLIMIT_AS:
    case RLIMIT_DATA:
        limit->rlim_cur = limit->rlim_max = boot->heap.size;
        return 0;
    case RLIMIT_CORE:
        limit->rlim_cur = limit->rlim_max = 0;
        return 0;
    default:
        return resource >= 0 && resource < RLIM_NLIMITS ? 0 : -EINVAL;
    }
}

long sys_prlimit64(const long *argument)
{
    struct rlimit64 limit;
    if (argument[0] != 0 && argument[0] != RUNTIME_PID)
        return -ESRCH;
    long error = limit_of(argument[1], &limit);
    if (error)
        return error;
    if (argument[2]) /* limits are the manifest's: setting one to what it is is all that works */
        return memory_is_inside((void *)argument[2], sizeof(limit)) &&
                       memcmp((void *)argument[2], &limit, sizeof(limit)) == 0
                   ? 0
                   : -EPERM;
    if (!argument[3])
        return 0;
    if (!memory_is_inside((void *)argument[3], sizeof(limit)))
        return -EFAULT;
    memcpy((void *)argument[3], &limit, sizeof(limit));
    return 0;
}

long sys_getrlimit(const long *argument)
{
    const long wide[6] = {0, argument[0], 0, argument[1], 0, 0};
    return sys_prlimit64(wide);
}

long sys_getrusage(const long *argument)
{
    struct rusage *usage = (struct rusage *)argument[1];
    if (argument[0] != RUSAGE_SELF && argument[0] != 1 /* RUSAGE_THREAD */)
        return -EINVAL;
    if (!memory_is_inside(usage, sizeof(*usage)))
        return -EFAULT;
    memset(usage, 0, sizeof(*usage));
    const long clock[6] = {2 /* CLOCK_PROCESS_CPUTIME_ID */, 0, 0, 0, 0, 0};
    int64_t time[2];
    long request[6] = {clock[0], (long)time, 0, 0, 0, 0};
    sys_clock_gettime(request);
    usage->ru_utime.tv_sec = time[0];
    usage->ru_utime.tv_usec = time[1] / 1000;
    usage->ru_maxrss = (long)(memory_peak() / 1024);
    return 0;
}

/* As many CPUs as there can be threads at once, but a machine's worth. */
static uint32_t cpu_count(void)
{
    return boot->thread_count < 8 ? boot->thread_count : 8;
}

long sys_sched_getaffinity(const long *argument)
{
    uint64_t mask = (UINT64_C(1) << cpu_count()) - 1;
    if ((uint64_t)argument[1] < sizeof(mask))
        return -EINVAL;
    if (!memory_is_inside((void *)argument[2], sizeof(mask)))
        return -EFAULT;
    memcpy((void *)argument[2], &mask, sizeof(mask));
    return sizeof(mask);
}

long sys_getcpu(const long *argument)
{
    for (int i = 0; i < 2; i++) {
        if (!argument[i])
            continue;
        if (!memory_is_inside((void *)argument[i], 4))
            return -EFAULT;
        *(uint32_t *)argument[i] = i == 0 ? thread_self()->number : 0;
    }
    return 0;
}

long sys_prctl(const long *argument)
{
    static char name[16] = "enclave";
    switch (argument[0]) {
    case PR_SET_NAME:
    case PR_GET_NAME:
        if (!memory_is_inside((void *)argument[1], sizeof(name)))
            return -EFAULT;
        if (argument[0] == PR_GET_NAME)
            memcpy((void *)argument[1], name, sizeof(name));
        else
            memcpy(name, (void *)argument[1], sizeof(name) - 1);
        return 0;
    case PR_GET_DUMPABLE:
        return 0;
    case PR_SET_DUMPABLE: /* an enclave is never dumped */
        return argument[1] == 0 ? 0 : -EPERM;
    case PR_CAPBSET_READ:
        return 0;
    default:
        return -EINVAL;
    }
}

/* x86 orders stores; a full barrier on every other thread needs them to pass through the runtime,
 * which nothing can force: so it is not offered. */
long sys_membarrier(const long *argument)
{
    return argument[0] == MEMBARRIER_CMD_QUERY ? 0 : -EINVAL;
}

long sys_sched_getscheduler(const long *argument)
{
    (void)argument;
    return 0; /* SCHED_OTHER */
}

long sys_sched_getparam(const long *argument)
{
    if (!memory_is_inside((void *)argument[1], 4))
        return -EFAULT;
    *(int32_t *)argument[1] = 0;
    return 0;
}

long sys_getpriority(const long *argument)
{
    (void)argument;
    return 20; /* nice 0, as the kernel encodes it */
}
