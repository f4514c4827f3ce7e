/* SPDX-License-Identifier: Apache-2.0
 *
 * eventfd: counter and semaphore, blocking between threads, poll.
 */
#include "check.h"
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>

static int event;

static void *add_late(void *argument)
{
    (void)argument;
    usleep(10000);
    CHECK(eventfd_write(event, 5) == 0);
    return NULL;
}

int main(void)
{
    eventfd_t value;
    pthread_t thread;

    event = eventfd(3, EFD_NONBLOCK);
    CHECK(event >= 0);
    CHECK(eventfd_write(event, 4) == 0);
    CHECK(eventfd_read(event, &value) == 0 && value == 7);
    CHECK_ERROR(eventfd_read(event, &value), EAGAIN);
    uint64_t most = UINT64_MAX;
    CHECK_ERROR(write(event, &most, sizeof most), EINVAL);
    CHECK_ERROR(write(event, &most, 4), EINVAL);
    CHECK(eventfd_write(event, UINT64_MAX - 1) == 0);
    CHECK_ERROR(eventfd_write(event, 1), EAGAIN);
    CHECK(close(event) == 0);
    puts("counter");

    event = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
    CHECK(event >= 0);
    CHECK(eventfd_read(event, &value) == 0 && value == 1);
    CHECK(eventfd_read(event, &value) == 0 && value == 1);
    CHECK_ERROR(eventfd_read(event, &value), EAGAIN);
    CHECK(close(event) == 0);
    puts("semaphore");

    event = eventfd(0, 0);
    CHECK(event >= 0);
    CHECK(pthread_create(&thread, NULL, add_late, NULL) == 0);
    CHECK(eventfd_read(event, &value) == 0 && value == 5);
    CHECK(pthread_join(thread, NULL) == 0);
    struct pollfd polls = {event, POLLIN | POLLOUT, 0};
    CHECK(poll(&polls, 1, 0) == 1 && polls.revents == POLLOUT);
    puts("blocking");
    return 0;
}
