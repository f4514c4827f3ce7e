/* SPDX-License-Identifier: Apache-2.0
 *
 * Linux's numbers for files: its own headers, and the few that they hide from a file that has
 * included a header of a libc.
 */
#ifndef RUNTIME_FILES_ABI_H
#define RUNTIME_FILES_ABI_H

#include <asm/errno.h>
#include <asm/poll.h>
#include <asm/stat.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>
#include <linux/uio.h>

#ifndef S_IFMT
#define S_IFMT   0170000u
#define S_IFSOCK 0140000u
#define S_IFLNK  0120000u
#define S_IFREG  0100000u
#define S_IFBLK  0060000u
#define S_IFDIR  0040000u
#define S_IFCHR  0020000u
#define S_IFIFO  0010000u
#endif

#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2

#define ENOTSUP  EOPNOTSUPP
#define O_ASYNC  FASYNC

#endif
