/* SPDX-License-Identifier: Apache-2.0
 *
 * The victim: an ordinary static program with a secret. It takes the secret from standard input,
 * keeps a pattern derived from it in .bss, heap, stack and a memfd, says "ready", works on it until
 * it is told "end", and says whether its memory is still what it wrote.
 *
 *   victim             as above
 *   victim --announce  says which program this is
 *   victim --read      reads all of standard input and says whether what it holds is consistent
 *   victim --map FILE  the same with a shared mapping, as careless programs do (the control)
 */
#include "pattern.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STACK_CELLS 4096u

static struct pattern_cell in_bss[PATTERN_CELLS] __attribute__((aligned(4096)));

static uint64_t hash(const volatile uint8_t *bytes, size_t size)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        value = (value ^ bytes[i]) * UINT64_C(0x100000001b3);
    return value;
}

static struct pattern_cell *make_shared(void)
{
    int fd = memfd_create("victim", 0);
    if (fd >= 0 && ftruncate(fd, PATTERN_SIZE) == 0) {
        void *map = mmap(NULL, PATTERN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map != MAP_FAILED)
            return map;
    }
    return mmap(NULL, PATTERN_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int work(void)
{
    char secret[PATTERN_SECRET + 2] = "";
    struct pattern_cell on_stack[STACK_CELLS];
    struct pattern_cell *on_heap = malloc(PATTERN_SIZE), *shared = make_shared();
    if (!fgets(secret, sizeof(secret), stdin) || strlen(secret) <= PATTERN_SECRET || !on_heap ||
        shared == MAP_FAILED)
        return 2;
    struct pattern pattern = pattern_derive(secret);
    pattern_fill(pattern, in_bss, PATTERN_CELLS);
    pattern_fill(pattern, on_heap, PATTERN_CELLS);
    pattern_fill(pattern, shared, PATTERN_CELLS);
    pattern_fill(pattern, on_stack, STACK_CELLS);
    printf("ready %p %p %p %p\n", (void *)in_bss, (void *)on_heap, (void *)shared,
           (void *)on_stack);
    fflush(stdout);

    size_t damage = 0;
    for (struct pollfd input = {.fd = 0, .events = POLLIN}; poll(&input, 1, 20) <= 0;)
        damage += pattern_damage(pattern, in_bss, PATTERN_CELLS / 16);
    damage += pattern_damage(pattern, in_bss, PATTERN_CELLS);
    damage += pattern_damage(pattern, on_heap, PATTERN_CELLS);
    damage += pattern_damage(pattern, shared, PATTERN_CELLS);
    damage += pattern_damage(pattern, on_stack, STACK_CELLS);
    printf("%s %016" PRIx64 "\n", damage ? "changed" : "intact",
           hash((const uint8_t *)in_bss, sizeof(in_bss)));
    return 0;
}

/* The same bytes, hashed again and again: they are this program's own, so nothing may change. */
static int consistent(const volatile uint8_t *bytes, size_t size)
{
    uint64_t first = hash(bytes, size);
    for (int i = 0; i < 8; i++)
        if (hash(bytes, size) != first)
            return 0;
    return 1;
}

static int read_input(void)
{
    static uint8_t buffer[65536];
    size_t reads = 0;
    puts("ready 0 0 0 0");
    fflush(stdout);
    for (ssize_t got; (got = read(0, buffer, 4096)) != 0; reads++) {
        if (got < -1 || got > 4096) {
            puts("believed an impossible length");
            return 1;
        }
        if (got < 0) {
            puts("was told of an error");
            return 0;
        }
        if (!consistent(buffer, (size_t)got)) {
            puts("inconsistent");
            return 1;
        }
    }
    printf("consistent after %zu reads\n", reads);
    return 0;
}

static int map_file(const char *path)
{
    int fd = open(path, O_RDWR);
    uint8_t *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return 2;
    puts("ready 0 0 0 0");
    fflush(stdout);
    for (int i = 0; i < 20000; i++)
        if (!consistent(map, 4096)) {
            puts("inconsistent");
            return 1;
        }
    puts("consistent");
    return 0;
}

int main(int count, char **arguments)
{
    const char *what = count > 1 ? arguments[1] : "";
    if (strcmp(what, "--announce") == 0)
        return puts("victim") < 0;
    if (strcmp(what, "--read") == 0)
        return read_input();
    if (strcmp(what, "--map") == 0 && count == 3)
        return map_file(arguments[2]);
    return work();
}
