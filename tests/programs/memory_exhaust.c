/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory runs out: malloc gives NULL and mmap ENOMEM, the program lives on, and what it frees can
 * be had again. Run with at most 64 MiB (the manifest's heap_size; `ulimit -v` natively).
 */
#include "check.h"
#include <sys/mman.h>

#define MEGA (1024u * 1024u)

static void *blocks[65];

static int take(void)
{
    int count = 0;

    while (count < 65 && (blocks[count] = malloc(MEGA - 64)) != NULL) {
        memset(blocks[count], 1, MEGA - 64);
        count++;
    }
    return count;
}

static void give(int count)
{
    for (int i = 0; i < count; i++)
        free(blocks[i]);
}

int main(void)
{
    CHECK(malloc((size_t)128 * MEGA) == NULL);
    CHECK(errno == ENOMEM);
    CHECK(mmap(NULL, (size_t)128 * MEGA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
               0) == MAP_FAILED);
    CHECK(errno == ENOMEM);

    int first = take();
    CHECK(errno == ENOMEM);
    CHECK(first >= 24 && first <= 64);
    give(first);
    puts("memory ran out");

    for (int round = 0; round < 10; round++) {
        int again = take();

        CHECK(again >= first - 2);
        give(again);
    }
    puts("and came back, ten times");
    return 0;
}
