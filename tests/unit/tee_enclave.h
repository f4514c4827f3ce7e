/* SPDX-License-Identifier: Apache-2.0
 *
 * The enclave that the TEE tests run: its layout, its commands, and how it is built. What it does
 * is in tee_enclave.S; both sides of the wall read this file.
 */
#ifndef TESTS_TEE_ENCLAVE_H
#define TESTS_TEE_ENCLAVE_H

#define COMMAND_KEEP       0
#define COMMAND_ZERO       1
#define COMMAND_STORE      2
#define COMMAND_LOAD       3
#define COMMAND_JUMP       4
#define COMMAND_DIVIDE     5
#define COMMAND_SYSCALL    6
#define COMMAND_TRAMPOLINE 7
#define COMMAND_LOOP       8
#define COMMAND_MEET       9
#define COMMAND_ILLEGAL    10
#define COMMAND_ECHO       11
#define COMMAND_COUNT      12

/* A thread's block in the shared region, BLOCK_SIZE bytes each. */
#define BLOCK_COMMAND  0
#define BLOCK_RESULT   8
#define BLOCK_ARGUMENT 16
#define BLOCK_VALUE    24
#define BLOCK_START    32
#define BLOCK_SIZE     256
#define SHARED_MEETING 0xf00

#ifndef __ASSEMBLER__

#include "runtime/boot.h"
#include "tee/tee.h"

#define ENCLAVE_CODE    UINT64_C(0x20000) /* R X */
#define ENCLAVE_CONST   UINT64_C(0x21000) /* R; all bytes 0xc3, `ret` */
#define ENCLAVE_DATA    UINT64_C(0x22000) /* R W; the same */
#define ENCLAVE_GUARD   UINT64_C(0x23000) /* not added */
#define ENCLAVE_TCS     UINT64_C(0x24000) /* then SSA, then block and stack: 3 pages a thread */
#define ENCLAVE_THREAD  UINT64_C(0x3000)
#define ENCLAVE_THREADS 2u
#define ENCLAVE_HEAP    UINT64_C(0x200000)
#define ENCLAVE_SIZE    UINT64_C(0x400000)
#define ENCLAVE_PAGES   (5u + 3u * ENCLAVE_THREADS)
#define ENCLAVE_SHARED  UINT64_C(0x2000)

#define CODE_PAGE       (TEE_PAGE_REG | TEE_PAGE_R | TEE_PAGE_X)
#define CONST_PAGE      (TEE_PAGE_REG | TEE_PAGE_R)
#define DATA_PAGE       (TEE_PAGE_REG | TEE_PAGE_R | TEE_PAGE_W)

extern const uint8_t tee_enclave_code[4096];
extern const uint8_t tee_enclave_syscall[], tee_enclave_divide[], tee_enclave_store[];

struct enclave_block {
    volatile uint64_t command, result, argument, value;
    volatile uint64_t rax, rbx, rcx, rdx, rdi, rsi, rsp; /* at the start */
};

struct enclave_page {
    uint64_t offset;
    uint64_t flags;
    uint8_t bytes[4096];
};

/* The address in ELRANGE of a label of tee_enclave.S. */
static inline uint64_t enclave_address(const uint8_t *label)
{
    return ENCLAVE_CODE + (uint64_t)(label - tee_enclave_code);
}

struct tee_parameters enclave_parameters(uint64_t more_attributes);
/* A TCS page that every backend accepts. */
void enclave_tcs(uint8_t page[4096], uint64_t entry, uint64_t ssa, uint64_t gs_base);
/* All pages, rising. */
void enclave_pages(struct enclave_page pages[ENCLAVE_PAGES]);
/* MRENCLAVE of `count` pages, computed without cella's code. */
void enclave_mrenclave(const struct enclave_page *pages, size_t count, uint8_t mrenclave[32]);
/* Adds and measures a page. */
cella_status enclave_add(const struct tee_operations *tee, struct tee *enclave,
                         const struct enclave_page *page, cella_error *error);
/* Creates, adds everything, initialises, and lets nothing fail. */
struct tee *enclave_launch(const struct tee_operations *tee, uint64_t more_attributes);
struct enclave_block *enclave_block(const struct tee_operations *tee, struct tee *enclave,
                                    uint32_t thread);
/* Enters `thread` for one command; the first entry of a thread must have been made. */
struct tee_exit enclave_command(const struct tee_operations *tee, struct tee *enclave,
                                uint32_t thread, uint64_t command, uint64_t argument,
                                uint64_t value);
/* Enters `thread` until it leaves; fails the test where enter fails. */
struct tee_exit enclave_enter(const struct tee_operations *tee, struct tee *enclave,
                              uint32_t thread);

#endif
#endif
