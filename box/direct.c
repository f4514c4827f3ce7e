/* SPDX-License-Identifier: Apache-2.0
 *
 * Large files around the page cache.
 */
#include "direct.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* cachestat, since Linux 6.5: <linux/mman.h> of then has it. */
#define CACHESTAT 451

struct range {
    uint64_t offset, size;
};

struct pages {
    uint64_t cached, dirty, written_back, evicted, recently_evicted;
};

/* Some file systems take O_DIRECT and do no such thing: they do not say how it is aligned. */
static bool is_able(int fd)
{
    struct statx is;
    return statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &is) == 0 && is.stx_mask & STATX_DIOALIGN &&
           is.stx_dio_offset_align && is.stx_dio_mem_align &&
           DIRECT_PAGE % is.stx_dio_offset_align == 0 && DIRECT_PAGE % is.stx_dio_mem_align == 0;
}

int direct_open(int fd, int access, uint64_t size)
{
    char self[32];
    if (size < DIRECT_WORTH || !is_able(fd))
        return -1;
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    return open(self, access | O_DIRECT | O_CLOEXEC);
}

bool direct_aligned(uint64_t offset, const void *memory)
{
    return offset % DIRECT_PAGE == 0 && (uintptr_t)memory % DIRECT_PAGE == 0;
}

/* Whether most of it is: what the kernel read ahead of another read does not count. */
static bool is_cached(int fd, uint64_t offset, size_t size)
{
    struct range range = {offset, size};
    struct pages pages;
    return syscall(CACHESTAT, fd, &range, &pages, 0) != 0 || pages.cached * DIRECT_PAGE >= size / 2;
}

ssize_t direct_read(int fd, int direct, uint64_t offset, void *to, size_t size)
{
    size_t whole = size - size % DIRECT_PAGE;
    if (direct >= 0 && whole && direct_aligned(offset, to) && !is_cached(fd, offset, whole)) {
        ssize_t got = pread(direct, to, whole, (off_t)offset);
        if (got > 0)
            return got;
    }
    return pread(fd, to, size, (off_t)offset);
}
