/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking for the pattern in bytes, files and address spaces. Bytes are looked at at every
 * alignment; a cell that two chunks share is missed, which never hides a pattern of many cells.
 */
#include "attack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHUNK ((size_t)1 << 20)
#define PAGE  4096u

ssize_t mappings_read(pid_t pid, struct mapping **list)
{
    char path[64], line[512];
    snprintf(path, sizeof(path), "/proc/%d/maps", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    ssize_t count = 0;
    *list = NULL;
    while (fgets(line, sizeof(line), file)) {
        struct mapping mapping = {0};
        if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %127[^\n]", &mapping.start, &mapping.end,
                   mapping.access, &mapping.offset, mapping.path) < 4)
            continue;
        struct mapping *grown = realloc(*list, (size_t)(count + 1) * sizeof(mapping));
        if (!grown)
            abort();
        *list = grown;
        grown[count++] = mapping;
    }
    fclose(file);
    return count;
}

uint64_t scan_bytes(struct pattern pattern, const void *bytes, size_t size)
{
    uint64_t cells = 0;
    const uint8_t *at = bytes, *end = at + size;
    while ((at = memmem(at, (size_t)(end - at), &pattern.tag, sizeof(pattern.tag)))) {
        struct pattern_cell cell;
        if ((size_t)(end - at) < sizeof(cell))
            break;
        memcpy(&cell, at, sizeof(cell));
        cells += (uint64_t)pattern_is_number(pattern, cell.number);
        at++;
    }
    return cells;
}

uint64_t scan_range(struct pattern pattern, scan_reader *read, void *context, uint64_t start,
                    uint64_t size)
{
    static uint8_t chunk[CHUNK];
    uint64_t cells = 0;
    for (uint64_t at = 0; at < size;) {
        size_t wanted = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
        ssize_t got = read(context, chunk, wanted, start + at);
        if (got > 0)
            cells += scan_bytes(pattern, chunk, (size_t)got);
        /* A page that cannot be read is stepped over. */
        at += got > 0 ? (uint64_t)got : PAGE;
    }
    return cells;
}

ssize_t read_memory_file(void *context, void *bytes, size_t size, uint64_t from)
{
    return pread(*(int *)context, bytes, size, (off_t)from);
}

/* Own memory, without SIGBUS where a file has no page to give. */
static ssize_t read_own(void *context, void *bytes, size_t size, uint64_t from)
{
    (void)context;
    struct iovec to = {bytes, size}, source = {(void *)(uintptr_t)from, size};
    return process_vm_readv(getpid(), &to, 1, &source, 1, 0);
}

uint64_t scan_file(struct pattern pattern, int fd)
{
    struct stat status;
    return fstat(fd, &status)
               ? 0
               : scan_range(pattern, read_memory_file, &fd, 0, (uint64_t)status.st_size);
}

uint64_t scan_descriptor(struct pattern pattern, int fd)
{
    struct stat status;
    if (fstat(fd, &status))
        return 0;
    uint64_t size = status.st_size > 0 ? (uint64_t)status.st_size : 0;
    uint64_t cells = S_ISREG(status.st_mode) ? scan_file(pattern, fd) : 0;
    void *map = mmap(NULL, size ? size : PAGE, PROT_READ, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) {
        cells += scan_range(pattern, read_own, NULL, (uint64_t)(uintptr_t)map, size ? size : PAGE);
        munmap(map, size ? size : PAGE);
    }
    return cells;
}
