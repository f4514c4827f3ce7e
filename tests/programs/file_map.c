/* SPDX-License-Identifier: Apache-2.0
 *
 * Mapped files: MAP_PRIVATE sees the file and keeps its writes to itself; MAP_SHARED is the file,
 * for read, write, other mappings and threads; the rest of the last page is zero; offsets; msync; a
 * mapping outlives its descriptor and its name.
 */
#include "check.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define PAGE 4096

int main(void)
{
    const char *path = scratch("map");
    char text[8], page[PAGE];
    int file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

    CHECK(file >= 0);
    for (int i = 0; i < 5; i++) {
        memset(page, 'a' + i, sizeof page);
        CHECK(write(file, page, i < 4 ? sizeof page : 100) == (i < 4 ? PAGE : 100));
    }

    char *private = mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    CHECK(private != MAP_FAILED);
    CHECK(private[0] == 'a' && private[3 * PAGE] == 'd' && private[4 * PAGE + 99] == 'e');
    CHECK(private[4 * PAGE + 100] == 0 && private[5 * PAGE - 1] == 0);
    private[0] = 'X';
    CHECK(pread(file, text, 1, 0) == 1 && text[0] == 'a');
    CHECK(munmap(private, 5 * PAGE) == 0);
    private = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, file, 2 * PAGE);
    CHECK(private != MAP_FAILED);
    CHECK(private[0] == 'c' && private[PAGE - 1] == 'c');
    CHECK(munmap(private, PAGE) == 0);
    puts("private");

    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, file, 100) == MAP_FAILED);
    CHECK(errno == EINVAL);
    int reader = open(path, O_RDONLY);
    CHECK(reader >= 0);
    CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0) == MAP_FAILED);
    CHECK(errno == EACCES);
    char *shared_reader = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0);
    CHECK(shared_reader != MAP_FAILED);
    CHECK(shared_reader[0] == 'a');
    puts("errors");

    char *shared = mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    char *again = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, PAGE);
    CHECK(shared != MAP_FAILED && again != MAP_FAILED && shared != again);
    shared[PAGE] = 'S';
    CHECK(again[0] == 'S');
    again[PAGE + 1] = 'T';
    CHECK(shared[2 * PAGE + 1] == 'T');
    CHECK(msync(shared, 5 * PAGE, MS_SYNC) == 0);
    CHECK(pread(file, text, 1, PAGE) == 1 && text[0] == 'S');
    CHECK(pread(file, text, 2, 2 * PAGE) == 2 && text[1] == 'T');
    CHECK(pwrite(file, "W", 1, 3) == 1);
    CHECK(shared[3] == 'W');
    CHECK(shared_reader[3] == 'W');
    shared[4] = 'M';
    CHECK(pread(file, text, 1, 4) == 1 && text[0] == 'M');
    puts("shared");

    struct stat status;
    CHECK(fstat(file, &status) == 0 && status.st_size == 4 * PAGE + 100);
    CHECK(ftruncate(file, 8 * PAGE) == 0);
    char *tail = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 7 * PAGE);
    CHECK(tail != MAP_FAILED);
    CHECK(tail[0] == 0);
    tail[PAGE - 1] = 'Z';
    CHECK(pread(file, text, 1, 8 * PAGE - 1) == 1 && text[0] == 'Z');
    puts("grown");

    CHECK(close(file) == 0);
    CHECK(close(reader) == 0);
    CHECK(unlink(path) == 0);
    shared[0] = 'K';
    CHECK(shared[0] == 'K' && again[0] == 'S' && tail[PAGE - 1] == 'Z');
    CHECK(munmap(shared, 5 * PAGE) == 0);
    CHECK(again[0] == 'S');
    CHECK(munmap(again, 2 * PAGE) == 0);
    CHECK(munmap(tail, PAGE) == 0);
    CHECK(munmap(shared_reader, PAGE) == 0);
    puts("outlives its descriptor");
    return 0;
}
