/* SPDX-License-Identifier: Apache-2.0
 *
 * The second enclave: a program that looks for the first one's pattern. Standard input gives the
 * victim's secret, its process and one address; it looks there by every way it has and says how
 * many cells it saw. In an enclave a wrong address is the end of it.
 *
 *   neighbour --announce  says which program this is
 */
#include "pattern.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static uint64_t count(struct pattern pattern, const volatile uint64_t *words, size_t size)
{
    uint64_t cells = 0;
    for (size_t i = 0; i + 1 < size / 8; i++)
        cells += words[i] == pattern.tag && pattern_is_number(pattern, words[i + 1]);
    return cells;
}

int main(int arguments, char **argument)
{
    char secret[PATTERN_SECRET + 1], path[64];
    static uint64_t copy[65536 / 8];
    long process;
    uint64_t address, cells = 0;
    if (arguments > 1 && strcmp(argument[1], "--announce") == 0)
        return puts("neighbour") < 0;
    if (scanf("%64s %ld %" SCNx64, secret, &process, &address) != 3)
        return 2;
    struct pattern pattern = pattern_derive(secret);

    snprintf(path, sizeof(path), "/proc/%ld/mem", process);
    int memory = open(path, O_RDONLY);
    if (memory >= 0 && pread(memory, copy, sizeof(copy), (off_t)address) > 0)
        cells += count(pattern, copy, sizeof(copy));
    struct iovec to = {copy, sizeof(copy)}, from = {(void *)(uintptr_t)address, sizeof(copy)};
    if (process_vm_readv((pid_t)process, &to, 1, &from, 1, 0) > 0)
        cells += count(pattern, copy, sizeof(copy));
    printf("asked %" PRIu64 "\n", cells);
    fflush(stdout);
    printf("looked %" PRIu64 "\n", count(pattern, (const uint64_t *)(uintptr_t)address, 65536));
    return 0;
}
