/* SPDX-License-Identifier: Apache-2.0
 *
 * mmap and munmap of anonymous memory: zero, page aligned, zero again after reuse, holes, MAP_FIXED
 * over a mapping, MAP_FIXED_NOREPLACE, NORESERVE, shared anonymous, errors.
 */
#include "check.h"
#include <stdint.h>
#include <sys/mman.h>

#define PAGE 4096u
#define MEGA (1024u * 1024u)

static unsigned char *map(size_t size, int flags)
{
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

    CHECK(memory != MAP_FAILED);
    CHECK((uintptr_t)memory % PAGE == 0);
    return memory;
}

static void check_zero(const unsigned char *memory, size_t size)
{
    for (size_t i = 0; i < size; i++)
        CHECK(memory[i] == 0);
}

int main(void)
{
    for (int round = 0; round < 4; round++) {
        unsigned char *memory = map(16 * MEGA, 0);

        check_zero(memory, 16 * MEGA);
        memset(memory, 0x5a, 16 * MEGA);
        CHECK(munmap(memory, 16 * MEGA) == 0);
    }
    puts("zero each time");

    unsigned char *a = map(1, 0); /* a length that is not whole pages */
    check_zero(a, PAGE);
    CHECK(munmap(a, 1) == 0);

    a = map(10 * PAGE, 0);
    memset(a, 7, 10 * PAGE);
    CHECK(munmap(a + 3 * PAGE, 2 * PAGE) == 0);
    CHECK(a[3 * PAGE - 1] == 7 && a[5 * PAGE] == 7);
    CHECK(munmap(a, 10 * PAGE) == 0); /* over the hole */
    puts("holes");

    a = map(8 * PAGE, 0);
    memset(a, 9, 8 * PAGE);
    unsigned char *fixed = mmap(a + 2 * PAGE, 3 * PAGE, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(fixed == a + 2 * PAGE);
    check_zero(fixed, 3 * PAGE);
    CHECK(a[2 * PAGE - 1] == 9 && a[5 * PAGE] == 9);
    void *taken = mmap(a, PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    CHECK(taken == MAP_FAILED && errno == EEXIST);
    CHECK(munmap(a, 8 * PAGE) == 0);
    puts("MAP_FIXED");

    a = map(256 * MEGA, MAP_NORESERVE);
    for (size_t i = 0; i < 256; i++)
        a[i * MEGA] = (unsigned char)i;
    for (size_t i = 0; i < 256; i++)
        CHECK(a[i * MEGA] == i && a[i * MEGA + 1] == 0);
    CHECK(munmap(a, 256 * MEGA) == 0);
    puts("256 MiB, thinly used");

    unsigned char *many[200];
    for (size_t i = 0; i < 200; i++) {
        many[i] = map((i % 7 + 1) * PAGE, 0);
        memset(many[i], (int)i, (i % 7 + 1) * PAGE);
    }
    for (size_t i = 0; i < 200; i += 2)
        CHECK(munmap(many[i], (i % 7 + 1) * PAGE) == 0);
    for (size_t i = 0; i < 200; i += 2) {
        many[i] = map((i % 5 + 1) * PAGE, 0);
        check_zero(many[i], (i % 5 + 1) * PAGE);
    }
    for (size_t i = 1; i < 200; i += 2) {
        for (size_t j = 0; j < (i % 7 + 1) * PAGE; j++)
            CHECK(many[i][j] == (unsigned char)i);
    }
    for (size_t i = 0; i < 200; i++)
        CHECK(munmap(many[i], (i % 2 != 0 ? i % 7 + 1 : i % 5 + 1) * PAGE) == 0);
    puts("200 mappings keep their bytes");

    a = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(a != MAP_FAILED);
    check_zero(a, PAGE);
    a[5] = 1;
    CHECK(msync(a, PAGE, MS_SYNC) == 0);
    CHECK(munmap(a, PAGE) == 0);
    puts("shared anonymous");

    CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    CHECK(errno == EINVAL);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    CHECK(errno == EINVAL);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 99, 0) == MAP_FAILED);
    CHECK(errno == EBADF);
    CHECK(mmap(NULL, (size_t)1 << 47, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    CHECK(errno == ENOMEM);
    CHECK(mmap(NULL, SIZE_MAX - 100, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    CHECK(errno == ENOMEM);
    a = map(PAGE, 0);
    CHECK_ERROR(munmap(a + 1, PAGE), EINVAL);
    CHECK_ERROR(munmap(a, 0), EINVAL);
    CHECK(mmap(a + 1, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
          MAP_FAILED);
    CHECK(errno == EINVAL);
    puts("errors");
    return 0;
}
