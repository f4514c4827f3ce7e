/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether vsm works here: found by trying, with a virtual machine of a few pages whose one vCPU
 * runs at CPL3 and leaves through its gate.
 */
#include "../../image/fail.h"
#include "vsm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

const struct vsm_requirement vsm_requirements[] = {
    {KVM_CAP_USER_MEMORY2, "KVM_SET_USER_MEMORY_REGION2",
     "run Linux 6.18 or later, built with CONFIG_KVM_GUEST_MEMFD"},
    {KVM_CAP_GUEST_MEMFD, "guest_memfd",
     "run Linux 6.18 or later, built with CONFIG_KVM_GUEST_MEMFD"},
    {KVM_CAP_XCRS, "vCPU extended state", "use a CPU with XSAVE, or a KVM that offers it"},
    {KVM_CAP_IMMEDIATE_EXIT, "immediate exit", "run a Linux of this decade"},
};
const size_t vsm_requirement_count = sizeof(vsm_requirements) / sizeof(vsm_requirements[0]);

cella_status vsm_open_kvm(int *kvm, cella_error *error)
{
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        const char *remedy = errno == ENOENT   ? "load the kvm module, or enable virtualisation in "
                                                 "the firmware or in the outer hypervisor"
                             : errno == EACCES ? "join the group kvm, or run as root"
                                               : "see dmesg";
        return fail(error, CELLA_UNSUPPORTED, "/dev/kvm: %s; %s", strerror(errno), remedy);
    }
    if (ioctl(fd, KVM_GET_API_VERSION, 0) != 12) {
        close(fd);
        return fail(error, CELLA_UNSUPPORTED, "/dev/kvm: not KVM API version 12");
    }
    for (size_t i = 0; i < vsm_requirement_count; i++) {
        if (ioctl(fd, KVM_CHECK_EXTENSION, vsm_requirements[i].capability) <= 0) {
            close(fd);
            return fail(error, CELLA_UNSUPPORTED, "this KVM has no %s; %s",
                        vsm_requirements[i].name, vsm_requirements[i].remedy);
        }
    }
    *kvm = fd;
    return CELLA_OK;
}

__attribute__((format(printf, 4, 5))) static void
capability(struct tee_probe *probe, const char *name, bool works, const char *found, ...)
{
    struct tee_capability *row = &probe->capabilities[probe->count++];
    row->name = name;
    row->works = works;
    va_list arguments;
    va_start(arguments, found);
    vsnprintf(row->found, sizeof(row->found), found, arguments);
    va_end(arguments);
}

static void remedy(struct tee_probe *probe, const char *text)
{
    struct tee_capability *row = &probe->capabilities[probe->count - 1];
    snprintf(row->remedy, sizeof(row->remedy), "%s", text);
}

/* Writes to the shared region and leaves: a jump to the gate, since there is no stack to call with.
 */
static const uint8_t probe_code[] = {
    0xc7, 0x07, 0x63, 0x65, 0x6c, 0x6c, /* movl $0x6c6c6563, (%rdi) */
    0xbc, 0x00, 0x00, 0x50, 0x00,       /* mov $0x500000, %esp */
    0xff, 0xd1,                         /* call *%rcx */
};

static cella_status probe_run(bool *sealed, char *found, size_t size, cella_error *error)
{
    const struct tee_parameters parameters = {
        .elrange_size = 0x800000,
        .ssa_frame_size = 1,
        .thread_count = 1,
        .attributes = TEE_ATTRIBUTE_MODE64,
        .heap_start = 0x400000,
        .heap_size = 0x200000,
        .shared_size = 0x1000,
        .added_size = 0x2000,
    };
    static const uint64_t code_at = 0x200000, tcs_at = 0x201000, ssa_at = 0x202000;
    static const uint32_t frames = 1;
    uint8_t code[4096], tcs[4096] = {0};
    memset(code, 0xf4, sizeof(code));
    memcpy(code, probe_code, sizeof(probe_code));
    memcpy(tcs + 16, &ssa_at, 8);  /* OSSA */
    memcpy(tcs + 28, &frames, 4);  /* NSSA */
    memcpy(tcs + 32, &code_at, 8); /* OENTRY */
    memset(tcs + 64, 0xff, 8);     /* limits */

    struct tee *enclave = NULL;
    struct tee_exit leave = {0};
    uint8_t mrenclave[32];
    cella_status status = tee_vsm.create(&parameters, &enclave, error);
    if (!status)
        status = tee_vsm.add(enclave, code_at, TEE_PAGE_REG | TEE_PAGE_R | TEE_PAGE_X, code, error);
    if (!status)
        status = tee_vsm.add(enclave, tcs_at, TEE_PAGE_TCS, tcs, error);
    for (uint64_t at = code_at; at < ssa_at && !status; at += MEASURE_CHUNK)
        status = tee_vsm.extend(enclave, at, error);
    if (!status)
        status = tee_vsm.initialise(enclave, NULL, mrenclave, error);
    if (!status)
        status = tee_vsm.enter(enclave, 0, &leave, error);
    if (!status) {
        uint32_t word;
        memcpy(&word, tee_vsm.shared(enclave), 4);
        if (leave.reason != TEE_EXIT_GATE || word != 0x6c6c6563)
            status = fail(error, CELLA_UNSUPPORTED,
                          "a probe enclave did not run to its gate on this KVM (exit %d)",
                          (int)leave.reason);
        *sealed = !status;
        snprintf(found, size, "%s", tee_vsm.describe(enclave));
    }
    if (enclave)
        tee_vsm.destroy(enclave);
    return status;
}

void vsm_probe(struct tee_probe *probe)
{
    cella_error error = {0};
    int kvm = -1;
    memset(probe, 0, sizeof(*probe));
    if (vsm_open_kvm(&kvm, &error)) {
        capability(probe, "KVM", false, "%s", error.sentence);
        remedy(probe, "an enclave needs /dev/kvm of Linux 6.18 or later with guest_memfd");
        snprintf(probe->summary, sizeof(probe->summary), "%s", error.sentence);
        return;
    }
    close(kvm);
    capability(probe, "KVM", true, "/dev/kvm with guest_memfd");
    char found[240] = "";
    if (probe_run(&probe->sealed, found, sizeof(found), &error)) {
        capability(probe, "probe enclave", false, "%.150s", error.sentence);
        remedy(probe,
               "run Linux 6.18 or later with CONFIG_KVM_GUEST_MEMFD; if it is, this kind of KVM is "
               "one "
               "that cella has not met: please report it");
        snprintf(probe->summary, sizeof(probe->summary), "%s", error.sentence);
        return;
    }
    probe->works = true;
    capability(probe, "probe enclave", true, "created, sealed, entered, left");
    snprintf(probe->summary, sizeof(probe->summary), "%s", found);
}
