/* SPDX-License-Identifier: Apache-2.0
 *
 * vCPUs: a TCS is a vCPU. It starts in 64-bit user mode (CPL3) at the TCS's entry, with no IDT (but
 * in debug enclaves), and EFER.SCE clear, so that a stray `syscall` stops the enclave. docs/vsm.md
 * has the reasons for each value.
 */
#include "../../image/fail.h"
#include "vsm.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define CR0     UINT64_C(0x80050033) /* PG AM WP NE ET MP PE */
#define CR4     UINT64_C(0x00050620) /* PAE OSFXSR OSXMMEXCPT FSGSBASE OSXSAVE */
#define EFER    UINT64_C(0x00000d00) /* LME LMA NXE, not SCE */

#define MSR_TSC 0x10u

/* The signal that makes KVM_RUN return: blocked everywhere but inside KVM_RUN. */
#define KICK (SIGRTMAX - 3)

static void set_segments(const struct tee *enclave, const struct build_thread *thread,
                         struct kvm_sregs *sregs)
{
    struct kvm_segment code = {.selector = 0x2b,
                               .type = 11,
                               .present = 1,
                               .dpl = 3,
                               .s = 1,
                               .l = 1,
                               .g = 1,
                               .limit = 0xffffffff};
    struct kvm_segment data = {.selector = 0x23,
                               .type = 3,
                               .present = 1,
                               .dpl = 3,
                               .s = 1,
                               .db = 1,
                               .g = 1,
                               .limit = 0xffffffff};
    sregs->cs = code;
    sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
    sregs->fs.base = thread->fs_base;
    sregs->gs.base = thread->gs_base;
    sregs->tr = (struct kvm_segment){.selector = 0x30,
                                     .type = 11,
                                     .present = 1,
                                     .limit = VSM_TSS_LIMIT,
                                     .base = VSM_SYSTEM_ADDRESS + VSM_SYSTEM_TSS * 4096};
    sregs->ldt = (struct kvm_segment){.type = 2, .unusable = 1};
    sregs->gdt.base = VSM_SYSTEM_ADDRESS + VSM_SYSTEM_GDT * 4096;
    sregs->gdt.limit = 0x3f;
    sregs->idt.base = 0;
    sregs->idt.limit = 0;
    if (enclave->build.parameters.attributes & TEE_ATTRIBUTE_DEBUG) {
        sregs->idt.base = VSM_SYSTEM_ADDRESS + VSM_SYSTEM_IDT * 4096;
        sregs->idt.limit = 32 * 16 - 1;
    }
    sregs->cr0 = CR0;
    sregs->cr3 = enclave->tables_gpa;
    sregs->cr4 = CR4;
    sregs->efer = EFER;
}

static int set_registers(const struct tee *enclave, const struct build_thread *thread, int fd)
{
    struct kvm_sregs sregs;
    if (ioctl(fd, KVM_GET_SREGS, &sregs))
        return -1;
    set_segments(enclave, thread, &sregs);
    if (ioctl(fd, KVM_SET_SREGS, &sregs))
        return -1;

    struct kvm_regs regs = {
        .rip = thread->entry,
        .rflags = 0x3002, /* IOPL 3, see vsm.h */
        .rbx = thread->address,
        .rcx = VSM_SYSTEM_ADDRESS + VSM_SYSTEM_GATE * 4096,
        .rdi = VSM_SHARED_ADDRESS,
        .rsi = enclave->build.parameters.shared_size,
        .rdx = enclave->build.parameters.attributes & TEE_ATTRIBUTE_DEBUG ? TEE_ENTRY_DEBUG : 0,
    };
    if (ioctl(fd, KVM_SET_REGS, &regs))
        return -1;

    struct kvm_xcrs xcrs = {.nr_xcrs = 1, .xcrs[0] = {.xcr = 0, .value = enclave->xcr0}};
    return ioctl(fd, KVM_SET_XCRS, &xcrs);
}

/* KVM_RUN is left by KICK alone; all other signals stay with the host's other threads. */
static int set_signal_mask(int fd)
{
    uint64_t mask = ~(UINT64_C(1) << (KICK - 1));
    uint8_t bytes[sizeof(struct kvm_signal_mask) + sizeof(mask)] __attribute__((aligned(8)));
    struct kvm_signal_mask *argument = (struct kvm_signal_mask *)bytes;
    argument->len = sizeof(mask);
    memcpy(argument->sigset, &mask, sizeof(mask)); /* right behind `len`: not aligned */
    return ioctl(fd, KVM_SET_SIGNAL_MASK, argument);
}

/* What the guest's TSC is ahead of the host's. */
static void find_tsc(struct tee *enclave, int fd)
{
    uint8_t bytes[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)]
        __attribute__((aligned(8)));
    struct kvm_msrs *msrs = (struct kvm_msrs *)bytes;
    memset(bytes, 0, sizeof(bytes));
    msrs->nmsrs = 1;
    msrs->entries[0].index = MSR_TSC;
    int khz = ioctl(fd, KVM_GET_TSC_KHZ, 0);
    uint64_t before = __builtin_ia32_rdtsc();
    if (khz <= 0 || ioctl(fd, KVM_GET_MSRS, msrs) != 1)
        return;
    uint64_t after = __builtin_ia32_rdtsc();
    enclave->tsc_khz = (uint64_t)khz;
    enclave->tsc_offset = msrs->entries[0].data - (before + (after - before) / 2);
}

cella_status vsm_vcpu_make(struct tee *enclave, uint32_t thread, cella_error *error)
{
    struct vsm_vcpu *vcpu = &enclave->vcpu[thread];
    int fd = ioctl(enclave->vm, KVM_CREATE_VCPU, (unsigned long)thread);
    if (fd < 0)
        return fail(error, CELLA_SYSTEM, "KVM_CREATE_VCPU %u: %s", thread, strerror(errno));
    const char *step = "KVM_SET_CPUID2";
    void *run = MAP_FAILED;
    if (ioctl(fd, KVM_SET_CPUID2, enclave->cpuid))
        goto failed;
    step = "KVM_SET_SREGS";
    if (set_registers(enclave, &enclave->build.threads[thread], fd))
        goto failed;
    step = "KVM_SET_SIGNAL_MASK";
    if (set_signal_mask(fd))
        goto failed;
    step = "mmap of kvm_run";
    run = mmap(NULL, enclave->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (run == MAP_FAILED)
        goto failed;
    if (!enclave->tsc_khz)
        find_tsc(enclave, fd);
    vcpu->run = run;
    vcpu->fd = fd;
    return CELLA_OK;

failed:
    fail(error, CELLA_SYSTEM, "%s for vCPU %u: %s", step, thread, strerror(errno));
    close(fd);
    return CELLA_SYSTEM;
}

static void read_fault(const struct tee *enclave, const struct vsm_vcpu *vcpu,
                       struct tee_exit *leave)
{
    leave->reason = TEE_EXIT_FAULT;
    if (!(enclave->build.parameters.attributes & TEE_ATTRIBUTE_DEBUG))
        return;
    struct kvm_regs regs;
    if (ioctl(vcpu->fd, KVM_GET_REGS, &regs))
        return;
    const struct kvm_run *run = vcpu->run;
    bool handler = run->exit_reason == KVM_EXIT_IO && run->io.port == VSM_PORT_FAULT;
    if (!handler && regs.rip < 4096)
        return; /* the CPU was reset by the triple fault: nothing to tell */
    leave->has_details = true;
    leave->vector = handler ? (uint32_t)regs.rax : TEE_VECTOR_UNKNOWN;
    leave->address = handler ? regs.rcx : regs.rip;
    leave->stack = handler ? regs.rsi : regs.rsp;
    leave->fault_address = handler ? regs.rdi : 0;
}

static void read_exit(struct tee *enclave, struct vsm_vcpu *vcpu, struct tee_exit *leave)
{
    const struct kvm_run *run = vcpu->run;
    if (run->exit_reason == KVM_EXIT_IO && run->io.port == VSM_PORT_GATE &&
        run->io.direction == KVM_EXIT_IO_OUT && run->io.size == 1 && run->io.count == 1) {
        leave->reason = TEE_EXIT_GATE;
        return;
    }
    atomic_store(&enclave->stopped, true);
    /* The runtime was told that a chunk of its heap has memory, and it has none. */
    if (run->exit_reason == KVM_EXIT_MMIO && run->mmio.phys_addr >= enclave->heap_gpa &&
        run->mmio.phys_addr < enclave->private_size) {
        leave->reason = TEE_EXIT_NO_MEMORY;
        return;
    }
    read_fault(enclave, vcpu, leave);
}

/* One KVM_RUN, until something other than a signal of the host's ends it: 0, or an errno. */
static int run(struct vsm_vcpu *vcpu)
{
    for (;;) {
        if (atomic_load(&vcpu->interrupted))
            return EINTR;
        if (ioctl(vcpu->fd, KVM_RUN, 0) == 0)
            return 0;
        if (errno != EINTR && errno != EAGAIN)
            return errno;
    }
}

static void set_inside(struct vsm_vcpu *vcpu, bool inside)
{
    pthread_mutex_lock(&vcpu->lock);
    vcpu->thread = pthread_self();
    vcpu->inside = inside;
    pthread_mutex_unlock(&vcpu->lock);
}

static cella_status enter_alone(struct tee *enclave, uint32_t thread, struct tee_exit *leave,
                                cella_error *error)
{
    struct vsm_vcpu *vcpu = &enclave->vcpu[thread];
    if (atomic_load(&enclave->stopped))
        return fail(error, CELLA_STOPPED,
                    "enter: the enclave has stopped, because one of its threads faulted");
    if (vcpu->ended)
        return fail(error, CELLA_STOPPED,
                    "enter: thread %u was interrupted, and is not entered again", thread);
    if (vcpu->fd < 0) {
        pthread_mutex_lock(&enclave->lock);
        cella_status status = vsm_vcpu_make(enclave, thread, error);
        pthread_mutex_unlock(&enclave->lock);
        if (status)
            return status;
    }

    static const struct timespec now = {0};
    sigset_t kick, before;
    sigemptyset(&kick);
    sigaddset(&kick, KICK);
    pthread_sigmask(SIG_BLOCK, &kick, &before);
    set_inside(vcpu, true);
    int result = run(vcpu);
    set_inside(vcpu, false);
    while (sigtimedwait(&kick, NULL, &now) > 0)
        ;
    pthread_sigmask(SIG_SETMASK, &before, NULL);

    if (result == 0) {
        read_exit(enclave, vcpu, leave);
        return CELLA_OK;
    }
    if (result == EINTR) {
        vcpu->ended = true;
        leave->reason = TEE_EXIT_INTERRUPTED;
        return CELLA_OK;
    }
    atomic_store(&enclave->stopped, true);
    if (result == ENOMEM || (result == EFAULT && vcpu->run->exit_reason == KVM_EXIT_MEMORY_FAULT)) {
        leave->reason = TEE_EXIT_NO_MEMORY;
        return CELLA_OK;
    }
    if (result == EFAULT) /* KVM's software went where nothing is mapped for it */
        return CELLA_OK;
    return fail(error, CELLA_SYSTEM, "KVM_RUN: %s", strerror(result));
}

cella_status vsm_enter(struct tee *enclave, uint32_t thread, struct tee_exit *leave,
                       cella_error *error)
{
    *leave = (struct tee_exit){.reason = TEE_EXIT_FAULT};
    cella_status status = build_check_enter(&enclave->build, thread, error);
    if (status)
        return status;
    struct vsm_vcpu *vcpu = &enclave->vcpu[thread];
    if (atomic_exchange(&vcpu->busy, true))
        return fail(error, CELLA_BUSY, "enter: another host thread runs thread %u", thread);
    status = enter_alone(enclave, thread, leave, error);
    atomic_store(&vcpu->busy, false);
    return status;
}

void vsm_interrupt(struct tee *enclave, uint32_t thread)
{
    if (thread >= enclave->build.thread_count)
        return;
    struct vsm_vcpu *vcpu = &enclave->vcpu[thread];
    atomic_store(&vcpu->interrupted, true);
    pthread_mutex_lock(&vcpu->lock);
    if (vcpu->inside)
        pthread_kill(vcpu->thread, KICK);
    pthread_mutex_unlock(&vcpu->lock);
}
