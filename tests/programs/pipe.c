/* SPDX-License-Identifier: Apache-2.0
 *
 * Pipes: bytes in order, capacity, end of file, nonblocking, between threads, and poll on
 * them with and without time limits.
 */
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/ioctl.h>

static int ends[2];

static void *send_much(void *argument)
{
    uint32_t value = 0;
    static uint32_t block[5000];

    (void)argument;
    for (int round = 0; round < 100; round++) {
        for (size_t i = 0; i < 5000; i++)
            block[i] = value++;
        for (size_t done = 0; done < sizeof block;) {
            ssize_t put = write(ends[1], (char *)block + done, sizeof block - done);

            CHECK(put > 0);
            done += (size_t)put;
        }
    }
    CHECK(close(ends[1]) == 0);
    return NULL;
}

static void *send_late(void *argument)
{
    usleep(20000);
    CHECK(write(*(int *)argument, "late", 4) == 4);
    return NULL;
}

int main(void)
{
    char text[16];
    pthread_t thread;

    CHECK(pipe(ends) == 0);
    CHECK(write(ends[1], "abc", 3) == 3);
    CHECK(write(ends[1], "def", 3) == 3);
    CHECK(read(ends[0], text, 4) == 4 && memcmp(text, "abcd", 4) == 0);
    int waiting;
    CHECK(ioctl(ends[0], FIONREAD, &waiting) == 0 && waiting == 2);
    CHECK(read(ends[0], text, sizeof text) == 2 && memcmp(text, "ef", 2) == 0);
    CHECK_ERROR(lseek(ends[0], 0, SEEK_SET), ESPIPE);
    CHECK_ERROR(pread(ends[0], text, 1, 0), ESPIPE);
    CHECK_ERROR(write(ends[0], "x", 1), EBADF);
    CHECK_ERROR(read(ends[1], text, 1), EBADF);
    puts("in order");

    CHECK(pthread_create(&thread, NULL, send_much, NULL) == 0);
    uint32_t value = 0, got = 0;
    size_t filled = 0;
    for (;;) {
        ssize_t part = read(ends[0], (char *)&got + filled, sizeof got - filled);

        CHECK(part >= 0);
        if (part == 0)
            break;
        filled += (size_t)part;
        if (filled == sizeof got) {
            CHECK(got == value);
            value++;
            filled = 0;
        }
    }
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(close(ends[0]) == 0);
    printf("%u numbers, then the end\n", value);

    CHECK(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
    CHECK((fcntl(ends[0], F_GETFL) & O_NONBLOCK) != 0);
    CHECK_ERROR(read(ends[0], text, 1), EAGAIN);
    static char block[4096];
    ssize_t put, total = 0;
    while ((put = write(ends[1], block, sizeof block)) > 0)
        total += put;
    CHECK(put == -1 && errno == EAGAIN);
    CHECK(total == 65536);
    struct pollfd polls[2] = {{ends[0], POLLIN, 0}, {ends[1], POLLOUT, 0}};
    CHECK(poll(polls, 2, 0) == 1 && polls[0].revents == POLLIN && polls[1].revents == 0);
    while (read(ends[0], block, sizeof block) > 0)
        ;
    CHECK(errno == EAGAIN);
    CHECK(poll(polls, 2, 0) == 1 && polls[0].revents == 0 && polls[1].revents == POLLOUT);
    CHECK(poll(polls, 1, 10) == 0);
    puts("nonblocking");

    CHECK(pthread_create(&thread, NULL, send_late, &ends[1]) == 0);
    CHECK(poll(polls, 1, -1) == 1 && polls[0].revents == POLLIN);
    CHECK(read(ends[0], text, sizeof text) == 4);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, send_late, &ends[1]) == 0);
    CHECK(poll(polls, 1, 30000) == 1 && polls[0].revents == POLLIN);
    CHECK(read(ends[0], text, sizeof text) == 4);
    CHECK(pthread_join(thread, NULL) == 0);
    puts("poll waits");

    CHECK(close(ends[1]) == 0);
    CHECK(poll(polls, 1, -1) == 1 && (polls[0].revents & POLLHUP) != 0);
    CHECK(read(ends[0], text, 1) == 0);
    polls[0].fd = 77;
    CHECK(poll(polls, 1, 0) == 1 && polls[0].revents == POLLNVAL);
    polls[0].fd = -1;
    CHECK(poll(polls, 1, 0) == 0);
    puts("hang up");
    return 0;
}
