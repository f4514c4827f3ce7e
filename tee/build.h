/* SPDX-License-Identifier: Apache-2.0
 *
 * An enclave under construction, as every backend sees it: which pages it has, what was measured,
 * and what is refused. A backend asks (build_check_...), does its own part, then records
 * (build_added, build_extended, which cannot fail); so every TEE refuses the same things in the
 * same words, and a failed call leaves no trace.
 *
 * Invariants:
 *   1. pages rise, lie below the heap, and are never both writable and executable;
 *   2. a page is in the list only when it was measured with the flags it really has;
 *   3. state is BUILD_READY only after every byte of every page was measured and the measurement
 *      was the expected one; it never leaves BUILD_REFUSED.
 */
#ifndef TEE_BUILD_H
#define TEE_BUILD_H

#include "measure.h"
#include "runtime/boot.h"
#include "tee.h"

#define BUILD_SHARED_MAX (UINT64_C(1) << 30) /* bytes of shared region */
#define BUILD_ELRANGE_MAX                                                                          \
    (UINT64_C(1) << 46) /* leaves room for the host above, in the process TEE */

enum build_state {
    BUILD_OPEN = 0,    /* pages can be added */
    BUILD_READY = 1,   /* initialised: threads can enter */
    BUILD_REFUSED = 2, /* initialise said no: nothing but destroy is left */
};

struct build_page {
    uint64_t offset;
    uint32_t flags;    /* SECINFO.FLAGS */
    uint16_t measured; /* bit k: chunk k has been extended */
};

/* What a TCS page said when it was added. */
struct build_thread {
    uint64_t address; /* of the TCS */
    uint64_t entry;
    uint64_t fs_base;
    uint64_t gs_base;
};

struct build {
    struct tee_parameters parameters;
    enum build_state state;
    struct build_page *pages; /* rising */
    size_t page_count, page_capacity;
    struct build_thread threads[THREAD_COUNT_MAX]; /* in the order they were added */
    uint32_t thread_count;
    struct measure measure;
    uint8_t mrenclave[32]; /* once READY */
};

/* Checks the parameters and starts the measurement. After an error there is nothing to free. */
cella_status build_create(struct build *build, const struct tee_parameters *parameters,
                          cella_error *error);
void build_free(struct build *build);

cella_status build_check_add(struct build *build, uint64_t offset, uint64_t secinfo_flags,
                             const uint8_t page[4096], cella_error *error);
void build_added(struct build *build, uint64_t offset, uint64_t secinfo_flags,
                 const uint8_t page[4096]);

cella_status build_check_extend(struct build *build, uint64_t offset, cella_error *error);
/* `data` is what the enclave's memory holds at `offset`. */
void build_extended(struct build *build, uint64_t offset, const uint8_t data[MEASURE_CHUNK]);

/* Checks the whole, finishes the measurement, compares it. CELLA_OK: state is BUILD_READY. A
 * backend that then cannot seal its memory calls build_refuse. */
cella_status build_initialise(struct build *build, const uint8_t *expected, cella_error *error);
void build_refuse(struct build *build);

/* What every enter checks first: that there is an enclave to enter, and that it has the thread. */
cella_status build_check_enter(const struct build *build, uint32_t thread, cella_error *error);
/* The same for grow, and that the heap has the chunk. */
cella_status build_check_grow(const struct build *build, uint64_t chunk, cella_error *error);
uint64_t build_heap_chunks(const struct build *build);

/* The page that holds `address`, or NULL. */
const struct build_page *build_page_at(const struct build *build, uint64_t address);

#endif
