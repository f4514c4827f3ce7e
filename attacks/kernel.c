/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernel shows to root: page maps, and its own memory.
 */
#include "attack.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Which of the secret's pages are in use, and in which physical frames. */
void attack_pagemap(struct target *target, struct result *result)
{
    char path[64];
    uint64_t entry = 0, present = 0;
    snprintf(path, sizeof(path), "/proc/%d/pagemap", target->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        conclude(result, STOPPED, "pagemap: %s", strerror(errno));
        return;
    }
    const uint64_t places[] = {target->in_bss, target->on_heap, target->shared, target->on_stack};
    for (size_t i = 0; i < 4; i++)
        present += pread(fd, &entry, 8, (off_t)(places[i] / 4096 * 8)) == 8 && entry >> 63;
    close(fd);
    conclude(result, present ? SUCCEEDS : STOPPED, "%llu of 4 places are shown",
             (unsigned long long)present);
}

/* .bss begins on a page, so the start of each page of memory is enough. */
static uint64_t scan_frames(struct pattern pattern, int fd, const Elf64_Phdr *segment)
{
    static uint8_t chunk[1 << 20];
    uint64_t cells = 0;
    for (uint64_t at = 0; at < segment->p_filesz && !cells; at += sizeof(chunk)) {
        ssize_t got = pread(fd, chunk, sizeof(chunk), (off_t)(segment->p_offset + at));
        for (ssize_t page = 0; page + 4096 <= got; page += 4096)
            cells += scan_bytes(pattern, chunk + page, 16);
    }
    return cells;
}

void attack_kernel_memory(struct target *target, struct result *result)
{
    Elf64_Ehdr header;
    int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        conclude(result, errno == ENOENT ? SKIPPED : STOPPED, "/proc/kcore: %s", strerror(errno));
        return;
    }
    ssize_t got = pread(fd, &header, sizeof(header), 0);
    if (got != sizeof(header)) {
        conclude(result, STOPPED, "/proc/kcore: %s", got < 0 ? strerror(errno) : "is empty");
        close(fd);
        return;
    }
    uint64_t cells = 0, read = 0;
    for (unsigned i = 0; i < header.e_phnum && !cells; i++) {
        Elf64_Phdr segment;
        /* Memory proper has a physical address; the rest is the kernel's address space. */
        if (pread(fd, &segment, sizeof(segment), (off_t)(header.e_phoff + i * sizeof(segment))) !=
                sizeof(segment) ||
            segment.p_type != PT_LOAD || segment.p_paddr == ~UINT64_C(0))
            continue;
        cells += scan_frames(target->pattern, fd, &segment);
        read += segment.p_filesz >> 20;
    }
    close(fd);
    conclude(result, cells ? SUCCEEDS : STOPPED, "%s in %llu MiB of /proc/kcore",
             cells ? "cells" : "no cell", (unsigned long long)read);
}
