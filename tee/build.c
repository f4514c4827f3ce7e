/* SPDX-License-Identifier: Apache-2.0
 *
 * The checks of ECREATE, EADD, EEXTEND and EINIT that do not depend on the TEE.
 */
#include "build.h"
#include "image/fail.h"
#include "image/hex.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CHUNKS           (LAYOUT_PAGE / MEASURE_CHUNK)
#define ALL_CHUNKS       UINT16_MAX
#define PERMISSIONS      (TEE_PAGE_R | TEE_PAGE_W | TEE_PAGE_X)
#define SSA_FRAME_MAX    16u /* pages */
#define SSA_COUNT_MAX    16u
#define SEGMENT_LIMIT    0xfffu /* low bits of TCS.FSLIMIT and GSLIMIT (SDM, EENTER) */

#define KNOWN_ATTRIBUTES (TEE_ATTRIBUTE_DEBUG | TEE_ATTRIBUTE_MODE64)

/* The start of a TCS page (SDM vol. 3D, TCS); the rest is zero. */
struct tcs {
    uint64_t state; /* the CPU's */
    uint64_t flags;
    uint64_t ossa;
    uint32_t cssa; /* the CPU's */
    uint32_t nssa;
    uint64_t oentry;
    uint64_t aep; /* the CPU's */
    uint64_t ofsbase;
    uint64_t ogsbase;
    uint32_t fslimit;
    uint32_t gslimit;
};
static_assert(sizeof(struct tcs) == 72, "the CPU knows this");

static cella_status check_parameters(const struct tee_parameters *p, cella_error *error)
{
    uint64_t size = p->elrange_size;
    if (size < 2 * LAYOUT_PAGE || size > BUILD_ELRANGE_MAX || (size & (size - 1)))
        return fail(error, CELLA_INVALID,
                    "create: ELRANGE is %#" PRIx64
                    " bytes; it must be a power of two between 8 KiB and 64 TiB",
                    size);
    if (p->ssa_frame_size < 1 || p->ssa_frame_size > SSA_FRAME_MAX)
        return fail(error, CELLA_INVALID, "create: an SSA frame has %u pages; it must have 1 to %u",
                    p->ssa_frame_size, SSA_FRAME_MAX);
    if (p->thread_count < 1 || p->thread_count > THREAD_COUNT_MAX)
        return fail(error, CELLA_INVALID, "create: %u threads; there must be 1 to %u",
                    p->thread_count, THREAD_COUNT_MAX);
    if (p->attributes & ~KNOWN_ATTRIBUTES)
        return fail(error, CELLA_INVALID,
                    "create: attributes %#" PRIx64 " have bits other than DEBUG and MODE64",
                    p->attributes);
    if (!(p->attributes & TEE_ATTRIBUTE_MODE64))
        return fail(error, CELLA_INVALID,
                    "create: attributes lack MODE64, and an enclave is always 64-bit");
    if (p->heap_size == 0 || p->heap_size % LAYOUT_HEAP_ALIGN || p->heap_start % LAYOUT_HEAP_ALIGN)
        return fail(error, CELLA_INVALID,
                    "create: the heap, %#" PRIx64 " bytes at %#" PRIx64
                    ", is empty or not made of whole, aligned 2 MiB pieces",
                    p->heap_size, p->heap_start);
    if (p->heap_start > size || p->heap_size > size - p->heap_start)
        return fail(error, CELLA_INVALID,
                    "create: the heap, %#" PRIx64 " bytes at %#" PRIx64
                    ", ends outside ELRANGE, which is %#" PRIx64 " bytes",
                    p->heap_size, p->heap_start, size);
    if (p->shared_size == 0 || p->shared_size % LAYOUT_PAGE || p->shared_size > BUILD_SHARED_MAX)
        return fail(error, CELLA_INVALID,
                    "create: the shared region is %#" PRIx64
                    " bytes; it must be whole pages, at least one and at most 1 GiB",
                    p->shared_size);
    if (p->added_size == 0 || p->added_size % LAYOUT_PAGE || p->added_size > p->heap_start)
        return fail(error, CELLA_INVALID,
                    "create: %#" PRIx64
                    " bytes of pages are announced; that must be whole pages, at least one, that "
                    "fit below the heap at %#" PRIx64,
                    p->added_size, p->heap_start);
    return CELLA_OK;
}

cella_status build_create(struct build *build, const struct tee_parameters *parameters,
                          cella_error *error)
{
    cella_status status = check_parameters(parameters, error);
    if (status)
        return status;
    memset(build, 0, sizeof(*build));
    build->parameters = *parameters;
    measure_create(&build->measure, parameters->ssa_frame_size, parameters->elrange_size);
    return CELLA_OK;
}

void build_free(struct build *build)
{
    measure_free(&build->measure);
    free(build->pages);
    memset(build, 0, sizeof(*build));
    build->state = BUILD_REFUSED;
}

static cella_status check_open(const struct build *build, const char *what, cella_error *error)
{
    if (build->state == BUILD_OPEN)
        return CELLA_OK;
    return fail(error, CELLA_INVALID, "%s: the enclave %s; pages can no longer change", what,
                build->state == BUILD_READY ? "is initialised" : "was refused");
}

static cella_status check_flags(uint64_t offset, uint64_t flags, cella_error *error)
{
    uint64_t type = flags & ~PERMISSIONS;
    if (type != TEE_PAGE_REG && type != TEE_PAGE_TCS)
        return fail(error, CELLA_INVALID,
                    "add: page %#" PRIx64 " has SECINFO flags %#" PRIx64
                    "; only REG (0x200) and TCS (0x100) pages with R, W, X can be added",
                    offset, flags);
    if (type == TEE_PAGE_TCS && (flags & PERMISSIONS))
        return fail(error, CELLA_INVALID,
                    "add: TCS page %#" PRIx64 " has permissions; a TCS has none", offset);
    if ((flags & TEE_PAGE_W) && (flags & TEE_PAGE_X))
        return fail(error, CELLA_INVALID, "add: page %#" PRIx64 " is both writable and executable",
                    offset);
    if (type == TEE_PAGE_REG && !(flags & TEE_PAGE_R))
        return fail(error, CELLA_INVALID, "add: page %#" PRIx64 " is not readable", offset);
    return CELLA_OK;
}

static cella_status check_tcs(const struct build *build, uint64_t offset, const uint8_t page[4096],
                              cella_error *error)
{
    const struct tee_parameters *p = &build->parameters;
    const char *wrong = NULL;
    struct tcs tcs;
    memcpy(&tcs, page, sizeof(tcs));

    if (build->thread_count == p->thread_count)
        return fail(error, CELLA_INVALID,
                    "add: TCS page %#" PRIx64 " is one more than the %u threads announced", offset,
                    p->thread_count);
    if (tcs.state || tcs.cssa || tcs.aep)
        wrong = "STATE, CSSA or AEP, which belong to the CPU, is not zero";
    else if (tcs.flags)
        wrong = "FLAGS is not zero";
    else if (tcs.nssa < 1 || tcs.nssa > SSA_COUNT_MAX)
        wrong = "NSSA is not 1 to 16";
    else if (tcs.ossa % LAYOUT_PAGE || tcs.ossa > p->heap_start ||
             tcs.nssa * p->ssa_frame_size * LAYOUT_PAGE > p->heap_start - tcs.ossa)
        wrong = "the SSA frames are not whole pages below the heap";
    else if (tcs.oentry >= p->heap_start)
        wrong = "OENTRY is not below the heap";
    else if (tcs.ofsbase % LAYOUT_PAGE || tcs.ofsbase >= p->elrange_size)
        wrong = "OFSBASE is not a page inside ELRANGE";
    else if (tcs.ogsbase % LAYOUT_PAGE || tcs.ogsbase >= p->elrange_size)
        wrong = "OGSBASE is not a page inside ELRANGE";
    else if ((tcs.fslimit & SEGMENT_LIMIT) != SEGMENT_LIMIT ||
             (tcs.gslimit & SEGMENT_LIMIT) != SEGMENT_LIMIT)
        wrong = "the low 12 bits of FSLIMIT and GSLIMIT are not all set";
    for (size_t i = sizeof(tcs); !wrong && i < LAYOUT_PAGE; i++)
        if (page[i])
            wrong = "a reserved byte is not zero";
    if (wrong)
        return fail(error, CELLA_INVALID, "add: TCS page %#" PRIx64 ": %s", offset, wrong);
    return CELLA_OK;
}

/* Makes room for one more page, so that build_added cannot fail. */
static cella_status reserve(struct build *build, cella_error *error)
{
    if (build->page_count < build->page_capacity)
        return CELLA_OK;
    size_t capacity = build->page_capacity ? 2 * build->page_capacity : 256;
    struct build_page *pages = reallocarray(build->pages, capacity, sizeof(*pages));
    if (!pages)
        return fail(error, CELLA_MEMORY, "add: no memory for the list of pages");
    build->pages = pages;
    build->page_capacity = capacity;
    return CELLA_OK;
}

cella_status build_check_add(struct build *build, uint64_t offset, uint64_t flags,
                             const uint8_t page[4096], cella_error *error)
{
    const struct tee_parameters *p = &build->parameters;
    cella_status status = check_open(build, "add", error);
    if (status)
        return status;
    if (offset % LAYOUT_PAGE)
        return fail(error, CELLA_INVALID, "add: offset %#" PRIx64 " is not page aligned", offset);
    if (offset >= p->elrange_size)
        return fail(error, CELLA_INVALID,
                    "add: page %#" PRIx64 " is outside ELRANGE, which is %#" PRIx64 " bytes",
                    offset, p->elrange_size);
    if (offset >= p->heap_start)
        return fail(error, CELLA_INVALID,
                    "add: page %#" PRIx64 " is not below the heap, which starts at %#" PRIx64,
                    offset, p->heap_start);
    if (build->page_count && offset <= build->pages[build->page_count - 1].offset)
        return fail(error, CELLA_INVALID,
                    "add: page %#" PRIx64 " is not above page %#" PRIx64 ", which was added before",
                    offset, build->pages[build->page_count - 1].offset);
    if (build->page_count >= p->added_size / LAYOUT_PAGE)
        return fail(error, CELLA_INVALID,
                    "add: page %#" PRIx64 " is more than the %#" PRIx64 " bytes announced", offset,
                    p->added_size);
    status = check_flags(offset, flags, error);
    if (!status && (flags & TEE_PAGE_TCS))
        status = check_tcs(build, offset, page, error);
    if (!status)
        status = reserve(build, error);
    return status;
}

void build_added(struct build *build, uint64_t offset, uint64_t flags, const uint8_t page[4096])
{
    build->pages[build->page_count++] =
        (struct build_page){.offset = offset, .flags = (uint32_t)flags};
    if (flags & TEE_PAGE_TCS) {
        struct tcs tcs;
        memcpy(&tcs, page, sizeof(tcs));
        build->threads[build->thread_count++] = (struct build_thread){
            .address = offset,
            .entry = tcs.oentry,
            .fs_base = tcs.ofsbase,
            .gs_base = tcs.ogsbase,
        };
    }
    measure_add(&build->measure, offset, flags);
}

static struct build_page *find_page(const struct build *build, uint64_t address)
{
    size_t low = 0, high = build->page_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (address < build->pages[middle].offset)
            high = middle;
        else if (address - build->pages[middle].offset < LAYOUT_PAGE)
            return &build->pages[middle];
        else
            low = middle + 1;
    }
    return NULL;
}

const struct build_page *build_page_at(const struct build *build, uint64_t address)
{
    return find_page(build, address);
}

static uint16_t chunk_bit(uint64_t offset)
{
    return (uint16_t)(1u << (offset / MEASURE_CHUNK % CHUNKS));
}

cella_status build_check_extend(struct build *build, uint64_t offset, cella_error *error)
{
    cella_status status = check_open(build, "extend", error);
    if (status)
        return status;
    if (offset % MEASURE_CHUNK)
        return fail(error, CELLA_INVALID, "extend: offset %#" PRIx64 " is not 256-byte aligned",
                    offset);
    const struct build_page *page = find_page(build, offset);
    if (!page)
        return fail(error, CELLA_INVALID, "extend: no page was added at %#" PRIx64, offset);
    if (page->measured & chunk_bit(offset))
        return fail(error, CELLA_INVALID,
                    "extend: the 256 bytes at %#" PRIx64 " were measured before", offset);
    return CELLA_OK;
}

void build_extended(struct build *build, uint64_t offset, const uint8_t data[MEASURE_CHUNK])
{
    find_page(build, offset)->measured |= chunk_bit(offset);
    measure_extend(&build->measure, offset, data);
}

static cella_status check_complete(const struct build *build, cella_error *error)
{
    if (build->thread_count == 0)
        return fail(error, CELLA_INVALID,
                    "initialise: the enclave has no TCS page, so nothing could enter it");
    for (uint32_t i = 0; i < build->thread_count; i++) {
        const struct build_thread *thread = &build->threads[i];
        const struct build_page *page = build_page_at(build, thread->entry);
        if (!page || !(page->flags & TEE_PAGE_X))
            return fail(error, CELLA_INVALID,
                        "initialise: the TCS at %#" PRIx64 " starts at %#" PRIx64
                        ", where no executable page was added",
                        thread->address, thread->entry);
    }
    for (size_t i = 0; i < build->page_count; i++)
        if (build->pages[i].measured != ALL_CHUNKS)
            return fail(error, CELLA_INVALID,
                        "initialise: page %#" PRIx64
                        " is not wholly measured; all its 16 pieces of 256 bytes must be extended",
                        build->pages[i].offset);
    return CELLA_OK;
}

cella_status build_initialise(struct build *build, const uint8_t *expected, cella_error *error)
{
    cella_status status = check_open(build, "initialise", error);
    if (status)
        return status;
    uint8_t mrenclave[32];
    status = check_complete(build, error);
    if (!status)
        status = measure_final(&build->measure, mrenclave, error);
    if (!status && expected && memcmp(expected, mrenclave, sizeof(mrenclave)) != 0) {
        char found[65], wanted[65];
        status = fail(error, CELLA_REFUSED,
                      "initialise: MRENCLAVE is %s, but %s was expected: this is not that image",
                      hex_write(mrenclave, 32, found), hex_write(expected, 32, wanted));
    }
    if (status) {
        build_refuse(build);
        return status;
    }
    memcpy(build->mrenclave, mrenclave, sizeof(mrenclave));
    build->state = BUILD_READY;
    return CELLA_OK;
}

void build_refuse(struct build *build)
{
    build->state = BUILD_REFUSED;
}

cella_status build_check_enter(const struct build *build, uint32_t thread, cella_error *error)
{
    if (build->state != BUILD_READY)
        return fail(error, CELLA_INVALID, "enter: the enclave %s",
                    build->state == BUILD_OPEN ? "is not initialised" : "was refused");
    if (thread >= build->thread_count)
        return fail(error, CELLA_INVALID, "enter: there is no thread %u; the enclave has %u TCS",
                    thread, build->thread_count);
    return CELLA_OK;
}

uint64_t build_heap_chunks(const struct build *build)
{
    return (build->parameters.heap_size + HEAP_CHUNK - 1) / HEAP_CHUNK;
}

cella_status build_check_grow(const struct build *build, uint64_t chunk, cella_error *error)
{
    if (build->state != BUILD_READY)
        return fail(error, CELLA_INVALID, "grow: the enclave %s",
                    build->state == BUILD_OPEN ? "is not initialised" : "was refused");
    if (chunk >= build_heap_chunks(build))
        return fail(error, CELLA_INVALID, "grow: the heap has no chunk %llu",
                    (unsigned long long)chunk);
    return CELLA_OK;
}
