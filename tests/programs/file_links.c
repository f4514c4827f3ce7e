/* SPDX-License-Identifier: Apache-2.0
 *
 * Hard and symbolic links.
 */
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>

int main(void)
{
    const char *path = scratch("file"), *hard = scratch("hard"), *soft = scratch("soft"),
               *loop = scratch("loop");
    struct stat status;
    char text[128];
    int file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

    CHECK(file >= 0);
    CHECK(write(file, "linked", 6) == 6);
    CHECK(link(path, hard) == 0);
    CHECK(fstat(file, &status) == 0 && status.st_nlink == 2);
    CHECK_ERROR(link(path, hard), EEXIST);
    CHECK(unlink(path) == 0);
    CHECK(stat(hard, &status) == 0 && status.st_nlink == 1 && status.st_size == 6);
    CHECK(close(file) == 0);
    puts("hard");

    CHECK(symlink(hard, soft) == 0);
    CHECK(lstat(soft, &status) == 0 && S_ISLNK(status.st_mode));
    CHECK(stat(soft, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 6);
    ssize_t length = readlink(soft, text, sizeof text);
    CHECK(length == (ssize_t)strlen(hard) && memcmp(text, hard, (size_t)length) == 0);
    CHECK_ERROR(readlink(hard, text, sizeof text), EINVAL);
    CHECK_ERROR(open(soft, O_RDONLY | O_NOFOLLOW), ELOOP);
    file = open(soft, O_RDONLY);
    CHECK(file >= 0);
    CHECK(read(file, text, sizeof text) == 6);
    CHECK(close(file) == 0);
    CHECK(unlink(hard) == 0);
    CHECK_ERROR(open(soft, O_RDONLY), ENOENT);
    CHECK(unlink(soft) == 0);
    puts("symbolic");

    CHECK(symlink(loop, loop) == 0);
    CHECK_ERROR(open(loop, O_RDONLY), ELOOP);
    CHECK(unlink(loop) == 0);
    puts("a loop");
    return 0;
}
