/* SPDX-License-Identifier: Apache-2.0
 *
 * A vsm enclave's life: memory is made, filled and measured, sealed, given to the virtual machine,
 * and forgotten by this process before the first instruction runs. vsm.h has the layout.
 */
#include "vsm.h"
#include "../../image/fail.h"
#include "../identity.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE       UINT64_C(0x200000)
#define CPUID_MOST  256u
#define SLOT_IMAGE  0u
#define SLOT_SHARED 1u
#define SLOT_HEAP   2u                /* and on: one a chunk */
#define POPULATE    UINT64_C(0x80000) /* bytes of guest_memfd that are given pages at once */
#define SEAL_TRIES  10                /* of a sixth of a second each at most */

static uint64_t up(uint64_t value, uint64_t to)
{
    return (value + to - 1) & ~(to - 1);
}

/* Page tables that an enclave can need: one for every 2 MiB that holds an added page (never more
 * than pages, nor than ELRANGE has), their parents, and those of heap, system and shared pages. */
static uint64_t tables_needed(const struct tee_parameters *parameters)
{
    uint64_t pages = parameters->added_size / 4096;
    uint64_t regions = parameters->heap_start / LARGE + 1;
    uint64_t leaves = pages < regions ? pages : regions;
    uint64_t gigabytes = (parameters->heap_start + parameters->heap_size) / (LARGE * 512) + 2;
    uint64_t shared = parameters->shared_size / (LARGE * 512) + 2;
    return 1 + leaves + gigabytes + gigabytes / 512 + 2 + shared + 4;
}

static cella_status check_memory(int vm, cella_error *error, uint64_t size, int *memory)
{
    struct kvm_create_guest_memfd argument = {
        .size = size, .flags = GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED};
    *memory = ioctl(vm, KVM_CREATE_GUEST_MEMFD, &argument);
    if (*memory >= 0)
        return CELLA_OK;
    if (errno == EINVAL)
        return fail(error, CELLA_UNSUPPORTED,
                    "this KVM's guest_memfd cannot be mapped and filled (Linux 6.18 or later can); "
                    "without it memory cannot be sealed");
    return fail(error, errno == ENOMEM ? CELLA_MEMORY : CELLA_SYSTEM,
                "guest_memfd of %llu bytes: %s", (unsigned long long)size, strerror(errno));
}

static cella_status make_memory(struct tee *enclave, cella_error *error)
{
    cella_status status = check_memory(enclave->vm, error, enclave->private_size, &enclave->memory);
    if (status)
        return status;
    enclave->memory_map =
        mmap(NULL, enclave->heap_gpa, PROT_READ | PROT_WRITE, MAP_SHARED, enclave->memory, 0);
    enclave->copy = memfd_create("cella-public", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (enclave->memory_map == MAP_FAILED) {
        enclave->memory_map = NULL;
        return fail(error, CELLA_UNSUPPORTED, "mapping guest_memfd: %s", strerror(errno));
    }
    if (enclave->copy < 0 || ftruncate(enclave->copy, (off_t)enclave->heap_gpa))
        return fail(error, CELLA_SYSTEM, "memory for the public copy: %s", strerror(errno));
    enclave->shared = mmap(NULL, enclave->build.parameters.shared_size, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (enclave->shared == MAP_FAILED) {
        enclave->shared = NULL;
        return fail(error, CELLA_MEMORY, "mapping the enclave's memory: %s", strerror(errno));
    }
    return CELLA_OK;
}

/* The CPU that the program sees: what KVM supports, and the largest state it can save. */
static cella_status find_cpu(struct tee *enclave, cella_error *error)
{
    struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + CPUID_MOST * sizeof(cpuid->entries[0]));
    if (!cpuid)
        return fail(error, CELLA_MEMORY, "no memory for CPUID");
    cpuid->nent = CPUID_MOST;
    enclave->cpuid = cpuid;
    if (ioctl(enclave->kvm, KVM_GET_SUPPORTED_CPUID, cpuid))
        return fail(error, CELLA_SYSTEM, "KVM_GET_SUPPORTED_CPUID: %s", strerror(errno));
    enclave->xcr0 = 3;
    for (uint32_t i = 0; i < cpuid->nent; i++) {
        const struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];
        if (entry->function == 0xd && entry->index == 0)
            enclave->xcr0 = entry->eax & 0xe7; /* x87 SSE AVX, AVX-512 */
    }
    if ((enclave->xcr0 & 0xe0) != 0xe0)
        enclave->xcr0 &= 7;
    return CELLA_OK;
}

static void vsm_destroy(struct tee *enclave)
{
    if (!enclave)
        return;
    for (uint32_t i = 0; i < THREAD_COUNT_MAX; i++) {
        if (enclave->vcpu[i].fd < 0)
            continue;
        munmap(enclave->vcpu[i].run, enclave->run_size);
        close(enclave->vcpu[i].fd);
    }
    if (enclave->memory_map)
        munmap(enclave->memory_map, enclave->heap_gpa);
    if (enclave->copy_sealed)
        munmap(enclave->copy_sealed, enclave->heap_gpa);
    if (enclave->nothing)
        munmap(enclave->nothing, enclave->build.parameters.heap_size);
    if (enclave->shared)
        munmap(enclave->shared, enclave->build.parameters.shared_size);
    int fds[] = {enclave->memory, enclave->copy, enclave->vm, enclave->kvm};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    build_free(&enclave->build);
    pthread_mutex_destroy(&enclave->lock);
    free(enclave->cpuid);
    free(enclave->zero_pages);
    free(enclave->heap_chunks);
    free(enclave);
}

static cella_status vsm_create(const struct tee_parameters *parameters, struct tee **result,
                               cella_error *error)
{
    *result = NULL;
    struct tee *enclave = calloc(1, sizeof(*enclave));
    if (!enclave)
        return fail(error, CELLA_MEMORY, "no memory for an enclave");
    enclave->kvm = enclave->vm = enclave->memory = enclave->copy = -1;
    for (uint32_t i = 0; i < THREAD_COUNT_MAX; i++)
        enclave->vcpu[i] = (struct vsm_vcpu){.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_mutex_init(&enclave->lock, NULL);

    cella_status status = build_create(&enclave->build, parameters, error);
    if (status)
        goto failed;
    enclave->tables_gpa = VSM_SYSTEM_PAGES * 4096;
    enclave->tables_end = enclave->tables_gpa + tables_needed(parameters) * 4096;
    enclave->image_gpa = enclave->tables_end;
    enclave->image_end = enclave->image_gpa + up(parameters->added_size, 4096);
    enclave->heap_gpa = up(enclave->image_end, LARGE);
    enclave->private_size = enclave->heap_gpa + parameters->heap_size;
    enclave->shared_gpa = up(enclave->private_size, LARGE);

    if ((status = vsm_open_kvm(&enclave->kvm, error)))
        goto failed;
    enclave->run_size = (size_t)ioctl(enclave->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    enclave->vm = ioctl(enclave->kvm, KVM_CREATE_VM, 0);
    if (enclave->vm < 0) {
        status = fail(error, CELLA_SYSTEM, "KVM_CREATE_VM: %s", strerror(errno));
        goto failed;
    }
    enclave->zero_pages = calloc(parameters->added_size / 4096 / 64 + 1, 8);
    enclave->heap_chunks = calloc(build_heap_chunks(&enclave->build) / 64 + 1, 8);
    if (!enclave->zero_pages || !enclave->heap_chunks) {
        status = fail(error, CELLA_MEMORY, "no memory for an enclave");
        goto failed;
    }
    if ((status = find_cpu(enclave, error)) || (status = make_memory(enclave, error)))
        goto failed;
    vsm_tables_start(enclave);
    *result = enclave;
    return CELLA_OK;

failed:
    vsm_destroy(enclave);
    return status;
}

/* Where the page with `index` in the order of adding lies. */
static uint64_t page_gpa(const struct tee *enclave, size_t index)
{
    return enclave->image_gpa + index * 4096;
}

static bool is_zero(const uint8_t page[4096])
{
    return page[0] == 0 && memcmp(page, page + 1, 4095) == 0;
}

/* Gives guest_memfd pages for what comes next, in one call instead of a fault a page. Where the
 * kernel cannot, faults do. Pages of zeros are left to be made when they are touched inside. */
static void populate(struct tee *enclave, uint64_t gpa)
{
    if (gpa < enclave->populated)
        return;
    uint64_t end = gpa + POPULATE < enclave->image_end ? gpa + POPULATE : enclave->image_end;
    madvise(enclave->memory_map + gpa, end - gpa, MADV_POPULATE_WRITE);
    enclave->populated = end;
}

static cella_status vsm_add(struct tee *enclave, uint64_t offset, uint64_t flags,
                            const uint8_t page[4096], cella_error *error)
{
    cella_status status = build_check_add(&enclave->build, offset, flags, page, error);
    if (status)
        return status;
    uint64_t gpa = page_gpa(enclave, enclave->build.page_count);
    if (gpa >= enclave->image_end)
        return fail(error, CELLA_INVALID, "add: more pages than tee_parameters.added_size says");

    /* A TCS is read by the backend alone: the program cannot reach it, as on SGX. */
    uint64_t entry = (flags & TEE_PAGE_TCS ? 0 : VSM_ENTRY_USER) |
                     (flags & TEE_PAGE_W ? VSM_ENTRY_WRITE : 0) |
                     (flags & TEE_PAGE_X ? 0 : VSM_ENTRY_NX);
    if (!vsm_map(enclave, offset, gpa, entry, false))
        return fail(error, CELLA_INVALID, "add: no room for the page table of 0x%llx",
                    (unsigned long long)offset);
    if (is_zero(page)) {
        size_t index = enclave->build.page_count;
        enclave->zero_pages[index / 64] |= UINT64_C(1) << index % 64;
    } else {
        populate(enclave, gpa);
        memcpy(enclave->memory_map + gpa, page, 4096);
    }
    build_added(&enclave->build, offset, flags, page);
    return CELLA_OK;
}

static cella_status vsm_extend(struct tee *enclave, uint64_t offset, cella_error *error)
{
    cella_status status = build_check_extend(&enclave->build, offset, error);
    if (status)
        return status;
    const struct build_page *page = build_page_at(&enclave->build, offset);
    static const uint8_t zeros[MEASURE_CHUNK];
    size_t index = (size_t)(page - enclave->build.pages);
    bool zero = enclave->zero_pages[index / 64] >> index % 64 & 1;
    build_extended(&enclave->build, offset,
                   zero ? zeros : enclave->memory_map + page_gpa(enclave, index) + (offset & 4095));
    return CELLA_OK;
}

static bool map_heap_and_shared(struct tee *enclave)
{
    const struct tee_parameters *parameters = &enclave->build.parameters;
    for (uint64_t at = 0; at < parameters->heap_size; at += LARGE)
        if (!vsm_map(enclave, parameters->heap_start + at, enclave->heap_gpa + at,
                     VSM_ENTRY_USER | VSM_ENTRY_WRITE | VSM_ENTRY_NX, true))
            return false;
    for (uint64_t at = 0; at < parameters->shared_size; at += LARGE)
        if (!vsm_map(enclave, VSM_SHARED_ADDRESS + at, enclave->shared_gpa + at,
                     VSM_ENTRY_USER | VSM_ENTRY_WRITE | VSM_ENTRY_NX, true))
            return false;
    return true;
}

static bool copy_out(struct tee *enclave, uint64_t gpa, uint64_t size)
{
    while (size) {
        ssize_t done = pwrite(enclave->copy, enclave->memory_map + gpa, size, (off_t)gpa);
        if (done <= 0)
            return false;
        gpa += (uint64_t)done;
        size -= (uint64_t)done;
    }
    return true;
}

/* System pages, page tables, and every page that is not writable. */
static bool fill_copy(struct tee *enclave)
{
    if (!copy_out(enclave, 0, enclave->tables_next))
        return false;
    for (size_t i = 0; i < enclave->build.page_count;) {
        size_t first = i;
        while (i < enclave->build.page_count && !(enclave->build.pages[i].flags & TEE_PAGE_W))
            i++;
        if (!copy_out(enclave, page_gpa(enclave, first), (i - first) * 4096))
            return false;
        while (i < enclave->build.page_count && enclave->build.pages[i].flags & TEE_PAGE_W)
            i++;
    }
    return true;
}

/* Whatever holds a page for a moment (the kernel moving or ageing it) makes this fail with EBUSY,
 * after the kernel itself has waited for a sixth of a second. */
static bool add_seals(int file)
{
    const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    for (int more = SEAL_TRIES; fcntl(file, F_ADD_SEALS, seals) < 0; more--)
        if (errno != EBUSY || more == 1)
            return false;
    return true;
}

/* The public copy becomes final: read-only for everybody, this process and root included. */
static cella_status seal_copy(struct tee *enclave, cella_error *error)
{
    if (!fill_copy(enclave))
        return fail(error, CELLA_MEMORY, "filling the public copy: %s", strerror(errno));
    if (!add_seals(enclave->copy))
        return fail(error, CELLA_SYSTEM, "sealing the public copy: %s", strerror(errno));
    void *map = mmap(NULL, enclave->heap_gpa, PROT_READ, MAP_SHARED, enclave->copy, 0);
    void *nothing = mmap(NULL, enclave->build.parameters.heap_size, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    enclave->copy_sealed = map == MAP_FAILED ? NULL : map;
    enclave->nothing = nothing == MAP_FAILED ? NULL : nothing;
    if (map == MAP_FAILED || nothing == MAP_FAILED)
        return fail(error, CELLA_SYSTEM, "mapping the public copy: %s", strerror(errno));
    return CELLA_OK;
}

static cella_status make_slot(struct tee *enclave, const struct kvm_userspace_memory_region2 *slot,
                              cella_error *error)
{
    if (ioctl(enclave->vm, KVM_SET_USER_MEMORY_REGION2, slot) == 0)
        return CELLA_OK;
    return fail(error, errno == ENOMEM ? CELLA_MEMORY : CELLA_SYSTEM,
                "giving memory to the virtual machine: %s", strerror(errno));
}

static cella_status make_heap_slot(struct tee *enclave, uint64_t chunk, cella_error *error)
{
    uint64_t start = chunk * HEAP_CHUNK;
    uint64_t left = enclave->build.parameters.heap_size - start;
    const struct kvm_userspace_memory_region2 slot = {
        .slot = SLOT_HEAP + (uint32_t)chunk,
        .flags = KVM_MEM_GUEST_MEMFD,
        .guest_phys_addr = enclave->heap_gpa + start,
        .memory_size = left < HEAP_CHUNK ? left : HEAP_CHUNK,
        .userspace_addr = (uint64_t)(uintptr_t)enclave->nothing + start,
        .guest_memfd = (uint32_t)enclave->memory,
        .guest_memfd_offset = enclave->heap_gpa + start,
    };
    cella_status status = make_slot(enclave, &slot, error);
    if (!status)
        enclave->heap_chunks[chunk / 64] |= UINT64_C(1) << chunk % 64;
    return status;
}

static cella_status make_slots(struct tee *enclave, cella_error *error)
{
    const struct kvm_userspace_memory_region2 image = {
        .slot = SLOT_IMAGE,
        .flags = KVM_MEM_GUEST_MEMFD,
        .memory_size = enclave->heap_gpa,
        .userspace_addr = (uint64_t)(uintptr_t)enclave->copy_sealed,
        .guest_memfd = (uint32_t)enclave->memory,
    };
    const struct kvm_userspace_memory_region2 shared = {
        .slot = SLOT_SHARED,
        .guest_phys_addr = enclave->shared_gpa,
        .memory_size = enclave->build.parameters.shared_size,
        .userspace_addr = (uint64_t)(uintptr_t)enclave->shared,
    };
    uint64_t last = build_heap_chunks(&enclave->build) - 1;
    cella_status status = make_slot(enclave, &image, error);
    if (!status)
        status = make_slot(enclave, &shared, error);
    if (!status)
        status = make_heap_slot(enclave, 0, error);
    if (!status && last)
        status = make_heap_slot(enclave, last, error);
    return status;
}

static cella_status vsm_grow(struct tee *enclave, uint64_t chunk, cella_error *error)
{
    cella_status status = build_check_grow(&enclave->build, chunk, error);
    if (status)
        return status;
    pthread_mutex_lock(&enclave->lock);
    bool has_it = enclave->heap_chunks[chunk / 64] >> chunk % 64 & 1;
    status = has_it ? CELLA_OK : make_heap_slot(enclave, chunk, error);
    pthread_mutex_unlock(&enclave->lock);
    return status;
}

/* From here on nobody on the host can read or change the enclave's memory. */
static cella_status seal(struct tee *enclave, cella_error *error)
{
    if (!map_heap_and_shared(enclave) || !vsm_system_pages(enclave))
        return fail(error, CELLA_INVALID, "initialise: no room for page tables");
    cella_status status = seal_copy(enclave, error);
    if (status)
        return status;
    if (munmap(enclave->memory_map, enclave->heap_gpa))
        return fail(error, CELLA_SYSTEM, "unmapping private memory: %s", strerror(errno));
    enclave->memory_map = NULL;
    if ((status = make_slots(enclave, error)))
        return status;
    return vsm_vcpu_make(enclave, 0, error);
}

static cella_status vsm_initialise(struct tee *enclave, const uint8_t *expected,
                                   uint8_t mrenclave[32], cella_error *error)
{
    cella_status status = build_initialise(&enclave->build, expected, error);
    if (status)
        return status;
    if ((status = seal(enclave, error))) {
        build_refuse(&enclave->build);
        return status;
    }
    memcpy(mrenclave, enclave->build.mrenclave, 32);
    return CELLA_OK;
}

static void *vsm_shared(struct tee *enclave)
{
    return enclave->shared;
}

static cella_status vsm_report(struct tee *enclave, const struct tee_report_request *request,
                               struct tee_report *report, cella_error *error)
{
    return identity_report(&enclave->build, TEE_VSM, enclave->xcr0, request, report, error);
}

static cella_status vsm_key(struct tee *enclave, const struct tee_key_request *request,
                            uint8_t key[16], cella_error *error)
{
    return identity_key(&enclave->build, request, key, error);
}

static uint64_t vsm_clock(struct tee *enclave, uint64_t *now)
{
    *now = __builtin_ia32_rdtsc() + enclave->tsc_offset;
    return enclave->tsc_khz;
}

static uint64_t vsm_resident(struct tee *enclave)
{
    (void)enclave;
    return 0;
}

static const char *vsm_describe(struct tee *enclave)
{
    (void)enclave;
    return "private memory in guest_memfd, mapped by no process; root reaches it only by taking "
           "the "
           "descriptor from this process, which Yama's ptrace_scope 3 forbids";
}

const struct tee_operations tee_vsm = {
    .version = TEE_INTERFACE_VERSION,
    .kind = TEE_VSM,
    .name = "vsm",
    .probe = vsm_probe,
    .create = vsm_create,
    .add = vsm_add,
    .extend = vsm_extend,
    .initialise = vsm_initialise,
    .shared = vsm_shared,
    .enter = vsm_enter,
    .grow = vsm_grow,
    .interrupt = vsm_interrupt,
    .report = vsm_report,
    .key = vsm_key,
    .clock = vsm_clock,
    .resident = vsm_resident,
    .describe = vsm_describe,
    .destroy = vsm_destroy,
};
