/* SPDX-License-Identifier: Apache-2.0
 *
 * The same random calls on a memory directory inside and on a folder of the real kernel: results,
 * errnos, bytes and listings must agree. The seed is fixed; CELLA_SEED gives another.
 */
#include "runtime_mock.h"

#include <sys/syscall.h>
#include <sys/uio.h>

#define STEPS       40000
#define DESCRIPTORS 12
#define INSIDE      "/work"

static uint64_t state;
static char outside[64];
static int real_fd[DESCRIPTORS]; /* -1: closed on both sides */
static long mine_fd[DESCRIPTORS];

static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 20) % below;
}

/* Few names, so that calls meet: files, directories, a name of both, odd paths. */
static const char *name(void)
{
    static const char *const names[] = {
        "a",      "b",      "c",        "d",    "d/a",  "d/b", "d/e",       "d/e/f", "./a",
        "d/../b", "d/e/..", "a/",       "d/",   "e",    "e/a", "missing/x", "a/x",   ".",
        "..",     "d/.",    "d//e///f", "e/..", "d/e/", "e/d", "e/d/a",
    };
    return names[draw(sizeof(names) / sizeof(names[0]))];
}

struct pair {
    char mine[128], real[128];
};

static struct pair path(void)
{
    struct pair pair;
    const char *chosen = name();
    /* ".." at the top would leave the folder */
    if (strcmp(chosen, "..") == 0)
        chosen = "d/e/../..";
    snprintf(pair.mine, sizeof(pair.mine), "%s/%s", INSIDE, chosen);
    snprintf(pair.real, sizeof(pair.real), "%s/%s", outside, chosen);
    return pair;
}

static long real(long result)
{
    return result < 0 ? -errno : result;
}

static int slot_of(bool open)
{
    uint32_t start = draw(DESCRIPTORS);
    for (uint32_t i = 0; i < DESCRIPTORS; i++) {
        uint32_t slot = (start + i) % DESCRIPTORS;
        if ((real_fd[slot] >= 0) == open)
            return (int)slot;
    }
    return -1;
}

static void check(const char *what, const char *detail, unsigned step, long mine, long theirs)
{
    if (mine != theirs)
        fail_msg("step %u: %s %s: %ld here, %ld there", step, what, detail, mine, theirs);
}

static void step_open(unsigned step)
{
    static const int flags[] = {O_RDONLY,
                                O_RDWR,
                                O_WRONLY,
                                O_RDWR | O_CREAT,
                                O_RDWR | O_CREAT,
                                O_WRONLY | O_CREAT | O_EXCL,
                                O_RDWR | O_CREAT | O_TRUNC,
                                O_RDWR | O_APPEND | O_CREAT,
                                O_RDONLY | O_DIRECTORY,
                                O_WRONLY | O_TRUNC,
                                O_RDONLY | O_CREAT};
    int slot = slot_of(false);
    if (slot < 0)
        return;
    struct pair pair = path();
    int chosen = flags[draw(sizeof(flags) / sizeof(flags[0]))];
    char detail[160];
    snprintf(detail, sizeof(detail), "%s %o", pair.mine, (unsigned)chosen);
    long mine = CALL(sys_openat, AT_FDCWD, P(pair.mine), chosen, 0644);
    long theirs = real(open(pair.real, chosen, 0644));
    check("open", detail, step, mine < 0 ? mine : 0, theirs < 0 ? theirs : 0);
    real_fd[slot] = theirs < 0 ? -1 : (int)theirs;
    mine_fd[slot] = mine;
}

static void fill(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)draw(256);
}

/* Offsets and sizes that meet page and chunk borders. */
static long offset(void)
{
    static const long borders[] = {0, 1, 4095, 4096, 65535, 65536, 65537, 131072, 200000, 300001};
    return draw(3) ? borders[draw(10)] : (long)draw(400000);
}

static void step_io(unsigned step)
{
    static uint8_t mine_bytes[140000], real_bytes[140000];
    int slot = slot_of(true);
    if (slot < 0)
        return;
    size_t size = draw(2) ? draw(100) : draw(4) ? draw(10000) : draw(sizeof(mine_bytes));
    long at = offset(), mine, theirs;
    long fd = mine_fd[slot];
    struct iovec parts[3] = {{mine_bytes, size / 3},
                             {mine_bytes + size / 3, 0},
                             {mine_bytes + size / 3, size - size / 3}};
    uint32_t kind = draw(6);
    memset(mine_bytes, 0xee, size);
    memset(real_bytes, 0xee, size);
    if (kind % 2) {
        fill(real_bytes, size < 200 ? size : 200);
        memcpy(mine_bytes, real_bytes, size);
    }
    switch (kind) {
    case 0:
        mine = CALL(sys_read, fd, P(mine_bytes), (long)size);
        theirs = real(read(real_fd[slot], real_bytes, size));
        break;
    case 1:
        mine = CALL(sys_write, fd, P(mine_bytes), (long)size);
        theirs = real(write(real_fd[slot], real_bytes, size));
        break;
    case 2:
        mine = CALL(sys_pread64, fd, P(mine_bytes), (long)size, at);
        theirs = real(pread(real_fd[slot], real_bytes, size, at));
        break;
    case 3:
        mine = CALL(sys_pwrite64, fd, P(mine_bytes), (long)size, at);
        theirs = real(pwrite(real_fd[slot], real_bytes, size, at));
        break;
    case 4:
        mine = CALL(sys_readv, fd, P(parts), 3);
        theirs = real(read(real_fd[slot], real_bytes, size));
        break;
    default:
        mine = CALL(sys_writev, fd, P(parts), 3);
        theirs = real(write(real_fd[slot], real_bytes, size));
        break;
    }
    static const char *const names[] = {"read", "write", "pread", "pwrite", "readv", "writev"};
    check(names[kind], "", step, mine, theirs);
    assert_memory_equal(mine_bytes, real_bytes, size);
}

static void step_seek(unsigned step)
{
    int slot = slot_of(true);
    if (slot < 0)
        return;
    struct stat status;
    fstat(real_fd[slot], &status);
    long at = offset() - (draw(2) ? 5000 : 0);
    int whence = S_ISDIR(status.st_mode) ? SEEK_SET : (int)draw(3);
    at = S_ISDIR(status.st_mode) ? 0 : at;
    check("lseek", "", step, CALL(sys_lseek, mine_fd[slot], at, whence),
          real(lseek(real_fd[slot], at, whence)));
}

static void step_truncate(unsigned step)
{
    int slot = slot_of(true);
    long size = draw(8) ? offset() : -1;
    if (slot >= 0 && draw(2)) {
        check("ftruncate", "", step, CALL(sys_ftruncate, mine_fd[slot], size),
              real(ftruncate(real_fd[slot], size)));
        return;
    }
    struct pair pair = path();
    check("truncate", pair.mine, step, CALL(sys_truncate, P(pair.mine), size),
          real(truncate(pair.real, size)));
}

static void compare_status(const char *what, unsigned step, const struct stat *mine,
                           const struct stat *theirs)
{
    check(what, "mode", step, (long)mine->st_mode, (long)theirs->st_mode);
    if (!S_ISDIR(theirs->st_mode)) {
        check(what, "size", step, mine->st_size, theirs->st_size);
        check(what, "links", step, (long)mine->st_nlink, (long)theirs->st_nlink);
    }
}

static void step_stat(unsigned step)
{
    struct stat mine, theirs;
    memset(&mine, 0, sizeof(mine));
    int slot = slot_of(true);
    if (slot >= 0 && draw(2)) {
        check("fstat", "", step, CALL(sys_fstat, mine_fd[slot], P(&mine)),
              real(fstat(real_fd[slot], &theirs)));
        compare_status("fstat", step, &mine, &theirs);
        return;
    }
    struct pair pair = path();
    long result = real(stat(pair.real, &theirs));
    check("stat", pair.mine, step, CALL(sys_stat, P(pair.mine), P(&mine)), result);
    if (result == 0)
        compare_status(pair.mine, step, &mine, &theirs);
}

static void step_names(unsigned step)
{
    struct pair one = path(), two = path();
    char both[300];
    snprintf(both, sizeof(both), "%s %s", one.mine, two.mine);
    switch (draw(6)) {
    case 0:
        check("unlink", one.mine, step, CALL(sys_unlink, P(one.mine)), real(unlink(one.real)));
        break;
    case 1:
        check("rmdir", one.mine, step, CALL(sys_rmdir, P(one.mine)), real(rmdir(one.real)));
        break;
    case 2:
        check("mkdir", one.mine, step, CALL(sys_mkdir, P(one.mine), 0755),
              real(mkdir(one.real, 0755)));
        break;
    case 3:
        check("renameat2", both, step,
              CALL(sys_renameat2, AT_FDCWD, P(one.mine), AT_FDCWD, P(two.mine), 1),
              real(syscall(SYS_renameat2, AT_FDCWD, one.real, AT_FDCWD, two.real, 1)));
        break;
    default:
        check("rename", both, step, CALL(sys_rename, P(one.mine), P(two.mine)),
              real(rename(one.real, two.real)));
        break;
    }
}

static void step_dup(unsigned step)
{
    int from = slot_of(true), to = slot_of(false);
    (void)step;
    if (from < 0 || to < 0)
        return;
    real_fd[to] = dup(real_fd[from]);
    mine_fd[to] = CALL(sys_dup, mine_fd[from]);
    assert_true(real_fd[to] >= 0 && mine_fd[to] >= 0);
}

static void step_close(unsigned step)
{
    int slot = slot_of(true);
    if (slot < 0)
        return;
    check("close", "", step, CALL(sys_close, mine_fd[slot]), real(close(real_fd[slot])));
    real_fd[slot] = -1;
}

static void step_append(unsigned step)
{
    int slot = slot_of(true);
    if (slot < 0)
        return;
    long flags = draw(2) ? O_APPEND : 0;
    check("F_SETFL", "", step, CALL(sys_fcntl, mine_fd[slot], F_SETFL, flags),
          real(fcntl(real_fd[slot], F_SETFL, flags)));
    check("F_GETFL", "", step, CALL(sys_fcntl, mine_fd[slot], F_GETFL) & (O_ACCMODE | O_APPEND),
          real(fcntl(real_fd[slot], F_GETFL)) & (O_ACCMODE | O_APPEND));
}

static long list(syscall_handler *handler, long fd, uint64_t *sum)
{
    static uint8_t buffer[4096];
    long entries = 0, size;
    const long argument[6] = {fd, P(buffer), sizeof(buffer)};
    while ((size = handler ? handler(argument)
                           : real(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)))) > 0) {
        for (long at = 0; at < size; entries++) {
            uint16_t record;
            memcpy(&record, buffer + at + 16, 2);
            /* an order-free sum of names and types */
            uint64_t hash = buffer[at + 18];
            for (const char *c = (char *)buffer + at + 19; *c; c++)
                hash = hash * 31 + (uint8_t)*c;
            *sum += hash;
            at += record;
        }
    }
    return size < 0 ? size : entries;
}

static void step_list(unsigned step)
{
    int slot = slot_of(true);
    uint64_t mine = 0, theirs = 0;
    if (slot < 0)
        return;
    struct stat status;
    fstat(real_fd[slot], &status);
    if (S_ISDIR(status.st_mode)) {
        lseek(real_fd[slot], 0, SEEK_SET);
        CALL(sys_lseek, mine_fd[slot], 0, SEEK_SET);
    }
    check("getdents64", "", step, list(sys_getdents64, mine_fd[slot], &mine),
          list(NULL, real_fd[slot], &theirs));
    assert_int_equal(mine, theirs);
    if (S_ISDIR(status.st_mode)) { /* ext4's last position is one that read takes for too large */
        lseek(real_fd[slot], 0, SEEK_SET);
        CALL(sys_lseek, mine_fd[slot], 0, SEEK_SET);
    }
}

static void same_as_the_kernel(void **unused)
{
    (void)unused;
    const struct mock_file files[] = {{BOOT_FILE_MEMORY, 0, INSIDE, NULL, 0, {0}}};
    void (*const steps[])(unsigned) = {
        step_open,  step_open, step_open,     step_io,    step_io,     step_io,    step_io,
        step_io,    step_seek, step_truncate, step_stat,  step_stat,   step_names, step_names,
        step_names, step_dup,  step_close,    step_close, step_append, step_list};
    mock_start(files, 1, 0);
    strcpy(outside, mock_directory);
    assert_int_equal(chmod(outside, 01777), 0); /* as a memory directory has it */
    const char *seed = getenv("CELLA_SEED");
    state = seed ? strtoull(seed, NULL, 10) : 20240611;
    state |= UINT64_C(1) << 40;
    umask(022);
    for (int i = 0; i < DESCRIPTORS; i++)
        real_fd[i] = -1;
    for (unsigned step = 0; step < STEPS; step++)
        steps[draw(sizeof(steps) / sizeof(steps[0]))](step);
    for (int i = 0; i < DESCRIPTORS; i++) {
        if (real_fd[i] >= 0)
            step_close(STEPS);
    }
    mock_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_the_kernel)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
