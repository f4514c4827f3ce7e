/* SPDX-License-Identifier: Apache-2.0
 *
 * pread, pwrite, readv, writev, sparse files, large offsets, many small writes.
 */
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

int main(void)
{
    const char *path = scratch("position");
    char a[8], b[8], page[4096], zero[4096] = "";
    struct stat status;
    int file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

    CHECK(file >= 0);
    CHECK(pwrite(file, "0123456789", 10, 5) == 10);
    CHECK(lseek(file, 0, SEEK_CUR) == 0);
    CHECK(pread(file, a, 8, 3) == 8);
    CHECK(memcmp(a,
                 "\0\0"
                 "012345",
                 8) == 0);
    CHECK(pread(file, a, 8, 12) == 3);
    CHECK(pread(file, a, 8, 15) == 0);
    CHECK(pread(file, a, 8, 1000000) == 0);
    CHECK_ERROR(pread(file, a, 8, -1), EINVAL);
    CHECK_ERROR(pwrite(file, a, 8, -1), EINVAL);
    puts("pread and pwrite");

    struct iovec out[] = {{(void *)"abc", 3}, {(void *)"", 0}, {(void *)"defgh", 5}};
    struct iovec in[] = {{a, 2}, {b, 6}};
    CHECK(writev(file, out, 3) == 8);
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    CHECK(readv(file, in, 2) == 8);
    CHECK(memcmp(a, "ab", 2) == 0 && memcmp(b, "cdefgh", 6) == 0);
    CHECK(pwrite(file, "abcdefgh", 8, 100) == 8);
    puts("vectors");

    off_t far = 100 * 1024 * 1024;
    CHECK(pwrite(file, "end", 3, far) == 3);
    CHECK(fstat(file, &status) == 0 && status.st_size == far + 3);
    for (off_t at = 4096; at < far; at += far / 50) {
        CHECK(pread(file, page, sizeof page, at) == sizeof page);
        CHECK(memcmp(page, zero, sizeof page) == 0);
    }
    CHECK(ftruncate(file, 102) == 0);
    CHECK(ftruncate(file, 200) == 0);
    CHECK(pread(file, a, 8, 100) == 8);
    CHECK(memcmp(a, "ab\0\0\0\0\0\0", 8) == 0);
    puts("sparse, and zeros where it was cut");

    CHECK(ftruncate(file, 0) == 0);
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    for (int i = 0; i < 20000; i++)
        CHECK(write(file, &i, sizeof i) == sizeof i);
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    for (int i = 0; i < 20000; i++) {
        int value;

        CHECK(read(file, &value, sizeof value) == sizeof value);
        CHECK(value == i);
    }
    puts("20000 small writes");

    static char big[8 << 20];
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 7 + i / 4096);
    CHECK(pwrite(file, big, sizeof big, 4095) == sizeof big);
    static char back[8 << 20];
    CHECK(pread(file, back, sizeof back, 4095) == sizeof back);
    CHECK(memcmp(big, back, sizeof big) == 0);
    puts("8 MiB at once");
    CHECK(close(file) == 0);
    CHECK(unlink(path) == 0);
    return 0;
}
