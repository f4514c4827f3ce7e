/* SPDX-License-Identifier: Apache-2.0
 *
 * statx says the same as stat, of a name, of a descriptor and of nothing.
 */
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>

int main(void)
{
    const char *path = scratch("statx");
    struct stat status;
    struct statx extended;
    int file = open(path, O_RDWR | O_CREAT | O_EXCL, 0640);

    CHECK(file >= 0);
    CHECK(write(file, "12345", 5) == 5);
    CHECK(fstat(file, &status) == 0);
    CHECK(statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &extended) == 0);
    CHECK((extended.stx_mask & STATX_SIZE) != 0 && extended.stx_size == 5);
    CHECK(extended.stx_ino == status.st_ino && extended.stx_mode == status.st_mode);
    CHECK(statx(file, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &extended) == 0);
    CHECK(extended.stx_size == 5 && extended.stx_nlink == 1);
    CHECK(extended.stx_mtime.tv_sec == status.st_mtim.tv_sec);
    CHECK_ERROR(statx(AT_FDCWD, "", 0, STATX_BASIC_STATS, &extended), ENOENT);
    CHECK_ERROR(statx(99, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &extended), EBADF);
    CHECK(unlink(path) == 0);
    puts("statx");
    return 0;
}
