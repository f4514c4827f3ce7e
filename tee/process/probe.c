/* SPDX-License-Identifier: Apache-2.0
 *
 * What of the process TEE works here, found by doing it: the last row is an enclave of two code
 * fragments that makes a system call through page 0 and leaves by the gate.
 */
#include "image/fail.h"
#include "process.h"

#include <cpuid.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#define HWCAP2_BIT_FSGSBASE (1u << 1) /* asm/hwcap2.h */
#define CPUID_XSAVE         0xd

/* An enclave of five pages: trampoline, boot page, code, stack, TCS. */
#define TRIAL_CODE    UINT64_C(0x20000)
#define TRIAL_SYSCALL 0x20u
#define TRIAL_STACK   UINT64_C(0x21000)
#define TRIAL_TCS     UINT64_C(0x22000)
#define TRIAL_HEAP    UINT64_C(0x200000)
#define TRIAL_ELRANGE UINT64_C(0x400000)

/* Where an ordinary image with the default heap lies. */
#define ORDINARY_END (LAYOUT_PROGRAM_PIE + HEAP_SIZE + (UINT64_C(64) << 20))

/* mov $0x22000, %esp; mov %rcx, %rbp; mov $39, %eax; call *%rax; hlt */
static const uint8_t trial_enter[] = {0xbc, 0x00, 0x20, 0x02, 0x00, 0x48, 0x89, 0xcd,
                                      0xb8, 0x27, 0x00, 0x00, 0x00, 0xff, 0xd0, 0xf4};
/* call *%rbp; hlt */
static const uint8_t trial_syscall[] = {0xff, 0xd5, 0xf4};
static_assert(sizeof(trial_enter) <= TRIAL_SYSCALL, "the fragments do not overlap");

cella_status process_check_cpu(uint64_t *xsave_mask, cella_error *error)
{
    unsigned a, b, c, d;
    if (!(getauxval(AT_HWCAP2) & HWCAP2_BIT_FSGSBASE))
        return fail(error, CELLA_UNSUPPORTED,
                    "create: programs may not use FSGSBASE here, and the runtime needs it: take "
                    "Linux 5.9 or later on a CPU that has it, without nofsgsbase");
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
        return fail(error, CELLA_UNSUPPORTED, "create: this CPU or kernel has no XSAVE");
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    uint64_t mask = low & SWITCH_XSAVE_STATES;
    for (unsigned state = 2; state < 8; state++)
        if ((mask >> state & 1) && (!__get_cpuid_count(CPUID_XSAVE, state, &a, &b, &c, &d) ||
                                    a > SWITCH_XSAVE_BYTES || b > SWITCH_XSAVE_BYTES - a))
            return fail(error, CELLA_UNSUPPORTED,
                        "create: XSAVE state %u of this CPU ends beyond %u bytes", state,
                        SWITCH_XSAVE_BYTES);
    *xsave_mask = mask;
    return CELLA_OK;
}

static struct tee_capability *row(struct tee_probe *result, const char *name)
{
    struct tee_capability *capability = &result->capabilities[result->count++];
    capability->name = name;
    return capability;
}

__attribute__((format(printf, 3, 4))) static void settle(struct tee_capability *capability,
                                                         const char *remedy, const char *found, ...)
{
    va_list arguments;
    va_start(arguments, found);
    vsnprintf(capability->found, sizeof(capability->found), found, arguments);
    va_end(arguments);
    capability->works = !remedy;
    snprintf(capability->remedy, sizeof(capability->remedy), "%s", remedy ? remedy : "");
}

static void probe_cpu(struct tee_capability *capability)
{
    uint64_t mask = 0;
    cella_error error;
    if (process_check_cpu(&mask, &error))
        settle(capability,
               "take Linux 5.9 or later, without nofsgsbase or noxsave, on a CPU of "
               "the last ten years",
               "%.*s", 150, error.sentence);
    else
        settle(capability, NULL, "programs can use both; XSAVE states %#" PRIx64, mask);
}

static void probe_addresses(struct tee_capability *capability)
{
    void *low = (void *)(uintptr_t)PROCESS_LOW;
    void *where = mmap(low, ORDINARY_END - PROCESS_LOW, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    int number = errno;
    if (where != MAP_FAILED)
        munmap(where, ORDINARY_END - PROCESS_LOW);
    if (where == low)
        settle(capability, NULL, "%#" PRIx64 " to %#" PRIx64 " are free", PROCESS_LOW,
               ORDINARY_END);
    else if (where == MAP_FAILED && number == EPERM)
        settle(capability, "set the sysctl vm.mmap_min_addr to 65536 or less",
               "address %#" PRIx64 " may not be mapped", PROCESS_LOW);
    else
        settle(capability,
               "build the program that holds the enclave position-independent (-fPIE -pie); one "
               "enclave a process",
               "%#" PRIx64 " to %#" PRIx64 " are not free: %s", PROCESS_LOW, ORDINARY_END,
               where == MAP_FAILED ? strerror(number) : "the kernel is too old");
}

static void probe_secret(struct tee_capability *capability)
{
    char why[120];
    int fd = process_memory_secret(HEAP_SIZE, HEAP_SIZE, why);
    if (fd < 0) {
        settle(capability,
               "optional: take Linux 6.5 or later (5.14 with secretmem.enable=1), and raise "
               "RLIMIT_MEMLOCK above the heap's size (ulimit -l)",
               "%s; ordinary memory is used", why);
        return;
    }
    close(fd);
    settle(capability, NULL, "a heap of %" PRIu64 " MiB can be in it", HEAP_SIZE >> 20);
}

static cella_status add_trial(struct tee *tee, uint64_t offset, uint64_t flags,
                              const uint8_t page[4096], cella_error *error)
{
    cella_status status = tee_process.add(tee, offset, flags, page, error);
    for (uint64_t i = 0; !status && i < LAYOUT_PAGE; i += MEASURE_CHUNK)
        status = tee_process.extend(tee, offset + i, error);
    return status;
}

static cella_status build_trial(struct tee *tee, cella_error *error)
{
    const uint64_t code_flags = TEE_PAGE_REG | TEE_PAGE_R | TEE_PAGE_X;
    const struct boot_header boot = {.magic = BOOT_MAGIC,
                                     .runtime_syscall = TRIAL_CODE + TRIAL_SYSCALL};
    const struct {
        uint64_t zero[2], ossa;
        uint32_t cssa, nssa;
        uint64_t oentry, aep, ofsbase, ogsbase;
        uint32_t fslimit, gslimit;
    } tcs = {.ossa = TRIAL_STACK,
             .nssa = 1,
             .oentry = TRIAL_CODE,
             .fslimit = UINT32_MAX,
             .gslimit = UINT32_MAX};
    uint8_t page[4096] = {0};
    uint8_t mrenclave[32];

    cella_status status = add_trial(tee, LAYOUT_TRAMPOLINE, code_flags, page, error);
    memcpy(page, &boot, sizeof(boot));
    if (!status)
        status = add_trial(tee, LAYOUT_BOOT, TEE_PAGE_REG | TEE_PAGE_R, page, error);
    memset(page, 0, sizeof(page));
    memcpy(page, trial_enter, sizeof(trial_enter));
    memcpy(page + TRIAL_SYSCALL, trial_syscall, sizeof(trial_syscall));
    if (!status)
        status = add_trial(tee, TRIAL_CODE, code_flags, page, error);
    memset(page, 0, sizeof(page));
    if (!status)
        status = add_trial(tee, TRIAL_STACK, TEE_PAGE_REG | TEE_PAGE_R | TEE_PAGE_W, page, error);
    memcpy(page, &tcs, sizeof(tcs));
    if (!status)
        status = add_trial(tee, TRIAL_TCS, TEE_PAGE_TCS, page, error);
    if (!status)
        status = tee_process.initialise(tee, NULL, mrenclave, error);
    return status;
}

static void probe_enclave(struct tee_capability *capability)
{
    const struct tee_parameters parameters = {.elrange_size = TRIAL_ELRANGE,
                                              .ssa_frame_size = 1,
                                              .thread_count = 1,
                                              .attributes = TEE_ATTRIBUTE_MODE64,
                                              .heap_start = TRIAL_HEAP,
                                              .heap_size = TRIAL_ELRANGE - TRIAL_HEAP,
                                              .shared_size = LAYOUT_PAGE,
                                              .added_size = 5 * LAYOUT_PAGE};
    struct tee *tee = NULL;
    struct tee_exit exit = {0};
    cella_error error = {0};
    cella_status status = tee_process.create(&parameters, &tee, &error);
    if (!status) {
        status = build_trial(tee, &error);
        if (!status)
            status = tee_process.enter(tee, 0, &exit, &error);
        tee_process.destroy(tee);
    }
    if (status)
        settle(capability, "see the rows above", "%.*s", 150, error.sentence);
    else if (exit.reason != TEE_EXIT_GATE)
        settle(capability, "report this to the authors of cella",
               "it ended with reason %d instead of leaving by the gate", exit.reason);
    else
        settle(capability, NULL, "a trial enclave called through page 0 and left by the gate");
}

void process_probe(struct tee_probe *result)
{
    memset(result, 0, sizeof(*result));
    probe_cpu(row(result, "FSGSBASE and XSAVE"));
    probe_addresses(row(result, "low addresses"));
    probe_secret(row(result, "memfd_secret"));
    struct tee_capability *enclave = row(result, "enclave");
    probe_enclave(enclave);
    result->works = enclave->works;
    result->sealed = false;
    snprintf(result->summary, sizeof(result->summary), "%s",
             enclave->works ? "works, for development: this process and whoever controls the "
                              "machine can read the enclave"
                            : "does not work here");
}
