/* SPDX-License-Identifier: Apache-2.0
 *
 * ELRANGE in a host process: every page at its real address.
 *
 * Invariants:
 *   1. [PROCESS_LOW, end) is reserved whole, and only where nothing was mapped before;
 *   2. until the seal it is writable by the host and nothing in it is executable; after it pages
 *      have the permissions that they were added with, gaps and TCS pages none;
 *   3. writable memory is memfd_secret where this process can have it (not with
 *      TEE_ATTRIBUTE_DEBUG: a debugger could not read it either); code cannot be, such mappings are
 *      never executable;
 *   4. no child inherits it and no core dump holds it.
 */
#include "image/fail.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RESIDENT_STEP (UINT64_C(256) << 20) /* bytes of ELRANGE looked at at once */

static void *at(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

/* What /proc/self/maps has in [start, end): "0x400000-0x401000 /usr/bin/x". */
static void name_holder(uint64_t start, uint64_t end, char text[200])
{
    snprintf(text, 200, "something");
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps)
        return;
    char line[512], name[128];
    while (fgets(line, sizeof(line), maps)) {
        uint64_t low, high;
        name[0] = 0;
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %*s %127s", &low, &high, name) < 2)
            continue;
        if (low < end && high > start) {
            snprintf(text, 200, "%s at %#" PRIx64 "-%#" PRIx64, name[0] ? name : "a mapping", low,
                     high);
            break;
        }
    }
    fclose(maps);
}

/* Maps [start, end) where nothing is mapped. */
static cella_status reserve(uint64_t start, uint64_t end, int flags, int fd, cella_error *error)
{
    void *where = mmap(at(start), end - start, PROT_READ | PROT_WRITE,
                       flags | MAP_FIXED_NOREPLACE | MAP_NORESERVE, fd, fd < 0 ? 0 : (off_t)start);
    if (where == at(start))
        return CELLA_OK;
    if (where != MAP_FAILED) { /* a kernel before 4.17 takes the address as a hint */
        munmap(where, end - start);
        return fail(error, CELLA_UNSUPPORTED,
                    "create: addresses %#" PRIx64 " to %#" PRIx64
                    ", where the enclave has to be, cannot be had",
                    start, end);
    }
    if (errno == EEXIST) {
        char holder[200];
        name_holder(start, end, holder);
        return fail(error, CELLA_UNSUPPORTED,
                    "create: addresses %#" PRIx64 " to %#" PRIx64
                    ", where the enclave has to be, are taken by %s; build this program "
                    "position-independent (-fPIE -pie), or make the heap smaller",
                    start, end, holder);
    }
    if (errno == EPERM)
        return fail(error, CELLA_UNSUPPORTED,
                    "create: address %#" PRIx64
                    " may not be mapped; set the sysctl vm.mmap_min_addr to 65536 or less",
                    start);
    return fail(error, CELLA_SYSTEM, "create: %" PRIu64 " MiB of addresses cannot be reserved: %s",
                (end - start) >> 20, strerror(errno));
}

/* Whether the kernel can put a page there, without a SIGBUS when it cannot. The page stays zero. */
static bool touch(void *address)
{
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    bool touched = zero >= 0 && read(zero, address, 1) == 1;
    if (zero >= 0)
        close(zero);
    return touched;
}

int process_memory_secret(uint64_t size, uint64_t mapped, char why[120])
{
    why[0] = 0;
    int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
    if (fd < 0) {
        snprintf(why, 120, "this kernel gives none: %s", strerror(errno));
        return -1;
    }
    void *trial = MAP_FAILED;
    if (ftruncate(fd, (off_t)size) != 0)
        snprintf(why, 120, "%" PRIu64 " MiB: %s", size >> 20, strerror(errno));
    else if ((trial = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
                           0)) == MAP_FAILED)
        snprintf(why, 120, "RLIMIT_MEMLOCK does not allow %" PRIu64 " MiB: %s", mapped >> 20,
                 strerror(errno));
    else if (!touch(trial))
        snprintf(why, 120, "no page could be had");
    if (trial != MAP_FAILED)
        munmap(trial, mapped);
    if (!why[0])
        return fd;
    close(fd);
    return -1;
}

static void describe(struct process_memory *memory, bool debug, const char *why)
{
    static const char warning[] =
        "it protects nothing: who controls this process or this machine reads it";
    if (memory->secret >= 0)
        snprintf(memory->description, sizeof(memory->description),
                 "data in memfd_secret memory of this process, code in ordinary memory; %s",
                 warning);
    else
        snprintf(memory->description, sizeof(memory->description),
                 "ordinary memory of this process (%s%s); %s",
                 debug ? "a debug enclave" : "memfd_secret: ", debug ? "" : why, warning);
}

static cella_status map_all(struct process_memory *memory, uint64_t elrange_size,
                            cella_error *error)
{
    cella_status status =
        reserve(PROCESS_LOW, memory->heap_start, MAP_PRIVATE | MAP_ANONYMOUS, -1, error);
    if (status)
        return status;
    status = memory->secret >= 0
                 ? reserve(memory->heap_start, memory->end, MAP_SHARED, memory->secret, error)
                 : reserve(memory->heap_start, memory->end, MAP_PRIVATE | MAP_ANONYMOUS, -1, error);
    if (status) {
        munmap(at(PROCESS_LOW), memory->heap_start - PROCESS_LOW);
        return status;
    }
    madvise(at(PROCESS_LOW), memory->end - PROCESS_LOW, MADV_DONTDUMP);
    madvise(at(PROCESS_LOW), memory->end - PROCESS_LOW, MADV_DONTFORK);

    memory->shared =
        mmap(NULL, memory->shared_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory->shared != MAP_FAILED && (uintptr_t)memory->shared >= elrange_size)
        return CELLA_OK;
    if (memory->shared != MAP_FAILED) {
        munmap(memory->shared, memory->shared_size);
        status = fail(error, CELLA_UNSUPPORTED,
                      "create: an ELRANGE of %" PRIu64 " GiB leaves no room for the shared region",
                      elrange_size >> 30);
    } else {
        status = fail(error, CELLA_MEMORY, "create: no memory for the shared region: %s",
                      strerror(errno));
    }
    munmap(at(PROCESS_LOW), memory->end - PROCESS_LOW);
    return status;
}

cella_status process_memory_create(struct process_memory *memory,
                                   const struct tee_parameters *parameters, cella_error *error)
{
    bool debug = parameters->attributes & TEE_ATTRIBUTE_DEBUG;
    char why[120] = "";
    *memory = (struct process_memory){
        .heap_start = parameters->heap_start,
        .end = parameters->heap_start + parameters->heap_size,
        .shared_size = parameters->shared_size,
        .secret = -1,
    };
    if (!debug)
        memory->secret =
            process_memory_secret(memory->end, parameters->heap_size + parameters->added_size, why);
    describe(memory, debug, why);
    cella_status status = map_all(memory, parameters->elrange_size, error);
    if (status && memory->secret >= 0)
        close(memory->secret);
    return status;
}

cella_status process_memory_add(struct process_memory *memory, uint64_t offset,
                                const uint8_t page[4096], cella_error *error)
{
    if (offset == LAYOUT_TRAMPOLINE) {
        memory->trampoline = malloc(LAYOUT_PAGE);
        if (!memory->trampoline)
            return fail(error, CELLA_MEMORY, "add: no memory for page 0");
        memcpy(memory->trampoline, page, LAYOUT_PAGE);
        return CELLA_OK;
    }
    if (offset < PROCESS_LOW)
        return fail(error, CELLA_UNSUPPORTED,
                    "add: page %#" PRIx64 " lies between the trampoline and %#" PRIx64
                    ", where the process TEE maps nothing",
                    offset, PROCESS_LOW);
    memcpy(at(offset), page, LAYOUT_PAGE);
    return CELLA_OK;
}

const uint8_t *process_memory_at(const struct process_memory *memory, uint64_t offset)
{
    return offset < LAYOUT_PAGE ? memory->trampoline + offset : at(offset);
}

/* Replaces ordinary pages by secret ones of the same content. */
static bool make_secret(int secret, uint64_t start, uint64_t size)
{
    void *copy =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, secret, (off_t)start);
    if (copy == MAP_FAILED)
        return false;
    bool room = true;
    for (uint64_t i = 0; room && i < size; i += LAYOUT_PAGE)
        room = touch((uint8_t *)copy + i);
    if (room)
        memcpy(copy, at(start), size);
    munmap(copy, size);
    return room &&
           mmap(at(start), size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE,
                secret, (off_t)start) == at(start) &&
           madvise(at(start), size, MADV_DONTFORK) == 0;
}

static int protection(uint32_t flags)
{
    return (flags & TEE_PAGE_R ? PROT_READ : 0) | (flags & TEE_PAGE_W ? PROT_WRITE : 0) |
           (flags & TEE_PAGE_X ? PROT_EXEC : 0);
}

cella_status process_memory_seal(struct process_memory *memory, const struct build *build,
                                 cella_error *error)
{
    const struct build_page *pages = build->pages;
    uint64_t done = PROCESS_LOW;
    bool sealed = true;
    size_t next;
    for (size_t i = 0; sealed && i < build->page_count; i = next) {
        next = i + 1;
        if (pages[i].offset == LAYOUT_TRAMPOLINE)
            continue;
        while (next < build->page_count && pages[next].flags == pages[i].flags &&
               pages[next].offset == pages[next - 1].offset + LAYOUT_PAGE)
            next++;
        uint64_t start = pages[i].offset, size = (next - i) * LAYOUT_PAGE;
        if (start > done)
            sealed = mprotect(at(done), start - done, PROT_NONE) == 0;
        if (sealed && (pages[i].flags & TEE_PAGE_W) && memory->secret >= 0)
            sealed = make_secret(memory->secret, start, size);
        else if (sealed)
            sealed = mprotect(at(start), size, protection(pages[i].flags)) == 0;
        done = start + size;
    }
    if (sealed && done < memory->heap_start)
        sealed = mprotect(at(done), memory->heap_start - done, PROT_NONE) == 0;
    if (!sealed)
        return fail(error, CELLA_SYSTEM,
                    "initialise: the pages below %#" PRIx64 " cannot be protected: %s", done,
                    strerror(errno));
    if (memory->secret >= 0)
        close(memory->secret); /* the mappings hold it */
    memory->secret = -1;
    return CELLA_OK;
}

uint64_t process_memory_resident(const struct process_memory *memory)
{
    unsigned char *present = malloc(RESIDENT_STEP / LAYOUT_PAGE);
    uint64_t bytes = 0;
    for (uint64_t start = PROCESS_LOW; present && start < memory->end; start += RESIDENT_STEP) {
        uint64_t size = memory->end - start < RESIDENT_STEP ? memory->end - start : RESIDENT_STEP;
        if (mincore(at(start), size, present) != 0)
            memset(present, 0, size / LAYOUT_PAGE);
        for (uint64_t i = 0; i < size / LAYOUT_PAGE; i++)
            bytes += (present[i] & 1) * LAYOUT_PAGE;
    }
    free(present);
    return bytes;
}

void process_memory_destroy(struct process_memory *memory)
{
    munmap(at(PROCESS_LOW), memory->end - PROCESS_LOW);
    munmap(memory->shared, memory->shared_size);
    if (memory->secret >= 0)
        close(memory->secret);
    free(memory->trampoline);
}
