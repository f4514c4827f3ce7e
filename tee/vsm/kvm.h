/* SPDX-License-Identifier: Apache-2.0
 *
 * What Debian 12's <linux/kvm.h> (6.1) does not know yet: guest_memfd. Numbers and layouts are the
 * kernel's UAPI (Documentation/virt/kvm/api.rst: KVM_CREATE_GUEST_MEMFD,
 * KVM_SET_USER_MEMORY_REGION2, KVM_EXIT_MEMORY_FAULT).
 */
#ifndef TEE_VSM_KVM_H
#define TEE_VSM_KVM_H

#include <assert.h>
#include <linux/kvm.h>
#include <stdint.h>

#ifndef KVM_MEM_GUEST_MEMFD
#define KVM_MEM_GUEST_MEMFD   (1u << 2)
#define KVM_CAP_USER_MEMORY2  231
#define KVM_CAP_GUEST_MEMFD   234
#define KVM_EXIT_MEMORY_FAULT 39

struct kvm_create_guest_memfd {
    uint64_t size;
    uint64_t flags;
    uint64_t reserved[6];
};

struct kvm_userspace_memory_region2 {
    uint32_t slot;
    uint32_t flags;
    uint64_t guest_phys_addr;
    uint64_t memory_size;
    uint64_t userspace_addr;
    uint64_t guest_memfd_offset;
    uint32_t guest_memfd;
    uint32_t pad1;
    uint64_t pad2[14];
};

#define KVM_CREATE_GUEST_MEMFD      _IOWR(KVMIO, 0xd4, struct kvm_create_guest_memfd)
#define KVM_SET_USER_MEMORY_REGION2 _IOW(KVMIO, 0x49, struct kvm_userspace_memory_region2)
#endif

static_assert(sizeof(struct kvm_create_guest_memfd) == 64, "kernel ABI");
static_assert(sizeof(struct kvm_userspace_memory_region2) == 160, "kernel ABI");

#ifndef GUEST_MEMFD_FLAG_MMAP
#define GUEST_MEMFD_FLAG_MMAP        (1u << 0)
#define GUEST_MEMFD_FLAG_INIT_SHARED (1u << 1)
#endif

#endif
