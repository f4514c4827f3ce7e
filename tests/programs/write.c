/* SPDX-License-Identifier: Apache-2.0
 *
 * write, writev and pwrite on stdout: parts in order, empty parts, one megabyte at once, and the
 * errors of bad descriptors, bad memory and bad counts.
 */
#include "check.h"
#include <limits.h>
#include <sys/uio.h>

int main(void)
{
    char big[1024];
    struct iovec parts[] = {
        {(void *)"one ", 4}, {NULL, 0}, {(void *)"two ", 4}, {(void *)"three\n", 6}};

    CHECK(write(STDOUT_FILENO, "", 0) == 0);
    CHECK(writev(STDOUT_FILENO, parts, 4) == 14);
    CHECK(writev(STDOUT_FILENO, parts, 0) == 0);

    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)('a' + i % 26);
    big[sizeof big - 1] = '\n';
    struct iovec many[1024];
    for (size_t i = 0; i < 1024; i++)
        many[i] = (struct iovec){big, sizeof big};
    ssize_t put = writev(STDOUT_FILENO, many, 1024);
    CHECK(put > 0);
    for (size_t done = (size_t)put; done < sizeof big * 1024;) {
        size_t within = done % sizeof big;

        put = write(STDOUT_FILENO, big + within, sizeof big - within);
        CHECK(put > 0);
        done += (size_t)put;
    }

    volatile int count = -1; /* volatile: compilers warn of what is tested here */
    CHECK_ERROR(writev(STDOUT_FILENO, parts, count), EINVAL);
    count = IOV_MAX + 1;
    CHECK_ERROR(writev(STDOUT_FILENO, many, count), EINVAL);
    CHECK_ERROR(write(99, "x", 1), EBADF);
    CHECK_ERROR(write(-1, "x", 1), EBADF);
    CHECK_ERROR(write(STDOUT_FILENO, (void *)-4096, 1), EFAULT);
    parts[1] = (struct iovec){(void *)big, (size_t)-1};
    CHECK_ERROR(writev(STDOUT_FILENO, parts, 4), EINVAL);
    CHECK(write(STDOUT_FILENO, "end\n", 4) == 4);
    return 0;
}
