/* SPDX-License-Identifier: Apache-2.0
 *
 * malloc, calloc, realloc, aligned_alloc and free in many sizes and orders: blocks never overlap,
 * keep their bytes, are aligned; calloc gives zeros where freed memory is used again.
 */
#include "check.h"
#include <malloc.h>
#include <stdint.h>

#define BLOCKS 512

static unsigned char *block[BLOCKS];
static size_t length[BLOCKS];

static uint32_t next_random(void)
{
    static uint32_t state = 2463534242u;

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static size_t next_size(void)
{
    uint32_t r = next_random();

    switch (r % 16) {
    case 0:
        return r % 600000; /* some by mmap */
    case 1:
    case 2:
        return r % 20000;
    default:
        return r % 500;
    }
}

static void fill(int i)
{
    memset(block[i], i & 0xff, length[i]);
}

static void verify(int i)
{
    for (size_t j = 0; j < length[i]; j++)
        CHECK(block[i][j] == (i & 0xff));
}

int main(void)
{
    for (int round = 0; round < 20000; round++) {
        int i = (int)(next_random() % BLOCKS);

        if (block[i] == NULL) {
            length[i] = next_size();
            block[i] = malloc(length[i]);
            CHECK(block[i] != NULL);
            CHECK((uintptr_t)block[i] % 16 == 0);
            fill(i);
        } else if (next_random() % 3 == 0) {
            size_t size = next_size() + 1, kept = size < length[i] ? size : length[i];
            unsigned char *moved = realloc(block[i], size);

            CHECK(moved != NULL);
            block[i] = moved;
            length[i] = kept;
            verify(i);
            length[i] = size;
            fill(i);
        } else {
            verify(i);
            free(block[i]);
            block[i] = NULL;
        }
    }
    for (int i = 0; i < BLOCKS; i++) {
        if (block[i] != NULL)
            verify(i);
        free(block[i]);
    }
    puts("20000 steps");

    for (size_t size = 16; size <= (8u << 20); size *= 4) {
        unsigned char *dirty = malloc(size);

        CHECK(dirty != NULL);
        memset(dirty, 0xaa, size);
        free(dirty);
        unsigned char *clean = calloc(1, size);
        CHECK(clean != NULL);
        for (size_t j = 0; j < size; j++)
            CHECK(clean[j] == 0);
        free(clean);
    }
    puts("calloc is zero");

    for (size_t alignment = 16; alignment <= (1u << 21); alignment *= 2) {
        void *aligned = aligned_alloc(alignment, alignment * 2);

        CHECK(aligned != NULL);
        CHECK((uintptr_t)aligned % alignment == 0);
        memset(aligned, 1, alignment * 2);
        free(aligned);
    }
    puts("aligned_alloc is aligned");

    unsigned char *grown = NULL;
    for (size_t size = 1; size <= (64u << 20); size *= 2) {
        grown = realloc(grown, size);
        CHECK(grown != NULL);
        grown[size - 1] = (unsigned char)size;
        grown[0] = 42;
    }
    CHECK(grown[0] == 42);
    free(grown);
    puts("realloc to 64 MiB");

    volatile size_t impossible = SIZE_MAX / 2;
    CHECK(malloc(impossible) == NULL);
    CHECK(errno == ENOMEM);
    CHECK(calloc(impossible, 4) == NULL);
    puts("impossible sizes give NULL");
    return 0;
}
