/* SPDX-License-Identifier: Apache-2.0
 *
 * What touches the host: streams, plain and hashed files; a host that is honest, short, slow to
 * answer, and one that lies.
 */
#include "runtime_mock.h"

#include "../../runtime/files/sha256.h"

#include <sys/mman.h>

#define BIG (3 * RING_BUFFER_SIZE + 12345)

static struct mock_file table[] = {
    {BOOT_FILE_HASHED, 0, "/data/hashed", "hashed", BIG, {0}},
    {BOOT_FILE_PLAIN, BOOT_FILE_DIRECTORY, "/public", "dir", 0, {0}},
    {BOOT_FILE_PLAIN, BOOT_FILE_DIRECTORY | BOOT_FILE_WRITABLE, "/shared", "dir", 0, {0}},
    {BOOT_FILE_PLAIN, BOOT_FILE_WRITABLE, "/shared/one", "file", 0, {0}},
};
static uint8_t big[BIG];

static int start(void **unused)
{
    struct sha256 hash;
    char path[128];
    (void)unused;
    for (size_t i = 0; i < BIG; i++)
        big[i] = (uint8_t)(i * 31 + i / 1000);
    sha256_begin(&hash);
    sha256_add(&hash, big, BIG);
    sha256_end(&hash, table[0].sha256);
    memset(mock_calls, 0, sizeof(mock_calls));
    memset(mock_slow_calls, 0, sizeof(mock_slow_calls));
    mock_start(table, 4, 0);
    mock_write("hashed", big, BIG);
    mock_write("file", "a plain file", 12);
    snprintf(path, sizeof(path), "%s/dir", mock_directory);
    assert_int_equal(mkdir(path, 0755), 0);
    mock_write("dir/inner", "inner", 5);
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

static void sha256_vectors(void **unused)
{
    /* FIPS 180-4 examples of NIST: "abc", the 448-bit message, a million times "a", nothing. */
    static const struct {
        const char *text;
        size_t times;
        const char *digest;
    } vectors[] = {
        {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
        {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct sha256 hash;
        uint8_t digest[32];
        char hex[65];
        sha256_begin(&hash);
        for (size_t turn = 0; turn < vectors[i].times; turn++)
            sha256_add(&hash, vectors[i].text, strlen(vectors[i].text));
        sha256_end(&hash, digest);
        for (int byte = 0; byte < 32; byte++)
            sprintf(hex + 2 * byte, "%02x", digest[byte]);
        assert_string_equal(hex, vectors[i].digest);
    }
}

static void hashed(void **unused)
{
    static uint8_t got[BIG + 1];
    (void)unused;
    long pages = mock_pages;
    long fd = open_at("/data/hashed", O_RDONLY), again = open_at("/data/hashed", O_RDONLY);
    assert_int_equal(mock_calls[RING_OPEN], 1);
    assert_int_equal(CALL(sys_read, fd, P(got), BIG + 1), BIG);
    assert_memory_equal(got, big, BIG);
    assert_int_equal(CALL(sys_pread64, again, P(got), 10, BIG - 4), 4);
    /* it changes behind our back: what was checked is what is read */
    mock_write("hashed", "short", 5);
    assert_int_equal(CALL(sys_pread64, again, P(got), 10, 0), 10);
    assert_memory_equal(got, big, 10);
    assert_int_equal(CALL(sys_close, fd), 0);
    assert_int_equal(CALL(sys_close, again), 0);
    assert_int_equal(mock_pages, pages);
    /* and what is wrong is never read */
    assert_int_equal(open_at("/data/hashed", O_RDONLY), -EIO);
    big[BIG - 1] ^= 1;
    mock_write("hashed", big, BIG);
    assert_int_equal(open_at("/data/hashed", O_RDONLY), -EIO);
    big[BIG - 1] ^= 1;
    mock_write("hashed", big, BIG - 1);
    assert_int_equal(open_at("/data/hashed", O_RDONLY), -EIO);
    memcpy(got, big, BIG);
    mock_write("hashed", got, BIG + 1);
    assert_int_equal(open_at("/data/hashed", O_RDONLY), -EIO);
    mock_write("hashed", big, BIG);
    assert_int_equal(open_at("/data/hashed", O_RDONLY), 3);
    assert_int_equal(open_at("/data/hashed", O_RDWR), -EROFS);
}

static void plain_files(void **unused)
{
    static uint8_t got[BIG];
    struct stat status;
    (void)unused;
    long fd = open_at("/shared/one", O_RDWR);
    assert_int_equal(CALL(sys_read, fd, P(got), 100), 12);
    assert_memory_equal(got, "a plain file", 12);
    assert_int_equal(CALL(sys_lseek, fd, 0, SEEK_CUR), 12);
    assert_int_equal(CALL(sys_pwrite64, fd, P("A"), 1, 0), 1);
    assert_int_equal(CALL(sys_lseek, fd, -12, SEEK_END), 0);
    assert_int_equal(CALL(sys_read, fd, P(got), 1), 1);
    assert_int_equal(got[0], 'A');
    assert_int_equal(CALL(sys_ftruncate, fd, 5), 0);
    assert_int_equal(CALL(sys_fstat, fd, P(&status)), 0);
    assert_int_equal(status.st_size, 5);
    assert_int_equal(status.st_uid, 1000);
    assert_int_equal(CALL(sys_fsync, fd), 0);
    assert_int_equal(mock_calls[RING_SYNC], 1);
    /* pieces of the bounce buffer, one request each */
    long new = open_at("/shared/new", O_RDWR | O_CREAT | O_EXCL);
    uint64_t before = mock_calls[RING_PWRITE];
    assert_int_equal(CALL(sys_write, new, P(big), BIG), BIG);
    assert_int_equal(mock_calls[RING_PWRITE] - before, 4);
    assert_int_equal(CALL(sys_pread64, new, P(got), BIG, 0), BIG);
    assert_memory_equal(got, big, BIG);
    assert_int_equal(open_at("/shared/new", O_RDWR | O_CREAT | O_EXCL), -EEXIST);
    long append = open_at("/shared/new", O_WRONLY | O_APPEND);
    assert_int_equal(CALL(sys_write, append, P("end"), 3), 3);
    assert_int_equal(CALL(sys_lseek, append, 0, SEEK_CUR), BIG + 3);
    assert_int_equal(CALL(sys_fcntl, append, F_SETFL, 0), -EINVAL);
    long synced = open_at("/shared/new", O_WRONLY | O_DSYNC);
    assert_int_equal(CALL(sys_write, synced, P("s"), 1), 1);
    assert_int_equal(mock_calls[RING_SYNC], 2);
    void *address;
    assert_int_equal(files_map((int)new, 4096, 4096, PROT_READ, MAP_PRIVATE, &address), 0);
    assert_memory_equal(address, big + 4096, 4096);
    memory_unmap(address, 4096);
    assert_int_equal(files_map((int)new, 0, 4096, PROT_READ, MAP_SHARED, &address), -ENODEV);
    assert_int_equal(CALL(sys_fchmod, new, 0600), -EPERM);
    assert_int_equal(CALL(sys_fallocate, new, 0, 0, 10), -EOPNOTSUPP);
}

static void plain_names(void **unused)
{
    struct stat status;
    char bytes[64];
    (void)unused;
    assert_int_equal(CALL(sys_mkdir, P("/shared/d"), 0755), 0);
    assert_int_equal(CALL(sys_close, open_at("/shared/d/f", O_RDWR | O_CREAT)), 0);
    assert_int_equal(CALL(sys_rmdir, P("/shared/d")), -ENOTEMPTY);
    assert_int_equal(CALL(sys_rename, P("/shared/d/f"), P("/shared/d/g")), 0);
    assert_int_equal(CALL(sys_stat, P("/shared/d/g"), P(&status)), 0);
    assert_int_equal(CALL(sys_stat, P("/shared/d/g/"), P(&status)), -ENOTDIR);
    assert_int_equal(CALL(sys_stat, P("/shared/d/f"), P(&status)), -ENOENT);
    assert_int_equal(CALL(sys_rename, P("/shared/d/g"), P("/public/g")), -EXDEV);
    assert_int_equal(CALL(sys_rename, P("/shared/d/g"), P("/tmp/g")), -ENOENT);
    /* "..", by name, stays below; the working directory and descriptors too */
    assert_int_equal(CALL(sys_chdir, P("/shared/d")), 0);
    assert_int_equal(CALL(sys_getcwd, P(bytes), 64), 10);
    assert_string_equal(bytes, "/shared/d");
    assert_int_equal(CALL(sys_stat, P("g"), P(&status)), 0);
    assert_int_equal(CALL(sys_stat, P("../inner"), P(&status)), 0);
    assert_int_equal(CALL(sys_stat, P("../../data/hashed"), P(&status)), 0);
    assert_int_equal(CALL(sys_stat, P("../../../../file"), P(&status)), -ENOENT);
    long directory = open_at(".", O_RDONLY | O_DIRECTORY);
    assert_int_equal(CALL(sys_unlinkat, directory, P("g"), 0), 0);
    /* a mount in a plain folder, by way of the folder's descriptor, is not the folder */
    long shared = open_at("/shared", O_RDONLY | O_DIRECTORY);
    assert_int_equal(CALL(sys_newfstatat, shared, P("one"), P(&status), 0), 0);
    assert_true(S_ISREG(status.st_mode));
    assert_int_equal(status.st_size, 12);
    assert_int_equal(CALL(sys_chdir, P("/")), 0);
    assert_int_equal(CALL(sys_rmdir, P("/shared/d")), 0);
    assert_int_equal(open_at("/shared/inner", O_RDONLY | O_DIRECTORY), -ENOTDIR);
    assert_int_equal(open_at("/shared/one/x", O_RDONLY), -ENOTDIR);
    /* read-only to the program whatever the host would do */
    assert_int_equal(open_at("/public/inner", O_RDWR), -EROFS);
    assert_int_equal(open_at("/public/inner", O_RDONLY | O_TRUNC), -EROFS);
    assert_int_equal(open_at("/public/other", O_RDONLY | O_CREAT), -EROFS);
    assert_true(open_at("/public/inner", O_RDONLY | O_CREAT) > 0);
    assert_int_equal(CALL(sys_unlink, P("/public/inner")), -EROFS);
    assert_int_equal(CALL(sys_mkdir, P("/public/x"), 0755), -EROFS);
    assert_int_equal(CALL(sys_truncate, P("/public/inner"), 0), -EROFS);
    assert_int_equal(CALL(sys_access, P("/public/inner"), 2), -EROFS);
    assert_int_equal(CALL(sys_access, P("/shared/inner"), 6), 0);
    assert_int_equal(CALL(sys_readlink, P("/public/inner"), P(bytes), 64), -EINVAL);
    assert_int_equal(CALL(sys_chmod, P("/shared/inner"), 0600), -EPERM);
}

static void plain_listing(void **unused)
{
    enum { FILES = 1500 };
    static uint8_t told[FILES];
    uint8_t buffer[1000];
    char name[64];
    (void)unused;
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "dir/entry-%d", i);
        mock_write(name, "", 0);
    }
    long fd = open_at("/public", O_RDONLY | O_DIRECTORY), size;
    for (int turn = 1; turn <= 2; turn++) {
        int dots = 0;
        while ((size = CALL(sys_getdents64, fd, P(buffer), sizeof(buffer))) > 0) {
            for (long at = 0; at < size;) {
                int number;
                uint16_t record;
                memcpy(&record, buffer + at + 16, 2);
                if (sscanf((char *)buffer + at + 19, "entry-%d", &number) == 1)
                    told[number]++;
                dots += buffer[at + 19] == '.';
                at += record;
            }
        }
        assert_int_equal(size, 0);
        assert_int_equal(dots, 2);
        for (int i = 0; i < FILES; i++)
            assert_int_equal(told[i], turn);
        assert_int_equal(CALL(sys_lseek, fd, 5, SEEK_SET), -EINVAL);
        assert_int_equal(CALL(sys_lseek, fd, 0, SEEK_SET), 0);
    }
    assert_int_equal(CALL(sys_getdents64, fd, P(buffer), 10), -EINVAL);
    assert_int_equal(CALL(sys_close, fd), 0);
}

/* The standard streams of the test itself are put aside while one runs. */
static int aside[3];

static void stream_use(int stream, int fd)
{
    aside[stream] = dup(stream);
    assert_int_equal(dup2(fd, stream), stream);
}

static void stream_back(int stream)
{
    dup2(aside[stream], stream);
    close(aside[stream]);
}

static void streams(void **unused)
{
    int ends[2];
    char bytes[16];
    struct stat status;
    (void)unused;
    assert_int_equal(pipe(ends), 0);
    stream_use(0, ends[0]);
    assert_int_equal(write(ends[1], "through", 7), 7);
    long got = CALL(sys_read, 0, P(bytes), 16);
    long pread_result = CALL(sys_pread64, 0, P(bytes), 1, 0);
    long seek = CALL(sys_lseek, 0, 0, SEEK_CUR);
    long status_result = CALL(sys_fstat, 0, P(&status));
    long flags = CALL(sys_fcntl, 0, F_SETFL, O_NONBLOCK);
    long nothing = CALL(sys_read, 0, P(bytes), 1);
    close(ends[1]);
    stream_back(0);
    close(ends[0]);
    assert_int_equal(got, 7);
    assert_memory_equal(bytes, "through", 7);
    assert_int_equal(pread_result, -ESPIPE);
    assert_int_equal(seek, -ESPIPE);
    assert_int_equal(status_result, 0);
    assert_true(S_ISFIFO(status.st_mode));
    assert_int_equal(flags, 0);
    assert_int_equal(nothing, -EAGAIN);
    assert_int_equal(mock_slow_calls[RING_READ], 1); /* it may wait */
    assert_int_equal(CALL(sys_ioctl, 0, 0x5401), -ENOTTY);
}

static void stream_is_a_file(void **unused)
{
    char bytes[16];
    (void)unused;
    mock_write("out", "0123456789", 10);
    char path[128];
    snprintf(path, sizeof(path), "%s/out", mock_directory);
    int file = open(path, O_RDWR);
    stream_use(1, file);
    struct iovec two[2] = {{"ab", 2}, {"cd", 2}};
    long wrote = CALL(sys_writev, 1, P(two), 2);
    long seek = CALL(sys_lseek, 1, 6, SEEK_SET);
    long got = CALL(sys_read, 1, P(bytes), 16);
    long pread_result = CALL(sys_pread64, 1, P(bytes + 8), 4, 0);
    /* by its name: a description of its own, of the same stream */
    long named = open_at("/dev/stdout", O_WRONLY | O_CREAT | O_TRUNC);
    long end = CALL(sys_lseek, named, 0, SEEK_END);
    long more = CALL(sys_write, named, P("ef"), 2);
    stream_back(1);
    close(file);
    assert_true(named > 2);
    assert_int_equal(end, 10);
    assert_int_equal(more, 2);
    assert_int_equal(CALL(sys_close, named), 0);
    assert_int_equal(CALL(sys_close, 0), 0);
    assert_int_equal(open_at("/dev/stdin", O_RDONLY), 0);
    assert_int_equal(wrote, 4);
    assert_int_equal(mock_calls[RING_WRITE], 2); /* one request for two buffers */
    assert_int_equal(seek, 6);
    assert_int_equal(got, 4);
    assert_int_equal(pread_result, 4);
    assert_memory_equal(bytes, "6789", 4);
    assert_memory_equal(bytes + 8, "abcd", 4);
    assert_int_equal(mock_slow_calls[RING_READ] + mock_slow_calls[RING_WRITE], 0);
}

/* ---- a host that is short, interrupted, or failing: all legal ---- */

static int64_t lie_result;
static uint32_t lie_operation;
static int lie_times;
static void (*lie_buffer)(uint8_t *buffer);

static bool liar(uint32_t operation, const uint64_t *argument, uint8_t *buffer, int64_t *result)
{
    (void)argument;
    if (operation != lie_operation || lie_times == 0)
        return false;
    lie_times--;
    *result = lie_result;
    if (lie_buffer)
        lie_buffer(buffer);
    return true;
}

static void lie(uint32_t operation, int64_t result, int times, void (*buffer)(uint8_t *))
{
    lie_operation = operation;
    lie_result = result;
    lie_times = times;
    lie_buffer = buffer;
    mock_lie = liar;
}

static void short_and_failing(void **unused)
{
    uint8_t bytes[32];
    (void)unused;
    long fd = open_at("/shared/one", O_RDWR);
    lie(RING_PREAD, 3, 1, NULL);
    assert_int_equal(CALL(sys_read, fd, P(bytes), 12), 3);
    lie(RING_PREAD, -EINTR, 3, NULL); /* the host's own affair */
    assert_int_equal(CALL(sys_read, fd, P(bytes), 12), 9);
    lie(RING_PREAD, -EINTR, 3, NULL);
    mock_self()->signals_pending = 4; /* a signal of the program's: it shall know */
    assert_int_equal(CALL(sys_pread64, fd, P(bytes), 12, 0), -EINTR);
    mock_self()->signals_pending = 0;
    lie(RING_PREAD, -EIO, 1, NULL);
    assert_int_equal(CALL(sys_pread64, fd, P(bytes), 12, 0), -EIO);
    lie(RING_PWRITE, 1, 1, NULL);
    assert_int_equal(CALL(sys_pwrite64, fd, P(bytes), 12, 0), 1);
    lie(RING_PWRITE, -ENOSPC, 1, NULL);
    assert_int_equal(CALL(sys_pwrite64, fd, P(bytes), 12, 0), -ENOSPC);
    lie(RING_SYNC, -EIO, 1, NULL);
    assert_int_equal(CALL(sys_fsync, fd), -EIO);
    lie(RING_STAT, -EIO, 1, NULL);
    assert_int_equal(open_at("/shared/one", O_RDWR), -EIO);
    lie(RING_WRITE, -EPIPE, 1, NULL);
    assert_int_equal(CALL(sys_write, 1, P("x"), 1), -EPIPE);
    assert_int_equal(mock_raised, 13);
    lie(RING_PREAD, 5, 1, NULL); /* of a hashed file: less than was asked, the rest later */
    assert_int_equal(open_at("/data/hashed", O_RDONLY), -EIO); /* 5 bytes of something else */
}

/* ---- a host that lies ---- */

static void stat_size(uint8_t *buffer)
{
    struct ring_stat stat = {.mode = S_IFREG, .size = UINT64_MAX};
    memcpy(buffer, &stat, sizeof(stat));
}

static void stat_time(uint8_t *buffer)
{
    struct ring_stat stat = {.mode = S_IFREG, .modify_nanoseconds = 1000000000};
    memcpy(buffer, &stat, sizeof(stat));
}

static void stat_directory(uint8_t *buffer)
{
    struct ring_stat stat = {.mode = S_IFDIR | 0755};
    memcpy(buffer, &stat, sizeof(stat));
}

static void stat_unknown(uint8_t *buffer)
{
    struct ring_stat stat = {.mode = 0170000 | 0644};
    memcpy(buffer, &stat, sizeof(stat));
}

static void stat_link(uint8_t *buffer)
{
    struct ring_stat stat = {.mode = S_IFLNK | 0644};
    memcpy(buffer, &stat, sizeof(stat));
}

static const char *entry_name;
static uint16_t entry_length;

static void entry(uint8_t *buffer)
{
    struct ring_entry made = {.inode = 1, .name_length = entry_length, .type = 77};
    memset(buffer, 0, 1024);
    memcpy(buffer, &made, sizeof(made));
    memcpy(buffer + sizeof(made), entry_name, entry_length < 300 ? entry_length : 4);
}

static long subject; /* a descriptor */

static void does_read(void)
{
    uint8_t bytes[64];
    CALL(sys_pread64, subject, P(bytes), 12, 0);
}

static void does_write(void)
{
    CALL(sys_pwrite64, subject, P("twelve bytes"), 12, 0);
}

static void does_open(void)
{
    open_at("/shared/inner", O_RDONLY);
}

static void does_stat(void)
{
    struct stat status;
    CALL(sys_stat, P("/shared/inner"), P(&status));
}

static void does_fstat(void)
{
    struct stat status;
    CALL(sys_fstat, 1, P(&status));
}

static void does_list(void)
{
    uint8_t buffer[1024];
    CALL(sys_getdents64, open_at("/public", O_RDONLY), P(buffer), sizeof(buffer));
}

static void does_seek(void)
{
    CALL(sys_lseek, 1, 0, SEEK_CUR);
}

static void does_sync(void)
{
    CALL(sys_fsync, subject);
}

static void lies(void **unused)
{
    (void)unused;
    subject = open_at("/shared/one", O_RDWR);
    static const struct {
        uint32_t operation;
        int64_t result;
        void (*buffer)(uint8_t *);
        void (*action)(void);
    } table_of_lies[] = {
        {RING_PREAD, 13, NULL, does_read},         {RING_PREAD, INT64_MAX, NULL, does_read},
        {RING_PREAD, -134, NULL, does_read},       {RING_PREAD, INT64_MIN, NULL, does_read},
        {RING_PWRITE, 13, NULL, does_write},       {RING_OPEN, 0, NULL, does_open},
        {RING_OPEN, 2, NULL, does_open},           {RING_OPEN, 65536, NULL, does_open},
        {RING_STAT, 1, NULL, does_open},           {RING_STAT, 0, stat_size, does_open},
        {RING_STAT, 0, stat_time, does_open},      {RING_STAT_PATH, 0, stat_size, does_stat},
        {RING_STAT_PATH, 0, stat_time, does_stat}, {RING_STAT_PATH, 7, NULL, does_stat},
        {RING_STAT, 0, stat_size, does_fstat},     {RING_LIST, INT64_MAX, NULL, does_list},
        {RING_LIST, 16377, NULL, does_list},       {RING_LIST, 1, NULL, does_list},
        {RING_SYNC, 1, NULL, does_sync},
    };
    for (size_t i = 0; i < sizeof(table_of_lies) / sizeof(table_of_lies[0]); i++) {
        lie(table_of_lies[i].operation, table_of_lies[i].result, 1, table_of_lies[i].buffer);
        mock_stops(table_of_lies[i].action, RING_STOP_HOST_LIED, table_of_lies[i].operation);
    }
    /* not impossible, but not what the manifest says, or nothing that a file can be */
    lie(RING_STAT, 0, 1, stat_directory);
    assert_int_equal(open_at("/shared/one", O_RDONLY), -EIO);
    lie(RING_STAT, 0, 1, stat_unknown);
    assert_int_equal(open_at("/shared/inner", O_RDONLY), -EIO);
    struct stat status;
    lie(RING_STAT_PATH, 0, 1, stat_unknown);
    assert_int_equal(CALL(sys_stat, P("/shared/inner"), P(&status)), -EIO);
    lie(RING_STAT_PATH, 0, 1, stat_link);
    assert_int_equal(CALL(sys_stat, P("/shared/inner"), P(&status)), -EIO);
    /* a stream that is a directory: nothing is below it */
    lie(RING_STAT, 0, 1, stat_directory);
    uint8_t byte;
    assert_int_equal(CALL(sys_pread64, 2, P(&byte), 1, 0), -ESPIPE);
    assert_int_equal(open_at("/dev/stderr/x", O_RDONLY), -ENOTDIR);
    /* a stream whose position is beyond all numbers */
    lie(RING_SEEK_HOST, INT64_MIN, 1, NULL);
    mock_write("out", "0123456789", 10);
    char path[128];
    snprintf(path, sizeof(path), "%s/out", mock_directory);
    int file = open(path, O_RDWR);
    stream_use(1, file);
    mock_stops(does_seek, RING_STOP_HOST_LIED, RING_SEEK_HOST);
    stream_back(1);
    close(file);
}

static void entries_that_lie(void **unused)
{
    static char longest[300];
    uint8_t buffer[1024];
    (void)unused;
    memset(longest, 'x', sizeof(longest) - 1);
    static const struct {
        const char *name;
        uint16_t length;
        int64_t size;
    } bad[] = {
        {"a/b", 3, 24},  {"a\0b", 3, 24},     {"", 0, 16},         {"name", 4, 16},
        {"name", 4, 20}, {longest, 256, 272}, {"name", 65535, 24},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        entry_name = bad[i].name;
        entry_length = bad[i].length;
        lie(RING_LIST, bad[i].size, 1, entry);
        mock_stops(does_list, RING_STOP_HOST_LIED, RING_LIST);
    }
    /* "." and ".." of the host are not told; a type that is none is unknown */
    entry_name = "..";
    entry_length = 2;
    lie(RING_LIST, 24, 1, entry);
    long fd = open_at("/public", O_RDONLY);
    long size = CALL(sys_getdents64, fd, P(buffer), sizeof(buffer));
    assert_int_equal(size, 24 + 24 + 32); /* ".", "..", and "inner" of the honest rest */
    entry_name = "odd";
    entry_length = 3;
    lie(RING_LIST, 24, 1, entry);
    fd = open_at("/public", O_RDONLY);
    assert_true(CALL(sys_getdents64, fd, P(buffer), sizeof(buffer)) > 72);
    assert_int_equal(buffer[48 + 18], 0);
    assert_string_equal((char *)buffer + 48 + 19, "odd");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, start, end)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_vectors),
        TEST(hashed),
        TEST(plain_files),
        TEST(plain_names),
        TEST(plain_listing),
        TEST(streams),
        TEST(stream_is_a_file),
        TEST(short_and_failing),
        TEST(lies),
        TEST(entries_that_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
