/* SPDX-License-Identifier: Apache-2.0
 *
 * The program whose host lies. It uses what the host serves, and believes nothing: each result has
 * to be one that Linux can give, each buffer has to be untouched where it was not given, and its
 * private data has to stay. argv[1] says what it does.
 */
#include "verdict.h"

#include <cella/enclave.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ERRNO_MOST 133
#define CANARY     UINT64_C(0x5afe5afe0ddba11)
#define DATA       (1 << 16)
#define ROOM       (1 << 20)

static struct {
    uint64_t before[8];
    uint8_t bytes[ROOM];
    uint64_t after[8];
} buffer;

static uint32_t *private_data;
static uint64_t private_sum;

static void check(bool holds, int verdict)
{
    if (!holds)
        _exit(verdict);
}

static uint64_t sum_private(void)
{
    uint64_t sum = 14695981039346656037u;
    for (size_t i = 0; i < DATA; i++)
        sum = (sum ^ private_data[i]) * 1099511628211u;
    return sum;
}

static void make_private(void)
{
    private_data = malloc(DATA * sizeof(*private_data));
    check(private_data, VERDICT_MEMORY);
    for (uint32_t i = 0, x = 12345; i < DATA; i++)
        private_data[i] = x = x * 1664525 + 1013904223;
    private_sum = sum_private();
    for (size_t i = 0; i < 8; i++)
        buffer.before[i] = buffer.after[i] = CANARY + i;
}

static void check_canaries(void)
{
    for (size_t i = 0; i < 8; i++)
        check(buffer.before[i] == CANARY + i && buffer.after[i] == CANARY + i, VERDICT_MEMORY);
}

/* A result of 0..most, or a failure with an errno. */
static long sane(long result, long most)
{
    check_canaries();
    if (result == -1)
        check(errno >= 1 && errno <= ERRNO_MOST, VERDICT_RESULT);
    else
        check(result >= 0 && result <= most, VERDICT_RESULT);
    return result;
}

/* A read of `size` bytes that ended with `result` has written no more than that. */
static void check_beyond(long result, size_t size)
{
    for (size_t i = result > 0 ? (size_t)result : 0; i < size; i++)
        check(buffer.bytes[i] == 0xa7, VERDICT_BEYOND);
}

static long sane_read(int fd, size_t size, off_t offset)
{
    memset(buffer.bytes, 0xa7, size);
    errno = 0;
    long result = offset < 0 ? read(fd, buffer.bytes, size) : pread(fd, buffer.bytes, size, offset);
    sane(result, (long)size);
    check_beyond(result, size);
    return result;
}

static int sane_descriptor(int fd)
{
    sane(fd, 1023);
    check(fd == -1 || fd > 2, VERDICT_RESULT);
    return fd;
}

static void check_status(const struct stat *status)
{
    uint32_t type = status->st_mode & S_IFMT;
    check((status->st_mode & ~(uint32_t)(S_IFMT | 07777)) == 0, VERDICT_STATUS);
    check(type == 0 || type == S_IFREG || type == S_IFDIR || type == S_IFCHR || type == S_IFBLK ||
              type == S_IFIFO || type == S_IFSOCK || type == S_IFLNK,
          VERDICT_STATUS);
    check(status->st_size >= 0 && status->st_blocks >= 0, VERDICT_STATUS);
    check(status->st_atim.tv_nsec >= 0 && status->st_atim.tv_nsec < 1000000000 &&
              status->st_mtim.tv_nsec >= 0 && status->st_mtim.tv_nsec < 1000000000 &&
              status->st_ctim.tv_nsec >= 0 && status->st_ctim.tv_nsec < 1000000000,
          VERDICT_STATUS);
}

static void use_status(const char *path, int fd)
{
    struct {
        uint64_t before;
        struct stat status;
        uint64_t after;
    } guarded = {.before = CANARY, .after = CANARY};
    long result = path ? stat(path, &guarded.status) : fstat(fd, &guarded.status);
    check(guarded.before == CANARY && guarded.after == CANARY, VERDICT_MEMORY);
    if (sane(result, 0) == 0)
        check_status(&guarded.status);
}

struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type;
    char name[];
};

static void use_list(const char *path)
{
    static const uint8_t types[] = {DT_UNKNOWN, DT_FIFO, DT_CHR, DT_DIR,
                                    DT_BLK,     DT_REG,  DT_LNK, DT_SOCK};
    int fd = sane_descriptor(open(path, O_RDONLY | O_DIRECTORY));
    if (fd < 0)
        return;
    for (int calls = 0; calls < 20; calls++) {
        size_t room = 600;
        memset(buffer.bytes, 0xa7, room);
        errno = 0;
        long size = sane(syscall(SYS_getdents64, fd, buffer.bytes, room), (long)room);
        check_beyond(size, room);
        if (size <= 0)
            break;
        for (long at = 0; at < size;) {
            const struct entry *entry = (const void *)(buffer.bytes + at);
            check(size - at >= 24 && entry->size >= 24 && entry->size % 8 == 0 &&
                      entry->size <= size - at,
                  VERDICT_LIST);
            size_t most = entry->size - 19u;
            size_t length = strnlen(entry->name, most);
            check(length >= 1 && length < most && length <= 255 && !strchr(entry->name, '/'),
                  VERDICT_LIST);
            check(memchr(types, entry->type, sizeof(types)) != NULL, VERDICT_LIST);
            at += entry->size;
        }
    }
    sane(lseek(fd, 0, SEEK_SET), INT64_MAX);
    sane(close(fd), 0);
}

static void use_files(void)
{
    for (int round = 0; round < 6; round++) {
        int fd = sane_descriptor(open("/plain/file", O_RDWR | O_CREAT, 0644));
        use_status(NULL, fd);
        use_status("/plain/file", -1);
        if (fd >= 0) {
            memset(buffer.bytes, 0x11, 5000);
            sane(write(fd, buffer.bytes, 5000), 5000);
            sane(pwrite(fd, buffer.bytes, 300, 4900), 300);
            sane(lseek(fd, 0, SEEK_SET), INT64_MAX);
            sane_read(fd, 4000, -1);
            sane_read(fd, 100, 40);
            sane(lseek(fd, 0, SEEK_END), INT64_MAX);
            memset(buffer.bytes, 0x12, ROOM);
            sane(pwrite(fd, buffer.bytes, ROOM, 0), ROOM);
            sane_read(fd, ROOM, 0);
            sane(ftruncate(fd, 100), 0);
            sane(fsync(fd), 0);
            sane(close(fd), 0);
        }
        sane(mkdir("/plain/folder", 0755), 0);
        sane(rename("/plain/file", "/plain/folder/file"), 0);
        use_list("/plain/folder");
        use_list("/plain");
        sane(unlink("/plain/folder/file"), 0);
        sane(rmdir("/plain/folder"), 0);
    }
}

static void use_streams(void)
{
    for (int round = 0; round < 10; round++) {
        struct pollfd set[3] = {{0, POLLIN, 0}, {1, POLLOUT, 0}, {2, POLLIN, 0}};
        long ready = sane(poll(set, 3, 5), 3), counted = 0;
        for (int i = 0; i < 3 && ready >= 0; i++) {
            counted += set[i].revents != 0;
            check((set[i].revents & ~(set[i].events | POLLERR | POLLHUP | POLLNVAL)) == 0,
                  VERDICT_POLL);
        }
        check(ready < 0 || counted == ready, VERDICT_POLL);
        use_status(NULL, 0);
        use_status(NULL, 1);
        sane(lseek(0, 0, SEEK_SET), INT64_MAX);
        sane_read(0, 3000, -1);
        sane(write(1, buffer.bytes, 3000), 3000);
        sane(write(2, buffer.bytes, 30), 30);
    }
}

static void check_time(clockid_t clock, struct timespec *last)
{
    struct timespec now = {-1, -1};
    if (sane(clock_gettime(clock, &now), 0) < 0)
        return;
    check(now.tv_sec >= 0 && now.tv_nsec >= 0 && now.tv_nsec < 1000000000, VERDICT_CLOCK);
    if (clock == CLOCK_MONOTONIC)
        check(now.tv_sec > last->tv_sec ||
                  (now.tv_sec == last->tv_sec && now.tv_nsec >= last->tv_nsec),
              VERDICT_CLOCK);
    *last = now;
}

static void *watch_clock(void *argument)
{
    struct timespec last = {0, 0}, other = {0, 0};
    for (int i = 0; i < 300; i++) {
        check_time(CLOCK_MONOTONIC, &last);
        check_time(CLOCK_REALTIME, &other);
    }
    return argument;
}

static void use_clock(void)
{
    pthread_t thread;
    bool made = pthread_create(&thread, NULL, watch_clock, NULL) == 0;
    watch_clock(NULL);
    for (int i = 0; i < 3; i++) {
        struct timespec from, to, span = {0, 1000000};
        clock_gettime(CLOCK_MONOTONIC, &from);
        check(nanosleep(&span, NULL) == 0, VERDICT_CLOCK); /* no signal comes */
        clock_gettime(CLOCK_MONOTONIC, &to);
        int64_t passed = (to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec;
        check(passed >= span.tv_nsec, VERDICT_CLOCK);
    }
    if (made)
        pthread_join(thread, NULL);
}

#define THREADS 4
#define TURNS   150

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long counter, arrived;
static _Thread_local long own;

static void *add(void *argument)
{
    long expected = (long)argument;
    for (int i = 0; i < TURNS; i++) {
        pthread_mutex_lock(&mutex);
        long before = counter;
        if (i % 16 == 0)
            sched_yield();
        counter = before + 1;
        check(counter == before + 1, VERDICT_THREAD);
        pthread_mutex_unlock(&mutex);
        own++;
    }
    pthread_mutex_lock(&mutex);
    arrived++;
    pthread_cond_broadcast(&changed);
    while (arrived < expected)
        pthread_cond_wait(&changed, &mutex);
    check(arrived >= expected, VERDICT_THREAD);
    pthread_mutex_unlock(&mutex);
    check(own == TURNS, VERDICT_THREAD);
    return argument;
}

static const struct timespec moment = {0, 20000000};

/* One that certainly sleeps when it is woken: on one CPU the others may never meet. */
static void wake_sleeper(void)
{
    pthread_t thread;
    arrived = 0;
    if (pthread_create(&thread, NULL, add, (void *)2L))
        return;
    nanosleep(&moment, NULL);
    pthread_mutex_lock(&mutex);
    arrived++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    check(pthread_join(thread, NULL) == 0, VERDICT_THREAD);
}

static void use_threads(void)
{
    for (int round = 0; round < 3; round++) {
        pthread_t threads[THREADS];
        long made = 0;
        counter = arrived = 0;
        for (int i = 0; i < THREADS; i++) {
            /* How many arrive is known only when all were made: each waits for those before it. */
            int error = pthread_create(&threads[made], NULL, add, (void *)(made + 1));
            check(error == 0 || error == EAGAIN, VERDICT_RESULT);
            made += error == 0;
        }
        for (long i = 0; i < made; i++) {
            void *result = NULL;
            check(pthread_join(threads[i], &result) == 0, VERDICT_THREAD);
            check(result == (void *)(i + 1), VERDICT_THREAD);
        }
        check(counter == made * TURNS && arrived == made, VERDICT_THREAD);
    }
    wake_sleeper();
    nanosleep(&moment, NULL); /* for threads that ended to become idle */
    for (int i = 0; i < 200; i++)
        sched_yield();
}

static void use_arguments(int argc, char **argv, char **environment)
{
    size_t most = 1 << 20;
    const char *end = argc ? argv[0] : NULL;
    check(argc >= 0 && argv[argc] == NULL, VERDICT_ARGUMENT);
    for (int i = 0; i < argc; i++) {
        check(argv[i] == end, VERDICT_ARGUMENT);
        size_t length = strnlen(argv[i], most);
        check(length < most, VERDICT_ARGUMENT);
        end += length + 1;
    }
    for (char **at = environment; *at; at++)
        check(strnlen(*at, most) < most, VERDICT_ARGUMENT);
}

static void check_address(const struct sockaddr_storage *address, socklen_t length, socklen_t room)
{
    const uint8_t *bytes = (const uint8_t *)address;
    check(length <= sizeof(*address), VERDICT_SOCKET);
    for (size_t i = length < room ? length : room; i < sizeof(*address); i++)
        check(bytes[i] == 0xa7, VERDICT_BEYOND);
}

static void use_sockets(void)
{
    for (int round = 0; round < 4; round++) {
        struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        struct sockaddr_storage address;
        socklen_t length = sizeof(address), small = 5;
        int value = 0;
        int fd = sane_descriptor(socket(AF_INET, SOCK_DGRAM, 0));
        if (fd < 0)
            continue;
        sane(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
        memset(&address, 0xa7, sizeof(address));
        if (sane(getsockname(fd, (struct sockaddr *)&address, &length), 0) == 0)
            check_address(&address, length, sizeof(address));
        if (length <= sizeof(address))
            sane(connect(fd, (struct sockaddr *)&address, length), 0);
        memset(&address, 0xa7, sizeof(address));
        if (sane(getpeername(fd, (struct sockaddr *)&address, &small), 0) == 0)
            check_address(&address, small, 5);
        length = sizeof(value);
        if (sane(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, &length), 0) == 0)
            check(length <= sizeof(value), VERDICT_SOCKET);
        sane(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &value, sizeof(value)), 0);
        sane(send(fd, "data", 4, 0), 4);
        memset(buffer.bytes, 0xa7, 1000);
        memset(&address, 0xa7, sizeof(address));
        length = sizeof(address);
        long size =
            recvfrom(fd, buffer.bytes, 1000, MSG_DONTWAIT, (struct sockaddr *)&address, &length);
        sane(size, 1000);
        check_beyond(size, 1000);
        if (size >= 0)
            check_address(&address, length, sizeof(address));
        sane(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
        sane(shutdown(fd, SHUT_RDWR), 0);
        sane(close(fd), 0);
        fd = sane_descriptor(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
        if (fd < 0)
            continue;
        sane(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
        sane(listen(fd, 2), 0);
        memset(&address, 0xa7, sizeof(address));
        length = sizeof(address);
        int accepted = accept(fd, (struct sockaddr *)&address, &length);
        sane_descriptor(accepted);
        if (accepted >= 0) {
            check_address(&address, length, sizeof(address));
            sane(close(accepted), 0);
        }
        sane(close(fd), 0);
    }
}

static int serve_one(void *context, uint32_t operation, const void *in, size_t in_size, void *out,
                     size_t *out_size)
{
    (void)context;
    (void)operation;
    check(in_size <= CELLA_SERVE_MOST && *out_size <= CELLA_SERVE_MOST, VERDICT_SERVE);
    size_t size = in_size < *out_size ? in_size : *out_size;
    memcpy(out, in, size);
    *out_size = size;
    check_canaries();
    return 0;
}

static void *serve(void *argument)
{
    cella_serve(serve_one, NULL);
    return argument;
}

static void use_serve(void)
{
    pthread_t thread;
    bool made = pthread_create(&thread, NULL, serve, NULL) == 0;
    serve(NULL);
    if (made)
        pthread_join(thread, NULL);
}

/* More than the first and the last chunk of the heap: the host is asked for more. */
static void use_memory(void)
{
    enum { PIECES = 24, PIECE = 8 << 20 };
    uint64_t *pieces[PIECES];
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = malloc(PIECE);
        for (size_t at = 0; pieces[i] && at < PIECE / 8; at += 512)
            pieces[i][at] = i << 32 | at;
    }
    for (size_t i = 0; i < PIECES; i++) {
        for (size_t at = 0; pieces[i] && at < PIECE / 8; at += 512)
            check(pieces[i][at] == (i << 32 | at), VERDICT_MEMORY);
        free(pieces[i]);
    }
}

static void use_evidence(void)
{
    char type[16] = "";
    int fd = open("/dev/attestation/attestation_type", O_RDONLY);
    sane_descriptor(fd);
    long length = sane(read(fd, type, sizeof(type)), 13);
    check(length < 0 || strcmp(type, "none") == 0 || strncmp(type, "cella-", 6) == 0,
          VERDICT_RESULT);
    sane(close(fd), 0);
    for (int i = 0; i < 8; i++) {
        fd = open("/dev/attestation/quote", O_RDONLY);
        sane_descriptor(fd);
        sane(read(fd, buffer.bytes, sizeof(buffer.bytes)), 64 << 10);
        if (fd >= 0)
            sane(close(fd), 0);
    }
}

/* ---- boxes ----
 *
 * Each round writes a box anew: its number and the box's in every word, at a length of its own.
 * Whatever the host says, what is read is an error or words that were put there: of this round, as
 * long as the box stays open; of one and the same round, when it is opened again. Only of a large
 * one, which was committed when the cache was full, several rounds may be mixed. */

#define BOX_ROUNDS 5
#define BOX_LARGE  100000 /* words; fewer fit into the cache all at once */

static struct box_state {
    const char *path, *other; /* other: what it is renamed to, or NULL */
    uint64_t number, tried, kept;
} boxes[] = {
    {"/boxes/small", "/boxes/other", 1, 0, 0},
    {"/boxes/large", NULL, 2, 0, 0},
    {"/box", NULL, 3, 0, 0},
};

static uint64_t *box_words(void)
{
    return (void *)buffer.bytes;
}

static uint64_t box_word(const struct box_state *box, uint64_t round, size_t index)
{
    return round << 56 | box->number << 48 | index;
}

static size_t box_length(const struct box_state *box, uint64_t round)
{
    static const size_t some[] = {700, 1, 9000, 513, 16000};
    return box->number == 2 ? BOX_LARGE + 5000 * (round % 3) : some[(round + box->number) % 5];
}

/* The words that are there from the start on, -1: an error. */
static long box_read_all(int fd)
{
    long done = 0, most = ROOM, result = 1;
    memset(buffer.bytes, 0xa7, ROOM);
    while (done < most && result > 0) {
        errno = 0;
        result = sane(pread(fd, buffer.bytes + done, 50000, done), 50000);
        done += result > 0 ? result : 0;
    }
    check(result < 0 || done % 8 == 0, VERDICT_BOX);
    return result < 0 ? -1 : done / 8;
}

/* Of this round, and nothing else. */
static void box_check_now(int fd, const struct box_state *box, uint64_t round)
{
    long count = box_read_all(fd);
    check(count < 0 || (size_t)count == box_length(box, round), VERDICT_BOX);
    for (long i = 0; i < count; i++)
        check(box_words()[i] == box_word(box, round, (size_t)i), VERDICT_BOX);
}

/* Of rounds that were tried, and of one round where the box is small. */
static void box_check_then(int fd, const struct box_state *box, uint64_t least)
{
    bool large = box->number == 2;
    long count = box_read_all(fd);
    uint64_t first = count > 0 ? box_words()[0] >> 56 : 0;
    check(count >= 0 || !least, VERDICT_LOST);
    check(count != 0 || !least, VERDICT_LOST);
    check(count <= 0 || large || (size_t)count == box_length(box, first), VERDICT_BOX);
    for (long i = 0; i < count; i++) {
        uint64_t round = box_words()[i] >> 56;
        check(box_words()[i] == box_word(box, round, (size_t)i), VERDICT_BOX);
        check(round >= 1 && round <= box->tried && (large || round == first), VERDICT_BOX);
        check(round >= least, VERDICT_LOST);
    }
}

static bool box_write_all(int fd, struct box_state *box, uint64_t round)
{
    size_t length = box_length(box, round);
    box->tried = round;
    for (size_t i = 0; i < length; i++)
        box_words()[i] = box_word(box, round, i);
    for (size_t at = 0, piece; at < 8 * length; at += piece) {
        piece = 8 * length - at < 30000 ? 8 * length - at : 30000;
        if (sane(pwrite(fd, buffer.bytes + at, piece, (off_t)at), (long)piece) != (long)piece)
            return false;
    }
    return sane(ftruncate(fd, (off_t)(8 * length)), 0) == 0;
}

static void box_lied(struct box_state *box, uint64_t round)
{
    int fd = sane_descriptor(open(box->path, O_RDWR | O_CREAT, 0600));
    if (fd < 0)
        return;
    box_check_then(fd, box, 0);
    if (box_write_all(fd, box, round)) {
        box_check_now(fd, box, round);
        if (sane(fsync(fd), 0) == 0)
            box->kept = round;
        box_check_now(fd, box, round);
    }
    use_status(NULL, fd);
    sane(close(fd), 0);
    use_status(box->path, -1);
}

static void box_exchange(struct box_state *box)
{
    const char *path = box->path;
    box->path = box->other;
    box->other = path;
}

/* A rename that failed may have been done for all that. */
static void box_truce(struct box_state *box, bool must)
{
    uint64_t least = must ? box->kept : 0;
    int fd = sane_descriptor(open(box->path, O_RDONLY));
    if (fd < 0 && box->other) {
        box_exchange(box);
        fd = sane_descriptor(open(box->path, O_RDONLY));
    }
    check(fd >= 0 || !least, VERDICT_LOST);
    if (fd < 0)
        return;
    box_check_then(fd, box, least);
    sane(close(fd), 0);
}

static void use_some_boxes(bool must)
{
    for (uint64_t round = 1; round <= BOX_ROUNDS; round++) {
        for (size_t i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++) {
            box_lied(&boxes[i], round);
            if (boxes[i].other && sane(rename(boxes[i].path, boxes[i].other), 0) == 0)
                box_exchange(&boxes[i]);
        }
        sane_descriptor(open("/boxes/scrap", O_RDWR | O_CREAT | O_EXCL, 0600));
        use_list("/boxes");
        sane(unlink("/boxes/scrap"), 0);
        mkdir("/plain/" VERDICT_TRUCE, 0700);
        for (size_t i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++)
            box_truce(&boxes[i], must);
        rmdir("/plain/" VERDICT_TRUCE);
    }
}

static void use_boxes(void)
{
    use_some_boxes(false);
}

/* The host only says that it could not. */
static void use_kept(void)
{
    use_some_boxes(true);
}

static const struct {
    const char *name;
    void (*use)(void);
} uses[] = {
    {"files", use_files},     {"streams", use_streams},   {"clock", use_clock},
    {"threads", use_threads}, {"sockets", use_sockets},   {"serve", use_serve},
    {"memory", use_memory},   {"evidence", use_evidence}, {"boxes", use_boxes},
    {"kept", use_kept},
};

int main(int argc, char **argv, char **environment)
{
    signal(SIGPIPE, SIG_IGN);
    make_private();
    use_arguments(argc, argv, environment);
    syscall(SYS_vhangup); /* none of an enclave: the host is told, once */
    for (size_t i = 0; argc > 1 && i < sizeof(uses) / sizeof(uses[0]); i++)
        if (strcmp(argv[1], uses[i].name) == 0)
            uses[i].use();
    check_canaries();
    check(sum_private() == private_sum, VERDICT_MEMORY);
    _exit(VERDICT_GOOD);
}
