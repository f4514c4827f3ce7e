/* SPDX-License-Identifier: Apache-2.0
 *
 * Disassembles code. A byte that starts no instruction becomes a step of its own, so that the steps
 * always cover the whole range.
 */
#include "code.h"

#include "fail.h"

#include <Zydis/Zydis.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What the psABI lets a callee change. */
#define CALLER_SAVED 0x0fc7u

static int register_number(ZydisRegister name)
{
    ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, name);
    if (whole >= ZYDIS_REGISTER_RAX && whole <= ZYDIS_REGISTER_R15)
        return whole - ZYDIS_REGISTER_RAX;
    return REGISTER_NONE;
}

static uint16_t register_bit(ZydisRegister name)
{
    int number = register_number(name);
    return number == REGISTER_NONE ? 0 : (uint16_t)(1u << number);
}

static bool is_whole(ZydisRegister name)
{
    return name >= ZYDIS_REGISTER_RAX && name <= ZYDIS_REGISTER_R15;
}

static uint8_t flow_of(const ZydisDecodedInstruction *instruction, bool has_target)
{
    switch (instruction->meta.category) {
    case ZYDIS_CATEGORY_CALL:
        return FLOW_CALL;
    case ZYDIS_CATEGORY_COND_BR:
        return FLOW_BRANCH;
    case ZYDIS_CATEGORY_UNCOND_BR:
        return has_target ? FLOW_JUMP : FLOW_INDIRECT;
    case ZYDIS_CATEGORY_RET:
        return FLOW_STOP;
    default:
        break;
    }
    switch (instruction->mnemonic) {
    case ZYDIS_MNEMONIC_XBEGIN:
        return FLOW_BRANCH;
    case ZYDIS_MNEMONIC_HLT:
    case ZYDIS_MNEMONIC_INT3:
    case ZYDIS_MNEMONIC_UD0:
    case ZYDIS_MNEMONIC_UD1:
    case ZYDIS_MNEMONIC_UD2:
        return FLOW_STOP;
    default:
        return FLOW_NEXT;
    }
}

static uint8_t kind_of(const ZydisDecodedInstruction *instruction,
                       const ZydisDecodedOperand *operands)
{
    switch (instruction->mnemonic) {
    case ZYDIS_MNEMONIC_SYSCALL:
        return STEP_SYSCALL;
    case ZYDIS_MNEMONIC_SYSENTER:
        return STEP_FORBIDDEN;
    case ZYDIS_MNEMONIC_INT:
        return operands[0].imm.value.u == 0x80 ? STEP_FORBIDDEN : STEP_PLAIN;
    default:
        return STEP_PLAIN;
    }
}

/* Registers written and addresses used. True when rsp is among the written. */
static bool describe_operands(struct step *step, const ZydisDecodedInstruction *instruction,
                              const ZydisDecodedOperand *operands)
{
    bool writes_stack = false;
    for (unsigned i = 0; i < instruction->operand_count; i++) {
        const ZydisDecodedOperand *operand = &operands[i];
        if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
            (operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ))
            step->reads |= register_bit(operand->reg.value);
        if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
            (operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)) {
            int number = register_number(operand->reg.value);
            if (number == REGISTER_RSP)
                writes_stack = true;
            else if (number != REGISTER_NONE)
                step->writes |= (uint16_t)(1u << number);
        }
        if (operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && operand->imm.is_relative)
            step->relative = true;
        if (operand->type != ZYDIS_OPERAND_TYPE_MEMORY)
            continue;
        step->reads |= register_bit(operand->mem.base) | register_bit(operand->mem.index);
        if (operand->mem.base == ZYDIS_REGISTER_RIP || operand->mem.base == ZYDIS_REGISTER_EIP) {
            step->relative = true;
            step->names = step->address + step->length + (uint64_t)operand->mem.disp.value;
        }
        /* Hidden ones are the stack of push and call, and the pointers of string instructions,
         * whose making has been seen before; a nop reads nothing. */
        if (operand->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN ||
            instruction->mnemonic == ZYDIS_MNEMONIC_NOP || step->memory_count == 2)
            continue;
        int64_t displacement = operand->mem.disp.value;
        step->memory[step->memory_count++] = (struct step_memory){
            .base = (int8_t)register_number(operand->mem.base),
            .index = (int8_t)register_number(operand->mem.index),
            .displacement = displacement < INT32_MIN || displacement > INT32_MAX
                                ? INT32_MIN
                                : (int32_t)displacement,
        };
    }
    return writes_stack;
}

/* to = from + add, between whole registers. */
static void set_copy(struct step *step, int to, int from, int64_t add)
{
    if (to == REGISTER_RSP) {
        step->stack = from == REGISTER_RSP ? STACK_ADD : STACK_FROM;
        step->stack_from = (int8_t)from;
        step->stack_add = add;
    } else {
        step->copy_to = (int8_t)to;
        step->copy_from = (int8_t)from;
        step->copy_add = add;
    }
}

/* mov, lea, add, sub, and: what moves stack addresses between registers. */
static void describe_arithmetic(struct step *step, const ZydisDecodedInstruction *instruction,
                                const ZydisDecodedOperand *operands)
{
    if (operands[0].type != ZYDIS_OPERAND_TYPE_REGISTER || !is_whole(operands[0].reg.value))
        return;
    int to = register_number(operands[0].reg.value);
    const ZydisDecodedOperand *from = &operands[1];
    switch (instruction->mnemonic) {
    case ZYDIS_MNEMONIC_MOV:
        if (from->type == ZYDIS_OPERAND_TYPE_REGISTER && is_whole(from->reg.value))
            set_copy(step, to, register_number(from->reg.value), 0);
        break;
    case ZYDIS_MNEMONIC_LEA:
        if (is_whole(from->mem.base) && from->mem.index == ZYDIS_REGISTER_NONE)
            set_copy(step, to, register_number(from->mem.base), from->mem.disp.value);
        /* Moving rsp itself takes the address of nothing. */
        if (to == REGISTER_RSP)
            step->memory_count = 0;
        break;
    case ZYDIS_MNEMONIC_ADD:
        if (from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
            set_copy(step, to, to, from->imm.value.s);
        break;
    case ZYDIS_MNEMONIC_SUB:
        if (from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && from->imm.value.s != INT64_MIN)
            set_copy(step, to, to, -from->imm.value.s);
        else if (to == REGISTER_RSP)
            step->stack = STACK_LOWER;
        break;
    case ZYDIS_MNEMONIC_AND:
        if (to == REGISTER_RSP && from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
            step->stack = STACK_LOWER;
        break;
    default:
        break;
    }
}

static void describe_stack(struct step *step, const ZydisDecodedInstruction *instruction,
                           const ZydisDecodedOperand *operands, bool writes_stack)
{
    int64_t width = instruction->operand_width / 8;
    step->stack = writes_stack ? STACK_LOST : STACK_SAME;
    switch (instruction->mnemonic) {
    case ZYDIS_MNEMONIC_PUSH:
    case ZYDIS_MNEMONIC_PUSHFQ:
    case ZYDIS_MNEMONIC_PUSHF:
        step->stack = STACK_ADD;
        step->stack_add = -width;
        break;
    case ZYDIS_MNEMONIC_POP:
        if (operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
            register_number(operands[0].reg.value) == REGISTER_RSP)
            break;
        step->stack = STACK_ADD;
        step->stack_add = width;
        break;
    case ZYDIS_MNEMONIC_POPFQ:
    case ZYDIS_MNEMONIC_POPF:
        step->stack = STACK_ADD;
        step->stack_add = width;
        break;
    case ZYDIS_MNEMONIC_LEAVE:
        step->stack = STACK_FROM;
        step->stack_from = REGISTER_RBP;
        step->stack_add = 8;
        break;
    case ZYDIS_MNEMONIC_CALL:
        step->stack = STACK_SAME;
        step->writes |= CALLER_SAVED;
        break;
    default:
        describe_arithmetic(step, instruction, operands);
        break;
    }
}

static void describe(struct step *step, const ZydisDecodedInstruction *instruction,
                     const ZydisDecodedOperand *operands)
{
    step->length = instruction->length;
    step->kind = kind_of(instruction, operands);
    bool has_target = operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
                      operands[0].imm.is_relative && instruction->operand_count;
    if (has_target)
        step->target = step->address + step->length + operands[0].imm.value.u;
    step->flow = flow_of(instruction, has_target);
    bool writes_stack = describe_operands(step, instruction, operands);
    describe_stack(step, instruction, operands, writes_stack);
    if (step->kind == STEP_SYSCALL)
        step->writes |= 1u << REGISTER_RAX;
    if (instruction->mnemonic == ZYDIS_MNEMONIC_MOV &&
        operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
        register_number(operands[0].reg.value) == REGISTER_RAX &&
        operands[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
        step->loads = operands[1].imm.value.s & UINT32_MAX;
}

static struct step decode_one(const ZydisDecoder *decoder, const uint8_t *bytes, uint64_t address,
                              uint64_t size)
{
    struct step step = {
        .address = address,
        .length = 1,
        .kind = STEP_UNKNOWN,
        .flow = FLOW_STOP,
        .copy_to = REGISTER_NONE,
        .loads = -1,
    };
    ZydisDecodedInstruction instruction;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    if (ZYAN_SUCCESS(ZydisDecoderDecodeFull(decoder, bytes, size, &instruction, operands)))
        describe(&step, &instruction, operands);
    return step;
}

static bool add_step(struct code *code, const struct step *step)
{
    if (code->count >= 64 ? (code->count & (code->count - 1)) == 0 : code->count == 0) {
        size_t capacity = code->count ? code->count * 2 : 64;
        struct step *steps = realloc(code->steps, capacity * sizeof(*steps));
        if (!steps)
            return false;
        code->steps = steps;
    }
    code->steps[code->count++] = *step;
    return true;
}

static ZydisDecoder make_decoder(void)
{
    ZydisDecoder decoder;
    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    return decoder;
}

/* glibc jumps past a LOCK prefix where there is one thread: to the same instruction, less its
 * prefix. The flow is the same; the instruction must stay where it is. */
static bool enter_behind_lock(struct code *code, const uint8_t *bytes, struct step *jump)
{
    if (jump->target == code->start || bytes[jump->target - 1 - code->start] != 0xf0)
        return false;
    size_t index = code_index(code, jump->target - 1);
    if (index == SIZE_MAX || code->steps[index].length < 2)
        return false;
    code->steps[index].relative = true;
    jump->target--;
    return true;
}

cella_status code_decode(const uint8_t *bytes, uint64_t start, uint64_t size, struct code *result,
                         cella_error *error)
{
    struct code code = {.start = start, .end = start + size};
    ZydisDecoder decoder = make_decoder();
    for (uint64_t at = 0; at < size;) {
        struct step step = decode_one(&decoder, bytes + at, start + at, size - at);
        if (!add_step(&code, &step)) {
            code_free(&code);
            return fail(error, CELLA_MEMORY, "no memory to disassemble %llu bytes at 0x%llx",
                        (unsigned long long)size, (unsigned long long)start);
        }
        code.broken |= step.kind == STEP_UNKNOWN;
        at += step.length;
    }
    for (size_t i = 0; i < code.count; i++) {
        struct step *step = &code.steps[i];
        if ((step->flow == FLOW_JUMP || step->flow == FLOW_BRANCH) && step->target >= start &&
            step->target < code.end && code_index(&code, step->target) == SIZE_MAX &&
            !enter_behind_lock(&code, bytes, step))
            code.tangled = true;
    }
    *result = code;
    return CELLA_OK;
}

void code_free(struct code *code)
{
    free(code->steps);
    *code = (struct code){0};
}

size_t code_find(const struct code *code, uint64_t address)
{
    size_t low = 0, high = code->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (code->steps[middle].address <= address)
            low = middle;
        else
            high = middle;
    }
    return low;
}

size_t code_index(const struct code *code, uint64_t address)
{
    if (address < code->start || address >= code->end)
        return SIZE_MAX;
    size_t index = code_find(code, address);
    return code->steps[index].address == address ? index : SIZE_MAX;
}

unsigned code_skim(const uint8_t *bytes, uint64_t address, uint64_t size, uint64_t *called)
{
    ZydisDecoder decoder = make_decoder();
    ZydisDecodedInstruction instruction;
    *called = 0;
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, bytes, size, &instruction)))
        return 0;
    if (instruction.meta.category == ZYDIS_CATEGORY_CALL && instruction.raw.imm[0].is_relative)
        *called = address + instruction.length + instruction.raw.imm[0].value.u;
    return instruction.length;
}
