/* SPDX-License-Identifier: Apache-2.0
 *
 * The tree and memory files: what SQLite's journal and WAL do, mappings, locks, limits, names, and
 * every allocation that can fail.
 */
#include "runtime_mock.h"

#include <sys/mman.h>

#define MEGABYTE (UINT64_C(1) << 20)

static const struct mock_file tree[] = {
    {BOOT_FILE_MEASURED, 0, "/etc/motd", "measured bytes", 0, {0}},
    {BOOT_FILE_MEMORY, 0, "/small", NULL, MEGABYTE, {0}},
    {BOOT_FILE_MEMORY, 0, "/work", NULL, 0, {0}},
    {BOOT_FILE_MEASURED, 0, "/work/sub/fixed", "x", 0, {0}},
};

static int start(void **unused)
{
    (void)unused;
    mock_start(tree, 4, 0);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    mock_end();
    return 0;
}

static long open_at(const char *path, int flags)
{
    return CALL(sys_openat, AT_FDCWD, P(path), flags, 0644);
}

static long create(const char *path)
{
    long fd = open_at(path, O_RDWR | O_CREAT);
    assert_true(fd >= 3);
    return fd;
}

static void put(long fd, const void *bytes, size_t size, long at)
{
    assert_int_equal(CALL(sys_pwrite64, fd, P(bytes), (long)size, at), size);
}

static void expect(long fd, const void *bytes, size_t size, long at)
{
    uint8_t got[256];
    assert_true(size <= sizeof(got));
    assert_int_equal(CALL(sys_pread64, fd, P(got), (long)size, at), size);
    assert_memory_equal(got, bytes, size);
}

static long size_of(long fd)
{
    struct stat status;
    assert_int_equal(CALL(sys_fstat, fd, P(&status)), 0);
    return status.st_size;
}

static void rollback_journal(void **unused)
{
    (void)unused;
    long db = create("/work/db"), directory = open_at("/work", O_RDONLY);
    put(db, "old page", 8, 0);
    long journal = open_at("/work/db-journal", O_RDWR | O_CREAT | O_EXCL);
    put(journal, "old page", 8, 512);
    assert_int_equal(CALL(sys_fsync, journal), 0);
    assert_int_equal(CALL(sys_fsync, directory), 0);
    put(db, "new page", 8, 0);
    /* journal_mode=TRUNCATE, then DELETE */
    assert_int_equal(CALL(sys_ftruncate, journal, 0), 0);
    assert_int_equal(size_of(journal), 0);
    assert_int_equal(CALL(sys_ftruncate, journal, 1000), 0);
    uint8_t zeros[8] = {0};
    expect(journal, zeros, 8, 512);
    assert_int_equal(CALL(sys_unlink, P("/work/db-journal")), 0);
    assert_int_equal(open_at("/work/db-journal", O_RDONLY), -ENOENT);
    put(journal, "still", 5, 0);
    expect(journal, "still", 5, 0);
    struct stat status;
    assert_int_equal(CALL(sys_fstat, journal, P(&status)), 0);
    assert_int_equal(status.st_nlink, 0);
    assert_int_equal(CALL(sys_close, journal), 0);
    expect(db, "new page", 8, 0);
}

/* SQLite maps the WAL-index in pieces of 32 KiB, each after making the file long enough. */
static void wal_index(void **unused)
{
    (void)unused;
    enum { PIECES = 40, PIECE = 32768 };
    uint8_t *piece[PIECES], *other;
    long one = create("/work/db-shm"), two = create("/work/db-shm");
    for (int i = 0; i < PIECES; i++) {
        put(one, "", 1, (i + 1) * PIECE - 1);
        assert_int_equal(files_map((int)one, (uint64_t)i * PIECE, PIECE, PROT_READ | PROT_WRITE,
                                   MAP_SHARED, (void **)&piece[i]),
                         0);
        memset(piece[i], i + 1, PIECE);
    }
    for (int i = 0; i < PIECES; i++) {
        uint8_t byte = (uint8_t)(i + 1);
        assert_int_equal(piece[i][0], byte);
        expect(two, &byte, 1, i * PIECE + 77);
        assert_int_equal(files_map((int)two, (uint64_t)i * PIECE, PIECE, PROT_READ | PROT_WRITE,
                                   MAP_SHARED, (void **)&other),
                         0);
        assert_ptr_equal(other, piece[i]);
        put(two, "w", 1, i * PIECE + 9);
        assert_int_equal(piece[i][9], 'w');
        assert_int_equal(files_sync_map((uint64_t)other, PIECE), 0);
    }
    /* The file may go: the mappings stay until they are unmapped, twice each. */
    assert_int_equal(CALL(sys_unlink, P("/work/db-shm")), 0);
    CALL(sys_close, one);
    CALL(sys_close, two);
    long pages = mock_pages;
    for (int i = 0; i < 2 * PIECES; i++) {
        uint64_t from, to, at = (uint64_t)piece[i % PIECES];
        piece[i % PIECES][100] = 1;
        assert_true(files_unmapped(at, at + PIECE, &from, &to));
        assert_int_equal(from, at);
        assert_int_equal(to, at + PIECE);
    }
    assert_true(mock_pages < pages);
    uint64_t from, to, at = (uint64_t)piece[0];
    assert_false(files_unmapped(at, at + PIECE, &from, &to));
    assert_int_equal(files_sync_map(at, PIECE), -ENOMEM);
}

static void mappings(void **unused)
{
    (void)unused;
    void *whole, *part, *copy;
    long fd = create("/work/m");
    char big[200] = "begin";
    put(fd, "begin", 5, 0);
    put(fd, "middle", 6, 100000);
    put(fd, "end", 3, 200000);
    /* several chunks become one run, and stay the file's storage */
    assert_int_equal(files_map((int)fd, 0, 200003, PROT_READ | PROT_WRITE, MAP_SHARED, &whole), 0);
    assert_memory_equal(whole, "begin", 5);
    assert_memory_equal((char *)whole + 100000, "middle", 6);
    memcpy((char *)whole + 100000, "MIDDLE", 6);
    expect(fd, "MIDDLE", 6, 100000);
    assert_int_equal(files_map((int)fd, 65536, 65536, PROT_READ, MAP_SHARED, &part), 0);
    assert_ptr_equal(part, (char *)whole + 65536);
    /* beyond the mapped run lies a chunk that is not next to it: the run cannot move */
    put(fd, "far", 3, 400000);
    assert_int_equal(files_map((int)fd, 0, 400003, PROT_READ, MAP_SHARED, &part), -EOPNOTSUPP);
    /* a private mapping is a copy */
    assert_int_equal(files_map((int)fd, 98304, 8192, PROT_READ, MAP_PRIVATE, &copy), 0);
    memcpy((char *)whole + 100000, "later!", 6);
    assert_memory_equal((char *)copy + 1696, "MIDDLE", 6);
    memory_unmap(copy, 8192);
    /* and one at a place of the caller's choice */
    void *fixed = memory_map(4096);
    copy = fixed;
    assert_int_equal(files_map((int)fd, 0, 100, PROT_READ, MAP_PRIVATE | MAP_FIXED, &copy), 0);
    assert_ptr_equal(copy, fixed);
    assert_memory_equal(fixed, big, 5);
    memory_unmap(fixed, 4096);
    /* a hole in the middle leaves two mappings */
    uint64_t from, to, at = (uint64_t)whole;
    assert_true(files_unmapped(at + 65536, at + 131072, &from, &to)); /* `part` */
    assert_true(files_unmapped(at + 65536, at + 131072, &from, &to)); /* of `whole` */
    assert_false(files_unmapped(at + 65536, at + 131072, &from, &to));
    assert_int_equal(files_sync_map(at, 65536), 0);
    assert_int_equal(files_sync_map(at + 131072, 4096), 0);
    /* truncation leaves mapped storage in place, zero */
    assert_int_equal(CALL(sys_ftruncate, fd, 3), 0);
    assert_memory_equal(whole, "beg\0\0", 5);
    assert_int_equal(CALL(sys_ftruncate, fd, 10), 0);
    memcpy((char *)whole + 3, "in", 2);
    expect(fd, "begin", 5, 0);
}

static void mappings_refused(void **unused)
{
    (void)unused;
    void *address = NULL;
    long fd = create("/work/m"), reader = open_at("/work/m", O_RDONLY);
    long writer = open_at("/work/m", O_WRONLY), fixed = open_at("/etc/motd", O_RDONLY);
    int rw = PROT_READ | PROT_WRITE;
    assert_int_equal(files_map((int)fd, 1, 4096, rw, MAP_SHARED, &address), -EINVAL);
    assert_int_equal(files_map((int)fd, 0, 0, rw, MAP_SHARED, &address), -EINVAL);
    assert_int_equal(files_map((int)fd, 0, 1, rw, 0, &address), -EINVAL);
    assert_int_equal(files_map((int)fd, UINT64_MAX - 4095, 4096, rw, MAP_SHARED, &address),
                     -EOVERFLOW);
    assert_int_equal(files_map((int)reader, 0, 4096, rw, MAP_SHARED, &address), -EACCES);
    assert_int_equal(files_map((int)writer, 0, 4096, PROT_READ, MAP_PRIVATE, &address), -EACCES);
    assert_int_equal(files_map((int)fixed, 0, 4096, rw, MAP_SHARED, &address), -EACCES);
    assert_int_equal(files_map(1, 0, 4096, PROT_READ, MAP_PRIVATE, &address), -ENODEV);
    assert_int_equal(files_map(77, 0, 4096, PROT_READ, MAP_PRIVATE, &address), -EBADF);
    assert_int_equal(files_map((int)fd, 0, 4096, rw, MAP_SHARED | MAP_FIXED, &address),
                     -EOPNOTSUPP);
    assert_int_equal(files_map((int)fixed, 0, 4096, PROT_READ, MAP_SHARED, &address), 0);
    assert_memory_equal(address, "measured bytes\0\0", 16);
    memory_unmap(address, 4096);
}

static long record(long fd, int command, int type, long first, long length)
{
    struct flock lock = {
        .l_type = (short)type, .l_whence = SEEK_SET, .l_start = first, .l_len = length};
    return CALL(sys_fcntl, fd, command, P(&lock));
}

/* One process: whatever is well-formed is granted. */
static void record_locks(void **unused)
{
    (void)unused;
    long one = create("/work/l"), two = create("/work/l"), reader = open_at("/work/l", O_RDONLY);
    assert_int_equal(record(one, F_SETLK, F_WRLCK, 0, 10), 0);
    assert_int_equal(record(two, F_SETLK, F_WRLCK, 5, 10), 0);
    assert_int_equal(record(two, F_SETLKW, F_RDLCK, 0, 0), 0);
    struct flock ask = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 12, .l_len = 1};
    assert_int_equal(CALL(sys_fcntl, two, F_GETLK, P(&ask)), 0);
    assert_int_equal(ask.l_type, F_UNLCK);
    assert_int_equal(CALL(sys_fcntl, two, F_GETLK, P(&ask)), -EINVAL);
    assert_int_equal(record(one, F_SETLK, F_UNLCK, 4, 2), 0);
    assert_int_equal(record(reader, F_SETLK, F_WRLCK, 0, 1), -EBADF);
    assert_int_equal(record(reader, F_SETLK, 9, 0, 1), -EINVAL);
    assert_int_equal(record(reader, F_SETLK, F_RDLCK, -1, 1), -EINVAL);
    assert_int_equal(record(reader, F_SETLK, F_RDLCK, INT64_MAX, 2), -EOVERFLOW);
    assert_int_equal(record(reader, F_SETLK, F_RDLCK, 5, -6), -EINVAL);
    assert_int_equal(record(reader, F_SETLK, F_RDLCK, 5, -5), 0);
    assert_int_equal(record(reader, F_SETLK, F_RDLCK, 5, INT64_MIN), -EINVAL);
    put(one, "0123456789", 10, 0);
    struct flock end = {.l_type = F_RDLCK, .l_whence = SEEK_END, .l_start = -10, .l_len = 1};
    assert_int_equal(CALL(sys_fcntl, one, F_SETLK, P(&end)), 0);
    end.l_start = -11;
    assert_int_equal(CALL(sys_fcntl, one, F_SETLK, P(&end)), -EINVAL);
    end.l_whence = 3;
    assert_int_equal(CALL(sys_fcntl, one, F_SETLK, P(&end)), -EINVAL);
    assert_int_equal(record(one, F_OFD_SETLK, F_WRLCK, 0, 1), -EINVAL);
    assert_int_equal(CALL(sys_fcntl, reader, F_SETLK, P(MOCK_OUTSIDE)), -EFAULT);
    assert_int_equal(CALL(sys_fcntl, open_at("/work/l", O_PATH), F_SETLK, P(&ask)), -EBADF);
}

static void limit(void **unused)
{
    (void)unused;
    static uint8_t bytes[MEGABYTE];
    long fd = create("/small/a"), other = create("/small/b");
    assert_int_equal(CALL(sys_write, fd, P(bytes), 900000), 900000);
    long done = CALL(sys_write, fd, P(bytes), sizeof(bytes));
    assert_int_equal(done, MEGABYTE - 900000); /* what fits */
    assert_int_equal(CALL(sys_write, fd, P(bytes), 1), -ENOSPC);
    assert_int_equal(CALL(sys_write, other, P(bytes), 1), -ENOSPC);
    assert_int_equal(CALL(sys_fallocate, other, 0, 0, 5), -ENOSPC);
    assert_int_equal(CALL(sys_ftruncate, fd, 65536), 0);
    assert_int_equal(CALL(sys_write, other, P(bytes), 1), 1);
    assert_int_equal(CALL(sys_unlink, P("/small/a")), 0);
    assert_int_equal(CALL(sys_close, fd), 0);
    /* sizes cost nothing, storage does */
    assert_int_equal(CALL(sys_ftruncate, other, INT64_MAX), 0);
    assert_int_equal(CALL(sys_pwrite64, other, P(bytes), 1, INT64_MAX), -EFBIG);
    assert_int_equal(CALL(sys_pwrite64, other, P(bytes), 1, INT64_MAX - 4), -ENOSPC);
}

static void read_only_tree(void **unused)
{
    (void)unused;
    struct stat status;
    char bytes[32];
    assert_int_equal(open_at("/new", O_RDWR | O_CREAT), -EROFS);
    assert_int_equal(CALL(sys_mkdir, P("/etc/x"), 0755), -EROFS);
    assert_int_equal(open_at("/etc/motd", O_RDWR), -EROFS);
    assert_int_equal(CALL(sys_truncate, P("/etc/motd"), 0), -EROFS);
    assert_int_equal(CALL(sys_unlink, P("/etc/motd")), -EROFS);
    assert_int_equal(CALL(sys_rename, P("/etc/motd"), P("/work/motd")), -EROFS);
    assert_int_equal(CALL(sys_rmdir, P("/work/sub")), -EBUSY);
    assert_int_equal(CALL(sys_rename, P("/work/sub"), P("/work/bus")), -EBUSY);
    assert_int_equal(open_at("/work/sub/new", O_RDWR | O_CREAT), -EROFS);
    assert_int_equal(CALL(sys_rename, P("/small"), P("/work/small")), -EROFS);
    CALL(sys_close, create("/small/a"));
    assert_int_equal(CALL(sys_rename, P("/small/a"), P("/work/a")), -EXDEV);
    assert_int_equal(CALL(sys_chmod, P("/etc/motd"), 0777), -EROFS);
    assert_int_equal(CALL(sys_chmod, P("/etc"), 0777), -EROFS);
    assert_int_equal(CALL(sys_stat, P("/proc/meminfo"), P(&status)), -ENOENT);
    assert_int_equal(CALL(sys_readlink, P("/proc/self/exe"), P(bytes), 32), -ENOENT);
    assert_int_equal(CALL(sys_stat, P("/etc/motd"), P(&status)), 0);
    assert_int_equal(status.st_mode, S_IFREG | 0444);
    assert_int_equal(status.st_size, 14);
    assert_int_equal(status.st_uid, 1000);
    long fd = open_at("/etc/motd", O_RDONLY);
    assert_int_equal(CALL(sys_lseek, fd, -5, SEEK_END), 9);
    assert_int_equal(CALL(sys_read, fd, P(bytes), 32), 5);
    assert_memory_equal(bytes, "bytes", 5);
    assert_int_equal(CALL(sys_write, fd, P(bytes), 1), -EBADF);
    assert_int_equal(CALL(sys_access, P("/etc/motd"), 2), -EROFS);
    assert_int_equal(CALL(sys_access, P("/etc/motd"), 4), 0);
    assert_int_equal(CALL(sys_access, P("/work"), 7), 0);
}

static void permissions(void **unused)
{
    (void)unused;
    struct stat status;
    long fd = create("/work/p");
    assert_int_equal(CALL(sys_fchmod, fd, 0400), 0);
    assert_int_equal(open_at("/work/p", O_RDWR), -EACCES);
    assert_int_equal(open_at("/work/p", O_RDONLY | O_TRUNC), -EACCES);
    assert_int_equal(CALL(sys_access, P("/work/p"), 2), -EACCES);
    assert_int_equal(CALL(sys_mkdir, P("/work/d"), 0777), 0);
    assert_int_equal(CALL(sys_stat, P("/work/d"), P(&status)), 0);
    assert_int_equal(status.st_mode, S_IFDIR | 0755);
    assert_int_equal(CALL(sys_chmod, P("/work/d"), 0500), 0);
    assert_int_equal(open_at("/work/d/x", O_RDWR | O_CREAT), -EACCES);
    assert_int_equal(CALL(sys_chmod, P("/work/d"), 0600), 0);
    assert_int_equal(open_at("/work/d/x", O_RDONLY), -EACCES);
    assert_int_equal(CALL(sys_umask, 077), 022);
    assert_int_equal(CALL(sys_umask, 022), 077);
    assert_int_equal(CALL(sys_fchown, fd, 1000, -1), 0);
    assert_int_equal(CALL(sys_fchown, fd, 0, 0), -EPERM);
}

static void time_without_a_clock(void **unused)
{
    (void)unused;
    struct stat status;
    mock_has_clock = false;
    long fd = create("/work/t");
    assert_int_equal(CALL(sys_fstat, fd, P(&status)), 0);
    assert_int_equal(status.st_mtim.tv_sec, 0);
    mock_has_clock = true;
    put(fd, "x", 1, 0);
    assert_int_equal(CALL(sys_fstat, fd, P(&status)), 0);
    assert_int_equal(status.st_mtim.tv_sec, mock_clock.seconds);
}

static void paths(void **unused)
{
    (void)unused;
    char longest[5000], bytes[64];
    struct stat status;
    memset(longest, 'x', sizeof(longest));
    longest[4999] = 0;
    assert_int_equal(open_at(longest, O_RDONLY), -ENAMETOOLONG);
    longest[256] = 0;
    assert_int_equal(open_at(longest, O_RDONLY), -ENAMETOOLONG);
    longest[255] = 0;
    assert_int_equal(open_at(longest, O_RDONLY), -ENOENT);
    assert_int_equal(open_at("", O_RDONLY), -ENOENT);
    assert_int_equal(open_at(MOCK_OUTSIDE, O_RDONLY), -EFAULT);
    assert_int_equal(open_at("/../../work/../etc/./motd", O_RDONLY), 3);
    assert_int_equal(open_at("/etc/motd/..", O_RDONLY), -ENOTDIR);
    assert_int_equal(open_at("/dev/null/x", O_RDONLY), -ENOTDIR);
    assert_int_equal(open_at("/dev/stdin/x", O_RDONLY), -ENOTDIR);
    assert_int_equal(CALL(sys_newfstatat, AT_FDCWD, P(""), P(&status), AT_EMPTY_PATH), 0);
    assert_int_equal(CALL(sys_fstat, AT_FDCWD, P(&status)), -EBADF);
    assert_int_equal(CALL(sys_fchmod, AT_FDCWD, 0700), -EBADF);
    assert_int_equal(CALL(sys_mkdir, P("/work/d"), 0755), 0);
    long directory = open_at("/work/d", O_RDONLY | O_DIRECTORY);
    assert_int_equal(CALL(sys_openat, directory, P("f"), O_RDWR | O_CREAT, 0644), 5);
    assert_int_equal(CALL(sys_openat, 5, P("f"), O_RDWR, 0), -ENOTDIR);
    assert_int_equal(CALL(sys_openat, 99, P("f"), O_RDWR, 0), -EBADF);
    assert_int_equal(CALL(sys_fchdir, directory), 0);
    assert_int_equal(CALL(sys_getcwd, P(bytes), sizeof(bytes)), 8);
    assert_string_equal(bytes, "/work/d");
    assert_int_equal(CALL(sys_getcwd, P(bytes), 7), -ERANGE);
    assert_int_equal(CALL(sys_stat, P("../d/f"), P(&status)), 0);
    /* a working directory that is gone */
    assert_int_equal(CALL(sys_unlink, P("f")), 0);
    assert_int_equal(CALL(sys_rmdir, P("/work/d")), 0);
    assert_int_equal(CALL(sys_getcwd, P(bytes), sizeof(bytes)), -ENOENT);
    assert_int_equal(open_at("f", O_RDWR | O_CREAT), -ENOENT);
    assert_int_equal(CALL(sys_chdir, P("..")), 0);
    assert_int_equal(CALL(sys_getcwd, P(bytes), sizeof(bytes)), 6);
    assert_int_equal(CALL(sys_chdir, P("/etc/motd")), -ENOTDIR);
    assert_int_equal(CALL(sys_chdir, P("/")), 0);
    assert_int_equal(CALL(sys_getcwd, P(bytes), sizeof(bytes)), 2);
    assert_int_equal(CALL(sys_newfstatat, 3, P(""), P(&status), AT_EMPTY_PATH), 0);
    assert_int_equal(CALL(sys_newfstatat, 3, P(""), P(&status), 0), -ENOENT);
    assert_int_equal(CALL(sys_newfstatat, 3, P(""), P(&status), 1 << 30), -EINVAL);
    assert_int_equal(CALL(sys_stat, P("/etc/motd/"), P(&status)), -ENOTDIR);
    assert_int_equal(CALL(sys_readlink, P("/etc/motd"), P(bytes), 9), -EINVAL);
}

static void devices(void **unused)
{
    (void)unused;
    char bytes[16] = "unchanged";
    struct stat status;
    long null = open_at("/dev/null", O_RDWR), zero = open_at("/dev/zero", O_RDONLY);
    long full = open_at("/dev/full", O_RDWR), random = open_at("/dev/urandom", O_RDONLY);
    assert_int_equal(CALL(sys_read, null, P(bytes), 16), 0);
    assert_int_equal(CALL(sys_write, null, P(bytes), 16), 16);
    assert_int_equal(CALL(sys_write, full, P(bytes), 16), -ENOSPC);
    assert_int_equal(CALL(sys_read, random, P(bytes), 4), 4);
    assert_memory_equal(bytes, "ZZZZanged", 9);
    assert_int_equal(CALL(sys_read, zero, P(bytes), 5), 5);
    assert_memory_equal(bytes, "\0\0\0\0\0nged", 9);
    assert_int_equal(CALL(sys_fstat, null, P(&status)), 0);
    assert_int_equal(status.st_mode, S_IFCHR | 0666);
    assert_int_equal(status.st_rdev, 0x103);
    assert_true(open_at("/dev/stdout", O_WRONLY) > 0);
}

static void descriptors(void **unused)
{
    (void)unused;
    long fd = create("/work/x");
    assert_int_equal(fd, 3);
    assert_int_equal(CALL(sys_fcntl, fd, F_DUPFD, 10), 10);
    assert_int_equal(CALL(sys_fcntl, fd, F_DUPFD_CLOEXEC, 10), 11);
    assert_int_equal(CALL(sys_fcntl, 11, F_GETFD), FD_CLOEXEC);
    assert_int_equal(CALL(sys_fcntl, 11, F_SETFD, 0), 0);
    assert_int_equal(CALL(sys_fcntl, 11, F_GETFD), 0);
    assert_int_equal(CALL(sys_fcntl, fd, F_DUPFD, 1024), -EINVAL);
    assert_int_equal(CALL(sys_fcntl, fd, F_SETFL, O_DIRECT), -EINVAL);
    assert_int_equal(CALL(sys_fcntl, fd, 12345), -EINVAL);
    assert_int_equal(CALL(sys_dup2, fd, 20), 20);
    assert_int_equal(CALL(sys_dup2, 99, 99), -EBADF);
    assert_int_equal(CALL(sys_dup2, fd, 1024), -EBADF);
    assert_int_equal(CALL(sys_dup2, fd, fd), fd);
    assert_int_equal(CALL(sys_dup3, fd, fd, 0), -EINVAL);
    assert_int_equal(CALL(sys_dup3, fd, 21, O_CLOEXEC), 21);
    put(20, "shared", 6, 0);
    assert_int_equal(CALL(sys_lseek, 20, 3, SEEK_SET), 3);
    assert_int_equal(CALL(sys_lseek, fd, 0, SEEK_CUR), 3);
    assert_int_equal(CALL(sys_lseek, fd, 0, 9), -EINVAL);
    for (long at = 10; at < 22; at++)
        CALL(sys_close, at);
    assert_int_equal(CALL(sys_close, 20), -EBADF);
    assert_int_equal(CALL(sys_close, -1), -EBADF);
    assert_int_equal(CALL(sys_ioctl, fd, 0x5401), -ENOTTY);
    assert_int_equal(CALL(sys_ioctl, 99, 0x5401), -EBADF);
    while ((fd = CALL(sys_dup, 3)) >= 0)
        assert_true(fd < 1024);
    assert_int_equal(fd, -EMFILE);
    assert_int_equal(open_at("/work/x", O_PATH), -EMFILE);
    for (long at = 4; at < 1024; at++)
        assert_int_equal(CALL(sys_close, at), 0);
    long path = open_at("/work/x", O_PATH);
    char byte;
    assert_int_equal(CALL(sys_read, path, P(&byte), 1), -EBADF);
    assert_int_equal(CALL(sys_fcntl, path, F_SETFL, 0), -EBADF);
    assert_int_equal(open_at("/work/x", O_RDWR | O_DIRECT), -EINVAL);
    assert_int_equal(open_at("/work", O_RDWR | O_TMPFILE), -EOPNOTSUPP);
}

static void bad_buffers(void **unused)
{
    (void)unused;
    char byte = 'x';
    long fd = create("/work/v");
    struct iovec two[2] = {{&byte, 1}, {MOCK_OUTSIDE, 1}};
    assert_int_equal(CALL(sys_write, fd, P(MOCK_OUTSIDE), 1), -EFAULT);
    assert_int_equal(CALL(sys_read, fd, P(MOCK_OUTSIDE), 1), -EFAULT);
    assert_int_equal(CALL(sys_writev, fd, P(two), 2), -EFAULT);
    assert_int_equal(size_of(fd), 0);
    two[1].iov_len = (size_t)-1;
    assert_int_equal(CALL(sys_writev, fd, P(two), 2), -EINVAL);
    assert_int_equal(CALL(sys_writev, fd, P(MOCK_OUTSIDE), 2), -EFAULT);
    assert_int_equal(CALL(sys_writev, fd, P(two), 1025), -EINVAL);
    assert_int_equal(CALL(sys_writev, fd, P(two), -1), -EINVAL);
    assert_int_equal(CALL(sys_pwrite64, fd, P(&byte), 1, -1), -EINVAL);
    assert_int_equal(CALL(sys_fstat, fd, P(MOCK_OUTSIDE)), -EFAULT);
    assert_int_equal(CALL(sys_getdents64, open_at("/work", O_RDONLY), P(MOCK_OUTSIDE), 100),
                     -EFAULT);
    assert_int_equal(CALL(sys_getcwd, P(MOCK_OUTSIDE), 100), -EFAULT);
}

/* Entries that stay are told once, whatever comes and goes between two calls. */
static void listing_while_changing(void **unused)
{
    (void)unused;
    enum { FILES = 3000 };
    static uint8_t told[FILES];
    uint8_t buffer[512];
    char path[64];
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof(path), "/work/file-%d", i);
        assert_int_equal(CALL(sys_close, create(path)), 0);
    }
    long fd = open_at("/work", O_RDONLY), size;
    int turn = 0;
    memset(told, 0, sizeof(told));
    while ((size = CALL(sys_getdents64, fd, P(buffer), sizeof(buffer))) > 0) {
        for (long at = 0; at < size;) {
            int number;
            uint16_t record;
            memcpy(&record, buffer + at + 16, 2);
            if (sscanf((char *)buffer + at + 19, "file-%d", &number) == 1 && number < FILES)
                told[number]++;
            at += record;
        }
        /* odd ones go, others come */
        snprintf(path, sizeof(path), "/work/file-%d", 2 * turn++ + 1);
        CALL(sys_unlink, P(path));
        if (turn < 20) {
            snprintf(path, sizeof(path), "/work/file-%d", 5000 + turn);
            assert_int_equal(CALL(sys_close, create(path)), 0);
        }
    }
    assert_int_equal(size, 0);
    for (int i = 0; i < FILES; i += 2)
        assert_int_equal(told[i], 1);
    assert_int_equal(CALL(sys_lseek, fd, 0, SEEK_SET), 0);
    assert_int_equal(CALL(sys_getdents64, fd, P(buffer), 10), -EINVAL);
}

static void sparse(void **unused)
{
    (void)unused;
    uint8_t zeros[64] = {0};
    struct stat status;
    long fd = create("/work/s"), far = 5L << 30;
    long pages = mock_pages;
    put(fd, "far", 3, far);
    expect(fd, zeros, 64, far - 64);
    expect(fd, "far", 3, far);
    assert_true(mock_pages - pages < 4 << 20);
    assert_int_equal(CALL(sys_fstat, fd, P(&status)), 0);
    assert_int_equal(status.st_blocks, 128);
    assert_int_equal(CALL(sys_ftruncate, fd, 100), 0);
    assert_int_equal(CALL(sys_fstat, fd, P(&status)), 0);
    assert_int_equal(status.st_blocks, 0);
    assert_int_equal(CALL(sys_fallocate, fd, 0, 70000, 10), 0);
    assert_int_equal(size_of(fd), 70010);
    assert_int_equal(CALL(sys_fallocate, fd, 1, 0, 10), -EOPNOTSUPP);
    assert_int_equal(CALL(sys_fallocate, fd, 0, 0, 0), -EINVAL);
}

static void extended_status(void **unused)
{
    (void)unused;
    struct statx status;
    assert_int_equal(CALL(sys_statx, AT_FDCWD, P("/etc/motd"), 0, 0x7ff, P(&status)), 0);
    assert_int_equal(status.stx_size, 14);
    assert_int_equal(status.stx_mode, S_IFREG | 0444);
    assert_int_equal(status.stx_mask, 0x7ff);
    assert_int_equal(CALL(sys_statx, AT_FDCWD, P("/etc/motd"), 0, 0x80000000, P(&status)), -EINVAL);
    assert_int_equal(CALL(sys_statx, AT_FDCWD, P("/etc/no"), 0, 0x7ff, P(&status)), -ENOENT);
    assert_int_equal(CALL(sys_statx, AT_FDCWD, P("/etc/motd"), 0, 0x7ff, P(MOCK_OUTSIDE)), -EFAULT);
}

/* Everything that a script of calls needs, with the n-th allocation failing: errors, never harm,
 * and nothing is left behind. */
static void out_of_memory(void **unused)
{
    (void)unused;
    void *address;
    uint64_t from, to;
    for (long n = 0; n < 40; n++) {
        mock_fail_after = n;
        long fd = open_at("/work/o", O_RDWR | O_CREAT);
        if (fd >= 0) {
            CALL(sys_pwrite64, fd, P("x"), 1, 0);
            CALL(sys_pwrite64, fd, P("x"), 1, 70000);
            if (files_map((int)fd, 0, 80000, PROT_READ, MAP_SHARED, &address) == 0)
                while (files_unmapped((uint64_t)address, (uint64_t)address + 81920, &from, &to))
                    ;
            record(fd, F_SETLK, F_WRLCK, 0, 1);
        }
        CALL(sys_mkdir, P("/work/od"), 0755);
        CALL(sys_rename, P("/work/o"), P("/work/od/o"));
        mock_fail_after = -1;
        if (fd >= 0)
            assert_int_equal(CALL(sys_close, fd), 0);
        CALL(sys_unlink, P("/work/o"));
        CALL(sys_unlink, P("/work/od/o"));
        CALL(sys_rmdir, P("/work/od"));
    }
    long allocations = mock_allocations, pages = mock_pages;
    CALL(sys_close, create("/work/again"));
    CALL(sys_unlink, P("/work/again"));
    assert_int_equal(mock_allocations, allocations);
    assert_int_equal(mock_pages, pages);
}

static struct mock_file bad_file;

static void start_bad(void)
{
    mock_start(&bad_file, 1, 0);
}

static void malformed_tables(void **unused)
{
    (void)unused;
    static const char *const paths[] = {"relative", "/a/../b", "/a//b", "/./a", "", "/"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        bad_file = (struct mock_file){.kind = BOOT_FILE_MEASURED, .path = paths[i]};
        mock_stops(start_bad, RING_STOP_BOOT, strlen(paths[i]));
    }
    bad_file = (struct mock_file){.kind = 9, .path = "/x"};
    mock_stops(start_bad, RING_STOP_BOOT, 0);
    bad_file = (struct mock_file){.kind = BOOT_FILE_MEASURED, .path = "/dev/null"};
    mock_stops(start_bad, RING_STOP_BOOT, 9);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, start, end)
    const struct CMUnitTest tests[] = {
        TEST(rollback_journal),
        TEST(wal_index),
        TEST(mappings),
        TEST(mappings_refused),
        TEST(record_locks),
        TEST(limit),
        TEST(read_only_tree),
        TEST(permissions),
        TEST(time_without_a_clock),
        TEST(paths),
        TEST(devices),
        TEST(descriptors),
        TEST(bad_buffers),
        TEST(listing_while_changing),
        TEST(sparse),
        TEST(extended_status),
        TEST(out_of_memory),
        TEST(malformed_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
