/* SPDX-License-Identifier: Apache-2.0
 *
 * Chooses, writes and links stubs.
 */
#include "stub.h"

#include "../tee/tee.h"

#include <string.h>

/* Of these the kernel's rsp is not the caller's when they return: rt_sigreturn, clone, vfork,
 * clone3. A stub would give the wrong stack back. */
static bool changes_stack(int64_t number)
{
    return number == 15 || number == 56 || number == 58 || number == 435;
}

/* The number that the instructions straight before the call load, or -1. */
static int64_t call_number(const struct code *code, size_t call)
{
    for (size_t i = call; i-- > 0 && code->steps[i].flow == FLOW_NEXT;) {
        if (code->steps[i].loads >= 0)
            return code->steps[i].loads;
        if (code->steps[i].writes & (1u << REGISTER_RAX))
            break;
    }
    return -1;
}

static bool may_move(const struct step *step)
{
    return (step->kind == STEP_PLAIN || step->kind == STEP_SYSCALL) && step->flow == FLOW_NEXT &&
           !step->relative;
}

#define NAMES_MOST 512u

/* A range of addresses, and what is known of the program that may lead there. */
struct aim {
    uint64_t low, high;
    uint64_t base;              /* of the program: relocation entries hold addresses without it */
    const struct code *code;    /* whose indirect jumps may use tables */
    uint64_t names[NAMES_MOST]; /* addresses that it names: its tables are among them */
    size_t name_count;
};

/* False: it names too many. */
static bool aim_at(struct aim *aim, const struct elf_program *program, const struct code *code,
                   uint64_t low, uint64_t high)
{
    *aim = (struct aim){.low = low, .high = high, .base = program->base, .code = code};
    for (size_t i = 0; i < code->count; i++) {
        if (!code->steps[i].names)
            continue;
        if (aim->name_count == NAMES_MOST)
            return false;
        aim->names[aim->name_count++] = code->steps[i].names;
    }
    return true;
}

static bool hits(const struct aim *aim, uint64_t address)
{
    return address >= aim->low && address < aim->high;
}

/* A jump, call, or address relative to rip whose displacement is the 4 bytes at `at`. */
static bool is_branch(const uint8_t *bytes, uint64_t at)
{
    uint8_t before = bytes[at - 1];
    return before == 0xe8 || before == 0xe9 || (before & 0xc7) == 0x05 ||
           (at >= 2 && bytes[at - 2] == 0x0f && (before & 0xf0) == 0x80) ||
           (at >= 2 && bytes[at - 2] == 0xc7 && before == 0xf8);
}

/* The bytes at `at` as an entry of a jump table: an address, or (in position independent code) a
 * distance from the table, whose address the function names. */
static bool is_table_entry(const struct aim *aim, const uint8_t *bytes, uint64_t at, uint64_t size)
{
    uint32_t narrow;
    uint64_t wide;
    memcpy(&narrow, bytes + at, sizeof(narrow));
    if (hits(aim, narrow))
        return true;
    if (size - at >= sizeof(wide)) {
        memcpy(&wide, bytes + at, sizeof(wide));
        if (hits(aim, wide) || hits(aim, wide + aim->base))
            return true;
    }
    for (size_t i = 0; i < aim->name_count; i++)
        if (hits(aim, aim->names[i] + (uint64_t)(int64_t)(int32_t)narrow))
            return true;
    return false;
}

/* What the function itself does is known exactly; short jumps come from nowhere else. */
static bool is_target(const struct code *code, uint64_t low, uint64_t high)
{
    for (size_t i = 0; i < code->count; i++) {
        const struct step *step = &code->steps[i];
        if ((step->target >= low && step->target < high) ||
            (step->names >= low && step->names < high))
            return true;
    }
    return false;
}

/* Bytes at `address` look like a branch into the aim: they are none when a known function holds
 * them and, disassembled, has no such branch. */
static bool is_real(const struct stub_context *context, const struct aim *aim, uint64_t address)
{
    const struct function *function = functions_at(context->symbols, address);
    struct code code;
    if (!function)
        function = functions_at(context->frames, address);
    if (!function ||
        code_decode(context->program->memory + (function->start - context->program->low),
                    function->start, function->end - function->start, &code, NULL) != CELLA_OK)
        return true;
    bool real = code.broken || code.tangled || is_target(&code, aim->low, aim->high);
    code_free(&code);
    return real;
}

/* True when any bytes of the program, wherever they start, could lead to an address in the aim:
 * more than all that do, so that none is missed. */
static bool may_lead_to(const struct stub_context *context, const struct aim *aim)
{
    const struct elf_program *program = context->program;
    for (size_t i = 0; i < program->segment_count; i++) {
        const struct elf_segment *segment = &program->segments[i];
        const uint8_t *bytes = program->memory + (segment->address - program->low);
        for (uint64_t at = 0; at + 4 <= segment->file_size; at++) {
            int32_t displacement;
            uint64_t address = segment->address + at;
            memcpy(&displacement, bytes + at, sizeof(displacement));
            if (is_table_entry(aim, bytes, at, segment->file_size))
                return true;
            bool here = address >= aim->code->start && address < aim->code->end;
            if ((segment->flags & TEE_PAGE_X) && at && !here && is_branch(bytes, at) &&
                hits(aim, address + 4 + (uint64_t)(int64_t)displacement) &&
                is_real(context, aim, address))
                return true;
        }
    }
    return false;
}

static uint64_t window_bytes(const struct code *code, struct stub_window window)
{
    const struct step *last = &code->steps[window.last];
    return last->address + last->length - code->steps[window.first].address;
}

static bool any_changes_stack(const struct code *code, struct stub_window window)
{
    for (size_t i = window.first; i <= window.last; i++)
        if (code->steps[i].kind == STEP_SYSCALL && changes_stack(call_number(code, i)))
            return true;
    return false;
}

bool stub_find(const struct stub_context *context, const struct code *code, size_t call,
               uint64_t from, struct stub_window *window, const char **why)
{
    *why = "its neighbours cannot be moved";
    /* Take as little before it as possible: what is behind a system call is a plain check of its
     * result nearly always. */
    for (size_t before = 0; before <= call && before < STUB_JUMP; before++) {
        struct stub_window here = {call - before, call};
        if (before && !may_move(&code->steps[here.first]))
            return false;
        if (code->steps[here.first].address < from)
            return false;
        while (window_bytes(code, here) < STUB_JUMP && here.last + 1 < code->count &&
               may_move(&code->steps[here.last + 1]))
            here.last++;
        if (window_bytes(code, here) < STUB_JUMP)
            continue;
        if (any_changes_stack(code, here)) {
            *why = "it changes the stack itself";
            continue;
        }
        uint64_t low = code->steps[here.first].address + 1;
        uint64_t high = low - 1 + window_bytes(code, here);
        struct aim aim;
        if (is_target(code, low, high) || !aim_at(&aim, context->program, code, low, high) ||
            may_lead_to(context, &aim)) {
            *why = "something jumps between it and its neighbours";
            continue;
        }
        *window = here;
        return true;
    }
    return false;
}

static void put(uint8_t *stub, size_t *size, const void *bytes, size_t count)
{
    memcpy(stub + *size, bytes, count);
    *size += count;
}

static void put_jump(uint8_t *bytes, uint64_t address, uint64_t target)
{
    int32_t displacement = (int32_t)(target - (address + STUB_JUMP));
    bytes[0] = 0xe9;
    memcpy(bytes + 1, &displacement, sizeof(displacement));
}

size_t stub_write(const struct elf_program *program, const struct code *code,
                  struct stub_window window, uint64_t address, uint8_t stub[STUB_MOST])
{
    static const uint8_t made[] = {
        0x48, 0x8d, 0x64, 0x24, 0x80,                   /* lea -128(%rsp),%rsp */
        0xff, 0xd0,                                     /* call *%rax */
        0x48, 0x8d, 0xa4, 0x24, 0x80, 0x00, 0x00, 0x00, /* lea 128(%rsp),%rsp */
    };
    size_t size = 0;
    for (size_t i = window.first; i <= window.last; i++) {
        const struct step *step = &code->steps[i];
        if (step->kind == STEP_SYSCALL)
            put(stub, &size, made, sizeof(made));
        else
            put(stub, &size, program->memory + (step->address - program->low), step->length);
    }
    put_jump(stub + size, address + size,
             code->steps[window.first].address + window_bytes(code, window));
    return size + STUB_JUMP;
}

void stub_divert(uint8_t *at, uint64_t address, uint64_t size, uint64_t stub)
{
    put_jump(at, address, stub);
    memset(at + STUB_JUMP, 0x90, size - STUB_JUMP); /* never reached */
}
