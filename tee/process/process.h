/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the process TEE share: memory.c has ELRANGE, signals.c turns faults into exits,
 * switch.S goes in and out, process.c is the interface, probe.c tries it all.
 *
 * One enclave lives in a process at a time, because ELRANGE starts at address 0 in every image.
 */
#ifndef TEE_PROCESS_PROCESS_H
#define TEE_PROCESS_PROCESS_H

#include "switch.h"
#include "tee/build.h"

#define PROCESS_LOW        LAYOUT_BOOT /* nothing is mapped below; page 0 is served by a handler */
#define PROCESS_STACK_SIZE ((size_t)64 << 10) /* of a thread's signal handlers */

/* ---- memory.c ---- */
struct process_memory {
    uint64_t heap_start;
    uint64_t end;        /* of the heap: [PROCESS_LOW, end) is ours */
    uint8_t *trampoline; /* the bytes of page 0, which is not mapped; NULL: not added */
    int secret;          /* memfd_secret, offsets are addresses; -1: ordinary memory */
    void *shared;
    size_t shared_size;
    char description[240];
};

/* Reserves ELRANGE and makes the heap and the shared region. After an error nothing is mapped. */
cella_status process_memory_create(struct process_memory *memory,
                                   const struct tee_parameters *parameters, cella_error *error);
cella_status process_memory_add(struct process_memory *memory, uint64_t offset,
                                const uint8_t page[4096], cella_error *error);
/* The bytes of a page that was added; before the seal only. */
const uint8_t *process_memory_at(const struct process_memory *memory, uint64_t offset);
/* Gives every page its permissions for good. */
cella_status process_memory_seal(struct process_memory *memory, const struct build *build,
                                 cella_error *error);
uint64_t process_memory_resident(const struct process_memory *memory);
void process_memory_destroy(struct process_memory *memory);
/* A memfd_secret of `size` bytes that can really be mapped and touched, or -1 and why not. */
int process_memory_secret(uint64_t size, uint64_t mapped, char why[120]);

/* ---- signals.c ---- */
/* Takes over the signals of faults, and one real-time signal for interrupts. `stacks` holds the
 * alternate stacks of `count` threads; the thread whose alternate stack is number k runs
 * process_switches[k]. */
cella_status process_signals_install(void *stacks, uint32_t count, cella_error *error);
void process_signals_remove(void);
/* Where `call *%rax` leads (an address inside), or 0. */
void process_signals_set_syscall(uint64_t target);

/* What a host thread had before it went in. */
struct process_signals_saved {
    uint64_t mask;
    void *stack;
    size_t stack_size;
    int stack_flags;
};
cella_status process_signals_enter(uint32_t thread, struct process_signals_saved *saved,
                                   cella_error *error);
void process_signals_leave(const struct process_signals_saved *saved);
/* Makes host thread `tid` leave if its switch has `interrupt` set. */
void process_signals_kick(int tid);

/* ---- probe.c ---- */
void process_probe(struct tee_probe *result);
/* Whether the CPU and the kernel have what switch.S uses; the XSAVE mask for it. */
cella_status process_check_cpu(uint64_t *xsave_mask, cella_error *error);

#endif
