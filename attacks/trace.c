/* SPDX-License-Identifier: Apache-2.0
 *
 * A process under ptrace, and system calls made in its name.
 */
#include "attack.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21)
#endif

/* The bytes 0f 05 in any executable mapping. */
static uint64_t find_syscall(const struct trace *trace)
{
    struct mapping *list = NULL;
    uint8_t page[4096];
    uint64_t found = 0;
    ssize_t count = mappings_read(trace->pid, &list);
    for (ssize_t i = 0; i < count && !found; i++) {
        if (list[i].access[2] != 'x')
            continue;
        for (uint64_t at = list[i].start; at < list[i].end && !found; at += sizeof(page)) {
            if (pread(trace->memory, page, sizeof(page), (off_t)at) != sizeof(page))
                break;
            for (size_t k = 0; k + 1 < sizeof(page) && !found; k++)
                if (page[k] == 0x0f && page[k + 1] == 0x05)
                    found = at + k;
        }
    }
    free(list);
    return found;
}

bool trace_start(struct trace *trace, pid_t pid)
{
    char path[64];
    *trace = (struct trace){.pid = pid, .memory = -1};
    if (ptrace(PTRACE_SEIZE, pid, 0, 0))
        return false;
    trace->threads[trace->count++] = pid;
    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        pid_t thread = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;
        if (thread && thread != pid && trace->count < 128 &&
            ptrace(PTRACE_SEIZE, thread, 0, 0) == 0)
            trace->threads[trace->count++] = thread;
    }
    if (directory)
        closedir(directory);
    for (size_t i = 0; i < trace->count; i++) {
        ptrace(PTRACE_INTERRUPT, trace->threads[i], 0, 0);
        waitpid(trace->threads[i], NULL, __WALL);
    }
    snprintf(path, sizeof(path), "/proc/%d/mem", pid);
    trace->memory = open(path, O_RDWR | O_CLOEXEC);
    trace->syscall_at = trace->memory < 0 ? 0 : find_syscall(trace);
    return true;
}

bool trace_suspend_seccomp(struct trace *trace)
{
    return ptrace(PTRACE_SETOPTIONS, trace->pid, 0, PTRACE_O_SUSPEND_SECCOMP) == 0;
}

long trace_call(struct trace *trace, long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                uint64_t e, uint64_t f)
{
    struct user_regs_struct before, now;
    if (!trace->syscall_at || ptrace(PTRACE_GETREGS, trace->pid, 0, &before))
        return -ESRCH;
    now = before;
    now.rip = trace->syscall_at;
    now.orig_rax = ~0ull; /* nothing to restart */
    now.rax = (uint64_t)number;
    now.rdi = a;
    now.rsi = b;
    now.rdx = c;
    now.r10 = d;
    now.r8 = e;
    now.r9 = f;
    if (ptrace(PTRACE_SETREGS, trace->pid, 0, &now) ||
        ptrace(PTRACE_SINGLESTEP, trace->pid, 0, 0) ||
        waitpid(trace->pid, NULL, __WALL) != trace->pid ||
        ptrace(PTRACE_GETREGS, trace->pid, 0, &now))
        return -ESRCH;
    ptrace(PTRACE_SETREGS, trace->pid, 0, &before);
    return (long)now.rax;
}

void trace_stop(struct trace *trace)
{
    for (size_t i = 0; i < trace->count; i++)
        ptrace(PTRACE_DETACH, trace->threads[i], 0, 0);
    if (trace->memory >= 0)
        close(trace->memory);
}
