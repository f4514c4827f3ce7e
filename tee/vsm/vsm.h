/* SPDX-License-Identifier: Apache-2.0
 *
 * The vsm backend's own structures. An enclave is a virtual machine in which nothing runs at CPL0.
 *
 * Guest-physical memory, in order:
 *   0            system pages: GDT, TSS, gate, debug pages (VSM_SYSTEM_ pages)
 *   tables_gpa   page tables, handed out one after another
 *   image_gpa    pages of the image, in the order they are added
 *   heap_gpa     the heap (2 MiB aligned)
 *   shared_gpa   the shared region (2 MiB aligned)
 * Slot 0 is what lies below the heap, slot 1 the shared region, slots 2 and up a chunk of the heap
 * each. All but the shared region is one guest_memfd.
 *
 * Guest-virtual memory: ELRANGE from 0; system pages at VSM_SYSTEM_ADDRESS, the shared region at
 * VSM_SHARED_ADDRESS. Page tables are mapped nowhere in it.
 *
 * Invariants:
 *   1. guest_memfd is mapped in this process only between create and initialise;
 *   2. the public copy holds system pages, page tables and pages without W, at the same offsets,
 *      and zeros elsewhere up to the heap; it is sealed before the slot is made;
 *   3. the heap has no copy: the addresses that KVM's software would read it at cannot be read;
 *   4. after initialise slots are only added, each for a chunk of the heap that had none.
 */
#ifndef TEE_VSM_VSM_H
#define TEE_VSM_VSM_H

#include "../build.h"
#include "../tee.h"
#include "kvm.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define VSM_SYSTEM_ADDRESS UINT64_C(0x7f0000000000)
#define VSM_SHARED_ADDRESS UINT64_C(0x7f0000200000)

enum vsm_system_page {
    VSM_SYSTEM_GDT = 0,
    VSM_SYSTEM_TSS = 1,
    VSM_SYSTEM_GATE = 2,
    VSM_SYSTEM_IDT = 3,      /* debug only: mapped, supervisor */
    VSM_SYSTEM_HANDLERS = 4, /* debug only: code at CPL0 that reports a fault */
    VSM_SYSTEM_STACK = 5,    /* debug only */
    VSM_SYSTEM_PAGES = 6,
};

/* I/O ports. Who decides whether CPL3 may use the gate's differs: KVM's instruction emulator
 * (shadow paging) does not see the IOPL and reads the TSS's permission bitmap, which names the gate
 * alone; QEMU's emulated SVM refuses a bitmap in a busy TSS, which VMX demands, so IOPL is 3. An
 * `out` to any other port stops the enclave. */
#define VSM_PORT_GATE  0x80u
#define VSM_PORT_FAULT 0x81u /* the debug handlers', at CPL0 */
#define VSM_TSS_BITMAP 0x68u /* offset in the TSS */
#define VSM_TSS_LIMIT  (VSM_TSS_BITMAP + 0x20u)

/* What a KVM must have; checked in one loop by probe and create. */
struct vsm_requirement {
    int capability;
    const char *name;
    const char *remedy;
};
extern const struct vsm_requirement vsm_requirements[];
extern const size_t vsm_requirement_count;

struct vsm_vcpu {
    int fd; /* -1: not made yet */
    struct kvm_run *run;
    _Atomic bool busy;        /* a host thread is in vsm_enter with it */
    _Atomic bool interrupted; /* by vsm_interrupt */
    bool ended;               /* enter has said so: it is not entered again */
    pthread_mutex_t lock;     /* of `inside` and `thread` */
    bool inside;
    pthread_t thread; /* while inside */
};

struct tee {
    struct build build;

    int kvm, vm, memory, copy; /* file descriptors, -1: none */
    size_t run_size;
    uint8_t *memory_map;  /* guest_memfd's first heap_gpa bytes, until initialise */
    uint8_t *copy_sealed; /* ... read-only: what KVM's software reads */
    uint8_t *nothing;     /* inaccessible addresses that stand for the heap */
    uint8_t *shared;

    uint64_t tables_gpa, tables_next, tables_end;
    uint64_t image_gpa, image_end;
    uint64_t heap_gpa, private_size, shared_gpa;

    uint64_t *zero_pages;  /* bit i: the i-th page added is zeros, and was not written */
    uint64_t populated;    /* gpa below which guest_memfd has its pages */
    uint64_t *heap_chunks; /* bit i: chunk i of the heap has its slot; under `lock` */

    struct kvm_cpuid2 *cpuid;
    uint64_t xcr0;
    uint64_t tsc_khz, tsc_offset;
    _Atomic bool stopped; /* a thread has faulted */
    pthread_mutex_t lock; /* making vCPUs and slots */
    struct vsm_vcpu vcpu[THREAD_COUNT_MAX];
};

/* ---- tables.c ---- */
void vsm_tables_start(struct tee *enclave);
/* Maps one 4 KiB or 2 MiB page; false: the reserve of page tables is used up. */
bool vsm_map(struct tee *enclave, uint64_t address, uint64_t gpa, uint64_t flags, bool large);
#define VSM_ENTRY_PRESENT  UINT64_C(0x1)
#define VSM_ENTRY_WRITE    UINT64_C(0x2)
#define VSM_ENTRY_USER     UINT64_C(0x4)
#define VSM_ENTRY_ACCESSED UINT64_C(0x20)
#define VSM_ENTRY_DIRTY    UINT64_C(0x40)
#define VSM_ENTRY_LARGE    UINT64_C(0x80)
#define VSM_ENTRY_NX       (UINT64_C(1) << 63)
#define VSM_ENTRY_ADDRESS  UINT64_C(0x000ffffffffff000)

/* Puts GDT, TSS, gate and (debug) the fault handlers into the system pages, and maps them. */
bool vsm_system_pages(struct tee *enclave);

/* ---- vcpu.c ---- */
cella_status vsm_vcpu_make(struct tee *enclave, uint32_t thread, cella_error *error);
cella_status vsm_enter(struct tee *enclave, uint32_t thread, struct tee_exit *exit,
                       cella_error *error);
void vsm_interrupt(struct tee *enclave, uint32_t thread);

/* ---- probe.c ---- */
void vsm_probe(struct tee_probe *probe);
/* Opens /dev/kvm and checks every requirement; *kvm is the caller's to close. */
cella_status vsm_open_kvm(int *kvm, cella_error *error);

#endif
