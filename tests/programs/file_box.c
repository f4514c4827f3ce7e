/* SPDX-License-Identifier: Apache-2.0
 *
 * Boxes under /boxes: what a program does with files, on them; each a file of the host that holds
 * nothing of what was written.
 */
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static void content(void)
{
    static char bytes[300000], back[300000];
    struct stat status, same;
    int file = open("/boxes/one", O_RDWR | O_CREAT | O_EXCL, 0600);
    int other = open("/boxes/one", O_RDONLY);

    CHECK(file >= 0 && other >= 0);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 31 + i / 4096);
    CHECK(write(file, bytes, sizeof bytes) == sizeof bytes);
    CHECK(pread(other, back, sizeof back, 0) == sizeof back); /* one box, however often open */
    CHECK(memcmp(bytes, back, sizeof bytes) == 0);
    CHECK(fsync(file) == 0 && fdatasync(file) == 0);
    CHECK(pwrite(file, "across two blocks", 17, 4090) == 17);
    CHECK(pread(other, back, 17, 4090) == 17 && memcmp(back, "across two blocks", 17) == 0);
    CHECK(fstat(file, &status) == 0 && status.st_size == sizeof bytes);
    CHECK(stat("/boxes/one", &same) == 0 && same.st_ino == status.st_ino);
    CHECK(ftruncate(file, 5000) == 0 && ftruncate(file, 9000) == 0);
    CHECK(lseek(file, 0, SEEK_END) == 9000);
    CHECK(pread(file, back, 100, 8950) == 50 && back[0] == 0 && back[49] == 0);
    CHECK(write(other, "x", 1) == -1 && errno == EBADF);
    const char *map = mmap(NULL, 5000, PROT_READ, MAP_PRIVATE, other, 0);
    CHECK(map != MAP_FAILED && memcmp(map, bytes, 4090) == 0);
    CHECK(close(file) == 0 && close(other) == 0);
    CHECK(stat("/boxes/one", &same) == 0 && same.st_size == 9000 && same.st_ino == status.st_ino);
    puts("content");
}

/* Like every system call, one that decrypts leaves the vector registers alone. */
static void registers(void)
{
    uint8_t before[32], after[32], byte;
    int file = open("/boxes/one", O_RDONLY);
    long result = SYS_pread64;

    CHECK(file >= 0);
    for (size_t i = 0; i < sizeof before; i++)
        before[i] = (uint8_t)(i + 1);
    if (!__builtin_cpu_supports("avx"))
        return;
    register long offset __asm__("r10") = 8000;
    __asm__ volatile("vmovdqu %[before], %%ymm3\n\tsyscall\n\tvmovdqu %%ymm3, %[after]"
                     : "+a"(result), [after] "=m"(after), "=m"(byte)
                     : [before] "m"(before), "D"(file), "S"(&byte), "d"(1L), "r"(offset)
                     : "rcx", "r11", "xmm3", "memory");
    CHECK(result == 1 && memcmp(before, after, sizeof before) == 0);
    CHECK(close(file) == 0);
    puts("registers");
}

static int names_in(const char *path, const char *name)
{
    struct dirent *entry;
    int found = 0;
    DIR *directory = opendir(path);

    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL)
        found += strcmp(entry->d_name, name) == 0;
    CHECK(closedir(directory) == 0);
    return found;
}

static void names(void)
{
    struct stat status;
    char byte;
    int file = open("/boxes/two", O_RDWR | O_CREAT, 0600);

    CHECK(write(file, "2", 1) == 1);
    CHECK(rename("/boxes/one", "/boxes/two") == 0); /* while the old one is open */
    CHECK(pread(file, &byte, 1, 0) == 1 && byte == '2');
    CHECK(close(file) == 0);
    CHECK_ERROR(stat("/boxes/one", &status), ENOENT);
    CHECK(stat("/boxes/two", &status) == 0 && status.st_size == 9000);
    CHECK(names_in("/boxes", "one") == 0 && names_in("/boxes", "two") == 1);
    file = open("/boxes/two", O_RDWR | O_APPEND);
    CHECK(rename("/boxes/two", "/boxes/three") == 0 && write(file, "end", 3) == 3);
    CHECK(unlink("/boxes/three") == 0 && pread(file, &byte, 1, 9002) == 1 && byte == 'd');
    CHECK(close(file) == 0);
    CHECK_ERROR(open("/boxes/three", O_RDONLY), ENOENT);
    CHECK_ERROR(mkdir("/boxes/sub", 0700), EPERM);
    CHECK(access("/boxes", W_OK) == 0);
    puts("names");
}

int main(void)
{
    unlink("/boxes/one");
    unlink("/boxes/two");
    unlink("/boxes/three");
    content();
    registers();
    names();
    return 0;
}
