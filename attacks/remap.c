/* SPDX-License-Identifier: Apache-2.0
 *
 * Attacks that put other memory where the victim's is: by injected system calls, on an unprotected
 * process over its own pages, on vsm behind the slot's userspace_addr, where KVM's software reads
 * page tables and instructions. Whether the victim believes it, its own check says at its end.
 */
#include "../tee/vsm/vsm.h"
#include "attack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static bool find_public_copy(pid_t pid, struct mapping *copy)
{
    struct mapping *list = NULL;
    ssize_t count = mappings_read(pid, &list);
    bool found = false;
    for (ssize_t i = 0; i < count && !found; i++)
        if (strstr(list[i].path, "memfd:cella-public")) {
            *copy = list[i];
            found = true;
        }
    free(list);
    return found;
}

static void let_run(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
}

static long map_over(struct trace *trace, uint64_t at, uint64_t size)
{
    return trace_call(trace, SYS_mmap, at, size, PROT_READ | PROT_WRITE,
                      MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, (uint64_t)-1, 0);
}

static void conclude_call(struct result *result, long called)
{
    if (called < 0)
        conclude(result, STOPPED, "injected call: %s", strerror((int)-called));
    else
        conclude(result, STOPPED, "memory was replaced");
}

void attack_replace(struct target *target, struct result *result)
{
    struct trace trace;
    struct mapping copy = {.start = target->in_bss, .end = target->in_bss + 4096};
    if (!trace_start(&trace, target->pid)) {
        conclude(result, STOPPED, "PTRACE_SEIZE: %s", strerror(errno));
        return;
    }
    long called = -ENOENT;
    if (target->kind != TARGET_VSM || find_public_copy(target->pid, &copy))
        called = map_over(&trace, copy.start, copy.end - copy.start);
    trace_stop(&trace);
    let_run();
    conclude_call(result, called);
}

/* ---- page tables ---- */

/* The entry that maps `address`, in a public copy of `size` bytes. */
static uint64_t *find_entry(uint8_t *copy, uint64_t size, uint64_t address)
{
    uint64_t table = VSM_SYSTEM_PAGES * 4096;
    for (int level = 4;; level--) {
        if (table > size - 4096)
            return NULL;
        uint64_t *entry = (uint64_t *)(void *)(copy + table) + (address >> (3 + 9 * level) & 511);
        if (!(*entry & VSM_ENTRY_PRESENT) || (level > 1 && *entry & VSM_ENTRY_LARGE))
            return NULL;
        if (level == 1)
            return entry;
        table = *entry & VSM_ENTRY_ADDRESS;
    }
}

static bool swap_entries(uint8_t *copy, uint64_t size, uint64_t address)
{
    uint64_t *first = find_entry(copy, size, address);
    uint64_t *second = find_entry(copy, size, address + 4096);
    if (!first || !second)
        return false;
    uint64_t kept = *first;
    *first = *second;
    *second = kept;
    return true;
}

/* The copy, but two pages of the victim's .bss have changed places. */
static long forge_copy(struct trace *trace, const struct target *target)
{
    struct mapping copy;
    if (!find_public_copy(trace->pid, &copy))
        return -ENOENT;
    uint64_t size = copy.end - copy.start;
    uint8_t *forged = malloc(size);
    long called = -ENOENT;
    if (forged && pread(trace->memory, forged, size, (off_t)copy.start) == (ssize_t)size &&
        swap_entries(forged, size, target->in_bss)) {
        called = map_over(trace, copy.start, size);
        if (called >= 0 && pwrite(trace->memory, forged, size, (off_t)copy.start) != (ssize_t)size)
            called = -EIO;
    }
    free(forged);
    return called;
}

/* On an unprotected process the same is three mremap calls. */
static long exchange_pages(struct trace *trace, const struct target *target)
{
    const uint64_t how = MREMAP_MAYMOVE | MREMAP_FIXED, one = target->in_bss, two = one + 4096;
    long spare = trace_call(trace, SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0);
    const uint64_t moves[3][2] = {{one, (uint64_t)spare}, {two, one}, {(uint64_t)spare, two}};
    for (int i = 0; i < 3 && spare >= 0; i++) {
        long moved = trace_call(trace, SYS_mremap, moves[i][0], 4096, 4096, how, moves[i][1], 0);
        if (moved < 0)
            return moved;
    }
    return spare;
}

void attack_forge(struct target *target, struct result *result)
{
    struct trace trace;
    if (!trace_start(&trace, target->pid)) {
        conclude(result, STOPPED, "PTRACE_SEIZE: %s", strerror(errno));
        return;
    }
    long called =
        target->kind == TARGET_VSM ? forge_copy(&trace, target) : exchange_pages(&trace, target);
    trace_stop(&trace);
    let_run();
    conclude_call(result, called);
}
