/* SPDX-License-Identifier: Apache-2.0
 *
 * The process TEE: an image in a host process, with its real addresses, permissions and entry
 * rules, for development on any machine. It promises nothing: the enclave's memory is the
 * process's, and a `syscall` instruction inside reaches the host's kernel.
 *
 * Rules of its own:
 *   1. one enclave a process at a time;
 *   2. page 0 is not mapped: a `call *%rax` into it is served by a signal handler, and a read
 *      through a null pointer is a fault;
 *   3. after a fault no thread enters any more; a thread that was interrupted does not either;
 *   4. while a thread is inside, signals with a handler wait until it leaves (signals.c), so do
 *      pthread_cancel and setuid of other threads.
 *
 * Under gdb: `handle SIGSEGV nostop noprint pass` (page 0), the same for the interrupt's signal
 * (SIG64 unless the host uses it), and `set libthread-db-search-path /none`, because %fs is the
 * program's inside. Only a debug enclave's data can be read.
 */
#include "process.h"
#include "image/fail.h"
#include "tee/identity.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct tee {
    struct build build;
    struct process_memory memory;
    uint64_t xsave_mask;
    uint8_t *threads; /* signal stacks, then XSAVE areas */
    size_t threads_size;
    atomic_bool stopped; /* a thread has faulted */
};

static atomic_flag lives = ATOMIC_FLAG_INIT;

static cella_status create_threads(struct tee *tee, cella_error *error)
{
    uint32_t count = tee->build.parameters.thread_count;
    tee->threads_size = count * (PROCESS_STACK_SIZE + SWITCH_XSAVE_BYTES);
    tee->threads = mmap(NULL, tee->threads_size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (tee->threads == MAP_FAILED)
        return fail(error, CELLA_MEMORY, "create: no memory for %u threads", count);
    memset(process_switches, 0, sizeof(process_switches));
    cella_status status = process_signals_install(tee->threads, count, error);
    if (status)
        munmap(tee->threads, tee->threads_size);
    return status;
}

static cella_status create_alone(const struct tee_parameters *parameters, struct tee **enclave,
                                 cella_error *error)
{
    struct tee *tee = calloc(1, sizeof(*tee));
    if (!tee)
        return fail(error, CELLA_MEMORY, "create: no memory");
    cella_status status = build_create(&tee->build, parameters, error);
    if (status)
        goto no_build;
    status = process_check_cpu(&tee->xsave_mask, error);
    if (!status)
        status = process_memory_create(&tee->memory, parameters, error);
    if (status)
        goto no_memory;
    status = create_threads(tee, error);
    if (status)
        goto no_threads;
    *enclave = tee;
    return CELLA_OK;

no_threads:
    process_memory_destroy(&tee->memory);
no_memory:
    build_free(&tee->build);
no_build:
    free(tee);
    return status;
}

static cella_status create(const struct tee_parameters *parameters, struct tee **enclave,
                           cella_error *error)
{
    if (atomic_flag_test_and_set(&lives))
        return fail(error, CELLA_BUSY,
                    "create: this process holds an enclave of the process TEE already, and there "
                    "is room for one; destroy it, or use another process");
    cella_status status = create_alone(parameters, enclave, error);
    if (status)
        atomic_flag_clear(&lives);
    return status;
}

static void destroy(struct tee *tee)
{
    if (!tee)
        return;
    process_signals_remove();
    munmap(tee->threads, tee->threads_size);
    process_memory_destroy(&tee->memory);
    build_free(&tee->build);
    free(tee);
    atomic_flag_clear(&lives);
}

static cella_status add(struct tee *tee, uint64_t offset, uint64_t secinfo_flags,
                        const uint8_t page[4096], cella_error *error)
{
    cella_status status = build_check_add(&tee->build, offset, secinfo_flags, page, error);
    if (!status)
        status = process_memory_add(&tee->memory, offset, page, error);
    if (!status)
        build_added(&tee->build, offset, secinfo_flags, page);
    return status;
}

static cella_status extend(struct tee *tee, uint64_t offset, cella_error *error)
{
    cella_status status = build_check_extend(&tee->build, offset, error);
    if (!status)
        build_extended(&tee->build, offset, process_memory_at(&tee->memory, offset));
    return status;
}

/* Where the trampoline in page 0 leads: the boot page says so. 0 where the image has neither, or
 * the boot page names an address that is not code. */
static uint64_t find_syscall(const struct tee *tee)
{
    const struct build *build = &tee->build;
    const struct build_page *page = build_page_at(build, LAYOUT_BOOT);
    struct boot_header header;
    if (!tee->memory.trampoline || !page || !(page->flags & TEE_PAGE_R))
        return 0;
    memcpy(&header, process_memory_at(&tee->memory, LAYOUT_BOOT), sizeof(header));
    page = build_page_at(build, header.runtime_syscall);
    if (header.magic != BOOT_MAGIC || !page || !(page->flags & TEE_PAGE_X) ||
        page->offset == LAYOUT_TRAMPOLINE)
        return 0;
    return header.runtime_syscall;
}

/* Registers at TCS.OENTRY, as tee.h has them. */
static void prepare_thread(struct tee *tee, uint32_t number)
{
    const struct build_thread *tcs = &tee->build.threads[number];
    const struct tee_parameters *parameters = &tee->build.parameters;
    uint8_t *xsave = tee->threads + parameters->thread_count * PROCESS_STACK_SIZE +
                     number * (size_t)SWITCH_XSAVE_BYTES;
    uint32_t mxcsr = SWITCH_MXCSR_START;
    memcpy(xsave + SWITCH_XSAVE_MXCSR, &mxcsr, sizeof(mxcsr));

    struct process_switch *thread = &process_switches[number];
    thread->xsave = xsave;
    thread->xsave_mask = tee->xsave_mask;
    thread->rbx = tcs->address;
    thread->rcx = (uintptr_t)process_switch_gates[number];
    thread->rdx = parameters->attributes & TEE_ATTRIBUTE_DEBUG ? TEE_ENTRY_DEBUG : 0;
    thread->rdi = (uintptr_t)tee->memory.shared;
    thread->rsi = parameters->shared_size;
    thread->r11 = tcs->entry;
    thread->fs = tcs->fs_base;
    thread->gs = tcs->gs_base;
}

static cella_status initialise(struct tee *tee, const uint8_t *expected, uint8_t mrenclave[32],
                               cella_error *error)
{
    cella_status status = build_initialise(&tee->build, expected, error);
    if (status)
        return status;
    process_signals_set_syscall(find_syscall(tee));
    status = process_memory_seal(&tee->memory, &tee->build, error);
    if (status) {
        build_refuse(&tee->build);
        return status;
    }
    for (uint32_t i = 0; i < tee->build.thread_count; i++)
        prepare_thread(tee, i);
    memcpy(mrenclave, tee->build.mrenclave, sizeof(tee->build.mrenclave));
    return CELLA_OK;
}

static void *shared(struct tee *tee)
{
    return tee->memory.shared;
}

static void fill_exit(struct tee *tee, const struct process_switch *thread, struct tee_exit *exit)
{
    memset(exit, 0, sizeof(*exit));
    exit->reason = (enum tee_exit_reason)thread->reason;
    if (exit->reason != TEE_EXIT_FAULT && exit->reason != TEE_EXIT_NO_MEMORY)
        return;
    atomic_store(&tee->stopped, true);
    if (!(tee->build.parameters.attributes & TEE_ATTRIBUTE_DEBUG))
        return;
    exit->has_details = true;
    exit->vector = thread->vector;
    exit->address = thread->fault_rip;
    exit->fault_address = thread->fault_address;
    exit->stack = thread->fault_rsp;
}

static cella_status enter_alone(struct tee *tee, uint32_t number, struct tee_exit *exit,
                                cella_error *error)
{
    struct process_switch *thread = &process_switches[number];
    struct process_signals_saved saved;
    if (atomic_load(&tee->stopped))
        return fail(error, CELLA_STOPPED,
                    "enter: the enclave has stopped, because one of its threads faulted");
    if (thread->reason == TEE_EXIT_INTERRUPTED)
        return fail(error, CELLA_STOPPED,
                    "enter: thread %u was interrupted, and is not entered again", number);
    cella_status status = process_signals_enter(number, &saved, error);
    if (status)
        return status;
    thread->reason = 0;
    /* `tid`, then the look at `interrupt` in switch.S; interrupt() does it the other way round. */
    atomic_store(&thread->tid, (int)syscall(SYS_gettid));
    process_switch_enter(thread);
    atomic_store(&thread->tid, 0);
    process_signals_leave(&saved);
    fill_exit(tee, thread, exit);
    return CELLA_OK;
}

static cella_status enter(struct tee *tee, uint32_t number, struct tee_exit *exit,
                          cella_error *error)
{
    cella_status status = build_check_enter(&tee->build, number, error);
    if (status)
        return status;
    struct process_switch *thread = &process_switches[number];
    if (atomic_exchange(&thread->busy, 1))
        return fail(error, CELLA_BUSY, "enter: another host thread runs thread %u", number);
    status = enter_alone(tee, number, exit, error);
    atomic_store(&thread->busy, 0);
    return status;
}

static void interrupt(struct tee *tee, uint32_t number)
{
    if (number >= tee->build.thread_count)
        return;
    struct process_switch *thread = &process_switches[number];
    atomic_store(&thread->interrupt, 1);
    int tid = atomic_load(&thread->tid);
    if (tid)
        process_signals_kick(tid);
}

static cella_status report(struct tee *tee, const struct tee_report_request *request,
                           struct tee_report *result, cella_error *error)
{
    return identity_report(&tee->build, TEE_PROCESS, tee->xsave_mask, request, result, error);
}

static cella_status key(struct tee *tee, const struct tee_key_request *request, uint8_t result[16],
                        cella_error *error)
{
    return identity_key(&tee->build, request, result, error);
}

/* The host may run this process on any CPU of any machine: the runtime asks for the time. */
static uint64_t clock_rate(struct tee *tee, uint64_t *now)
{
    (void)tee;
    *now = 0;
    return 0;
}

static uint64_t resident(struct tee *tee)
{
    return process_memory_resident(&tee->memory);
}

static const char *describe(struct tee *tee)
{
    return tee->memory.description;
}

/* All of the heap is there from the start: untouched, it costs nothing. */
static cella_status grow(struct tee *enclave, uint64_t chunk, cella_error *error)
{
    return build_check_grow(&enclave->build, chunk, error);
}

const struct tee_operations tee_process = {
    .version = TEE_INTERFACE_VERSION,
    .kind = TEE_PROCESS,
    .name = "process",
    .probe = process_probe,
    .create = create,
    .add = add,
    .extend = extend,
    .initialise = initialise,
    .shared = shared,
    .enter = enter,
    .grow = grow,
    .interrupt = interrupt,
    .report = report,
    .key = key,
    .clock = clock_rate,
    .resident = resident,
    .describe = describe,
    .destroy = destroy,
};
