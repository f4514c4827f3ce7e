/* SPDX-License-Identifier: Apache-2.0
 *
 * Attacks that read memory from outside by the kernel's ordinary ways.
 */
#include "attack.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_memory(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/mem", pid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* Of other processes only pages that are there: some have mappings of terabytes. */
static uint64_t scan_present(struct pattern pattern, pid_t pid, int memory,
                             const struct mapping *mapping)
{
    enum { ENTRIES = 32768 };
    static uint64_t entries[ENTRIES];
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
    int pagemap = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t cells = 0, pages = (mapping->end - mapping->start) / 4096;
    for (uint64_t page = 0; page < pages && pagemap >= 0;) {
        size_t wanted = pages - page < ENTRIES ? (size_t)(pages - page) : ENTRIES;
        ssize_t got =
            pread(pagemap, entries, wanted * 8, (off_t)(mapping->start / 4096 + page) * 8);
        if (got <= 0)
            break;
        size_t count = (size_t)got / 8;
        for (size_t i = 0, run; i < count; i += run) {
            bool present = entries[i] >> 62;
            for (run = 1; i + run < count && (entries[i + run] >> 62 != 0) == present;)
                run++;
            if (present)
                cells += scan_range(pattern, read_memory_file, &memory,
                                    mapping->start + (page + i) * 4096, run * 4096);
        }
        page += count;
    }
    if (pagemap >= 0)
        close(pagemap);
    return cells;
}

/* Cells in a process's mappings, or -errno. */
static int64_t scan_process(struct pattern pattern, pid_t pid, bool all)
{
    struct mapping *list = NULL;
    int memory = open_memory(pid);
    if (memory < 0)
        return -errno;
    ssize_t count = mappings_read(pid, &list);
    uint64_t cells = 0;
    for (ssize_t i = 0; i < count; i++)
        cells += all ? scan_range(pattern, read_memory_file, &memory, list[i].start,
                                  list[i].end - list[i].start)
                     : scan_present(pattern, pid, memory, &list[i]);
    free(list);
    close(memory);
    return (int64_t)cells;
}

void attack_memory(struct target *target, struct result *result)
{
    int64_t own = scan_process(target->pattern, target->pid, true), others = 0;
    unsigned processes = 0;
    DIR *directory = opendir("/proc");
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;
        if (pid == 0 || pid == getpid() || pid == target->pid)
            continue;
        int64_t cells = scan_process(target->pattern, pid, false);
        others += cells > 0 ? cells : 0;
        processes += cells >= 0;
    }
    if (directory)
        closedir(directory);
    if (own < 0 && others == 0)
        conclude(result, STOPPED, "/proc/PID/mem: %s", strerror((int)-own));
    else
        conclude(result, own + others > 0 ? SUCCEEDS : STOPPED,
                 "%lld cells in the victim's process, %lld in %u others",
                 (long long)(own < 0 ? 0 : own), (long long)others, processes);
}

static ssize_t read_vm(void *context, void *bytes, size_t size, uint64_t from)
{
    struct iovec to = {bytes, size}, source = {(void *)(uintptr_t)from, size};
    return process_vm_readv(*(pid_t *)context, &to, 1, &source, 1, 0);
}

void attack_vm_readv(struct target *target, struct result *result)
{
    struct mapping *list = NULL;
    ssize_t count = mappings_read(target->pid, &list);
    uint64_t cells = 0;
    for (ssize_t i = 0; i < count; i++)
        cells += scan_range(target->pattern, read_vm, &target->pid, list[i].start,
                            list[i].end - list[i].start);
    free(list);
    conclude_cells(result, cells, count < 0 ? "no mapping is shown" : "all mappings");
}

/* One cell in 256 bytes: PEEKDATA gives eight bytes a call. */
void attack_peek(struct target *target, struct result *result)
{
    if (ptrace(PTRACE_SEIZE, target->pid, 0, 0) || ptrace(PTRACE_INTERRUPT, target->pid, 0, 0)) {
        conclude(result, STOPPED, "PTRACE_SEIZE: %s", strerror(errno));
        return;
    }
    waitpid(target->pid, NULL, __WALL);
    struct mapping *list = NULL;
    ssize_t count = mappings_read(target->pid, &list);
    uint64_t cells = 0;
    for (ssize_t i = 0; i < count; i++)
        for (uint64_t at = list[i].start; at < list[i].end; at += 256) {
            errno = 0;
            uint64_t tag = (uint64_t)ptrace(PTRACE_PEEKDATA, target->pid, at, 0);
            if (errno) {
                at += 4096 - 256;
                continue;
            }
            if (tag != target->pattern.tag)
                continue;
            uint64_t number = (uint64_t)ptrace(PTRACE_PEEKDATA, target->pid, at + 8, 0);
            cells += (uint64_t)pattern_is_number(target->pattern, number);
        }
    free(list);
    ptrace(PTRACE_DETACH, target->pid, 0, 0);
    conclude_cells(result, cells, "all mappings, one cell in 16");
}

static uint64_t scan_folder(struct target *target, const char *name, unsigned *opened)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "/proc/%d/%s", target->pid, name);
    DIR *directory = opendir(path);
    uint64_t cells = 0;
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        struct stat status;
        /* Pipes and terminals are read by somebody else. */
        if (fstatat(dirfd(directory), entry->d_name, &status, 0) || S_ISFIFO(status.st_mode) ||
            S_ISCHR(status.st_mode) || S_ISDIR(status.st_mode))
            continue;
        int fd = openat(dirfd(directory), entry->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
            continue;
        ++*opened;
        cells += scan_descriptor(target->pattern, fd);
        close(fd);
    }
    if (directory)
        closedir(directory);
    return cells;
}

void attack_map_files(struct target *target, struct result *result)
{
    unsigned opened = 0;
    uint64_t cells = scan_folder(target, "map_files", &opened);
    cells += scan_folder(target, "fd", &opened);
    conclude(result, cells ? SUCCEEDS : STOPPED, "%llu cells in %u files that could be opened",
             (unsigned long long)cells, opened);
}
