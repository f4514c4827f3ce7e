/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptors: the lowest free number, dup, dup2, dup3, F_DUPFD, a position shared by duplicates,
 * flags, close-on-exec, many at once, exhaustion.
 */
#include "check.h"
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

int main(void)
{
    const char *path = scratch("descriptor");
    char text[8];
    int file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

    CHECK(file == 3);
    CHECK(write(file, "abcdef", 6) == 6);
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    int second = dup(file);
    CHECK(second == 4);
    CHECK(read(file, text, 2) == 2);
    CHECK(read(second, text, 2) == 2 && memcmp(text, "cd", 2) == 0);
    int apart = open(path, O_RDONLY);
    CHECK(apart == 5);
    CHECK(read(apart, text, 2) == 2 && memcmp(text, "ab", 2) == 0);
    CHECK(close(second) == 0);
    CHECK(open(path, O_RDONLY | O_CLOEXEC) == 4);
    CHECK(fcntl(4, F_GETFD) == FD_CLOEXEC);
    CHECK(fcntl(4, F_SETFD, 0) == 0);
    CHECK(fcntl(4, F_GETFD) == 0);
    puts("the lowest free number");

    CHECK(dup2(file, 4) == 4);
    CHECK(dup2(file, 20) == 20);
    CHECK(lseek(20, 0, SEEK_CUR) == 4);
    CHECK(dup2(file, file) == file);
    CHECK_ERROR(dup2(99, 21), EBADF);
    CHECK_ERROR(dup3(file, file, 0), EINVAL);
    CHECK(dup3(file, 21, O_CLOEXEC) == 21);
    CHECK(fcntl(21, F_GETFD) == FD_CLOEXEC);
    CHECK(fcntl(file, F_DUPFD, 10) == 10);
    CHECK(fcntl(file, F_DUPFD_CLOEXEC, 10) == 11);
    CHECK(fcntl(11, F_GETFD) == FD_CLOEXEC);
    puts("duplicates");

    CHECK((fcntl(file, F_GETFL) & O_ACCMODE) == O_RDWR);
    CHECK((fcntl(apart, F_GETFL) & O_ACCMODE) == O_RDONLY);
    CHECK(fcntl(file, F_SETFL, O_APPEND) == 0);
    CHECK((fcntl(20, F_GETFL) & O_APPEND) != 0);
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    CHECK(write(file, "g", 1) == 1);
    CHECK(pread(file, text, 7, 0) == 7 && memcmp(text, "abcdefg", 7) == 0);
    CHECK_ERROR(fcntl(99, F_GETFL), EBADF);
    CHECK_ERROR(fcntl(file, 9999), EINVAL);
    CHECK_ERROR(ioctl(99, FIONBIO, text), EBADF);
    puts("flags");

    for (int i = 4; i <= 21; i++)
        close(i);
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    int most = limit.rlim_cur < 200 ? (int)limit.rlim_cur : 200, count = 4;
    for (; count < most; count++) {
        int next = dup(file);

        if (next < 0) {
            CHECK(errno == EMFILE);
            break;
        }
        CHECK(next == count);
    }
    CHECK(count >= 64);
    for (int i = 4; i < count; i++)
        CHECK(close(i) == 0);
    puts("many");

    /* Streams can be replaced and closed. */
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    CHECK(saved >= 0);
    CHECK(dup2(file, STDOUT_FILENO) == STDOUT_FILENO);
    printf("into the file");
    fflush(stdout);
    CHECK(dup2(saved, STDOUT_FILENO) == STDOUT_FILENO);
    char found[32] = "";
    CHECK(pread(file, found, sizeof found - 1, 7) == 13);
    printf("[%s]\n", found);
    CHECK(close(STDIN_FILENO) == 0);
    CHECK_ERROR(read(STDIN_FILENO, text, 1), EBADF);
    CHECK(open(path, O_RDONLY) == STDIN_FILENO);
    CHECK(read(STDIN_FILENO, text, 3) == 3);
    CHECK(unlink(path) == 0);
    puts("streams");
    return 0;
}
