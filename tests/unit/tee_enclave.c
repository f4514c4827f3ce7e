/* SPDX-License-Identifier: Apache-2.0
 *
 * Builds and drives the enclave of the TEE tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tee_enclave.h"

#include <openssl/sha.h>
#include <string.h>

struct tee_parameters enclave_parameters(uint64_t more_attributes)
{
    return (struct tee_parameters){
        .elrange_size = ENCLAVE_SIZE,
        .ssa_frame_size = 1,
        .thread_count = ENCLAVE_THREADS,
        .attributes = TEE_ATTRIBUTE_MODE64 | more_attributes,
        .heap_start = ENCLAVE_HEAP,
        .heap_size = ENCLAVE_SIZE - ENCLAVE_HEAP,
        .shared_size = ENCLAVE_SHARED,
        .added_size = ENCLAVE_PAGES * LAYOUT_PAGE,
    };
}

static void put(uint8_t *page, size_t offset, uint64_t value, size_t size)
{
    memcpy(page + offset, &value, size);
}

void enclave_tcs(uint8_t page[4096], uint64_t entry, uint64_t ssa, uint64_t gs_base)
{
    memset(page, 0, 4096);
    put(page, 16, ssa, 8);
    put(page, 28, 1, 4); /* NSSA */
    put(page, 32, entry, 8);
    put(page, 56, gs_base, 8);
    put(page, 64, UINT32_MAX, 4); /* FSLIMIT, GSLIMIT */
    put(page, 68, UINT32_MAX, 4);
}

static void fill_trampoline(uint8_t page[4096])
{
    memset(page, 0x90, TRAMPOLINE_BYTES);
    page[TRAMPOLINE_BYTES] = 0xe9; /* jmp rel32 */
    put(page, TRAMPOLINE_BYTES + 1, enclave_address(tee_enclave_syscall) - (TRAMPOLINE_BYTES + 5),
        4);
}

void enclave_pages(struct enclave_page pages[ENCLAVE_PAGES])
{
    memset(pages, 0, ENCLAVE_PAGES * sizeof(pages[0]));
    pages[0].offset = LAYOUT_TRAMPOLINE;
    pages[0].flags = CODE_PAGE;
    fill_trampoline(pages[0].bytes);
    pages[1].offset = LAYOUT_BOOT;
    pages[1].flags = CONST_PAGE;
    const struct boot_header header = {.magic = BOOT_MAGIC,
                                       .version = BOOT_VERSION,
                                       .elrange_size = ENCLAVE_SIZE,
                                       .runtime_syscall = enclave_address(tee_enclave_syscall)};
    memcpy(pages[1].bytes, &header, sizeof(header));
    pages[2].offset = ENCLAVE_CODE;
    pages[2].flags = CODE_PAGE;
    memcpy(pages[2].bytes, tee_enclave_code, 4096);
    pages[3].offset = ENCLAVE_CONST;
    pages[3].flags = CONST_PAGE;
    memset(pages[3].bytes, 0xc3, 4096);
    pages[4].offset = ENCLAVE_DATA;
    pages[4].flags = DATA_PAGE;
    memset(pages[4].bytes, 0xc3, 4096);
    for (uint32_t i = 0; i < ENCLAVE_THREADS; i++) {
        struct enclave_page *area = &pages[5 + 3 * i];
        for (uint32_t k = 0; k < 3; k++)
            area[k].offset = ENCLAVE_TCS + i * ENCLAVE_THREAD + k * LAYOUT_PAGE;
        area[0].flags = TEE_PAGE_TCS;
        area[1].flags = area[2].flags = DATA_PAGE;
        enclave_tcs(area[0].bytes, ENCLAVE_CODE, area[1].offset, area[2].offset);
        put(area[2].bytes, 0, area[2].offset + LAYOUT_PAGE, 8); /* stack */
        put(area[2].bytes, 8, i * BLOCK_SIZE, 8);
    }
}

void enclave_mrenclave(const struct enclave_page *pages, size_t count, uint8_t mrenclave[32])
{
    static uint8_t stream[64 + ENCLAVE_PAGES * (64 + 16 * (64 + 256))];
    uint8_t *at = stream;
    assert_true(count <= ENCLAVE_PAGES);
    memset(stream, 0, sizeof(stream));
    memcpy(at, "ECREATE", 7);
    put(at, 8, 1, 4);
    put(at, 12, ENCLAVE_SIZE, 8);
    at += 64;
    for (size_t i = 0; i < count; i++) {
        memcpy(at, "EADD", 4);
        put(at, 8, pages[i].offset, 8);
        put(at, 16, pages[i].flags, 8);
        at += 64;
        for (size_t k = 0; k < 4096; k += 256) {
            memcpy(at, "EEXTEND", 7);
            put(at, 8, pages[i].offset + k, 8);
            memcpy(at + 64, pages[i].bytes + k, 256);
            at += 64 + 256;
        }
    }
    SHA256(stream, (size_t)(at - stream), mrenclave);
}

cella_status enclave_add(const struct tee_operations *tee, struct tee *enclave,
                         const struct enclave_page *page, cella_error *error)
{
    cella_status status = tee->add(enclave, page->offset, page->flags, page->bytes, error);
    for (uint64_t k = 0; !status && k < 4096; k += 256)
        status = tee->extend(enclave, page->offset + k, error);
    return status;
}

struct tee *enclave_launch(const struct tee_operations *tee, uint64_t more_attributes)
{
    static struct enclave_page pages[ENCLAVE_PAGES];
    struct tee_parameters parameters = enclave_parameters(more_attributes);
    struct tee *enclave = NULL;
    cella_error error = {0};
    uint8_t expected[32], mrenclave[32];
    enclave_pages(pages);
    enclave_mrenclave(pages, ENCLAVE_PAGES, expected);
    cella_status status = tee->create(&parameters, &enclave, &error);
    for (size_t i = 0; !status && i < ENCLAVE_PAGES; i++)
        status = enclave_add(tee, enclave, &pages[i], &error);
    if (!status)
        status = tee->initialise(enclave, expected, mrenclave, &error);
    if (status)
        fail_msg("%s: %s", tee->name, error.sentence);
    assert_memory_equal(mrenclave, expected, 32);
    return enclave;
}

struct enclave_block *enclave_block(const struct tee_operations *tee, struct tee *enclave,
                                    uint32_t thread)
{
    return (struct enclave_block *)((uint8_t *)tee->shared(enclave) + thread * BLOCK_SIZE);
}

struct tee_exit enclave_enter(const struct tee_operations *tee, struct tee *enclave,
                              uint32_t thread)
{
    struct tee_exit exit;
    cella_error error = {0};
    memset(&exit, 0xee, sizeof(exit));
    if (tee->enter(enclave, thread, &exit, &error))
        fail_msg("%s: %s", tee->name, error.sentence);
    return exit;
}

struct tee_exit enclave_command(const struct tee_operations *tee, struct tee *enclave,
                                uint32_t thread, uint64_t command, uint64_t argument,
                                uint64_t value)
{
    struct enclave_block *block = enclave_block(tee, enclave, thread);
    block->command = command;
    block->argument = argument;
    block->value = value;
    return enclave_enter(tee, enclave, thread);
}
