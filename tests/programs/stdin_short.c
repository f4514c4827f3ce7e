/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads of 0, 1 and few bytes, and readv across buffers, give the bytes of stdin in order; a read
 * into memory that is not there fails and takes nothing.
 */
#include "check.h"
#include <sys/uio.h>

static size_t read_whole(char *bytes, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t got = read(STDIN_FILENO, bytes + done, size - done);

        CHECK(got >= 0);
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return done;
}

int main(void)
{
    char a[3], b[5], c[64] = "";

    CHECK(read(STDIN_FILENO, a, 0) == 0);
    CHECK(read_whole(a, 1) == 1);
    printf("%c\n", a[0]);
    struct iovec parts[] = {{a, sizeof a}, {a, 0}, {b, sizeof b}};
    ssize_t got = readv(STDIN_FILENO, parts, 3);
    CHECK(got == 8);
    printf("%.3s|%.5s\n", a, b);
    CHECK_ERROR(read(STDIN_FILENO, (void *)-4096, 4), EFAULT);
    size_t rest = read_whole(c, sizeof c);
    printf("%.*s\n", (int)rest, c);
    CHECK_ERROR(read(99, c, 1), EBADF);
    CHECK_ERROR(read(STDOUT_FILENO + 50, c, 1), EBADF);
    return 0;
}
