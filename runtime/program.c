/* SPDX-License-Identifier: Apache-2.0
 *
 * Starts the program: its stack as the System V ABI for x86-64 (section 3.4) has it, with argv,
 * envp and the auxiliary vector, then a jump to its entry.
 *
 * Invariant: strings of the host (BOOT_ARGUMENTS_HOST, BOOT_ENVIRONMENT_HOST) are copied once, and
 * only then looked at.
 */
#include "syscalls.h"

#include <linux/auxvec.h>

#define AUXILIARY_EXECFN 1 /* where the value of the first pair stands */

/* NUL-terminated strings, one after another, in private memory. */
struct strings {
    const char *bytes;
    uint64_t size, count;
};

/* Stops the enclave for `why` where they are not that, or too many. */
static struct strings checked(const void *bytes, uint64_t size, enum ring_stop why, uint64_t detail)
{
    struct strings strings = {bytes, size, 0};
    for (uint64_t i = 0; i < size; i++)
        strings.count += strings.bytes[i] == 0;
    if (strings.count > RING_STRINGS_MOST || (size && strings.bytes[size - 1]))
        runtime_stop(why, detail);
    return strings;
}

static struct strings choose(uint32_t flag, uint64_t which, const struct boot_span *span)
{
    if (!(boot->flags & flag))
        return checked((const void *)span->offset, span->size, RING_STOP_BOOT, 3);
    int64_t most = RING_BUFFER_SIZE;
    int64_t size = host_call(RING_ARGUMENTS, which, (uint64_t)most, 0, 0, 0, most);
    if (size <= 0)
        return (struct strings){0};
    char *bytes = memory_map((uint64_t)size);
    if (!bytes)
        runtime_stop(RING_STOP_MEMORY, (uint64_t)size);
    host_get(0, bytes, (size_t)size);
    return checked(bytes, (uint64_t)size, RING_STOP_HOST_LIED, RING_ARGUMENTS);
}

/* Copies the strings below *top and writes pointers to them at `pointers`; returns past the NULL.
 */
static uint64_t *lay_out(const struct strings *strings, uint8_t **top, uint64_t *pointers)
{
    *top -= strings->size;
    memcpy(*top, strings->bytes, strings->size);
    const char *at = (const char *)*top;
    for (uint64_t i = 0; i < strings->count; i++) {
        *pointers++ = (uint64_t)(uintptr_t)at;
        at += strlen(at) + 1;
    }
    *pointers++ = 0;
    return pointers;
}

static uint64_t find_capabilities(void)
{
    uint32_t eax = 1, ebx, ecx = 0, edx;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return edx; /* AT_HWCAP of x86 is CPUID.1.EDX */
}

uint64_t program_stack_size(void)
{
    return agent_runs() && boot->stack_size > AGENT_STACK ? AGENT_STACK : boot->stack_size;
}

_Noreturn void program_start(const struct boot_program *program, const struct boot_span *given)
{
    struct strings arguments = {0}, environment = {0};
    if (agent_runs()) { /* nothing of what it is given comes from the host */
        arguments = checked((const void *)given->offset, given->size, RING_STOP_BOOT, 3);
    } else {
        arguments = choose(BOOT_ARGUMENTS_HOST, 0, given);
        environment = choose(BOOT_ENVIRONMENT_HOST, 1, &boot->environment);
    }

    uint8_t *top = (uint8_t *)boot->heap.offset + boot->heap.size;
    static const char platform[] = "x86_64";
    top -= sizeof(platform);
    char *platform_at = memcpy(top, platform, sizeof(platform));
    top -= 16;
    uint8_t *random = top;
    random_bytes(random, 16);

    uint64_t auxiliary[] = {
        AT_EXECFN,   (uint64_t)(uintptr_t)platform_at + sizeof(platform) - 1, /* "", or argv[0] */
        AT_PHDR,     program->headers,
        AT_PHENT,    program->header_size,
        AT_PHNUM,    program->header_count,
        AT_PAGESZ,   LAYOUT_PAGE,
        AT_ENTRY,    program->entry,
        AT_UID,      RUNTIME_USER,
        AT_EUID,     RUNTIME_USER,
        AT_GID,      RUNTIME_USER,
        AT_EGID,     RUNTIME_USER,
        AT_SECURE,   0,
        AT_RANDOM,   (uint64_t)(uintptr_t)random,
        AT_HWCAP,    find_capabilities(),
        AT_HWCAP2,   2 /* FSGSBASE works */,
        AT_CLKTCK,   100,
        AT_PLATFORM, (uint64_t)(uintptr_t)platform_at,
        AT_NULL,     0,
    };
    uint64_t words =
        1 + arguments.count + 1 + environment.count + 1 + sizeof(auxiliary) / sizeof(auxiliary[0]);
    uint64_t below = (uint64_t)(uintptr_t)top - arguments.size - environment.size - words * 8;
    uint64_t *stack = (uint64_t *)(below & ~UINT64_C(15));
    uint64_t *at = stack;
    *at++ = arguments.count;
    at = lay_out(&arguments, &top, at);
    at = lay_out(&environment, &top, at);
    if (arguments.count)
        auxiliary[AUXILIARY_EXECFN] = stack[1];
    memcpy(at, auxiliary, sizeof(auxiliary));
    /* Begins as a system call of the entry's would return, with all registers 0. */
    const struct syscall_frame frame = {0};
    stack[-1] = program->entry;
    thread_self()->program_stack = (uint64_t)(uintptr_t)(stack - 1);
    runtime_resume(&frame, 0);
}
