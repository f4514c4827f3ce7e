/* SPDX-License-Identifier: Apache-2.0
 *
 * file_measured PATH...: prints each file, by read, in pieces by pread and by mmap; writing to it,
 * removing it or replacing it is refused.
 */
#include "check.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

static void refuse(long result)
{
    CHECK(result == -1);
    CHECK(errno == EROFS || errno == EACCES || errno == EPERM);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        char text[256], piece[3];
        struct stat status;
        int file = open(argv[i], O_RDONLY);

        CHECK(file >= 0);
        ssize_t got = read(file, text, sizeof text);
        CHECK(got > 0 && got < (ssize_t)sizeof text);
        CHECK(write(STDOUT_FILENO, text, (size_t)got) == got);
        CHECK(fstat(file, &status) == 0);
        CHECK(S_ISREG(status.st_mode) && status.st_size == got);
        for (off_t at = got - 1; at >= 0; at--) {
            ssize_t part = pread(file, piece, sizeof piece, at);

            CHECK(part == (got - at < 3 ? got - at : 3));
            CHECK(memcmp(piece, text + at, (size_t)part) == 0);
        }
        char *mapped = mmap(NULL, (size_t)got, PROT_READ, MAP_PRIVATE, file, 0);
        CHECK(mapped != MAP_FAILED);
        CHECK(memcmp(mapped, text, (size_t)got) == 0);
        CHECK(munmap(mapped, (size_t)got) == 0);
        CHECK(close(file) == 0);

        refuse(open(argv[i], O_RDWR));
        refuse(open(argv[i], O_WRONLY | O_TRUNC));
        refuse(truncate(argv[i], 0));
        refuse(unlink(argv[i]));
        CHECK(stat(argv[i], &status) == 0 && status.st_size == got);
    }
    return 0;
}
