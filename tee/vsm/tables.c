/* SPDX-License-Identifier: Apache-2.0
 *
 * Guest page tables and system pages. Four levels (Intel SDM vol. 3A, 4.5).
 *
 * Invariants:
 *   1. every entry is written with Accessed and Dirty set: the public copy cannot follow later
 *      changes by the CPU, so there must be none;
 *   2. no entry maps a page table, and no page is both W and executable.
 */
#include "vsm.h"

#include <string.h>

static uint64_t *table_at(struct tee *enclave, uint64_t gpa)
{
    return (uint64_t *)(void *)(enclave->memory_map + gpa);
}

void vsm_tables_start(struct tee *enclave)
{
    enclave->tables_next = enclave->tables_gpa + 4096; /* the first is the root */
}

/* The entry of `address` at `level` (4 root .. 1), making tables on the way. */
static uint64_t *walk(struct tee *enclave, uint64_t address, int level)
{
    uint64_t *table = table_at(enclave, enclave->tables_gpa);
    for (int at = 4;; at--) {
        uint64_t *entry = &table[address >> (12 + 9 * (at - 1)) & 511];
        if (at == level)
            return entry;
        if (*entry & VSM_ENTRY_LARGE)
            return NULL;
        if (!(*entry & VSM_ENTRY_PRESENT)) {
            if (enclave->tables_next >= enclave->tables_end)
                return NULL;
            *entry = enclave->tables_next | VSM_ENTRY_PRESENT | VSM_ENTRY_WRITE | VSM_ENTRY_USER |
                     VSM_ENTRY_ACCESSED | VSM_ENTRY_DIRTY;
            enclave->tables_next += 4096;
        }
        table = table_at(enclave, *entry & VSM_ENTRY_ADDRESS);
    }
}

bool vsm_map(struct tee *enclave, uint64_t address, uint64_t gpa, uint64_t flags, bool large)
{
    uint64_t *entry = walk(enclave, address, large ? 2 : 1);
    if (!entry || *entry & VSM_ENTRY_PRESENT)
        return false;
    *entry = gpa | flags | VSM_ENTRY_PRESENT | VSM_ENTRY_ACCESSED | VSM_ENTRY_DIRTY |
             (large ? VSM_ENTRY_LARGE : 0);
    return true;
}

/* One debug handler: 16 bytes for each vector. Vectors 8, 10..14, 17, 21 push an error code. */
#define HANDLER_BYTES 16u
#define VECTORS       32u

static bool pushes_error(unsigned vector)
{
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21;
}

/* Loads what the CPU pushed into registers and tells the host with one `out`: rax vector, rcx RIP,
 * rsi RSP, rdi CR2. The host cannot read the stack, which is private. */
static void write_handlers(uint8_t *code, uint8_t *idt, uint64_t code_address)
{
    /* clang-format off */
    static const uint8_t common[] = {
        0x58,                 /* pop %rax         vector */
        0x5b,                 /* pop %rbx         error code */
        0x59,                 /* pop %rcx         RIP */
        0x5a,                 /* pop %rdx         CS */
        0x5a,                 /* pop %rdx         RFLAGS */
        0x5e,                 /* pop %rsi         RSP */
        0x0f, 0x20, 0xd7,     /* mov %cr2, %rdi */
        0xe6, VSM_PORT_FAULT, /* out %al, $port */
        0xeb, 0xfe,           /* jmp . */
    };
    /* clang-format on */
    uint32_t common_at = VECTORS * HANDLER_BYTES;
    memcpy(code + common_at, common, sizeof(common));
    for (unsigned vector = 0; vector < VECTORS; vector++) {
        uint32_t at = vector * HANDLER_BYTES;
        uint8_t *p = code + at;
        if (!pushes_error(vector)) {
            *p++ = 0x6a; /* push $0 */
            *p++ = 0;
        }
        *p++ = 0x6a; /* push $vector */
        *p++ = (uint8_t)vector;
        *p++ = 0xe9; /* jmp common */
        int32_t jump = (int32_t)(common_at - (uint32_t)(p + 4 - code));
        memcpy(p, &jump, 4);

        uint64_t handler = code_address + at;
        uint8_t *gate = idt + vector * 16; /* SDM vol. 3A, 6.14.1 */
        gate[0] = (uint8_t)handler;
        gate[1] = (uint8_t)(handler >> 8);
        gate[2] = 0x08; /* CPL0 code segment */
        gate[4] = 1;    /* IST1 */
        gate[5] = 0x8e; /* present, interrupt gate */
        gate[6] = (uint8_t)(handler >> 16);
        gate[7] = (uint8_t)(handler >> 24);
        for (int i = 0; i < 4; i++)
            gate[8 + i] = (uint8_t)(handler >> (32 + 8 * i));
    }
}

bool vsm_system_pages(struct tee *enclave)
{
    bool debug = enclave->build.parameters.attributes & TEE_ATTRIBUTE_DEBUG;
    static const uint64_t descriptors[] = {
        [4] = UINT64_C(0x00cff3000000ffff), /* 0x20: user data */
        [5] = UINT64_C(0x00affb000000ffff), /* 0x28: user code, 64 bit */
    };
    uint8_t *gdt = enclave->memory_map + VSM_SYSTEM_GDT * 4096;
    uint8_t *tss = enclave->memory_map + VSM_SYSTEM_TSS * 4096;
    uint8_t *gate = enclave->memory_map + VSM_SYSTEM_GATE * 4096;
    memcpy(gdt, descriptors, sizeof(descriptors));

    /* TSS descriptor at 0x30: base VSM_SYSTEM_ADDRESS + TSS page, busy. */
    uint64_t base = VSM_SYSTEM_ADDRESS + VSM_SYSTEM_TSS * 4096;
    uint64_t low =
        VSM_TSS_LIMIT | (base & 0xffffff) << 16 | UINT64_C(0x8b) << 40 | (base >> 24 & 0xff) << 56;
    uint64_t high = base >> 32;
    memcpy(gdt + 0x30, &low, 8);
    memcpy(gdt + 0x38, &high, 8);
    tss[102] = VSM_TSS_BITMAP;
    memset(tss + VSM_TSS_BITMAP, 0xff, VSM_TSS_LIMIT + 1 - VSM_TSS_BITMAP);
    tss[VSM_TSS_BITMAP + VSM_PORT_GATE / 8] &= (uint8_t) ~(1u << VSM_PORT_GATE % 8);

    /* clang-format off */
    static const uint8_t code[] = {
        0xe6, VSM_PORT_GATE, /* out %al, $port */
        0xc3,                /* ret */
    };
    /* clang-format on */
    memset(gate, 0xf4, 4096);
    memcpy(gate, code, sizeof(code));

    uint64_t at = VSM_SYSTEM_ADDRESS;
    bool mapped =
        vsm_map(enclave, at + VSM_SYSTEM_GDT * 4096, VSM_SYSTEM_GDT * 4096, VSM_ENTRY_NX, false) &&
        vsm_map(enclave, at + VSM_SYSTEM_TSS * 4096, VSM_SYSTEM_TSS * 4096, VSM_ENTRY_NX, false) &&
        vsm_map(enclave, at + VSM_SYSTEM_GATE * 4096, VSM_SYSTEM_GATE * 4096, VSM_ENTRY_USER,
                false);
    if (!mapped || !debug)
        return mapped;

    uint64_t kernel_code = UINT64_C(0x00af9b000000ffff); /* 0x08, only in debug enclaves */
    memcpy(gdt + 0x08, &kernel_code, 8);
    uint64_t stack = at + (VSM_SYSTEM_STACK + 1) * 4096;
    memcpy(tss + 4, &stack, 8);  /* RSP0 */
    memcpy(tss + 36, &stack, 8); /* IST1 */
    write_handlers(enclave->memory_map + VSM_SYSTEM_HANDLERS * 4096,
                   enclave->memory_map + VSM_SYSTEM_IDT * 4096, at + VSM_SYSTEM_HANDLERS * 4096);
    return vsm_map(enclave, at + VSM_SYSTEM_IDT * 4096, VSM_SYSTEM_IDT * 4096, VSM_ENTRY_NX,
                   false) &&
           vsm_map(enclave, at + VSM_SYSTEM_HANDLERS * 4096, VSM_SYSTEM_HANDLERS * 4096, 0,
                   false) &&
           vsm_map(enclave, at + VSM_SYSTEM_STACK * 4096, VSM_SYSTEM_STACK * 4096,
                   VSM_ENTRY_WRITE | VSM_ENTRY_NX, false);
}
