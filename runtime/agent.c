/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent: a second program of the image, which runs first. When it has ended well, and is alone,
 * the program starts as if freshly, in the same enclave. Any other end of it ends the enclave.
 *
 * What it leaves: the keys that it set, and the files of memory directories. What it had besides is
 * gone when the program's first instruction runs: its writable segments, heap, mappings and stacks,
 * its threads' registers, descriptors, signal handlers. Its code stays, which is public.
 */
#include "files/files.h"
#include "syscalls.h"

#include <linux/elf.h>

static bool runs;

bool agent_runs(void)
{
    return runs;
}

static void check(bool holds)
{
    if (!holds)
        runtime_stop(RING_STOP_BOOT, 5);
}

/* Pages of [start, start + size), an address of the agent. */
static void wipe_pages(uint64_t start, uint64_t size)
{
    const struct boot_span *pages = &boot->agent.pages;
    uint64_t from = start & ~(LAYOUT_PAGE - 1);
    uint64_t to = (start + size + LAYOUT_PAGE - 1) & ~(LAYOUT_PAGE - 1);
    check(from >= pages->offset && to >= from && to - pages->offset <= pages->size);
    memset((void *)from, 0, to - from);
}

/* The lowest address that its segments have in its file: in memory that is the first page. */
static uint64_t lowest_address(const struct elf64_phdr *segments)
{
    uint64_t lowest = UINT64_MAX;
    for (uint32_t i = 0; i < boot->agent.header_count; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_vaddr < lowest)
            lowest = segments[i].p_vaddr;
    return lowest & ~(LAYOUT_PAGE - 1);
}

static void wipe_segments(void)
{
    const struct elf64_phdr *segments = (const struct elf64_phdr *)boot->agent.headers;
    uint64_t base = boot->agent.pages.offset - lowest_address(segments);
    for (uint32_t i = 0; i < boot->agent.header_count; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_flags & PF_W)
            wipe_pages(base + segments[i].p_vaddr, segments[i].p_memsz);
}

static _Noreturn void start_program(void)
{
    program_start(&boot->program, &boot->arguments);
}

/* On an empty stack of the runtime. */
static void leave(void)
{
    thread_forget();
    files_forget();
    signal_forget();
    info_forget();
    wipe_segments();
    memory_agent_end();
    runs = false;
    runtime_unwind(start_program);
}

void agent_start(void)
{
    if (!boot->agent.pages.size)
        return;
    runs = true;
    memory_agent_start();
    program_start(&boot->agent, &boot->agent_arguments);
}

void agent_exit(int status, int signal)
{
    if (!runs || status || signal)
        return;
    if (!thread_is_alone())
        runtime_stop(RING_STOP_AGENT, 0);
    runtime_unwind(leave);
}
