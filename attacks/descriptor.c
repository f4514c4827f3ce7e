/* SPDX-License-Identifier: Apache-2.0
 *
 * Attacks through the victim's descriptors: taking them, and writing to what must never change.
 */
#include "attack.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Calls `each` for every descriptor of a process with what /proc says that it is. */
static void for_descriptors(pid_t pid, void (*each)(void *context, int number, const char *is),
                            void *context)
{
    char folder[64], is[PATH_MAX];
    snprintf(folder, sizeof(folder), "/proc/%d/fd", pid);
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, is, sizeof(is) - 1);
        is[length > 0 ? length : 0] = 0;
        each(context, atoi(entry->d_name), is);
    }
    if (directory)
        closedir(directory);
}

/* ---- taking them ---- */

struct taking {
    struct target *target;
    int process; /* pidfd */
    unsigned taken;
    int error;
    uint64_t cells;
    char from[64];
};

static void take(void *context, int number, const char *is)
{
    struct taking *taking = context;
    int fd = (int)syscall(SYS_pidfd_getfd, taking->process, number, 0);
    if (fd < 0) {
        taking->error = errno;
        return;
    }
    taking->taken++;
    uint64_t cells = scan_descriptor(taking->target->pattern, fd);
    if (cells)
        snprintf(taking->from, sizeof(taking->from), "%.60s", is);
    taking->cells += cells;
    close(fd);
}

void attack_getfd(struct target *target, struct result *result)
{
    struct taking taking = {.target = target};
    taking.process = (int)syscall(SYS_pidfd_open, target->pid, 0);
    for_descriptors(target->pid, take, &taking);
    close(taking.process);
    if (taking.taken == 0)
        conclude(result, STOPPED, "pidfd_getfd: %s", strerror(taking.error));
    else if (taking.cells)
        conclude(result, SUCCEEDS, "%llu cells in %s", (unsigned long long)taking.cells,
                 taking.from);
    else
        conclude(result, STOPPED, "no cell in %u descriptors", taking.taken);
}

/* ---- writing ---- */

struct writing {
    struct target *target;
    int process;
    unsigned tried, written;
};

static bool is_zero(const uint8_t page[4096])
{
    return page[0] == 0 && memcmp(page, page + 1, 4095) == 0;
}

/* What must not change: code and, on vsm, everything in the public copy. In the process TEE, where
 * nothing is frozen, the victim's .bss. */
static bool is_measured(const struct target *target, const struct mapping *mapping)
{
    switch (target->kind) {
    case TARGET_PLAIN:
        return strstr(mapping->path, "/victim") && !strchr(mapping->access, 'w');
    case TARGET_PROCESS:
        return mapping->start <= target->in_bss && target->in_bss < mapping->end;
    default:
        return strstr(mapping->path, "memfd:cella-public");
    }
}

static void write_mappings(struct writing *writing, int memory)
{
    struct mapping *list = NULL;
    ssize_t count = mappings_read(writing->target->pid, &list);
    for (ssize_t i = 0; i < count; i++) {
        if (!is_measured(writing->target, &list[i]))
            continue;
        for (uint64_t at = list[i].start; at < list[i].end; at += 4096) {
            uint8_t page[4096], before;
            bool readable = pread(memory, page, sizeof(page), (off_t)at) == sizeof(page);
            if (readable && is_zero(page))
                continue;
            writing->tried++;
            before = page[0];
            page[0] ^= 0xff;
            if (!readable || pwrite(memory, page, 1, (off_t)at) != 1 ||
                pread(memory, page, 1, (off_t)at) != 1 || page[0] == before)
                continue;
            writing->written++;
            if (pwrite(memory, &before, 1, (off_t)at) != 1)
                continue; /* counted already */
        }
    }
    free(list);
}

static void write_descriptor(struct writing *writing, int fd)
{
    uint8_t before[4096], after[4096];
    if (pread(fd, before, sizeof(before), 0) != sizeof(before))
        return;
    writing->tried++;
    uint8_t *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) {
        map[0] ^= 0xff;
        munmap(map, 4096);
    }
    uint8_t other = (uint8_t)~before[1];
    if (pwrite(fd, &other, 1, 1) == 1 ||
        fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == 0) {
        writing->written++;
        return;
    }
    writing->written += pread(fd, after, sizeof(after), 0) != sizeof(after) ||
                        memcmp(before, after, sizeof(before)) != 0;
}

static void write_memfd(void *context, int number, const char *is)
{
    struct writing *writing = context;
    if (strncmp(is, "/memfd:", 7) != 0)
        return;
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", writing->target->pid, number);
    int fds[] = {open(path, O_RDWR | O_CLOEXEC),
                 (int)syscall(SYS_pidfd_getfd, writing->process, number, 0)};
    for (size_t i = 0; i < 2; i++) {
        if (fds[i] < 0)
            continue;
        write_descriptor(writing, fds[i]);
        close(fds[i]);
    }
}

void attack_write(struct target *target, struct result *result)
{
    char path[64];
    struct writing writing = {.target = target};
    snprintf(path, sizeof(path), "/proc/%d/mem", target->pid);
    int memory = open(path, O_RDWR | O_CLOEXEC);
    int error = errno;
    writing.process = (int)syscall(SYS_pidfd_open, target->pid, 0);
    if (memory >= 0)
        write_mappings(&writing, memory);
    for_descriptors(target->pid, write_memfd, &writing);
    if (writing.tried == 0 && memory < 0)
        conclude(result, STOPPED, "/proc/PID/mem: %s", strerror(error));
    else if (writing.tried == 0)
        conclude(result, SKIPPED, "found nothing to write to");
    else
        conclude(result, writing.written ? SUCCEEDS : STOPPED, "%u of %u places changed",
                 writing.written, writing.tried);
    if (memory >= 0)
        close(memory);
    close(writing.process);
}
