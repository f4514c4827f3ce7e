/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds candidates by their bytes, decides on each with a disassembly of the function that holds
 * it, and changes the program when all are decided.
 */
#include "rewrite.h"

#include "../runtime/boot.h"
#include "../tee/tee.h"
#include "code.h"
#include "fail.h"
#include "redzone.h"
#include "stub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYSCALL_BYTES 2u

/* A range of code that was disassembled and analysed: a function, or a piece of what no function
 * covers. */
struct unit {
    struct code code;
    struct redzone redzone;
    const char *name; /* "" where there is none */
    bool gap;         /* no known function, or only one in front that runs on into it */
    bool continues;   /* ... there is that one */
};

struct patch {
    uint64_t address;
    uint64_t size; /* 0: another site's patch covers it */
    size_t stub;   /* offset in the stubs; for IMAGE_SITE_STUB */
};

struct work {
    struct elf_program *program;
    const struct functions *symbols;
    struct functions frames; /* of a stripped program; read when first needed */
    bool frames_read;
    bool functions_known; /* symbols and unwind tables cover most of the code; after frames_read */
    struct unit unit;     /* the last one */
    /* Where functions start in a stretch that no known function covers, and that stretch. */
    uint64_t *starts;
    size_t start_count;
    uint64_t gap_start, gap_end;
    uint64_t gap_before;   /* start of the known function that ends at gap_start, or gap_start */
    struct patch *patches; /* one a site */
    struct rewrite result;
    cella_error *error;
};

static void unit_free(struct unit *unit)
{
    code_free(&unit->code);
    redzone_free(&unit->redzone);
    *unit = (struct unit){0};
}

static cella_status unit_make(struct work *work, uint64_t start, uint64_t end, const char *name,
                              bool gap, struct unit *unit)
{
    *unit = (struct unit){.name = name, .gap = gap};
    const uint8_t *bytes = work->program->memory + (start - work->program->low);
    return code_decode(bytes, start, end - start, &unit->code, work->error);
}

static cella_status unit_analyse(struct work *work, struct unit *unit)
{
    if (unit->redzone.group)
        return CELLA_OK;
    return redzone_analyse(&unit->code, unit->gap, &unit->redzone, work->error);
}

static uint64_t covered(const struct functions *functions)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < functions->count; i++)
        bytes += functions->items[i].end - functions->items[i].start;
    return bytes;
}

/* Bytes in sections of code; 0 where the program has no section headers. */
static uint64_t section_bytes(const struct elf_program *program)
{
    uint64_t bytes = 0;
    struct elf_section section;
    for (size_t i = 0; i < elf_section_count(program); i++)
        if (elf_section(program, i, &section) && (section.flags & SHF_EXECINSTR))
            bytes += section.size;
    return bytes;
}

static bool is_in_section(const struct elf_program *program, uint64_t address)
{
    struct elf_section section;
    for (size_t i = 0; i < elf_section_count(program); i++)
        if (elf_section(program, i, &section) && (section.flags & SHF_EXECINSTR) &&
            address >= section.address && address - section.address < section.size)
            return true;
    return section_bytes(program) == 0;
}

static bool cover_most(const struct work *work)
{
    uint64_t code = section_bytes(work->program);
    for (size_t i = 0; i < work->program->segment_count && section_bytes(work->program) == 0; i++)
        if (work->program->segments[i].flags & TEE_PAGE_X)
            code += work->program->segments[i].file_size;
    return covered(work->symbols) > code / 2 || covered(&work->frames) > code / 2;
}

/* The function that holds an address, from symbols or else from unwind tables; NULL in *function
 * where none does. */
static cella_status find_function(struct work *work, uint64_t address,
                                  const struct function **function)
{
    *function = functions_at(work->symbols, address);
    if (*function)
        return CELLA_OK;
    if (!work->frames_read) {
        cella_status status = functions_from_frames(work->program, &work->frames, work->error);
        if (status != CELLA_OK)
            return status;
        work->frames_read = true;
        work->functions_known = cover_most(work);
    }
    *function = functions_at(&work->frames, address);
    return CELLA_OK;
}

static int compare_addresses(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static bool add_start(struct work *work, uint64_t address)
{
    if ((work->start_count & (work->start_count - 1)) == 0) {
        size_t capacity = work->start_count ? work->start_count * 2 : 1;
        uint64_t *starts = realloc(work->starts, capacity * sizeof(*starts));
        if (!starts)
            return false;
        work->starts = starts;
    }
    work->starts[work->start_count++] = address;
    return true;
}

/* Sweeps [start, end), which no known function covers, for the functions that it calls. */
static cella_status sweep_gap(struct work *work, uint64_t start, uint64_t end)
{
    const struct elf_program *program = work->program;
    work->gap_start = start;
    work->gap_end = end;
    work->start_count = 0;
    bool room = add_start(work, start);
    if (program->entry > start && program->entry < end)
        room = room && add_start(work, program->entry);
    for (uint64_t at = start; at < end && room;) {
        uint64_t called;
        unsigned length = code_skim(program->memory + (at - program->low), at, end - at, &called);
        if (called > start && called < end)
            room = add_start(work, called);
        at += length ? length : 1;
    }
    if (!room)
        return fail(work->error, CELLA_MEMORY, "%s: no memory for the functions that it calls",
                    program->name);
    qsort(work->starts, work->start_count, sizeof(uint64_t), compare_addresses);
    return CELLA_OK;
}

/* A function starts here: the swept code calls it, or a section of code starts (.fini). */
static bool is_start(const struct work *work, uint64_t address)
{
    struct elf_section section;
    for (size_t i = 0; i < elf_section_count(work->program); i++)
        if (elf_section(work->program, i, &section) && (section.flags & SHF_EXECINSTR) &&
            section.address == address)
            return true;
    return address >= work->gap_start && address < work->gap_end &&
           bsearch(&address, work->starts, work->start_count, sizeof(address), compare_addresses);
}

/* Hand-written code (glibc's clone) ends what it says of a function before the function ends: finds
 * the function that ends at `start` and runs on beyond it. */
static cella_status find_before(struct work *work, uint64_t start)
{
    const struct function *before;
    struct unit unit;
    work->gap_before = start;
    cella_status status = find_function(work, start - 1, &before);
    if (status != CELLA_OK || !before || before->end != start)
        return status;
    status = unit_make(work, before->start, before->end, before->name, false, &unit);
    if (status == CELLA_OK && unit.code.steps[unit.code.count - 1].flow <= FLOW_BRANCH)
        work->gap_before = before->start;
    unit_free(&unit);
    return status;
}

/* The unit of an address that no known function covers. */
static cella_status find_piece(struct work *work, uint64_t address, uint64_t *start, uint64_t *end)
{
    if (address < work->gap_start || address >= work->gap_end) {
        const struct elf_segment *segment = elf_executable_at(work->program, address);
        struct elf_section section;
        *start = segment->address;
        *end = segment->address + segment->file_size;
        for (size_t i = 0; i < elf_section_count(work->program); i++) {
            if (!elf_section(work->program, i, &section) || !(section.flags & SHF_EXECINSTR) ||
                address < section.address || address - section.address >= section.size)
                continue;
            if (section.address > *start)
                *start = section.address;
            if (section.size < *end - section.address)
                *end = section.address + section.size;
        }
        functions_gap(work->symbols, address, start, end);
        functions_gap(&work->frames, address, start, end);
        cella_status status = sweep_gap(work, *start, *end);
        if (status != CELLA_OK)
            return status;
        status = find_before(work, *start);
        if (status != CELLA_OK)
            return status;
    }
    *start = work->gap_start;
    *end = work->gap_end;
    for (size_t i = 0; i < work->start_count; i++) {
        if (work->starts[i] <= address)
            *start = work->starts[i];
        else if (work->starts[i] < *end)
            *end = work->starts[i];
    }
    /* Hand-written code (glibc's clone) ends what it says of a function before the function ends.
     */
    if (*start == work->gap_start)
        *start = work->gap_before;
    return CELLA_OK;
}

/* Makes work->unit the one that holds an address. */
static cella_status enter_unit(struct work *work, uint64_t address)
{
    if (address >= work->unit.code.start && address < work->unit.code.end)
        return CELLA_OK;
    const struct function *function;
    cella_status status = find_function(work, address, &function);
    if (status != CELLA_OK)
        return status;
    struct unit unit;
    if (function) {
        status = unit_make(work, function->start, function->end, function->name, false, &unit);
    } else {
        uint64_t start, end;
        status = find_piece(work, address, &start, &end);
        if (status != CELLA_OK)
            return status;
        status = unit_make(work, start, end, "", true, &unit);
        unit.continues = start < work->gap_start;
    }
    if (status != CELLA_OK)
        return status;
    unit_free(&work->unit);
    work->unit = unit;
    return CELLA_OK;
}

static cella_status refuse(struct work *work, uint64_t address, const char *what,
                           const char *remedy)
{
    const char *name = work->unit.name;
    return fail(work->error, CELLA_UNSUPPORTED, "%s: %s at 0x%llx%s%.80s; %s", work->program->name,
                what, (unsigned long long)address,
                *name ? " in function " : " (in a function without a name)", name, remedy);
}

/* Jumps out of this code into the middle of another function (a part of this one that the compiler
 * placed elsewhere): nothing may live below rsp there either. */
static cella_status leaves_safely(struct work *work, size_t index, bool *safe)
{
    const struct unit *unit = &work->unit;
    for (size_t i = 0; i < unit->code.count && *safe; i++) {
        const struct step *step = &unit->code.steps[i];
        const struct function *function;
        if ((step->flow != FLOW_JUMP && step->flow != FLOW_BRANCH) ||
            (step->target >= unit->code.start && step->target < unit->code.end) ||
            !redzone_is_connected(&unit->redzone, i, index))
            continue;
        if (!elf_executable_at(work->program, step->target)) {
            *safe = false;
            break;
        }
        cella_status status = find_function(work, step->target, &function);
        if (status != CELLA_OK)
            return status;
        if (function && function->start == step->target)
            continue;
        if (!function) {
            *safe = is_start(work, step->target);
            continue;
        }
        struct unit other;
        status = unit_make(work, function->start, function->end, function->name, false, &other);
        if (status == CELLA_OK)
            status = unit_analyse(work, &other);
        if (status != CELLA_OK) {
            unit_free(&other);
            return status;
        }
        for (size_t k = 0; k < other.code.count; k++)
            *safe &= redzone_is_free(redzone_facts(&other.redzone, k));
        unit_free(&other);
    }
    return CELLA_OK;
}

static bool add_site(struct work *work, const struct image_site *site, const struct patch *patch)
{
    size_t count = work->result.site_count;
    if ((count & (count - 1)) == 0) {
        size_t capacity = count ? count * 2 : 1;
        struct image_site *sites = realloc(work->result.sites, capacity * sizeof(*sites));
        if (sites)
            work->result.sites = sites;
        struct patch *patches = realloc(work->patches, capacity * sizeof(*patches));
        if (patches)
            work->patches = patches;
        if (!sites || !patches)
            return false;
    }
    work->result.sites[count] = *site;
    work->patches[count] = *patch;
    work->result.site_count++;
    return true;
}

static cella_status plan_stub(struct work *work, size_t index, struct patch *patch)
{
    const struct code *code = &work->unit.code;
    struct rewrite *result = &work->result;
    struct stub_window window;
    const char *why;
    struct stub_context context = {work->program, work->symbols, &work->frames};
    const struct patch *last = result->site_count ? &work->patches[result->site_count - 1] : NULL;
    uint64_t from = last ? last->address + last->size : 0;
    char what[200];
    if (code->steps[index].address < from) {
        *patch = (struct patch){.address = from}; /* moved along with the one before it */
        return CELLA_OK;
    }
    if (!stub_find(&context, code, index, from, &window, &why)) {
        snprintf(what, sizeof(what),
                 "a system call whose function may use the stack below rsp (red zone), and %s,",
                 why);
        return refuse(work, code->steps[index].address, what, "build that file with -mno-red-zone");
    }
    uint8_t *stubs = realloc(result->stubs, result->stubs_size + STUB_MOST);
    if (!stubs)
        return fail(work->error, CELLA_MEMORY, "%s: no memory for its stubs", work->program->name);
    result->stubs = stubs;
    const struct step *last_step = &code->steps[window.last];
    *patch = (struct patch){
        .address = code->steps[window.first].address,
        .size = last_step->address + last_step->length - code->steps[window.first].address,
        .stub = result->stubs_size,
    };
    result->stubs_size +=
        stub_write(work->program, code, window, work->program->high + result->stubs_size,
                   stubs + result->stubs_size);
    return CELLA_OK;
}

static cella_status decide_syscall(struct work *work, size_t index)
{
    const struct unit *unit = &work->unit;
    const struct step *step = &unit->code.steps[index];
    uint8_t facts = redzone_facts(&unit->redzone, index);
    bool safe = redzone_is_free(facts);
    if (safe && (facts & REDZONE_LEAVES)) {
        cella_status status = leaves_safely(work, index, &safe);
        if (status != CELLA_OK)
            return status;
    }
    struct patch patch = {.address = step->address, .size = step->length};
    struct image_site site = {
        .address = step->address,
        .kind = safe ? IMAGE_SITE_CALL : IMAGE_SITE_STUB,
        .function = unit->name,
    };
    if (!safe) {
        cella_status status = plan_stub(work, index, &patch);
        if (status != CELLA_OK)
            return status;
    }
    if (!add_site(work, &site, &patch))
        return fail(work->error, CELLA_MEMORY, "%s: no memory for its system calls",
                    work->program->name);
    return CELLA_OK;
}

/* Instructions straight before load the number of a system call. Data does not look like that. */
static bool has_number(const struct unit *unit, size_t index)
{
    for (size_t i = index; i-- > 0 && unit->code.steps[i].flow == FLOW_NEXT;)
        if (unit->code.steps[i].loads >= 0)
            return unit->code.steps[i].loads < (int64_t)TRAMPOLINE_BYTES;
    return false;
}

/* Code that no known function covers, in a program whose functions are known: is it data (tables
 * that assembly keeps beside its code)? To change a byte of data would be a silent error; to leave
 * a system call as it is stops the program when it gets there. */
static bool is_data(const struct work *work, size_t index)
{
    const struct unit *unit = &work->unit;
    return unit->gap && !unit->continues && work->functions_known &&
           (unit->code.broken || unit->code.tangled) && !has_number(unit, index);
}

/* The step is an instruction and not something that only looks like one. */
static bool is_code(const struct work *work, size_t index)
{
    const struct unit *unit = &work->unit;
    bool reached = unit->redzone.reached[index];
    if (unit->code.tangled || (unit->code.broken && !reached))
        return false;
    if (!unit->gap || !work->functions_known)
        return true;
    return (unit->continues && reached) || has_number(unit, index);
}

/* What the candidate bytes at an address are. */
static cella_status decide(struct work *work, uint64_t address)
{
    /* Constants that were linked into a segment of code. */
    if (!is_in_section(work->program, address)) {
        work->result.left_alone++;
        return CELLA_OK;
    }
    cella_status status = enter_unit(work, address);
    if (status != CELLA_OK)
        return status;
    const struct unit *unit = &work->unit;
    size_t index = code_find(&unit->code, address);
    const struct step *step = &unit->code.steps[index];
    bool clean = !unit->code.broken && !unit->code.tangled;
    if ((clean && step->kind == STEP_PLAIN) || is_data(work, index)) {
        work->result.left_alone++;
        return CELLA_OK;
    }
    status = unit_analyse(work, &work->unit);
    if (status != CELLA_OK)
        return status;
    if (!is_code(work, index))
        return refuse(work, address, "bytes that may or may not be a system call",
                      "move data out of the code section, or keep the symbols (do not strip)");
    if (step->kind == STEP_FORBIDDEN)
        return refuse(work, address, "an int 0x80 or sysenter instruction",
                      "use the syscall instruction (64-bit system calls)");
    if (step->kind != STEP_SYSCALL) {
        work->result.left_alone++;
        return CELLA_OK;
    }
    if (step->length != SYSCALL_BYTES)
        return refuse(work, address, "a syscall instruction with a prefix", "remove the prefix");
    return decide_syscall(work, index);
}

static cella_status decide_all(struct work *work)
{
    const struct elf_program *program = work->program;
    for (size_t i = 0; i < program->segment_count; i++) {
        const struct elf_segment *segment = &program->segments[i];
        if (!(segment->flags & TEE_PAGE_X))
            continue;
        const uint8_t *bytes = program->memory + (segment->address - program->low);
        for (uint64_t at = 0; at + SYSCALL_BYTES <= segment->file_size; at++) {
            bool candidate = bytes[at] == 0x0f ? bytes[at + 1] == 0x05 || bytes[at + 1] == 0x34
                                               : bytes[at] == 0xcd && bytes[at + 1] == 0x80;
            if (!candidate)
                continue;
            cella_status status = decide(work, segment->address + at);
            if (status != CELLA_OK)
                return status;
        }
    }
    return CELLA_OK;
}

static void apply_all(struct work *work)
{
    struct elf_program *program = work->program;
    for (size_t i = 0; i < work->result.site_count; i++) {
        const struct patch *patch = &work->patches[i];
        uint8_t *at = program->memory + (patch->address - program->low);
        if (work->result.sites[i].kind == IMAGE_SITE_STUB && patch->size) {
            stub_divert(at, patch->address, patch->size, program->high + patch->stub);
        } else if (work->result.sites[i].kind == IMAGE_SITE_CALL) {
            at[0] = 0xff; /* call *%rax */
            at[1] = 0xd0;
        }
    }
}

cella_status rewrite_program(struct elf_program *program, const struct functions *functions,
                             struct rewrite *rewrite, cella_error *error)
{
    struct work work = {.program = program, .symbols = functions, .error = error};
    cella_status status = decide_all(&work);
    if (status == CELLA_OK) {
        apply_all(&work);
        *rewrite = work.result;
    } else {
        rewrite_free(&work.result);
    }
    unit_free(&work.unit);
    functions_free(&work.frames);
    free(work.starts);
    free(work.patches);
    return status;
}

void rewrite_free(struct rewrite *rewrite)
{
    free(rewrite->sites);
    free(rewrite->stubs);
    *rewrite = (struct rewrite){0};
}
