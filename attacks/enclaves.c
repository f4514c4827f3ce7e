/* SPDX-License-Identifier: Apache-2.0
 *
 * One enclave against another: the neighbour runs in the same kind of TEE, at the same addresses,
 * and looks for the victim's pattern at one address after another.
 */
#include "../tee/vsm/vsm.h"
#include "attack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ADDRESSES 64u

/* Cells that the neighbour saw; *stopped counts the times that it did not live to tell. */
static uint64_t ask_neighbour(const struct target *target, uint64_t address, unsigned *stopped)
{
    char program[PATH_MAX + 16], image[PATH_MAX], text[160], line[64];
    uint64_t asked = 0, looked = 0;
    int input, output;
    snprintf(program, sizeof(program), "%s/neighbour", setup.programs);
    snprintf(image, sizeof(image), "%s", work_path("neighbour.sgxs"));
    char *plain[] = {program, NULL};
    char *inside[] = {setup.cella, "run", "--tee", target->kind == TARGET_VSM ? "vsm" : "process",
                      image,       NULL};
    pid_t pid = spawn(target->kind == TARGET_PLAIN ? plain : inside, &input, &output);
    snprintf(text, sizeof(text), "%s %d %" PRIx64 "\n", target->secret, target->pid, address);
    write_text(input, text);
    close(input);
    if (read_line(output, line, sizeof(line), 60))
        sscanf(line, "asked %" SCNu64, &asked);
    if (!read_line(output, line, sizeof(line), 60) || sscanf(line, "looked %" SCNu64, &looked) != 1)
        ++*stopped;
    close(output);
    waitpid(pid, NULL, 0);
    return asked + looked;
}

/* Where the victim's memory is, could be, or has something to do with: as a program inside knows
 * it, as its host process does, as guest-physical memory, and as the kernel does. */
static size_t choose_addresses(const struct target *target, uint64_t addresses[ADDRESSES])
{
    const uint64_t fixed[] = {target->in_bss,
                              target->on_heap,
                              target->shared,
                              target->on_stack,
                              VSM_SYSTEM_PAGES * 4096,
                              VSM_SYSTEM_ADDRESS,
                              VSM_SHARED_ADDRESS,
                              UINT64_C(0x1000000000),
                              UINT64_C(0xffff888000000000),
                              UINT64_C(0xffffffff81000000)};
    size_t count = sizeof(fixed) / sizeof(fixed[0]);
    struct mapping *list = NULL;
    memcpy(addresses, fixed, sizeof(fixed));
    ssize_t found = target->kind == TARGET_PLAIN ? 0 : mappings_read(target->pid, &list);
    for (ssize_t i = 0; i < found && count < ADDRESSES; i++)
        if (list[i].access[3] == 's' || strstr(list[i].path, "heap"))
            addresses[count++] = list[i].start;
    free(list);
    return target->kind == TARGET_PLAIN ? 4 : count;
}

void attack_neighbour(struct target *target, struct result *result)
{
    uint64_t addresses[ADDRESSES], cells = 0;
    uint8_t mrenclave[32];
    unsigned stopped = 0;
    if (!pack("neighbour", NULL, "neighbour.sgxs", mrenclave)) {
        conclude(result, SKIPPED, "the neighbour could not be packed");
        return;
    }
    size_t count = choose_addresses(target, addresses);
    for (size_t i = 0; i < count; i++)
        cells += ask_neighbour(target, addresses[i], &stopped);
    conclude(result, cells ? SUCCEEDS : STOPPED,
             "%" PRIu64 " cells at %zu addresses; %u of them ended the neighbour", cells, count,
             stopped);
}
