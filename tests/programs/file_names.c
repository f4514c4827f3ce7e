/* SPDX-License-Identifier: Apache-2.0
 *
 * Names: rename over a file and a directory, unlink of an open file, hard links, symbolic links,
 * mkdir, rmdir, relative paths, getcwd, chdir, "." and "..", the *at calls.
 */
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

static void put(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    CHECK(file >= 0);
    CHECK(write(file, text, strlen(text)) == (ssize_t)strlen(text));
    CHECK(close(file) == 0);
}

static void expect(const char *path, const char *text)
{
    char found[64];
    int file = open(path, O_RDONLY);

    CHECK(file >= 0);
    ssize_t got = read(file, found, sizeof found);
    CHECK(got == (ssize_t)strlen(text) && memcmp(found, text, (size_t)got) == 0);
    CHECK(close(file) == 0);
}

int main(void)
{
    const char *top = scratch("names");
    char place[PATH_MAX], text[64];
    struct stat status, other;

    CHECK(mkdir(top, 0755) == 0);
    CHECK_ERROR(mkdir(top, 0755), EEXIST);
    CHECK(chdir(top) == 0);
    CHECK(getcwd(place, sizeof place) == place);
    CHECK(strcmp(place, top) == 0);
    CHECK(getcwd(place, 3) == NULL && errno == ERANGE);
    puts("chdir and getcwd");

    put("a", "from a");
    put("b", "from b");
    CHECK(rename("a", "b") == 0);
    expect("b", "from a");
    CHECK_ERROR(rename("a", "c"), ENOENT);
    CHECK_ERROR(access("a", F_OK), ENOENT);
    CHECK(access("b", R_OK | W_OK) == 0);
    CHECK(rename("b", "b") == 0);
    puts("rename over a file");

    CHECK(mkdir("d", 0700) == 0);
    CHECK(mkdir("d/e", 0700) == 0);
    put("d/e/f", "deep");
    CHECK_ERROR(rename("b", "d"), EISDIR);
    CHECK_ERROR(rename("d", "b"), ENOTDIR);
    CHECK_ERROR(rename("d", "d/e/d"), EINVAL);
    CHECK_ERROR(rmdir("d"), ENOTEMPTY);
    CHECK_ERROR(rmdir("b"), ENOTDIR);
    CHECK_ERROR(unlink("d"), EISDIR);
    CHECK(mkdir("g", 0700) == 0);
    CHECK(rename("d", "g") == 0); /* over an empty directory */
    expect("g/e/f", "deep");
    CHECK(rename("g/e/f", "f") == 0);
    CHECK(rename("g/e", "e") == 0);
    CHECK(rmdir("g") == 0);
    CHECK_ERROR(rmdir("g"), ENOENT);
    puts("directories");

    put("e/one", "1");
    expect("./e/one", "1");
    expect("e/../e//one", "1");
    expect("e/./one", "1");
    snprintf(place, sizeof place, "%s/../%s/e/one", top, strrchr(top, '/') + 1);
    expect(place, "1");
    CHECK_ERROR(open("f/", O_RDONLY), ENOTDIR);
    CHECK_ERROR(open("f/one", O_RDONLY), ENOTDIR);
    CHECK_ERROR(open("nothing/../f", O_RDONLY), ENOENT);
    char long_name[400];
    memset(long_name, 'n', sizeof long_name);
    long_name[300] = 0;
    CHECK_ERROR(open(long_name, O_RDWR | O_CREAT, 0600), ENAMETOOLONG);
    long_name[255] = 0;
    put(long_name, "long");
    expect(long_name, "long");
    CHECK(unlink(long_name) == 0);
    puts("paths");

    int file = open("f", O_RDWR);
    CHECK(file >= 0);
    CHECK(unlink("f") == 0);
    CHECK_ERROR(stat("f", &status), ENOENT);
    CHECK(fstat(file, &status) == 0 && status.st_nlink == 0);
    CHECK(write(file, "gone", 4) == 4);
    CHECK(pread(file, text, sizeof text, 0) == 4 && memcmp(text, "gone", 4) == 0);
    put("f", "new");
    CHECK(pread(file, text, sizeof text, 0) == 4);
    CHECK(close(file) == 0);
    expect("f", "new");
    puts("unlinked while open");

    int directory = open("e", O_RDONLY | O_DIRECTORY);
    CHECK(directory >= 0);
    CHECK_ERROR(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
    file = openat(directory, "two", O_WRONLY | O_CREAT, 0640);
    CHECK(file >= 0);
    CHECK(write(file, "2", 1) == 1);
    CHECK(close(file) == 0);
    expect("e/two", "2");
    CHECK(fstatat(directory, "two", &status, 0) == 0 && status.st_size == 1);
    CHECK(renameat(directory, "two", AT_FDCWD, "three") == 0);
    CHECK(unlinkat(directory, "one", 0) == 0);
    CHECK(mkdirat(directory, "h", 0700) == 0);
    CHECK(unlinkat(directory, "h", AT_REMOVEDIR) == 0);
    CHECK(faccessat(directory, "one", F_OK, 0) == -1);
    CHECK(fchdir(directory) == 0);
    expect("../three", "2");
    CHECK(chdir("..") == 0);
    CHECK(read(directory, text, sizeof text) == -1 && errno == EISDIR);
    CHECK(close(directory) == 0);
    puts("relative to a directory");

    CHECK(stat("f", &status) == 0);
    CHECK(stat("three", &other) == 0);
    CHECK(status.st_ino != other.st_ino && status.st_dev == other.st_dev);
    CHECK(unlink("three") == 0);
    CHECK(unlink("f") == 0);
    CHECK(unlink("b") == 0);
    CHECK(rmdir("e") == 0);
    CHECK(chdir("/") == 0);
    CHECK(rmdir(top) == 0);
    CHECK_ERROR(chdir(top), ENOENT);
    puts("nothing left");
    return 0;
}
