/* SPDX-License-Identifier: Apache-2.0
 *
 * The file side of the runtime, as the rest of the runtime sees it: one handler a system call, and
 * what mmap, munmap and msync need. docs/files.md says what the program can rely on.
 */
#ifndef RUNTIME_FILES_FILES_H
#define RUNTIME_FILES_FILES_H

#include "../runtime.h"

/* Builds the tree from the file table of the boot page and sets descriptors 0, 1, 2. Once, before
 * the program starts; a malformed table stops the enclave. */
void files_start(const struct boot_header *header);

/* Commits the boxes that are still open: the program ends. */
void boxes_end(void);

/* Takes from the program what it has open, mapped and said, and gives it what it starts with. */
void files_forget(void);

/* mmap of a file. With MAP_FIXED (private only) `*address` says where, and the caller has put zero
 * pages there; else `*address` is set. MAP_PRIVATE gives a copy in memory of its own, which is
 * freed as anonymous memory is. MAP_SHARED gives the file's own storage: only memory files, and
 * -ENOTSUP where the range cannot be made contiguous. */
long files_map(int descriptor, uint64_t offset, uint64_t length, int protection, int flags,
               void **address);
/* munmap: takes one shared file mapping (or the part of it that lies in [start, end)) out of the
 * range and says which addresses it had: those belong to the file and must not be freed. False:
 * there is none (left). */
bool files_unmapped(uint64_t start, uint64_t end, uint64_t *from, uint64_t *to);
/* msync: 0 where [start, start + length) holds a shared file mapping, -ENOMEM where it does not.
 * The mapping is the storage, so there is nothing to write. */
long files_sync_map(uint64_t start, uint64_t length);

/* Of signal.c: makes signal `number` pending for the calling thread. */
void signal_raise(int number);

syscall_handler sys_read, sys_write, sys_readv, sys_writev, sys_pread64, sys_pwrite64, sys_lseek;
syscall_handler sys_open, sys_openat, sys_creat, sys_close, sys_dup, sys_dup2, sys_dup3, sys_fcntl,
    sys_ioctl;
syscall_handler sys_stat, sys_fstat, sys_newfstatat, sys_statx, sys_access, sys_faccessat,
    sys_faccessat2, sys_readlink, sys_readlinkat;
syscall_handler sys_truncate, sys_ftruncate, sys_fallocate, sys_fsync, sys_fdatasync;
syscall_handler sys_unlink, sys_unlinkat, sys_rmdir, sys_rename, sys_renameat, sys_renameat2,
    sys_mkdir, sys_mkdirat, sys_getdents64, sys_getcwd, sys_chdir, sys_fchdir;
syscall_handler sys_chmod, sys_fchmod, sys_fchmodat, sys_chown, sys_fchown, sys_fchownat, sys_umask;
syscall_handler sys_pipe, sys_pipe2, sys_eventfd2, sys_poll;
syscall_handler sys_socket, sys_connect, sys_bind, sys_listen, sys_accept, sys_accept4, sys_sendto,
    sys_recvfrom, sys_sendmsg, sys_recvmsg, sys_shutdown, sys_getsockname, sys_getpeername,
    sys_setsockopt, sys_getsockopt;

#endif
