/* SPDX-License-Identifier: Apache-2.0
 *
 * stat, fstat, lstat, access, chmod, umask, times of files, statvfs.
 */
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

int main(void)
{
    const char *path = scratch("status");
    struct stat status, again;

    CHECK(umask(027) == 022 || 1);
    CHECK(umask(027) == 027);
    int file = open(path, O_RDWR | O_CREAT | O_EXCL, 0666);
    CHECK(file >= 0);
    CHECK(fstat(file, &status) == 0);
    CHECK((status.st_mode & 07777) == 0640);
    CHECK(status.st_uid == geteuid());
    CHECK(status.st_blksize > 0);
    CHECK(stat(path, &again) == 0);
    CHECK(again.st_ino == status.st_ino && again.st_dev == status.st_dev);
    CHECK(lstat(path, &again) == 0);
    CHECK(again.st_ino == status.st_ino);
    CHECK(stat("/tmp", &again) == 0);
    CHECK(S_ISDIR(again.st_mode));
    CHECK(stat("/", &again) == 0);
    CHECK(S_ISDIR(again.st_mode));
    puts("stat");

    CHECK(fchmod(file, 0400) == 0);
    CHECK(stat(path, &status) == 0 && (status.st_mode & 07777) == 0400);
    CHECK(chmod(path, 0751) == 0);
    CHECK(fstat(file, &status) == 0 && (status.st_mode & 07777) == 0751);
    CHECK(S_ISREG(status.st_mode));
    CHECK_ERROR(chmod("/tmp/cella-no-such-file", 0600), ENOENT);
    CHECK(access(path, R_OK | X_OK) == 0);
    CHECK_ERROR(access("/tmp/cella-no-such-file", R_OK), ENOENT);
    puts("chmod and access");

    struct timespec times[2] = {{1000000000, 123456789}, {1100000000, 987654321}};
    CHECK(futimens(file, times) == 0);
    CHECK(stat(path, &status) == 0);
    CHECK(status.st_atim.tv_sec == 1000000000 && status.st_atim.tv_nsec == 123456789);
    CHECK(status.st_mtim.tv_sec == 1100000000 && status.st_mtim.tv_nsec == 987654321);
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = 1200000000;
    CHECK(utimensat(AT_FDCWD, path, times, 0) == 0);
    CHECK(stat(path, &status) == 0);
    CHECK(status.st_atim.tv_sec == 1000000000 && status.st_mtim.tv_sec == 1200000000);
    CHECK(write(file, "x", 1) == 1);
    CHECK(stat(path, &status) == 0);
    CHECK(status.st_mtim.tv_sec != 1200000000);
    puts("times");

    struct statvfs system;
    CHECK(fstatvfs(file, &system) == 0);
    CHECK(system.f_bsize > 0 && system.f_namemax >= 255);
    puts("file system");
    CHECK(close(file) == 0);
    CHECK(unlink(path) == 0);
    return 0;
}
