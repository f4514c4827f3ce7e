/* SPDX-License-Identifier: Apache-2.0
 *
 * stat, fstat, lstat, access, chmod, umask, times of files.
 */
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>
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

    time_t now = time(NULL);
    CHECK(write(file, "x", 1) == 1);
    CHECK(stat(path, &status) == 0);
    CHECK(status.st_mtim.tv_sec >= now - 1 && status.st_mtim.tv_sec <= now + 60);
    puts("times");

    CHECK(close(file) == 0);
    CHECK(unlink(path) == 0);
    return 0;
}
