/* SPDX-License-Identifier: Apache-2.0
 *
 * madvise: DONTNEED gives zeros, at once and exactly for the range; the other advice keeps bytes or
 * (FREE) gives the old ones or zeros; errors.
 */
#include "check.h"
#include <sys/mman.h>

#define PAGE 4096u

int main(void)
{
    size_t size = 64 * PAGE;
    unsigned char *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(memory != MAP_FAILED);
    memset(memory, 3, size);
    CHECK(madvise(memory + 8 * PAGE, 16 * PAGE, MADV_DONTNEED) == 0);
    for (size_t i = 0; i < size; i++)
        CHECK(memory[i] == (i >= 8 * PAGE && i < 24 * PAGE ? 0 : 3));
    memory[10 * PAGE] = 9;
    CHECK(memory[10 * PAGE] == 9);
    puts("DONTNEED gives zeros");

    CHECK(madvise(memory + 32 * PAGE, 4 * PAGE, MADV_FREE) == 0);
    for (size_t i = 32 * PAGE; i < 36 * PAGE; i++)
        CHECK(memory[i] == 3 || memory[i] == 0);
    CHECK(madvise(memory, 4 * PAGE, MADV_WILLNEED) == 0);
    CHECK(madvise(memory, 4 * PAGE, MADV_SEQUENTIAL) == 0);
    CHECK(madvise(memory, 4 * PAGE, MADV_NORMAL) == 0);
    CHECK(memory[0] == 3 && memory[63 * PAGE] == 3);
    puts("other advice keeps the bytes");

    CHECK_ERROR(madvise(memory + 1, PAGE, MADV_DONTNEED), EINVAL);
    CHECK_ERROR(madvise(memory, PAGE, 9999), EINVAL);
    CHECK(madvise(memory, 0, MADV_DONTNEED) == 0);
    CHECK(memory[0] == 3);
    puts("errors");
    return 0;
}
