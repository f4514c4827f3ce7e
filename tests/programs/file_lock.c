/* SPDX-License-Identifier: Apache-2.0
 *
 * Locks: fcntl locks of one process never conflict with each other, and F_GETLK says so.
 */
#include "check.h"
#include <fcntl.h>

static struct flock range(short type, off_t start, off_t length)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
}

int main(void)
{
    const char *path = scratch("lock");
    int a = open(path, O_RDWR | O_CREAT | O_EXCL, 0600), b = open(path, O_RDWR);
    int reader = open(path, O_RDONLY);
    struct flock lock;

    CHECK(a >= 0 && b >= 0 && reader >= 0);
    lock = range(F_WRLCK, 0, 100);
    CHECK(fcntl(a, F_SETLK, &lock) == 0);
    CHECK(fcntl(b, F_SETLK, &lock) == 0);
    CHECK(fcntl(b, F_SETLKW, &lock) == 0);
    CHECK(fcntl(b, F_GETLK, &lock) == 0);
    CHECK(lock.l_type == F_UNLCK);
    lock = range(F_RDLCK, 1073741824, 510);
    CHECK(fcntl(a, F_SETLK, &lock) == 0);
    lock = range(F_UNLCK, 0, 0);
    CHECK(fcntl(a, F_SETLK, &lock) == 0);
    lock = range(F_WRLCK, 0, 1);
    CHECK_ERROR(fcntl(reader, F_SETLK, &lock), EBADF);
    lock = range(77, 0, 1);
    CHECK_ERROR(fcntl(a, F_SETLK, &lock), EINVAL);
    lock = range(F_WRLCK, -10, 1);
    CHECK_ERROR(fcntl(a, F_SETLK, &lock), EINVAL);
    puts("fcntl locks");

    CHECK(close(b) == 0);
    CHECK(close(a) == 0);
    CHECK(unlink(path) == 0);
    return 0;
}
