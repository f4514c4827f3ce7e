/* SPDX-License-Identifier: Apache-2.0
 *
 * A file in /tmp: create, write, seek, read back, append, truncate, exclusive creation, access
 * modes, size.
 */
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>

static void write_text(int file, const char *text)
{
    CHECK(write(file, text, strlen(text)) == (ssize_t)strlen(text));
}

static void print_file(const char *path)
{
    char text[200];
    int file = open(path, O_RDONLY);

    CHECK(file >= 0);
    ssize_t got = read(file, text, sizeof text);
    CHECK(got >= 0);
    CHECK(read(file, text, sizeof text) == 0);
    CHECK(close(file) == 0);
    printf("[%.*s]\n", (int)got, text);
}

int main(void)
{
    const char *path = scratch("basic");
    struct stat status;
    char text[16];

    CHECK_ERROR(open(path, O_RDONLY), ENOENT);
    CHECK_ERROR(open(path, O_RDWR), ENOENT);
    int file = open(path, O_RDWR | O_CREAT, 0600);
    CHECK(file >= 0);
    CHECK(fstat(file, &status) == 0);
    CHECK(S_ISREG(status.st_mode) && (status.st_mode & 0777) == 0600);
    CHECK(status.st_size == 0 && status.st_nlink == 1);
    write_text(file, "hello, file");
    print_file(path);
    CHECK(lseek(file, 0, SEEK_CUR) == 11);
    CHECK(lseek(file, 7, SEEK_SET) == 7);
    write_text(file, "world");
    print_file(path);
    CHECK(lseek(file, -5, SEEK_END) == 7);
    CHECK(read(file, text, sizeof text) == 5);
    CHECK(memcmp(text, "world", 5) == 0);
    CHECK(lseek(file, 3, SEEK_END) == 15);
    CHECK(read(file, text, sizeof text) == 0);
    CHECK_ERROR(lseek(file, -1, SEEK_SET), EINVAL);
    CHECK_ERROR(lseek(file, 0, 99), EINVAL);
    CHECK(close(file) == 0);
    CHECK_ERROR(close(file), EBADF);

    CHECK_ERROR(open(path, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
    file = open(path, O_WRONLY | O_APPEND);
    CHECK(file >= 0);
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    write_text(file, "!");
    CHECK_ERROR(read(file, text, 1), EBADF);
    CHECK(close(file) == 0);
    print_file(path);

    file = open(path, O_RDONLY);
    CHECK(file >= 0);
    CHECK_ERROR(write(file, "x", 1), EBADF);
    CHECK_ERROR(ftruncate(file, 0), EINVAL);
    CHECK(close(file) == 0);

    file = open(path, O_WRONLY | O_TRUNC);
    CHECK(file >= 0);
    CHECK(fstat(file, &status) == 0 && status.st_size == 0);
    write_text(file, "short");
    CHECK(ftruncate(file, 2) == 0);
    CHECK(close(file) == 0);
    print_file(path);
    CHECK(truncate(path, 4) == 0);
    CHECK(stat(path, &status) == 0 && status.st_size == 4);

    CHECK(unlink(path) == 0);
    CHECK_ERROR(unlink(path), ENOENT);
    CHECK_ERROR(open("/tmp/cella-no-such-directory/file", O_RDWR | O_CREAT, 0600), ENOENT);
    CHECK_ERROR(open("/tmp", O_WRONLY), EISDIR);
    CHECK_ERROR(open("", O_RDONLY), ENOENT);
    puts("errors");
    return 0;
}
