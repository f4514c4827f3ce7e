/* SPDX-License-Identifier: Apache-2.0
 *
 * mremap: shrink in place, grow in place or moved, refused without MAYMOVE;
 * bytes are kept and new pages are zero.
 */
#include "check.h"
#include <sys/mman.h>

#define PAGE 4096u

static unsigned char *map(size_t pages)
{
    unsigned char *memory =
        mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(memory != MAP_FAILED);
    return memory;
}

static void check_pages(const unsigned char *memory, size_t pages, size_t filled)
{
    for (size_t i = 0; i < pages; i++)
        for (size_t j = 0; j < PAGE; j += 64)
            CHECK(memory[i * PAGE + j] == (i < filled ? i % 250 + 1 : 0));
}

static void fill(unsigned char *memory, size_t pages)
{
    for (size_t i = 0; i < pages; i++)
        memset(memory + i * PAGE, (int)(i % 250 + 1), PAGE);
}

int main(void)
{
    unsigned char *a = map(20);

    fill(a, 20);
    CHECK(mremap(a, 20 * PAGE, 10 * PAGE, 0) == a);
    check_pages(a, 10, 10);
    puts("shrunk in place");

    unsigned char *grown = mremap(a, 10 * PAGE, 3000 * PAGE, MREMAP_MAYMOVE);
    CHECK(grown != MAP_FAILED);
    check_pages(grown, 3000, 10);
    fill(grown, 3000);
    puts("grown");

    /* Something right behind it, so that it cannot grow where it is. */
    unsigned char *whole = map(8);
    unsigned char *wall = mmap(whole + 4 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(wall == whole + 4 * PAGE);
    fill(whole, 4);
    memset(wall, 0xee, 4 * PAGE);
    CHECK(mremap(whole, 4 * PAGE, 6 * PAGE, 0) == MAP_FAILED);
    CHECK(errno == ENOMEM);
    unsigned char *moved = mremap(whole, 4 * PAGE, 6 * PAGE, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED && moved != whole);
    check_pages(moved, 6, 4);
    for (size_t i = 0; i < 4 * PAGE; i++)
        CHECK(wall[i] == 0xee);
    puts("moved past a neighbour");

    unsigned char *place = map(16);
    check_pages(grown, 3000, 3000);
    CHECK(munmap(grown, 3000 * PAGE) == 0);
    CHECK(mremap(place + 1, PAGE, PAGE, 0) == MAP_FAILED);
    CHECK(errno == EINVAL);
    CHECK(mremap(place, PAGE, 0, MREMAP_MAYMOVE) == MAP_FAILED);
    CHECK(errno == EINVAL);
    puts("errors");
    return 0;
}
