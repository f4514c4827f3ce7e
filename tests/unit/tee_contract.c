/* SPDX-License-Identifier: Apache-2.0
 *
 * What tee.h promises, tried on every backend that works on this machine. A backend that does not
 * work is named with its reason; none at all is a failure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tee/build.h"
#include "tee_enclave.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct tee_operations *backend(void **state)
{
    return *state;
}

/* The call failed with `status`, and its sentence holds `words`. */
static void assert_refused(cella_status found, cella_status status, const cella_error *error,
                           const char *words)
{
    if (found != status || error->status != status || !strstr(error->sentence, words))
        fail_msg("status %d, \"%s\"; expected status %d, \"%s\"", found, error->sentence, status,
                 words);
}

static struct tee *create(const struct tee_operations *tee)
{
    struct tee_parameters parameters = enclave_parameters(0);
    struct tee *enclave = NULL;
    cella_error error = {0};
    if (tee->create(&parameters, &enclave, &error))
        fail_msg("%s: %s", tee->name, error.sentence);
    return enclave;
}

static void test_create_refuses(void **state)
{
    const struct tee_operations *tee = backend(state);
    const struct tee_parameters good = enclave_parameters(0);
    struct tee_parameters p;
    struct tee *enclave = NULL;
    cella_error error;

#define REFUSED(words)                                                                             \
    do {                                                                                           \
        memset(&error, 0, sizeof(error));                                                          \
        assert_refused(tee->create(&p, &enclave, &error), CELLA_INVALID, &error, words);           \
        assert_null(enclave);                                                                      \
    } while (0)
#define WITH(change, words)                                                                        \
    do {                                                                                           \
        p = good;                                                                                  \
        p.change;                                                                                  \
        REFUSED(words);                                                                            \
    } while (0)
    WITH(elrange_size = ENCLAVE_SIZE - 4096, "power of two");
    WITH(elrange_size = 0, "power of two");
    WITH(elrange_size = UINT64_C(1) << 47, "power of two");
    WITH(elrange_size = ENCLAVE_SIZE / 2, "outside ELRANGE");
    WITH(ssa_frame_size = 0, "SSA frame");
    WITH(ssa_frame_size = 17, "SSA frame");
    WITH(thread_count = 0, "threads");
    WITH(thread_count = THREAD_COUNT_MAX + 1, "threads");
    WITH(attributes = TEE_ATTRIBUTE_MODE64 | 0x10, "attributes");
    WITH(attributes = TEE_ATTRIBUTE_DEBUG, "MODE64");
    WITH(heap_size = 0, "heap");
    WITH(heap_size = 4096, "heap");
    WITH(heap_start = ENCLAVE_HEAP + 4096, "heap");
    WITH(heap_size = UINT64_MAX - 0x1fffff, "outside ELRANGE");
    WITH(heap_start = UINT64_MAX - 0x1fffff, "outside ELRANGE");
    WITH(shared_size = 0, "shared region");
    WITH(shared_size = 4095, "shared region");
    WITH(shared_size = (UINT64_C(1) << 30) + 4096, "shared region");
    WITH(added_size = 0, "announced");
    WITH(added_size = 4097, "announced");
    WITH(added_size = ENCLAVE_HEAP + 4096, "announced");
#undef WITH
#undef REFUSED
}

static void test_add_refuses(void **state)
{
    const struct tee_operations *tee = backend(state);
    struct tee *enclave = create(tee);
    const uint8_t page[4096] = {0};
    cella_error error;
    uint64_t offset = ENCLAVE_CODE;

    assert_int_equal(tee->add(enclave, offset, DATA_PAGE, page, &error), CELLA_OK);
#define REFUSED(where, flags, words)                                                               \
    do {                                                                                           \
        memset(&error, 0, sizeof(error));                                                          \
        assert_refused(tee->add(enclave, where, flags, page, &error), CELLA_INVALID, &error,       \
                       words);                                                                     \
    } while (0)
    REFUSED(offset + 0x1100, DATA_PAGE, "not page aligned");
    REFUSED(offset, DATA_PAGE, "not above");
    REFUSED(offset - 0x1000, DATA_PAGE, "not above");
    REFUSED(ENCLAVE_SIZE, DATA_PAGE, "outside ELRANGE");
    REFUSED(UINT64_MAX - 4095, DATA_PAGE, "outside ELRANGE");
    REFUSED(ENCLAVE_HEAP, DATA_PAGE, "not below the heap");
    REFUSED(offset + 0x1000, TEE_PAGE_R, "SECINFO");
    REFUSED(offset + 0x1000, TEE_PAGE_REG | TEE_PAGE_TCS, "SECINFO");
    REFUSED(offset + 0x1000, DATA_PAGE | 0x8, "SECINFO");
    REFUSED(offset + 0x1000, DATA_PAGE | 0x10000, "SECINFO");
    REFUSED(offset + 0x1000, DATA_PAGE | UINT64_C(1) << 32, "SECINFO");
    REFUSED(offset + 0x1000, DATA_PAGE | TEE_PAGE_X, "both writable and executable");
    REFUSED(offset + 0x1000, TEE_PAGE_REG | TEE_PAGE_W, "not readable");
    REFUSED(offset + 0x1000, TEE_PAGE_REG, "not readable");
    REFUSED(offset + 0x1000, TEE_PAGE_TCS | TEE_PAGE_R, "has permissions");

    for (uint32_t i = 1; i < ENCLAVE_PAGES; i++)
        assert_int_equal(tee->add(enclave, offset + i * 4096, DATA_PAGE, page, &error), CELLA_OK);
    REFUSED(offset + ENCLAVE_PAGES * 4096, DATA_PAGE, "announced");
#undef REFUSED
    tee->destroy(enclave);
}

static void test_tcs_refused(void **state)
{
    const struct tee_operations *tee = backend(state);
    struct tee *enclave = create(tee);
    uint8_t page[4096];
    cella_error error;

    static const struct {
        size_t offset;
        size_t size;
        uint64_t value;
        const char *words;
    } wrongs[] = {
        {0, 8, 1, "STATE"},
        {8, 8, 1, "FLAGS"},
        {16, 8, 0x25800, "SSA"},
        {16, 8, ENCLAVE_HEAP, "SSA"},
        {16, 8, UINT64_MAX - 4095, "SSA"},
        {24, 4, 1, "CSSA"},
        {28, 4, 0, "NSSA"},
        {28, 4, 17, "NSSA"},
        {32, 8, ENCLAVE_HEAP, "OENTRY"},
        {32, 8, UINT64_MAX, "OENTRY"},
        {40, 8, 1, "AEP"},
        {48, 8, 8, "OFSBASE"},
        {48, 8, ENCLAVE_SIZE, "OFSBASE"},
        {56, 8, 8, "OGSBASE"},
        {56, 8, ENCLAVE_SIZE, "OGSBASE"},
        {64, 4, 0, "FSLIMIT"},
        {68, 4, 0xffe, "GSLIMIT"},
        {72, 1, 1, "reserved"},
        {4095, 1, 1, "reserved"},
    };
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        enclave_tcs(page, ENCLAVE_CODE, 0x25000, 0x26000);
        memcpy(page + wrongs[i].offset, &wrongs[i].value, wrongs[i].size);
        memset(&error, 0, sizeof(error));
        assert_refused(tee->add(enclave, ENCLAVE_TCS, TEE_PAGE_TCS, page, &error), CELLA_INVALID,
                       &error, wrongs[i].words);
    }
    enclave_tcs(page, ENCLAVE_CODE, 0x25000, 0x26000);
    for (uint32_t i = 0; i < ENCLAVE_THREADS; i++)
        assert_int_equal(tee->add(enclave, ENCLAVE_TCS + i * 4096, TEE_PAGE_TCS, page, &error),
                         CELLA_OK);
    assert_refused(
        tee->add(enclave, ENCLAVE_TCS + ENCLAVE_THREADS * 4096, TEE_PAGE_TCS, page, &error),
        CELLA_INVALID, &error, "threads announced");
    tee->destroy(enclave);
}

static void test_extend_refuses(void **state)
{
    const struct tee_operations *tee = backend(state);
    struct tee *enclave = create(tee);
    const uint8_t page[4096] = {0};
    cella_error error = {0};

    assert_refused(tee->extend(enclave, 0, &error), CELLA_INVALID, &error, "no page");
    assert_int_equal(tee->add(enclave, ENCLAVE_CODE, DATA_PAGE, page, &error), CELLA_OK);
    assert_int_equal(tee->add(enclave, ENCLAVE_DATA, DATA_PAGE, page, &error), CELLA_OK);
    assert_refused(tee->extend(enclave, ENCLAVE_CODE + 128, &error), CELLA_INVALID, &error,
                   "aligned");
    assert_refused(tee->extend(enclave, ENCLAVE_CODE + 4096, &error), CELLA_INVALID, &error,
                   "no page");
    assert_refused(tee->extend(enclave, ENCLAVE_CODE - 256, &error), CELLA_INVALID, &error,
                   "no page");
    assert_refused(tee->extend(enclave, ENCLAVE_HEAP, &error), CELLA_INVALID, &error, "no page");
    assert_int_equal(tee->extend(enclave, ENCLAVE_CODE + 3840, &error), CELLA_OK);
    assert_refused(tee->extend(enclave, ENCLAVE_CODE + 3840, &error), CELLA_INVALID, &error,
                   "before");
    tee->destroy(enclave);
}

static void assert_cannot_enter(const struct tee_operations *tee, struct tee *enclave,
                                const char *words)
{
    struct tee_exit exit;
    cella_error error = {0};
    assert_refused(tee->enter(enclave, 0, &exit, &error), CELLA_INVALID, &error, words);
}

/* An enclave of the first `count` test pages, the last one measured up to `measured` bytes. */
static struct tee *create_part(const struct tee_operations *tee, size_t count, uint64_t measured)
{
    static struct enclave_page pages[ENCLAVE_PAGES];
    struct tee *enclave = create(tee);
    cella_error error;
    enclave_pages(pages);
    for (size_t i = 0; i + 1 < count; i++)
        assert_int_equal(enclave_add(tee, enclave, &pages[i], &error), CELLA_OK);
    const struct enclave_page *last = &pages[count - 1];
    assert_int_equal(tee->add(enclave, last->offset, last->flags, last->bytes, &error), CELLA_OK);
    for (uint64_t k = 0; k < measured; k += 256)
        assert_int_equal(tee->extend(enclave, last->offset + k, &error), CELLA_OK);
    return enclave;
}

static void test_initialise_refuses(void **state)
{
    const struct tee_operations *tee = backend(state);
    uint8_t mrenclave[32];
    cella_error error = {0};

    struct tee *enclave = create_part(tee, ENCLAVE_PAGES, 4096);
    uint8_t wrong[32] = {0};
    assert_cannot_enter(tee, enclave, "not initialised");
    assert_refused(tee->initialise(enclave, wrong, mrenclave, &error), CELLA_REFUSED, &error,
                   "MRENCLAVE");
    assert_cannot_enter(tee, enclave, "refused");
    assert_refused(tee->initialise(enclave, NULL, mrenclave, &error), CELLA_INVALID, &error,
                   "refused");
    tee->destroy(enclave);

    enclave = create_part(tee, ENCLAVE_PAGES, 4096 - 256);
    assert_refused(tee->initialise(enclave, NULL, mrenclave, &error), CELLA_INVALID, &error,
                   "not wholly measured");
    assert_cannot_enter(tee, enclave, "refused");
    tee->destroy(enclave);

    enclave = create_part(tee, 5, 4096);
    assert_refused(tee->initialise(enclave, NULL, mrenclave, &error), CELLA_INVALID, &error,
                   "no TCS");
    tee->destroy(enclave);

    /* A TCS whose entry is data. */
    enclave = create_part(tee, 5, 4096);
    struct enclave_page tcs = {.offset = ENCLAVE_TCS, .flags = TEE_PAGE_TCS};
    enclave_tcs(tcs.bytes, ENCLAVE_DATA, 0x25000, 0x26000);
    assert_int_equal(enclave_add(tee, enclave, &tcs, &error), CELLA_OK);
    assert_refused(tee->initialise(enclave, NULL, mrenclave, &error), CELLA_INVALID, &error,
                   "executable");
    tee->destroy(enclave);
}

static void test_closed_after_initialise(void **state)
{
    const struct tee_operations *tee = backend(state);
    struct tee *enclave = enclave_launch(tee, 0);
    const uint8_t page[4096] = {0};
    uint8_t mrenclave[32];
    struct tee_exit exit;
    cella_error error = {0};
    assert_refused(tee->add(enclave, 0x100000, DATA_PAGE, page, &error), CELLA_INVALID, &error,
                   "initialised");
    assert_refused(tee->extend(enclave, ENCLAVE_DATA, &error), CELLA_INVALID, &error,
                   "initialised");
    assert_refused(tee->initialise(enclave, NULL, mrenclave, &error), CELLA_INVALID, &error,
                   "initialised");
    assert_refused(tee->enter(enclave, ENCLAVE_THREADS, &exit, &error), CELLA_INVALID, &error,
                   "no thread");
    tee->destroy(enclave);
}

/* One bit of any page, its flags, or the order of things: another identity. */
static void test_measurement_covers_everything(void **state)
{
    const struct tee_operations *tee = backend(state);
    static struct enclave_page pages[ENCLAVE_PAGES];
    uint8_t original[32], expected[32], mrenclave[32];
    cella_error error = {0};
    enclave_pages(pages);
    enclave_mrenclave(pages, ENCLAVE_PAGES, original);
    for (int change = 0; change < 3; change++) {
        enclave_pages(pages);
        if (change == 0)
            pages[4].bytes[4095] ^= 1;
        else if (change == 1)
            pages[4].flags = CONST_PAGE;
        else
            pages[4].offset += 0x1000;
        enclave_mrenclave(pages, ENCLAVE_PAGES, expected);
        assert_memory_not_equal(expected, original, 32);
        for (int right = 0; right < 2; right++) {
            struct tee *enclave = create(tee);
            for (size_t i = 0; i < ENCLAVE_PAGES; i++)
                assert_int_equal(enclave_add(tee, enclave, &pages[i], &error), CELLA_OK);
            if (right) {
                assert_int_equal(tee->initialise(enclave, expected, mrenclave, &error), CELLA_OK);
                assert_memory_equal(mrenclave, expected, 32);
            } else {
                assert_refused(tee->initialise(enclave, original, mrenclave, &error), CELLA_REFUSED,
                               &error, "MRENCLAVE");
            }
            tee->destroy(enclave);
        }
    }
}

static void test_start_registers(void **state)
{
    const struct tee_operations *tee = backend(state);
    for (int debug = 0; debug < 2; debug++) {
        struct tee *enclave = enclave_launch(tee, debug ? TEE_ATTRIBUTE_DEBUG : 0);
        for (uint32_t i = 0; i < ENCLAVE_THREADS; i++) {
            assert_int_equal(enclave_enter(tee, enclave, i).reason, TEE_EXIT_GATE);
            const struct enclave_block *block = enclave_block(tee, enclave, i);
            assert_int_equal(block->rax, 0);
            assert_int_equal(block->rbx, ENCLAVE_TCS + i * ENCLAVE_THREAD);
            assert_int_not_equal(block->rcx, 0);
            assert_int_equal(block->rdx, debug ? TEE_ENTRY_DEBUG : 0);
            assert_true(block->rdi >= ENCLAVE_SIZE); /* and the block was found through it */
            assert_int_equal(block->rsi, ENCLAVE_SHARED);
            assert_int_equal(block->rsp, 0);
        }
        tee->destroy(enclave);
    }
}

static void test_gate_keeps_registers(void **state)
{
    const struct tee_operations *tee = backend(state);
    struct tee *enclave = enclave_launch(tee, 0);
    assert_int_equal(enclave_enter(tee, enclave, 0).reason, TEE_EXIT_GATE);
    assert_int_equal(enclave_command(tee, enclave, 0, COMMAND_KEEP, 0, 0).reason, TEE_EXIT_GATE);
    /* The host's registers in between, vector registers too. */
    double sum = 0;
    for (int i = 1; i < 1000; i++)
        sum += 1.0 / i;
    assert_true(sum > 7 && sum < 8);
    assert_int_equal(enclave_enter(tee, enclave, 0).reason, TEE_EXIT_GATE);
    assert_int_equal(enclave_block(tee, enclave, 0)->result, 1);
    tee->destroy(enclave);
}

static void test_memory(void **state)
{
    const struct tee_operations *tee = backend(state);
    struct tee *enclave = enclave_launch(tee, 0);
    struct enclave_block *block = enclave_block(tee, enclave, 0);
    assert_int_equal(enclave_enter(tee, enclave, 0).reason, TEE_EXIT_GATE);
    /* The heap: zero, writable, ours. */
    static const uint64_t places[] = {ENCLAVE_HEAP, ENCLAVE_SIZE - 4096, ENCLAVE_HEAP + 0x123000};
    for (size_t i = 0; i < 3; i++) {
        enclave_command(tee, enclave, 0, COMMAND_ZERO, places[i], 0);
        assert_int_equal(block->result, 1);
        assert_int_equal(
            enclave_command(tee, enclave, 0, COMMAND_STORE, places[i] + 8, 4711 + i).reason,
            TEE_EXIT_GATE);
    }
    for (size_t i = 0; i < 3; i++) {
        enclave_command(tee, enclave, 0, COMMAND_LOAD, places[i] + 8, 0);
        assert_int_equal(block->result, 4711 + i);
        enclave_command(tee, enclave, 0, COMMAND_ZERO, places[i], 0);
        assert_int_equal(block->result, 0);
    }
    /* Added pages: the content is there; the writable one can be written. */
    enclave_command(tee, enclave, 0, COMMAND_LOAD, ENCLAVE_CONST, 0);
    assert_int_equal(block->result, UINT64_C(0xc3c3c3c3c3c3c3c3));
    enclave_command(tee, enclave, 0, COMMAND_LOAD, ENCLAVE_DATA, 0);
    assert_int_equal(block->result, UINT64_C(0xc3c3c3c3c3c3c3c3));
    enclave_command(tee, enclave, 0, COMMAND_STORE, ENCLAVE_DATA, 17);
    enclave_command(tee, enclave, 0, COMMAND_LOAD, ENCLAVE_DATA, 0);
    assert_int_equal(block->result, 17);
    /* The shared region, both ways; its last bytes too. */
    enclave_command(tee, enclave, 0, COMMAND_ECHO, 0x1234, 0);
    assert_int_equal(block->result, ~UINT64_C(0x1234));
    enclave_command(tee, enclave, 0, COMMAND_STORE, block->rdi + ENCLAVE_SHARED - 8, 99);
    uint64_t last;
    memcpy(&last, (uint8_t *)tee->shared(enclave) + ENCLAVE_SHARED - 8, 8);
    assert_int_equal(last, 99);
    assert_true(tee->resident(enclave) <= ENCLAVE_SIZE);
    assert_true(strlen(tee->describe(enclave)) > 0);
    tee->destroy(enclave);
    /* The next enclave finds nothing of it. */
    enclave = enclave_launch(tee, 0);
    assert_int_equal(enclave_enter(tee, enclave, 0).reason, TEE_EXIT_GATE);
    enclave_command(tee, enclave, 0, COMMAND_ZERO, ENCLAVE_HEAP, 0);
    assert_int_equal(enclave_block(tee, enclave, 0)->result, 1);
    tee->destroy(enclave);
}

/* A heap of four chunks, of which the first and the last have memory at first. */
static void test_grow(void **state)
{
    const struct tee_operations *tee = backend(state);
    static struct enclave_page pages[ENCLAVE_PAGES];
    struct tee_parameters parameters = enclave_parameters(0);
    parameters.elrange_size = 4 * HEAP_CHUNK;
    parameters.heap_size = 4 * HEAP_CHUNK - ENCLAVE_HEAP;
    struct tee *enclave = NULL;
    cella_error error = {0};
    uint8_t mrenclave[32];
    enclave_pages(pages);
    assert_int_equal(tee->create(&parameters, &enclave, &error), CELLA_OK);
    assert_refused(tee->grow(enclave, 1, &error), CELLA_INVALID, &error, "not initialised");
    for (size_t i = 0; i < ENCLAVE_PAGES; i++)
        assert_int_equal(enclave_add(tee, enclave, &pages[i], &error), CELLA_OK);
    assert_int_equal(tee->initialise(enclave, NULL, mrenclave, &error), CELLA_OK);
    assert_int_equal(enclave_enter(tee, enclave, 0).reason, TEE_EXIT_GATE);
    struct enclave_block *block = enclave_block(tee, enclave, 0);

    static const uint64_t none[] = {4, 63, 64, UINT32_MAX, UINT64_MAX / HEAP_CHUNK, UINT64_MAX};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_refused(tee->grow(enclave, none[i], &error), CELLA_INVALID, &error, "no chunk");
    for (uint64_t chunk = 0; chunk < 4; chunk++) {
        uint64_t first = ENCLAVE_HEAP + chunk * HEAP_CHUNK;
        uint64_t last = (chunk < 3 ? first + HEAP_CHUNK : parameters.elrange_size) - 4096;
        for (int again = 0; again < 2; again++) {
            assert_int_equal(tee->grow(enclave, chunk, &error), CELLA_OK);
            enclave_command(tee, enclave, 0, COMMAND_ZERO, first, 0);
            assert_int_equal(block->result, !again);
            enclave_command(tee, enclave, 0, COMMAND_ZERO, last, 0);
            assert_int_equal(block->result, !again);
            enclave_command(tee, enclave, 0, COMMAND_STORE, first, 1000 + chunk);
            enclave_command(tee, enclave, 0, COMMAND_STORE, last, 2000 + chunk);
        }
    }
    for (uint64_t chunk = 0; chunk < 4; chunk++) {
        enclave_command(tee, enclave, 0, COMMAND_LOAD, ENCLAVE_HEAP + chunk * HEAP_CHUNK, 0);
        assert_int_equal(block->result, 1000 + chunk);
    }
    tee->destroy(enclave);
}

static void test_trampoline(void **state)
{
    const struct tee_operations *tee = backend(state);
    struct tee *enclave = enclave_launch(tee, 0);
    assert_int_equal(enclave_enter(tee, enclave, 0).reason, TEE_EXIT_GATE);
    static const uint64_t numbers[] = {0, 1, 39, 435, 511};
    for (size_t i = 0; i < 5; i++) {
        struct tee_exit exit = enclave_command(tee, enclave, 0, COMMAND_TRAMPOLINE, numbers[i], 0);
        assert_int_equal(exit.reason, TEE_EXIT_GATE);
        assert_int_equal(enclave_block(tee, enclave, 0)->result, numbers[i] + 1000);
    }
    tee->destroy(enclave);
}

struct fault {
    uint64_t command, argument, value;
    uint32_t vector;
    const uint8_t *label; /* of the instruction that faults, or NULL: not compared */
    uint64_t address;     /* CR2, compared where it is not 0 */
};

static void assert_fault(const struct tee_operations *tee, struct tee *enclave,
                         const struct fault *fault, bool debug)
{
    struct tee_exit exit =
        enclave_command(tee, enclave, 0, fault->command, fault->argument, fault->value);
    assert_int_equal(exit.reason, TEE_EXIT_FAULT);
    if (!debug) {
        assert_false(exit.has_details);
        assert_int_equal(exit.vector | exit.address | exit.fault_address | exit.stack, 0);
    } else if (exit.has_details) {
        if (fault->label && exit.address)
            assert_int_equal(exit.address, enclave_address(fault->label));
        if (exit.fault_address)
            assert_int_equal(exit.fault_address, fault->address);
        if (tee->kind == TEE_PROCESS) {
            assert_int_equal(exit.vector, fault->vector);
            assert_int_not_equal(exit.address, 0);
            assert_int_not_equal(exit.stack, 0);
        }
    } else {
        assert_int_not_equal(tee->kind, TEE_PROCESS);
    }
    /* Fail-stop: neither this thread nor another gets in again. */
    for (uint32_t i = 0; i < ENCLAVE_THREADS; i++) {
        cella_error error = {0};
        assert_refused(tee->enter(enclave, i, &exit, &error), CELLA_STOPPED, &error, "stopped");
    }
}

static void test_faults(void **state)
{
    const struct tee_operations *tee = backend(state);
    static const struct fault faults[] = {
        {COMMAND_DIVIDE, 0, 0, 0, tee_enclave_divide, 0},
        {COMMAND_ILLEGAL, 0, 0, 6, NULL, 0},
        {COMMAND_STORE, ENCLAVE_CODE, 1, 14, tee_enclave_store, ENCLAVE_CODE},
        {COMMAND_STORE, ENCLAVE_CONST + 8, 1, 14, tee_enclave_store, ENCLAVE_CONST + 8},
        {COMMAND_STORE, LAYOUT_BOOT, 1, 14, tee_enclave_store, LAYOUT_BOOT},
        {COMMAND_STORE, 0, 1, 14, tee_enclave_store, 0},
        {COMMAND_LOAD, ENCLAVE_GUARD, 0, 14, NULL, ENCLAVE_GUARD},
        {COMMAND_LOAD, 0x1000, 0, 14, NULL, 0x1000},
        {COMMAND_LOAD, ENCLAVE_TCS, 0, 14, NULL, ENCLAVE_TCS},
        {COMMAND_LOAD, ENCLAVE_HEAP - 8, 0, 14, NULL, ENCLAVE_HEAP - 8},
        {COMMAND_LOAD, UINT64_C(0x8000000000000000), 0, 13, NULL, 0},
        {COMMAND_JUMP, ENCLAVE_CONST, 0, 14, NULL, ENCLAVE_CONST},
        {COMMAND_JUMP, ENCLAVE_DATA, 0, 14, NULL, ENCLAVE_DATA},
        {COMMAND_JUMP, ENCLAVE_HEAP, 0, 14, NULL, ENCLAVE_HEAP},
        {COMMAND_JUMP, 0x1000, 0, 14, NULL, 0x1000},
        {COMMAND_COUNT, 0, 0, 6, NULL, 0},
    };
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        for (int debug = 0; debug < 2; debug++) {
            struct tee *enclave = enclave_launch(tee, debug ? TEE_ATTRIBUTE_DEBUG : 0);
            assert_int_equal(enclave_enter(tee, enclave, 0).reason, TEE_EXIT_GATE);
            assert_fault(tee, enclave, &faults[i], debug);
            tee->destroy(enclave);
        }
}

/* A `syscall` that was not rewritten reaches no kernel; only the process TEE, which promises
 * nothing, cannot keep that. */
static void test_syscall_faults(void **state)
{
    const struct tee_operations *tee = backend(state);
    if (tee->kind == TEE_PROCESS)
        skip();
    static const struct fault fault = {COMMAND_SYSCALL, 0, 0, 6, NULL, 0};
    struct tee *enclave = enclave_launch(tee, 0);
    assert_int_equal(enclave_enter(tee, enclave, 0).reason, TEE_EXIT_GATE);
    assert_fault(tee, enclave, &fault, false);
    tee->destroy(enclave);
}

struct runner {
    const struct tee_operations *tee;
    struct tee *enclave;
    uint32_t thread;
    struct tee_exit exit;
    cella_status status;
    cella_error error;
};

static void *run(void *argument)
{
    struct runner *runner = argument;
    runner->status =
        runner->tee->enter(runner->enclave, runner->thread, &runner->exit, &runner->error);
    return NULL;
}

static void start(pthread_t *thread, struct runner *runner)
{
    assert_int_equal(pthread_create(thread, NULL, run, runner), 0);
}

static void test_two_threads(void **state)
{
    const struct tee_operations *tee = backend(state);
    struct tee *enclave = enclave_launch(tee, 0);
    struct runner runners[2];
    pthread_t threads[2];
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(enclave_enter(tee, enclave, i).reason, TEE_EXIT_GATE);
        enclave_block(tee, enclave, i)->command = COMMAND_MEET;
        runners[i] = (struct runner){.tee = tee, .enclave = enclave, .thread = i};
    }
    for (uint32_t i = 0; i < 2; i++)
        start(&threads[i], &runners[i]);
    for (uint32_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(runners[i].status, CELLA_OK);
        assert_int_equal(runners[i].exit.reason, TEE_EXIT_GATE);
        assert_int_equal(enclave_block(tee, enclave, i)->result, 1);
    }
    tee->destroy(enclave);
}

/* Starts thread 0 in an endless loop and returns once it is there. */
static void start_loop(const struct tee_operations *tee, struct tee *enclave, pthread_t *thread,
                       struct runner *runner)
{
    struct enclave_block *block = enclave_block(tee, enclave, 0);
    assert_int_equal(enclave_enter(tee, enclave, 0).reason, TEE_EXIT_GATE);
    block->command = COMMAND_LOOP;
    *runner = (struct runner){.tee = tee, .enclave = enclave, .thread = 0};
    start(thread, runner);
    while (!block->result)
        sched_yield();
}

static void test_interrupt(void **state)
{
    const struct tee_operations *tee = backend(state);
    struct tee *enclave = enclave_launch(tee, 0);
    struct runner runner;
    struct tee_exit exit;
    cella_error error = {0};
    pthread_t thread;
    start_loop(tee, enclave, &thread, &runner);
    assert_refused(tee->enter(enclave, 0, &exit, &error), CELLA_BUSY, &error, "thread 0");
    tee->interrupt(enclave, 0);
    pthread_join(thread, NULL);
    assert_int_equal(runner.status, CELLA_OK);
    assert_int_equal(runner.exit.reason, TEE_EXIT_INTERRUPTED);
    assert_false(runner.exit.has_details);
    assert_refused(tee->enter(enclave, 0, &exit, &error), CELLA_STOPPED, &error, "interrupted");
    /* Before it is entered: the next one; and only the thread that was named. */
    assert_int_equal(enclave_enter(tee, enclave, 1).reason, TEE_EXIT_GATE);
    tee->interrupt(enclave, 1);
    tee->interrupt(enclave, ENCLAVE_THREADS); /* there is none: nothing happens */
    assert_int_equal(enclave_command(tee, enclave, 1, COMMAND_LOOP, 0, 0).reason,
                     TEE_EXIT_INTERRUPTED);
    tee->destroy(enclave);
}

static _Thread_local int handled_local;
static atomic_int handled;

static void count_signal(int number)
{
    (void)number;
    handled_local++;
    atomic_fetch_add(&handled, 1);
}

/* A handler of the host application runs with the host's thread-local storage, whenever it runs. */
static void *run_and_count(void *argument)
{
    handled_local = 100;
    run(argument);
    return (void *)(uintptr_t)handled_local;
}

static void test_host_signals(void **state)
{
    const struct tee_operations *tee = backend(state);
    struct tee *enclave = enclave_launch(tee, 0);
    struct enclave_block *block = enclave_block(tee, enclave, 0);
    struct sigaction action = {.sa_handler = count_signal}, before;
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    atomic_store(&handled, 0);
    assert_int_equal(enclave_enter(tee, enclave, 0).reason, TEE_EXIT_GATE);
    block->command = COMMAND_LOOP;
    struct runner runner = {.tee = tee, .enclave = enclave, .thread = 0};
    pthread_t thread;
    void *local;
    assert_int_equal(pthread_create(&thread, NULL, run_and_count, &runner), 0);
    while (!block->result)
        sched_yield();
    assert_int_equal(pthread_kill(thread, SIGUSR1), 0);
    tee->interrupt(enclave, 0);
    pthread_join(thread, &local);
    assert_int_equal(runner.exit.reason, TEE_EXIT_INTERRUPTED);
    assert_int_equal(atomic_load(&handled), 1);
    assert_int_equal((uintptr_t)local, 101);
    sigaction(SIGUSR1, &before, NULL);
    tee->destroy(enclave);
}

static void test_report_and_key(void **state)
{
    const struct tee_operations *tee = backend(state);
    struct tee *enclave = create_part(tee, ENCLAVE_PAGES, 4096);
    struct tee_report_request request;
    struct tee_report report;
    struct tee_key_request wanted = {.name = 4, .policy = 1};
    uint8_t key[16], mrenclave[32];
    cella_error error = {0};
    memset(&request, 0x5a, sizeof(request));
    assert_refused(tee->report(enclave, &request, &report, &error), CELLA_INVALID, &error,
                   "not initialised");
    assert_refused(tee->key(enclave, &wanted, key, &error), CELLA_INVALID, &error,
                   "not initialised");
    assert_int_equal(tee->initialise(enclave, NULL, mrenclave, &error), CELLA_OK);
    assert_int_equal(tee->report(enclave, &request, &report, &error), CELLA_OK);
    assert_int_equal(report.kind, tee->kind);
    assert_memory_equal(report.body + 64, mrenclave, 32);
    assert_memory_equal(report.body + 320, request.report_data, 64);
    uint64_t attributes, xfrm;
    memcpy(&attributes, report.body + 48, 8);
    memcpy(&xfrm, report.body + 56, 8);
    assert_int_equal(attributes, 0x1 | TEE_ATTRIBUTE_MODE64);
    assert_int_equal(xfrm & 3, 3);
    for (size_t i = 0; i < sizeof(report.body); i++)
        if (i < 48 || (i >= 96 && i < 320))
            assert_int_equal(report.body[i], 0);

    assert_refused(tee->key(enclave, &wanted, key, &error), CELLA_UNSUPPORTED, &error,
                   "no platform key yet");
    wanted.name = 5;
    assert_refused(tee->key(enclave, &wanted, key, &error), CELLA_INVALID, &error, "no key named");
    wanted.name = 3;
    wanted.policy = 4;
    assert_refused(tee->key(enclave, &wanted, key, &error), CELLA_INVALID, &error, "policy");
    tee->destroy(enclave);
}

static size_t open_files(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void test_nothing_leaks(void **state)
{
    const struct tee_operations *tee = backend(state);
    tee->destroy(enclave_launch(tee, 0)); /* what a first use opens for good is no leak */
    size_t before = open_files();
    for (int i = 0; i < 50; i++) {
        struct tee *enclave = enclave_launch(tee, i & 1 ? TEE_ATTRIBUTE_DEBUG : 0);
        if (i % 3)
            assert_int_equal(enclave_enter(tee, enclave, 0).reason, TEE_EXIT_GATE);
        tee->destroy(enclave);
        tee->destroy(create_part(tee, 3, 256));
    }
    assert_int_equal(open_files(), before);
    tee->destroy(NULL);
}

static void test_clock(void **state)
{
    const struct tee_operations *tee = backend(state);
    struct tee *enclave = enclave_launch(tee, 0);
    uint64_t now = 1, later = 1;
    uint64_t rate = tee->clock(enclave, &now);
    if (rate) {
        tee->clock(enclave, &later);
        assert_true(later >= now);
    }
    tee->destroy(enclave);
}

static const struct {
    const char *name;
    CMUnitTestFunction function;
} contract[] = {
    {"create refuses", test_create_refuses},
    {"add refuses", test_add_refuses},
    {"add refuses a malformed TCS", test_tcs_refused},
    {"extend refuses", test_extend_refuses},
    {"initialise refuses", test_initialise_refuses},
    {"nothing changes after initialise", test_closed_after_initialise},
    {"the measurement covers everything", test_measurement_covers_everything},
    {"registers at the start", test_start_registers},
    {"the gate keeps registers", test_gate_keeps_registers},
    {"memory", test_memory},
    {"grow", test_grow},
    {"page 0 leads to the runtime", test_trampoline},
    {"faults stop the enclave", test_faults},
    {"syscall faults", test_syscall_faults},
    {"two threads at once", test_two_threads},
    {"interrupt", test_interrupt},
    {"signals of the host", test_host_signals},
    {"report and key", test_report_and_key},
    {"clock", test_clock},
    {"nothing leaks", test_nothing_leaks},
};
#define CONTRACT (sizeof(contract) / sizeof(contract[0]))

int main(void)
{
    static const char *const names[] = {"vsm", "process"};
    static struct CMUnitTest tests[2 * CONTRACT];
    static char titles[2 * CONTRACT][80];
    static struct tee_probe probe;
    size_t count = 0;
    for (size_t i = 0; i < 2; i++) {
        const struct tee_operations *tee = tee_find(names[i]);
        if (!tee) {
            print_message("%s: there is no such backend\n", names[i]);
            continue;
        }
        tee->probe(&probe);
        print_message("%s: %s\n", names[i], probe.summary);
        for (size_t k = 0; probe.works && k < CONTRACT; k++, count++) {
            snprintf(titles[count], sizeof(titles[count]), "%s: %s", names[i], contract[k].name);
            tests[count].name = titles[count];
            tests[count].test_func = contract[k].function;
            tests[count].initial_state = (void *)(uintptr_t)tee;
        }
    }
    if (!count) {
        print_error("no TEE works on this machine\n");
        return 1;
    }
    return _cmocka_run_group_tests("tee contract", tests, count, NULL, NULL);
}
