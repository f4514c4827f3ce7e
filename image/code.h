/* SPDX-License-Identifier: Apache-2.0
 *
 * A stretch of a program's code, disassembled (Zydis), as far as the rewriting of system calls has
 * to know it: where instructions start, where they lead, and what they do to the stack pointer.
 */
#ifndef IMAGE_CODE_H
#define IMAGE_CODE_H

#include <cella/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* General registers by their number in the instruction encoding. */
enum { REGISTER_RAX = 0, REGISTER_RCX = 1, REGISTER_RDX = 2, REGISTER_RSP = 4, REGISTER_RBP = 5 };
#define REGISTERS     16
#define REGISTER_NONE (-1)

enum step_kind {
    STEP_PLAIN,
    STEP_SYSCALL,
    STEP_FORBIDDEN, /* sysenter, int 0x80: cannot be rewritten */
    STEP_UNKNOWN,   /* one byte that is no instruction */
};

enum step_flow {
    FLOW_NEXT,     /* to the next instruction */
    FLOW_CALL,     /* to the next instruction, after a call */
    FLOW_BRANCH,   /* to the next or to target */
    FLOW_JUMP,     /* to target */
    FLOW_INDIRECT, /* nobody knows where to */
    FLOW_STOP,     /* nowhere: return, trap */
};

/* What a step does to rsp. */
enum step_stack {
    STACK_SAME,
    STACK_ADD,   /* rsp += stack_add */
    STACK_LOWER, /* by an amount that is not known: alloca, alignment */
    STACK_FROM,  /* rsp = register + stack_add */
    STACK_LOST,
};

struct step_memory {
    int8_t base, index; /* registers, or REGISTER_NONE */
    int32_t displacement;
};

struct step {
    uint64_t address;
    uint64_t target;   /* FLOW_BRANCH, FLOW_JUMP */
    int64_t stack_add; /* STACK_ADD, STACK_FROM */
    int64_t copy_add;
    uint16_t writes; /* registers, a bit each; rsp not among them */
    uint16_t reads;  /* the same, addresses included */
    uint8_t length;
    uint8_t kind;
    uint8_t flow;
    uint8_t stack;
    int8_t stack_from;         /* STACK_FROM */
    int8_t copy_to, copy_from; /* copy_to = copy_from + copy_add; REGISTER_NONE: no copy */
    bool relative;             /* depends on its own address: cannot be moved */
    uint8_t memory_count;      /* of addresses that it reads, writes or takes */
    struct step_memory memory[2];
    int64_t loads;  /* the constant that it puts into eax, or -1 */
    uint64_t names; /* the address that it names relative to itself, other than target; or 0 */
};

struct code {
    uint64_t start, end;
    struct step *steps; /* rising, without gaps between them; owned */
    size_t count;
    bool broken;  /* some bytes are no instruction */
    bool tangled; /* a jump leads into the middle of an instruction */
};

/* Disassembles the bytes of [start, start + size) one after another. */
cella_status code_decode(const uint8_t *bytes, uint64_t start, uint64_t size, struct code *code,
                         cella_error *error);
void code_free(struct code *code);
/* Index of the step that holds an address; code->start <= address < code->end. */
size_t code_find(const struct code *code, uint64_t address);
/* Index of the step that starts at an address, or SIZE_MAX. */
size_t code_index(const struct code *code, uint64_t address);

/* Length of the instruction at the front, 0 where there is none; *called is the address that it
 * calls, else 0. Far cheaper than code_decode. */
unsigned code_skim(const uint8_t *bytes, uint64_t address, uint64_t size, uint64_t *called);

#endif
