/* SPDX-License-Identifier: Apache-2.0
 *
 * The least that a virtual machine costs here, whoever makes it: PAGES pages of guest_memfd filled,
 * one slot, one vCPU with the host's CPUID, which executes `hlt`, and the end of the process. Built
 * static, so that no linking is in it. Usage: floor PAGES. Exit status 1: it did not work.
 */
#include "tee/vsm/kvm.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define PAGE     ((size_t)4096)
#define HALT     0xf4
#define MAPPABLE 3 /* GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED */
#define ENTRIES  256

static int must(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(1);
    }
    return result;
}

int main(int count, char **arguments)
{
    size_t size = (size_t)(count > 1 ? atoi(arguments[1]) : 1) * PAGE;
    int kvm = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
    int vm = must(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");

    struct kvm_create_guest_memfd wanted = {.size = size, .flags = MAPPABLE};
    int memory = must(ioctl(vm, KVM_CREATE_GUEST_MEMFD, &wanted), "KVM_CREATE_GUEST_MEMFD");
    uint8_t *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, memory, 0);
    must(pages == MAP_FAILED ? -1 : 0, "mmap");
    for (size_t at = 0; at < size; at += PAGE)
        pages[at] = HALT;
    struct kvm_userspace_memory_region2 slot = {.flags = KVM_MEM_GUEST_MEMFD,
                                                .memory_size = size,
                                                .userspace_addr = (uintptr_t)pages,
                                                .guest_memfd = (uint32_t)memory};
    must(ioctl(vm, KVM_SET_USER_MEMORY_REGION2, &slot), "KVM_SET_USER_MEMORY_REGION2");

    int vcpu = must(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + ENTRIES * sizeof(cpuid->entries[0]));
    must(cpuid ? 0 : -1, "calloc");
    cpuid->nent = ENTRIES;
    must(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid), "KVM_GET_SUPPORTED_CPUID");
    must(ioctl(vcpu, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
    struct kvm_run *run =
        mmap(NULL, (size_t)must(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE"),
             PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    must(run == MAP_FAILED ? -1 : 0, "mmap of the vCPU");
    struct kvm_sregs system = {0};
    must(ioctl(vcpu, KVM_GET_SREGS, &system), "KVM_GET_SREGS");
    system.cs.base = system.cs.selector = 0;
    must(ioctl(vcpu, KVM_SET_SREGS, &system), "KVM_SET_SREGS");
    struct kvm_regs registers = {.rflags = 2};
    must(ioctl(vcpu, KVM_SET_REGS, &registers), "KVM_SET_REGS");
    must(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
    return run->exit_reason == KVM_EXIT_HLT ? 0 : 1;
}
