/* SPDX-License-Identifier: Apache-2.0
 *
 * See runtime_mock.h.
 */
#include "runtime_mock.h"

#include <asm/prctl.h>
#include <dirent.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

char mock_directory[64];
mock_liar *mock_lie;
long mock_allocations, mock_pages, mock_fail_after = -1;
uint64_t mock_calls[128], mock_slow_calls[128];
int mock_raised;
struct runtime_time mock_clock = {1700000000, 5};
bool mock_has_clock = true;
const struct boot_header *boot;
bool runtime_debug;

static struct boot_header header;
static struct boot_file table[16];
static DIR *listings[1024]; /* directories that are being listed, by handle */
static __thread struct thread thread;
static __thread struct ring_slot slot;
static __thread _Alignas(8) uint8_t buffer[RING_BUFFER_SIZE];

/* ---- the runtime's other half ---- */

void mock_thread(void)
{
    memset(&thread, 0, sizeof(thread));
    thread.self = &thread;
    thread.slot = &slot;
    thread.buffer = buffer;
    assert_int_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, &thread), 0);
}

struct thread *mock_self(void)
{
    return &thread;
}

_Noreturn void runtime_stop(enum ring_stop why, uint64_t detail)
{
    fprintf(stderr, "runtime_stop(%d, %lu)\n", (int)why, detail);
    _exit(100 + (int)why * 20 + (int)(detail % 17));
}

_Noreturn void runtime_exit(int status, int signal)
{
    _exit(status + signal);
}

void runtime_log(enum ring_log what, uint64_t detail)
{
    (void)what;
    (void)detail;
}

void mock_stops(void (*action)(void), enum ring_stop why, uint64_t detail)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        mock_thread();
        action();
        _exit(99);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 100 + (int)why * 20 + (int)(detail % 17));
}

void lock_acquire(struct lock *lock)
{
    uint32_t free_word = 0;
    while (!__atomic_compare_exchange_n((uint32_t *)&lock->word, &free_word, 1, false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        free_word = 0;
        sched_yield();
    }
}

void lock_release(struct lock *lock)
{
    lock->word = 0;
}

void thread_wait(_Atomic uint32_t *word, uint32_t value, uint64_t ns)
{
    struct timespec time = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, ns == UINT64_MAX ? NULL : &time, NULL, 0);
}

void thread_wake(_Atomic uint32_t *word, uint32_t count)
{
    int most = count > INT32_MAX ? INT32_MAX : (int)count;
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, most, NULL, NULL, 0);
}

void signal_raise(int number)
{
    mock_raised = number;
}

static bool fails_now(void)
{
    return mock_fail_after >= 0 && mock_fail_after-- == 0 ? (mock_fail_after = 0, true) : false;
}

void *memory_map(uint64_t size)
{
    if (!size || size > UINT64_C(1) << 34 || fails_now())
        return NULL;
    void *start = mmap(NULL, RING_PAGE_UP(size), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED)
        return NULL;
    __atomic_add_fetch(&mock_pages, (long)RING_PAGE_UP(size), __ATOMIC_RELAXED);
    return start;
}

void *memory_map_program(uint64_t size)
{
    return memory_map(size);
}

void memory_unmap(void *start, uint64_t size)
{
    __atomic_sub_fetch(&mock_pages, (long)RING_PAGE_UP(size), __ATOMIC_RELAXED);
    assert_int_equal(munmap(start, RING_PAGE_UP(size)), 0);
}

/* The file tree lives as long as its enclave: nothing frees it. Tests count allocations instead. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

void *memory_allocate(size_t size)
{
    if (size > UINT64_C(1) << 34 || fails_now())
        return NULL;
    __atomic_add_fetch(&mock_allocations, 1, __ATOMIC_RELAXED);
    return calloc(1, size);
}

void memory_free(void *object)
{
    if (object)
        __atomic_sub_fetch(&mock_allocations, 1, __ATOMIC_RELAXED);
    free(object);
}

bool memory_is_inside(const void *start, uint64_t size)
{
    uint64_t at = (uint64_t)start, end = (uint64_t)MOCK_OUTSIDE;
    return at >= 4096 && at < end && size <= end - at;
}

void random_bytes(void *bytes, size_t size)
{
    memset(bytes, 0x5a, size);
}

uint64_t clock_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

bool clock_realtime(struct runtime_time *time)
{
    *time = mock_clock;
    return mock_has_clock;
}

/* ---- the host ---- */

void host_put(size_t offset, const void *bytes, size_t size)
{
    assert_true(offset <= RING_BUFFER_SIZE && size <= RING_BUFFER_SIZE - offset);
    memcpy(buffer + offset, bytes, size);
}

void host_get(size_t offset, void *bytes, size_t size)
{
    assert_true(offset <= RING_BUFFER_SIZE && size <= RING_BUFFER_SIZE - offset);
    memcpy(bytes, buffer + offset, size);
}

static const char *host_path(uint64_t index, const char *below, uint64_t length)
{
    static __thread char path[2][PATH_MAX];
    static __thread unsigned turn;
    char *to = path[turn++ % 2];
    snprintf(to, PATH_MAX, "%s/%s%s%.*s", mock_directory, (const char *)table[index].content.offset,
             length ? "/" : "", (int)length, below);
    return to;
}

static int64_t host_open(const uint64_t *a)
{
    uint64_t wanted = a[1];
    int flags =
        (wanted & RING_OPEN_WRITE) ? (wanted & RING_OPEN_READ) ? O_RDWR : O_WRONLY : O_RDONLY;
    flags |=
        (wanted & RING_OPEN_CREATE ? O_CREAT : 0) | (wanted & RING_OPEN_EXCLUSIVE ? O_EXCL : 0) |
        (wanted & RING_OPEN_TRUNCATE ? O_TRUNC : 0) | (wanted & RING_OPEN_APPEND ? O_APPEND : 0) |
        (wanted & RING_OPEN_DIRECTORY ? O_DIRECTORY : 0) |
        (wanted & RING_OPEN_NOFOLLOW ? O_NOFOLLOW : 0);
    return open(host_path(a[0], (char *)buffer, a[3]), flags, (mode_t)a[2]);
}

static int64_t host_stat(int result, const struct stat *from)
{
    if (result < 0)
        return result;
    struct ring_stat to = {.inode = from->st_ino,
                           .size = (uint64_t)from->st_size,
                           .blocks = (uint64_t)from->st_blocks,
                           .mode = from->st_mode,
                           .links = (uint32_t)from->st_nlink,
                           .access_seconds = from->st_atim.tv_sec,
                           .modify_seconds = from->st_mtim.tv_sec,
                           .change_seconds = from->st_ctim.tv_sec,
                           .access_nanoseconds = (uint32_t)from->st_atim.tv_nsec,
                           .modify_nanoseconds = (uint32_t)from->st_mtim.tv_nsec,
                           .change_nanoseconds = (uint32_t)from->st_ctim.tv_nsec,
                           .device = 3};
    memcpy(buffer, &to, sizeof(to));
    return 0;
}

static int64_t host_list(int handle, uint64_t most)
{
    uint64_t at = 0, kernel = 0;
    if (!listings[handle])
        listings[handle] = fdopendir(dup(handle));
    for (;;) {
        long before = telldir(listings[handle]);
        struct dirent *entry = readdir(listings[handle]);
        if (!entry)
            break;
        uint64_t length = strlen(entry->d_name), size = 16 + ((length + 7) & ~7ul);
        kernel += (length + 20 + 7) & ~7ul; /* struct linux_dirent64 */
        if (kernel > most) {
            seekdir(listings[handle], before);
            return at ? (int64_t)at : -EINVAL;
        }
        struct ring_entry to = {
            .inode = entry->d_ino, .name_length = (uint16_t)length, .type = entry->d_type};
        memset(buffer + at, 0, size);
        memcpy(buffer + at, &to, sizeof(to));
        memcpy(buffer + at + 16, entry->d_name, length);
        at += size;
    }
    return (int64_t)at;
}

static int64_t host_poll(uint64_t count, uint64_t ns)
{
    struct ring_poll *set = (struct ring_poll *)buffer;
    struct pollfd real[64];
    for (uint64_t i = 0; i < count; i++)
        real[i] = (struct pollfd){(int)set[i].handle, (short)set[i].events, 0};
    int result = poll(real, count, ns == UINT64_MAX ? -1 : (int)((ns + 999999) / 1000000));
    for (uint64_t i = 0; i < count; i++)
        set[i].revents = (uint16_t)real[i].revents;
    return result;
}

static int64_t host_address(int result, const struct sockaddr_storage *from, socklen_t length,
                            uint64_t offset)
{
    struct ring_address to = {.length = length};
    memcpy(to.bytes, from, length);
    if (result >= 0)
        memcpy(buffer + offset, &to, sizeof(to));
    return result;
}

static int64_t host_serve_socket(uint32_t operation, const uint64_t *a)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    int handle = (int)a[0];
    int64_t result;
    memset(&address, 0, sizeof(address));
    switch (operation) {
    case RING_SOCKET:
        return socket((int)a[0], (int)a[1], (int)a[2]);
    case RING_CONNECT:
        return connect(handle, (void *)buffer, (socklen_t)a[1]);
    case RING_BIND:
        return bind(handle, (void *)buffer, (socklen_t)a[1]);
    case RING_LISTEN:
        return listen(handle, (int)a[1]);
    case RING_ACCEPT:
        result = accept4(handle, (void *)&address, &length, (int)a[1]);
        return host_address((int)result, &address, length, 0);
    case RING_SEND:
        return sendto(handle, buffer, a[1], (int)a[2] | MSG_NOSIGNAL,
                      a[3] ? (void *)(buffer + a[1]) : NULL, (socklen_t)a[3]);
    case RING_RECEIVE:
        result = recvfrom(handle, buffer, a[1], (int)a[2], (void *)&address, &length);
        return host_address((int)result, &address, length, a[1]);
    case RING_SHUTDOWN:
        return shutdown(handle, (int)a[1]);
    case RING_SOCKET_NAME:
        result = a[1] ? getpeername(handle, (void *)&address, &length)
                      : getsockname(handle, (void *)&address, &length);
        return host_address((int)result, &address, length, 0);
    case RING_SOCKET_SET:
        return setsockopt(handle, (int)a[1], (int)a[2], buffer, (socklen_t)a[3]);
    case RING_SOCKET_GET:
        length = (socklen_t)a[3];
        result = getsockopt(handle, (int)a[1], (int)a[2], buffer, &length);
        return result < 0 ? result : (int64_t)length;
    case RING_NONBLOCK:
        return fcntl(handle, F_SETFL, a[1] ? O_NONBLOCK : 0);
    default:
        fail_msg("the host does not know operation %u", operation);
        return -1;
    }
}

static int64_t host_serve(uint32_t operation, const uint64_t *a)
{
    struct stat status;
    int handle = (int)a[0];
    switch (operation) {
    case RING_READ:
        return read(handle, buffer, a[1]);
    case RING_WRITE:
        return write(handle, buffer, a[1]);
    case RING_PREAD:
        return pread(handle, buffer, a[1], (off_t)a[2]);
    case RING_PWRITE:
        return pwrite(handle, buffer, a[1], (off_t)a[2]);
    case RING_OPEN:
        return host_open(a);
    case RING_CLOSE:
        if (listings[handle])
            closedir(listings[handle]);
        listings[handle] = NULL;
        return close(handle);
    case RING_STAT:
        return host_stat(fstat(handle, &status), &status);
    case RING_STAT_PATH:
        return host_stat(a[1] ? stat(host_path(a[0], (char *)buffer, a[3]), &status)
                              : lstat(host_path(a[0], (char *)buffer, a[3]), &status),
                         &status);
    case RING_TRUNCATE:
        return ftruncate(handle, (off_t)a[1]);
    case RING_SYNC:
        return a[1] ? fdatasync(handle) : fsync(handle);
    case RING_UNLINK:
        return a[1] ? rmdir(host_path(a[0], (char *)buffer, a[3]))
                    : unlink(host_path(a[0], (char *)buffer, a[3]));
    case RING_MKDIR:
        return mkdir(host_path(a[0], (char *)buffer, a[3]), (mode_t)a[2]);
    case RING_RENAME:
        return rename(host_path(a[0], (char *)buffer, a[3]),
                      host_path(a[0], (char *)buffer + a[3], a[1]));
    case RING_LIST:
        return host_list(handle, a[1]);
    case RING_SEEK_HOST:
        return lseek(handle, (off_t)a[1], (int)a[2]);
    case RING_POLL:
        return host_poll(a[0], a[1]);
    default:
        return host_serve_socket(operation, a);
    }
}

int64_t host_call(uint32_t operation, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                  int64_t least, int64_t most)
{
    const uint64_t argument[4] = {a0, a1, a2, a3};
    int64_t result;
    mock_calls[operation]++;
    if (!mock_lie || !mock_lie(operation, argument, buffer, &result)) {
        errno = 0;
        result = host_serve(operation, argument);
        result = result < 0 ? -errno : result;
    }
    /* As host.c has it. */
    if (!((result >= least && result <= most) || (result < 0 && result >= -133)))
        runtime_stop(RING_STOP_HOST_LIED, operation);
    return result;
}

int64_t host_call_slow(uint32_t operation, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
                       int64_t least, int64_t most)
{
    mock_slow_calls[operation]++;
    return host_call(operation, a0, a1, a2, a3, least, most);
}

/* ---- a test's life ---- */

long mock_call(syscall_handler *handler, const long *argument)
{
    return handler(argument);
}

void mock_write(const char *name, const void *bytes, size_t size)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", mock_directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

void mock_start(const struct mock_file *files, size_t count, uint32_t flags)
{
    mock_thread();
    mock_lie = NULL;
    mock_fail_after = -1;
    mock_raised = 0;
    if (!mock_directory[0]) {
        strcpy(mock_directory, "/tmp/cella-files-XXXXXX");
        assert_non_null(mkdtemp(mock_directory));
    }
    assert_true(count <= sizeof(table) / sizeof(table[0]));
    memset(table, 0, sizeof(table));
    for (size_t i = 0; i < count; i++) {
        const char *content = files[i].content ? files[i].content : "";
        table[i] = (struct boot_file){.kind = files[i].kind,
                                      .flags = files[i].flags,
                                      .path = {(uint64_t)files[i].path, strlen(files[i].path)},
                                      .content = {(uint64_t)content, strlen(content)},
                                      .size = files[i].size};
        memcpy(table[i].sha256, files[i].sha256, 32);
    }
    header = (struct boot_header){.flags = flags,
                                  .elrange_size = UINT64_C(1) << 47,
                                  .blob = {4096, (uint64_t)MOCK_OUTSIDE - 4096},
                                  .files = {(uint64_t)table, count * sizeof(table[0])},
                                  .directory = {(uint64_t) "/", 1}};
    boot = &header;
    files_start(&header);
}

void mock_end(void)
{
    char command[128];
    if (!mock_directory[0])
        return;
    snprintf(command, sizeof(command), "rm -rf %s", mock_directory);
    assert_int_equal(system(command), 0);
    mock_directory[0] = 0;
}
