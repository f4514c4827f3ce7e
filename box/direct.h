/* SPDX-License-Identifier: Apache-2.0
 *
 * Large files around the page cache (O_DIRECT), where their file system does that: the kernel then
 * makes no pages for them and copies nothing.
 */
#ifndef BOX_DIRECT_H
#define BOX_DIRECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DIRECT_PAGE  4096u               /* what file systems align to at most */
#define DIRECT_WORTH (UINT64_C(8) << 20) /* bytes; smaller files stay where they are soon read */

/* Another descriptor of the same file, O_RDONLY or O_WRONLY; -1: not here, or not worth it. */
int direct_open(int fd, int access, uint64_t size);
/* As pread; by `direct` (-1: none) if little of that lies in the page cache. */
ssize_t direct_read(int fd, int direct, uint64_t offset, void *to, size_t size);
bool direct_aligned(uint64_t offset, const void *memory);

#endif
