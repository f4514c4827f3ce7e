/* SPDX-License-Identifier: Apache-2.0
 *
 * What waits: pipes, eventfd, poll, sockets; and threads that use the same descriptors. No time is
 * asserted: a call that should wait is ended by another thread.
 */
#include "runtime_mock.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

static const struct mock_file tree[] = {{BOOT_FILE_MEMORY, 0, "/work", NULL, 0, {0}}};

static int start(void **unused)
{
    (void)unused;
    memset(mock_calls, 0, sizeof(mock_calls));
    mock_start(tree, 1, BOOT_NETWORK);
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    mock_end();
    return 0;
}

static pthread_t run(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, function, argument), 0);
    return thread;
}

static void pipes(void **unused)
{
    static char bytes[70000];
    int ends[2], count;
    (void)unused;
    assert_int_equal(CALL(sys_pipe2, P(ends), O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(CALL(sys_fcntl, ends[0], F_GETFD), FD_CLOEXEC);
    assert_int_equal(CALL(sys_read, ends[0], P(bytes), 1), -EAGAIN);
    assert_int_equal(CALL(sys_write, ends[1], P("hello"), 5), 5);
    assert_int_equal(CALL(sys_ioctl, ends[0], 0x541b, P(&count)), 0);
    assert_int_equal(count, 5);
    assert_int_equal(CALL(sys_read, ends[0], P(bytes), 3), 3);
    assert_int_equal(CALL(sys_read, ends[0], P(bytes + 3), 3), 2);
    assert_memory_equal(bytes, "hello", 5);
    assert_int_equal(CALL(sys_write, ends[0], P(bytes), 1), -EBADF);
    assert_int_equal(CALL(sys_read, ends[1], P(bytes), 1), -EBADF);
    assert_int_equal(CALL(sys_pread64, ends[0], P(bytes), 1, 0), -ESPIPE);
    assert_int_equal(CALL(sys_lseek, ends[0], 0, SEEK_SET), -ESPIPE);
    assert_int_equal(CALL(sys_fsync, ends[0]), -EINVAL);
    /* it holds 64 KiB; what is at most PIPE_BUF goes whole or not at all */
    assert_int_equal(CALL(sys_write, ends[1], P(bytes), 65536 - 100), 65536 - 100);
    assert_int_equal(CALL(sys_write, ends[1], P(bytes), 4096), -EAGAIN);
    assert_int_equal(CALL(sys_write, ends[1], P(bytes), 4097), 100);
    assert_int_equal(CALL(sys_write, ends[1], P(bytes), 1), -EAGAIN);
    /* the end, then nobody to read */
    assert_int_equal(CALL(sys_close, ends[1]), 0);
    assert_int_equal(CALL(sys_read, ends[0], P(bytes), 70000), 65536);
    assert_int_equal(CALL(sys_read, ends[0], P(bytes), 1), 0);
    assert_int_equal(CALL(sys_close, ends[0]), 0);
    assert_int_equal(CALL(sys_pipe, P(ends)), 0);
    assert_int_equal(CALL(sys_close, ends[0]), 0);
    assert_int_equal(CALL(sys_write, ends[1], P(bytes), 1), -EPIPE);
    assert_int_equal(mock_raised, 13);
    assert_int_equal(CALL(sys_pipe2, P(ends), O_APPEND), -EINVAL);
    assert_int_equal(CALL(sys_pipe, P(MOCK_OUTSIDE)), -EFAULT);
}

static int through[2];

static void *feed(void *unused)
{
    static uint8_t bytes[1 << 20];
    (void)unused;
    mock_thread();
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 13 + i / 500);
    assert_int_equal(CALL(sys_write, through[1], P(bytes), sizeof(bytes)), sizeof(bytes));
    CALL(sys_close, through[1]);
    return NULL;
}

static void pipe_between_threads(void **unused)
{
    uint8_t bytes[777];
    long got;
    size_t at = 0;
    (void)unused;
    assert_int_equal(CALL(sys_pipe, P(through)), 0);
    pthread_t thread = run(feed, NULL);
    while ((got = CALL(sys_read, through[0], P(bytes), sizeof(bytes))) > 0) {
        for (long i = 0; i < got; i++, at++)
            assert_int_equal(bytes[i], (uint8_t)(at * 13 + at / 500));
    }
    assert_int_equal(got, 0);
    assert_int_equal(at, 1 << 20);
    pthread_join(thread, NULL);
}

static void counters(void **unused)
{
    uint64_t value = 5;
    (void)unused;
    long fd = CALL(sys_eventfd2, 3, O_NONBLOCK);
    assert_int_equal(CALL(sys_write, fd, P(&value), 8), 8);
    assert_int_equal(CALL(sys_read, fd, P(&value), 7), -EINVAL);
    assert_int_equal(CALL(sys_read, fd, P(&value), 8), 8);
    assert_int_equal(value, 8);
    assert_int_equal(CALL(sys_read, fd, P(&value), 8), -EAGAIN);
    value = UINT64_MAX;
    assert_int_equal(CALL(sys_write, fd, P(&value), 8), -EINVAL);
    value--;
    assert_int_equal(CALL(sys_write, fd, P(&value), 8), 8);
    value = 1;
    assert_int_equal(CALL(sys_write, fd, P(&value), 8), -EAGAIN);
    fd = CALL(sys_eventfd2, 2, O_NONBLOCK | 1); /* EFD_SEMAPHORE */
    assert_int_equal(CALL(sys_read, fd, P(&value), 8), 8);
    assert_int_equal(value, 1);
    assert_int_equal(CALL(sys_read, fd, P(&value), 8), 8);
    assert_int_equal(CALL(sys_read, fd, P(&value), 8), -EAGAIN);
    assert_int_equal(CALL(sys_eventfd2, 0, 2), -EINVAL);
}

static void *give_one(void *descriptor)
{
    uint64_t one = 1;
    mock_thread();
    usleep(20000);
    CALL(sys_write, (long)descriptor, P(&one), 8);
    return NULL;
}

static void poll_inside(void **unused)
{
    int ends[2];
    (void)unused;
    assert_int_equal(CALL(sys_pipe, P(ends)), 0);
    long event = CALL(sys_eventfd2, 0, 0), file = CALL(sys_open, P("/work/f"), O_RDWR | O_CREAT, 0);
    struct pollfd set[5] = {{ends[0], POLLIN, 0},
                            {ends[1], POLLOUT, 0},
                            {(int)file, POLLIN | POLLOUT, 0},
                            {-1, POLLIN, 9},
                            {99, POLLIN, 0}};
    assert_int_equal(CALL(sys_poll, P(set), 4, -1), 2);
    assert_int_equal(set[0].revents, 0);
    assert_int_equal(set[1].revents, POLLOUT);
    assert_int_equal(set[2].revents, POLLIN | POLLOUT);
    assert_int_equal(set[3].revents, 0);
    assert_int_equal(CALL(sys_poll, P(set), 5, -1), 3);
    assert_int_equal(set[4].revents, POLLNVAL);
    /* nothing is ready: another thread ends the wait, and the clock does */
    set[1] = (struct pollfd){(int)event, POLLIN, 0};
    assert_int_equal(CALL(sys_poll, P(set), 2, 0), 0);
    assert_int_equal(CALL(sys_poll, P(set), 2, 5), 0);
    pthread_t thread = run(give_one, (void *)event);
    assert_int_equal(CALL(sys_poll, P(set), 2, -1), 1);
    assert_int_equal(set[1].revents, POLLIN);
    pthread_join(thread, NULL);
    assert_int_equal(mock_calls[RING_POLL], 0); /* the host is not asked */
    /* the ends of a pipe that have lost their other */
    CALL(sys_close, ends[1]);
    assert_int_equal(CALL(sys_poll, P(set), 1, -1), 1);
    assert_int_equal(set[0].revents, POLLHUP);
    mock_self()->signals_pending = 4;
    set[0].fd = -1;
    set[1].fd = (int)CALL(sys_eventfd2, 0, 0);
    assert_int_equal(CALL(sys_poll, P(set), 2, -1), -EINTR);
    mock_self()->signals_pending = 0;
    assert_int_equal(CALL(sys_poll, P(MOCK_OUTSIDE), 1, 0), -EFAULT);
    assert_int_equal(CALL(sys_poll, P(set), 1025, 0), -EINVAL);
}

/* Two connected sockets of the host's, as descriptors inside. */
static void connect_pair(long pair[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET}, found;
    int length = sizeof(found);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    long listener = CALL(sys_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 3);
    assert_int_equal(CALL(sys_bind, listener, P(&address), sizeof(address)), 0);
    assert_int_equal(CALL(sys_listen, listener, 5), 0);
    assert_int_equal(CALL(sys_getsockname, listener, P(&found), P(&length)), 0);
    assert_int_equal(length, sizeof(found));
    pair[0] = CALL(sys_socket, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(CALL(sys_connect, pair[0], P(&found), sizeof(found)), 0);
    pair[1] = CALL(sys_accept4, listener, P(&address), P(&length), 0);
    assert_true(pair[1] >= 3);
    assert_int_equal(address.sin_family, AF_INET);
    assert_int_equal(CALL(sys_close, listener), 0);
}

static void sockets(void **unused)
{
    static uint8_t bytes[600000], got[600000];
    struct sockaddr_in address;
    int length = sizeof(address), value = 1;
    long pair[2];
    (void)unused;
    connect_pair(pair);
    assert_int_equal(CALL(sys_setsockopt, pair[0], 6, 1, P(&value), 4), 0);
    value = 0;
    length = 4;
    assert_int_equal(CALL(sys_getsockopt, pair[0], 6, 1, P(&value), P(&length)), 0);
    assert_int_equal(value, 1);
    assert_int_equal(CALL(sys_sendto, pair[0], P("request"), 7, 0, 0, 0), 7);
    assert_int_equal(CALL(sys_recvfrom, pair[1], P(got), 100, 0, 0, 0), 7);
    assert_memory_equal(got, "request", 7);
    struct iovec two[2] = {{got, 3}, {got + 10, 90}};
    struct msghdr message = {.msg_iov = two, .msg_iovlen = 2};
    assert_int_equal(CALL(sys_write, pair[1], P("reply"), 5), 5);
    assert_int_equal(CALL(sys_recvmsg, pair[0], P(&message), 0), 5);
    assert_memory_equal(got + 10, "ly", 2);
    message.msg_control = got;
    message.msg_controllen = 16;
    assert_int_equal(CALL(sys_sendmsg, pair[0], P(&message), 0), -EOPNOTSUPP);
    message.msg_controllen = 0;
    assert_int_equal(CALL(sys_sendmsg, pair[0], P(&message), 0), 93);
    assert_int_equal(CALL(sys_read, pair[1], P(got), 93), 93);
    length = sizeof(address);
    assert_int_equal(CALL(sys_getpeername, pair[0], P(&address), P(&length)), 0);
    assert_int_equal(address.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    assert_int_equal(CALL(sys_ioctl, pair[1], 0x5421, P(&value)), 0);
    assert_int_equal(CALL(sys_read, pair[1], P(got), 1), -EAGAIN);
    assert_int_equal(CALL(sys_recvfrom, pair[0], P(got), 1, MSG_DONTWAIT, 0, 0), -EAGAIN);
    assert_int_equal(CALL(sys_recvfrom, pair[0], P(got), 1, MSG_TRUNC, 0, 0), -EOPNOTSUPP);
    /* more than a bounce buffer */
    size_t sent = 0, received = 0;
    memset(bytes, 'b', sizeof(bytes));
    while (sent < sizeof(bytes)) {
        long more = CALL(sys_sendto, pair[0], P(bytes + sent), (long)(sizeof(bytes) - sent),
                         MSG_DONTWAIT, 0, 0);
        sent += more > 0 ? (size_t)more : 0;
        more = CALL(sys_read, pair[1], P(got + received), (long)(sizeof(got) - received));
        received += more > 0 ? (size_t)more : 0;
    }
    while (received < sizeof(got)) {
        long more = CALL(sys_read, pair[1], P(got + received), (long)(sizeof(got) - received));
        received += more > 0 ? (size_t)more : 0;
    }
    assert_memory_equal(bytes, got, sizeof(got));
    assert_int_equal(CALL(sys_shutdown, pair[0], 1), 0);
    assert_int_equal(CALL(sys_recvfrom, pair[1], P(got), 1, 0, 0, 0), 0);
    assert_int_equal(CALL(sys_shutdown, 1, 1), -ENOTSOCK);
    assert_int_equal(CALL(sys_shutdown, 99, 1), -EBADF);
    assert_int_equal(CALL(sys_bind, pair[0], P(bytes), 129), -EINVAL);
    assert_int_equal(CALL(sys_bind, pair[0], P(MOCK_OUTSIDE), 16), -EFAULT);
    mock_start(tree, 1, 0);
    assert_int_equal(CALL(sys_socket, AF_INET, SOCK_STREAM, 0), -EACCES);
    assert_int_equal(CALL(sys_socket, AF_UNIX, SOCK_STREAM, 0), -EACCES);
}

static uint32_t address_length;

static bool address_liar(uint32_t operation, const uint64_t *argument, uint8_t *buffer,
                         int64_t *result)
{
    struct ring_address address = {.length = address_length, .bytes = {AF_INET}};
    (void)argument;
    if (operation != RING_SOCKET_NAME)
        return false;
    memcpy(buffer, &address, sizeof(address));
    *result = 0;
    return true;
}

static long socket_fd;

static void does_name(void)
{
    uint8_t bytes[256];
    int length = sizeof(bytes);
    CALL(sys_getsockname, socket_fd, P(bytes), P(&length));
}

static void addresses_that_lie(void **unused)
{
    uint8_t bytes[256];
    int length = sizeof(bytes);
    (void)unused;
    socket_fd = CALL(sys_socket, AF_INET, SOCK_STREAM, 0);
    mock_lie = address_liar;
    address_length = 129;
    mock_stops(does_name, RING_STOP_HOST_LIED, RING_SOCKET_NAME);
    /* an IPv4 address of the wrong length is none */
    address_length = 100;
    assert_int_equal(CALL(sys_getsockname, socket_fd, P(bytes), P(&length)), 0);
    assert_int_equal(length, 0);
    length = -1;
    assert_int_equal(CALL(sys_getsockname, socket_fd, P(bytes), P(&length)), -EINVAL);
}

static void *send_byte(void *descriptor)
{
    mock_thread();
    usleep(20000);
    CALL(sys_write, (long)descriptor, P("x"), 1);
    return NULL;
}

static void poll_both_sides(void **unused)
{
    long pair[2];
    uint64_t value;
    (void)unused;
    connect_pair(pair);
    long event = CALL(sys_eventfd2, 0, 0);
    struct pollfd set[2] = {{(int)event, POLLIN, 0}, {(int)pair[0], POLLIN, 0}};
    assert_int_equal(CALL(sys_poll, P(set), 2, 0), 0);
    pthread_t thread = run(give_one, (void *)event);
    assert_int_equal(CALL(sys_poll, P(set), 2, -1), 1);
    assert_int_equal(set[0].revents, POLLIN);
    pthread_join(thread, NULL);
    assert_int_equal(CALL(sys_read, event, P(&value), 8), 8);
    thread = run(send_byte, (void *)pair[1]);
    assert_int_equal(CALL(sys_poll, P(set), 2, -1), 1);
    assert_int_equal(set[1].revents, POLLIN);
    pthread_join(thread, NULL);
}

enum { WRITERS = 4, LINES = 3000, LINE = 16 };

static void *append_lines(void *number)
{
    char line[LINE + 1];
    mock_thread();
    long fd = CALL(sys_open, P("/work/log"), O_WRONLY | O_APPEND, 0);
    for (int i = 0; i < LINES; i++) {
        snprintf(line, sizeof(line), "%ld %013d\n", (long)number, i);
        assert_int_equal(CALL(sys_write, fd, P(line), LINE), LINE);
    }
    CALL(sys_close, fd);
    return NULL;
}

static void appends_are_whole(void **unused)
{
    static char all[WRITERS * LINES * LINE];
    pthread_t threads[WRITERS];
    int next[WRITERS] = {0};
    (void)unused;
    long fd = CALL(sys_open, P("/work/log"), O_RDWR | O_CREAT, 0644);
    for (long i = 0; i < WRITERS; i++)
        threads[i] = run(append_lines, (void *)i);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(CALL(sys_read, fd, P(all), sizeof(all)), sizeof(all));
    for (size_t at = 0; at < sizeof(all); at += LINE) {
        int writer, number;
        assert_int_equal(sscanf(all + at, "%d %d", &writer, &number), 2);
        assert_int_equal(number, next[writer]++);
    }
}

static _Atomic bool stop_using;

static void *use_descriptor(void *unused)
{
    uint64_t value;
    (void)unused;
    mock_thread();
    while (!stop_using) {
        long result = CALL(sys_read, 10, P(&value), 8);
        assert_true(result == 8 || result == 0 || result == -EBADF || result == -EAGAIN);
    }
    return NULL;
}

/* A descriptor is closed and opened as something else while other threads read it. */
static void close_under_use(void **unused)
{
    pthread_t threads[3];
    (void)unused;
    stop_using = false;
    for (int i = 0; i < 3; i++)
        threads[i] = run(use_descriptor, NULL);
    long objects = 0;
    for (int turn = 0; turn < 20000; turn++) {
        long fd = turn % 2 ? CALL(sys_eventfd2, 1, O_NONBLOCK)
                           : CALL(sys_open, P("/work/u"), O_RDWR | O_CREAT, 0644);
        assert_true(fd >= 3);
        assert_int_equal(CALL(sys_dup2, fd, 10), 10);
        assert_int_equal(CALL(sys_close, fd), 0);
        if (turn % 3 == 0)
            assert_int_equal(CALL(sys_close, 10), 0);
        objects = turn == 5000 ? mock_allocations : objects;
    }
    stop_using = true;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_true(mock_allocations < objects + 20);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, start, end)
    const struct CMUnitTest tests[] = {
        TEST(pipes),           TEST(pipe_between_threads),
        TEST(counters),        TEST(poll_inside),
        TEST(sockets),         TEST(addresses_that_lie),
        TEST(poll_both_sides), TEST(appends_are_whole),
        TEST(close_under_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
