/* SPDX-License-Identifier: Apache-2.0
 *
 * A memory directory of 1 MiB (/small in the manifest) is full with ENOSPC, keeps what it holds,
 * and takes more once something is removed.
 */
#include "check.h"
#include <fcntl.h>

int main(void)
{
    static char block[65536];
    int file = open("/small/file", O_RDWR | O_CREAT | O_EXCL, 0600);
    size_t written = 0;
    ssize_t put;

    CHECK(file >= 0);
    memset(block, 'f', sizeof block);
    while ((put = write(file, block, sizeof block)) > 0) {
        written += (size_t)put;
        CHECK(written <= 1048576);
    }
    CHECK(put == -1 && errno == ENOSPC);
    CHECK(written >= 1048576 - 2 * sizeof block);
    puts("full");
    CHECK(pread(file, block, 10, (off_t)written - 10) == 10);
    CHECK(memcmp(block, "ffffffffff", 10) == 0);
    CHECK(ftruncate(file, 1000) == 0);
    CHECK(pwrite(file, block, sizeof block, 1000) == sizeof block);
    CHECK(close(file) == 0);
    CHECK(unlink("/small/file") == 0);
    file = open("/small/other", O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK(file >= 0);
    for (int i = 0; i < 12; i++)
        CHECK(write(file, block, sizeof block) == sizeof block);
    puts("and free again");
    return 0;
}
