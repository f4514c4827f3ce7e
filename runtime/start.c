/* SPDX-License-Identifier: Apache-2.0
 *
 * The first instructions in C on a TCS, and the ways out.
 */
#include "files/files.h"
#include "syscalls.h"

#include "../tee/entry.h"

const struct boot_header *boot = (const struct boot_header *)LAYOUT_BOOT;
bool runtime_debug;

/* The program starts on TCS 0, once. */
static void start_program(void)
{
    if (boot->magic != BOOT_MAGIC || boot->version != BOOT_VERSION)
        runtime_stop(RING_STOP_BOOT, 0);
    random_start();
    memory_start();
    clock_start();
    files_start(boot);
    agent_start();
    program_start(&boot->program, &boot->arguments);
}

_Noreturn void runtime_start(uint8_t *shared, uint64_t size, uint64_t flags, uint64_t tcs)
{
    struct thread *self = thread_self();
    if (self->started) /* a TCS is entered at its entry once */
        runtime_stop(RING_STOP_INTERNAL, 3);
    self->started = 1;
    bool first = tcs == boot->threads;
    if (first) {
        host_start(shared, size);
        runtime_debug = flags & TEE_ENTRY_DEBUG;
    }
    thread_start(self, tcs);
    if (first)
        start_program();
    thread_loop();
}

_Noreturn void runtime_stop(enum ring_stop why, uint64_t detail)
{
    struct ring_slot *slot = thread_self()->slot;
    for (;;) {
        if (slot) {
            slot->operation = RING_STOP;
            slot->arguments[0] = why;
            slot->arguments[1] = detail;
            __atomic_store_n((uint32_t *)&slot->state, RING_SUBMITTED, __ATOMIC_RELEASE);
        }
        runtime_gate();
    }
}

_Noreturn void runtime_exit(int status, int signal)
{
    agent_exit(status, signal);
    boxes_end();
    if (boot->flags & BOOT_STATISTICS) {
        host_put(0, &statistics, sizeof(statistics));
        host_call(RING_STATISTICS, 0, 0, 0, 0, 0, 0);
    }
    for (;;)
        host_leave(RING_EXIT, (uint64_t)status, (uint64_t)signal);
}

void runtime_log(enum ring_log what, uint64_t detail)
{
    host_call(RING_LOG, what, detail, 0, 0, 0, 0);
}
