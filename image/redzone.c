/* SPDX-License-Identifier: Apache-2.0
 *
 * The dataflow analysis of redzone.h.
 *
 * A stack address is an anchor plus an offset. Anchors are rsp at the start of the code (and at
 * each place that nothing leads to), and rsp after each instruction that moves it by an amount that
 * is not known. rsp itself may be known only as an upper bound ("at most anchor + offset"); other
 * registers are known exactly or not at all. Of an anchor that came about by lowering rsp, `bound`
 * keeps what it is at most.
 *
 * Invariant: everything only ever becomes less known (rsp's bound only rises), so the loops end.
 */
#include "redzone.h"

#include "fail.h"

#include <stdlib.h>
#include <string.h>

enum { ANCHOR_NONE = -1, ANCHOR_CALLER = -2 }; /* unknown; what the caller had in the register */

#define OFFSET_MOST (1 << 24) /* beyond it a stack address counts as unknown */
#define JOINS_MOST  64u       /* at one step, then rsp counts as unknown: a loop that raises it */
#define ROUNDS_MOST 8u
#define BOUNDS_MOST 32u /* anchors followed one after another */

struct place {
    int32_t anchor;
    int32_t offset;
};

struct state {
    struct place registers[REGISTERS];
    bool exact; /* rsp is equal to its place, not only at most that */
};

struct analysis {
    const struct code *code;
    struct state *states; /* before a step; the one behind the last step is that of all indirect
                             jumps together */
    uint8_t *known;       /* the step has a state */
    uint8_t *joins;       /* how often it changed */
    uint8_t *queued;      /* is in the queue */
    uint32_t *queue;
    size_t queue_count;
    struct place *bounds; /* of an anchor */
    bool bounds_rose;
};

/* Two anchors a step may make: one as the start of code that nothing leads to, one by lowering. */
static int32_t start_anchor(size_t index)
{
    return (int32_t)(2 * index);
}

static int32_t lowered_anchor(size_t index)
{
    return (int32_t)(2 * index + 1);
}

static struct place place_add(struct place place, int64_t add)
{
    if (place.anchor < 0 || add == 0)
        return place.anchor == ANCHOR_CALLER && add == 0 ? place
               : place.anchor < 0                        ? (struct place){ANCHOR_NONE, 0}
                                                         : place;
    if (add > OFFSET_MOST || add < -OFFSET_MOST || place.offset + add > OFFSET_MOST ||
        place.offset + add < -OFFSET_MOST)
        return (struct place){ANCHOR_NONE, 0};
    place.offset += (int32_t)add;
    return place;
}

static bool place_equal(struct place a, struct place b)
{
    return a.anchor == b.anchor && a.offset == b.offset;
}

/* What a place is at most, in terms of an older anchor. */
static struct place place_bound(const struct analysis *analysis, struct place place)
{
    if (place.anchor < 0)
        return (struct place){ANCHOR_NONE, 0};
    return place_add(analysis->bounds[place.anchor], place.offset);
}

/* The least place that both are known to be at most; ANCHOR_NONE where there is none. */
static struct place upper_bound(const struct analysis *analysis, struct place a, struct place b)
{
    for (unsigned i = 0; i < BOUNDS_MOST && a.anchor >= 0; i++) {
        struct place other = b;
        for (unsigned k = 0; k < BOUNDS_MOST && other.anchor >= 0; k++) {
            if (other.anchor == a.anchor)
                return other.offset > a.offset ? other : a;
            other = place_bound(analysis, other);
        }
        a = place_bound(analysis, a);
    }
    return (struct place){ANCHOR_NONE, 0};
}

/* True when `address` is proved to be at or above rsp. */
static bool is_above(const struct analysis *analysis, struct place address, struct place rsp)
{
    for (unsigned i = 0; i < BOUNDS_MOST && rsp.anchor >= 0; i++) {
        if (rsp.anchor == address.anchor)
            return address.offset >= rsp.offset;
        rsp = place_bound(analysis, rsp);
    }
    return false;
}

/* rsp now has an anchor of its own; where it was is an upper bound of that. */
static void anchor_here(struct analysis *analysis, struct state *state, size_t index)
{
    struct place *rsp = &state->registers[REGISTER_RSP];
    int32_t anchor = lowered_anchor(index);
    struct place *bound = &analysis->bounds[anchor];
    struct place risen = *rsp;
    /* A bound must not lead back to the anchor itself. */
    for (unsigned i = 0; i < BOUNDS_MOST && risen.anchor == anchor; i++)
        risen = place_bound(analysis, risen);
    if (bound->anchor == ANCHOR_CALLER) /* not made before */
        *bound = risen;
    else if (!place_equal(*bound, risen)) {
        struct place joined = upper_bound(analysis, *bound, risen);
        if (!place_equal(joined, *bound)) {
            *bound = joined;
            analysis->bounds_rose = true;
        }
    }
    *rsp = (struct place){anchor, 0};
    state->exact = true;
}

static void apply(struct analysis *analysis, struct state *state, size_t index)
{
    const struct step *step = &analysis->code->steps[index];
    struct place *registers = state->registers;
    struct place copy = {ANCHOR_NONE, 0}, raised;
    if (step->copy_to != REGISTER_NONE) {
        if (step->copy_from == REGISTER_RSP && !state->exact)
            anchor_here(analysis, state, index);
        copy = place_add(registers[step->copy_from], step->copy_add);
    }
    switch (step->stack) {
    case STACK_ADD:
        registers[REGISTER_RSP] = place_add(registers[REGISTER_RSP], step->stack_add);
        break;
    case STACK_LOWER:
        anchor_here(analysis, state, index);
        break;
    case STACK_FROM:
        raised = place_add(registers[step->stack_from], step->stack_add);
        registers[REGISTER_RSP] = raised.anchor >= 0 ? raised : (struct place){ANCHOR_NONE, 0};
        state->exact = true;
        break;
    case STACK_LOST:
        registers[REGISTER_RSP] = (struct place){ANCHOR_NONE, 0};
        break;
    }
    for (unsigned i = 0; i < REGISTERS; i++)
        if (step->writes & (1u << i))
            registers[i] = (struct place){ANCHOR_NONE, 0};
    if (step->copy_to != REGISTER_NONE)
        registers[step->copy_to] = copy;
}

static void enqueue(struct analysis *analysis, size_t index)
{
    if (!analysis->queued[index]) {
        analysis->queued[index] = 1;
        analysis->queue[analysis->queue_count++] = (uint32_t)index;
    }
}

/* Lets what holds in `from` hold at a step as well. */
static void join(struct analysis *analysis, size_t index, const struct state *from)
{
    struct state *into = &analysis->states[index];
    if (!analysis->known[index]) {
        analysis->known[index] = 1;
        *into = *from;
        enqueue(analysis, index);
        return;
    }
    bool changed = false;
    for (unsigned i = 0; i < REGISTERS; i++) {
        if (place_equal(into->registers[i], from->registers[i]) && i != REGISTER_RSP)
            continue;
        struct place joined = {ANCHOR_NONE, 0};
        if (i == REGISTER_RSP) {
            bool equal = place_equal(into->registers[i], from->registers[i]);
            if (into->exact && !(from->exact && equal)) {
                into->exact = false;
                changed = true;
            }
            if (equal)
                continue;
            if (analysis->joins[index] < JOINS_MOST)
                joined = upper_bound(analysis, into->registers[i], from->registers[i]);
        }
        if (!place_equal(into->registers[i], joined)) {
            into->registers[i] = joined;
            changed = true;
        }
    }
    if (changed) {
        if (analysis->joins[index] < JOINS_MOST)
            analysis->joins[index]++;
        enqueue(analysis, index);
    }
}

/* Follows the flow from what is queued until nothing changes. */
static void propagate(struct analysis *analysis)
{
    const struct code *code = analysis->code;
    while (analysis->queue_count) {
        size_t index = analysis->queue[--analysis->queue_count];
        analysis->queued[index] = 0;
        if (index == code->count)
            continue;
        const struct step *step = &code->steps[index];
        struct state state = analysis->states[index];
        apply(analysis, &state, index);
        if (step->flow <= FLOW_BRANCH && index + 1 < code->count)
            join(analysis, index + 1, &state);
        if (step->flow == FLOW_BRANCH || step->flow == FLOW_JUMP) {
            size_t target = code_index(code, step->target);
            if (target != SIZE_MAX)
                join(analysis, target, &state);
        }
        if (step->flow == FLOW_INDIRECT)
            join(analysis, code->count, &state);
    }
}

static struct state start_state(size_t index)
{
    struct state state = {.exact = true};
    for (unsigned i = 0; i < REGISTERS; i++)
        state.registers[i] = (struct place){ANCHOR_CALLER, 0};
    state.registers[REGISTER_RSP] = (struct place){start_anchor(index), 0};
    return state;
}

/* One pass over all code, from its start and from every place that nothing leads to. */
static void flow(struct analysis *analysis, bool pieces, uint8_t *reached)
{
    size_t count = analysis->code->count;
    memset(analysis->known, 0, count + 1);
    memset(analysis->joins, 0, count + 1);
    struct state start = start_state(0);
    join(analysis, 0, &start);
    propagate(analysis);
    memcpy(reached, analysis->known, count);
    for (size_t i = 0; i < count; i++) {
        if (analysis->known[i])
            continue;
        start = start_state(i);
        if (analysis->known[count])
            join(analysis, i, &analysis->states[count]);
        if (pieces || !analysis->known[count])
            join(analysis, i, &start);
        propagate(analysis);
    }
}

/* An address that step `index` puts into a register lies below rsp. Prologues do that just before
 * they lower rsp: fine, when rsp has been lowered past it before anything reads the register. */
static bool is_lowered_first(const struct analysis *analysis, size_t index, struct place address)
{
    const struct code *code = analysis->code;
    uint16_t bit = (uint16_t)(1u << code->steps[index].copy_to);
    for (size_t i = index + 1; i < code->count && code->steps[i - 1].flow == FLOW_NEXT; i++) {
        if (is_above(analysis, address, analysis->states[i].registers[REGISTER_RSP]))
            return true;
        if (((code->steps[i].reads | code->steps[i].writes) & bit) ||
            code->steps[i].kind != STEP_PLAIN)
            return false;
    }
    return false;
}

/* What one step does, when `state` holds before it. */
static uint8_t step_facts(const struct analysis *analysis, size_t index)
{
    const struct step *step = &analysis->code->steps[index];
    const struct state *state = &analysis->states[index];
    struct place rsp = state->registers[REGISTER_RSP];
    uint8_t facts = 0;
    if (step->flow == FLOW_CALL)
        facts |= REDZONE_CALLS;
    if (step->flow == FLOW_INDIRECT)
        facts |= REDZONE_INDIRECT;
    if ((step->flow == FLOW_BRANCH || step->flow == FLOW_JUMP) &&
        (step->target < analysis->code->start || step->target >= analysis->code->end))
        facts |= REDZONE_LEAVES;
    /* The address that an lea makes is looked at as the copy that it is. */
    unsigned memory_count = step->copy_to == REGISTER_NONE ? step->memory_count : 0;
    for (unsigned i = 0; i < memory_count; i++) {
        const struct step_memory *memory = &step->memory[i];
        if (memory->index != REGISTER_NONE &&
            (memory->base == REGISTER_RSP || state->registers[memory->index].anchor >= 0))
            facts |= REDZONE_INDEXED;
        if (memory->base == REGISTER_NONE)
            continue;
        struct place base = state->registers[memory->base];
        if (memory->base == REGISTER_RSP) {
            if (memory->displacement < 0)
                facts |= REDZONE_USED;
        } else if (base.anchor >= 0) {
            if (!is_above(analysis, place_add(base, memory->displacement), rsp))
                facts |= REDZONE_USED;
            if (memory->index != REGISTER_NONE)
                facts |= REDZONE_INDEXED;
        } else if (memory->base == REGISTER_RBP && base.anchor == ANCHOR_CALLER &&
                   memory->displacement < 0) {
            /* The caller's frame pointer: this is a part of a function whose frame is set up
             * elsewhere. */
            facts |= REDZONE_USED;
        }
    }
    if (step->copy_to != REGISTER_NONE) {
        struct place copy = place_add(state->registers[step->copy_from], step->copy_add);
        if (copy.anchor >= 0 && !is_above(analysis, copy, rsp) &&
            !is_lowered_first(analysis, index, copy))
            facts |= REDZONE_USED;
        if (copy.anchor < 0 && state->registers[step->copy_from].anchor >= 0)
            facts |= REDZONE_USED; /* too far to be followed */
    }
    if (step->copy_to != REGISTER_NONE && step->copy_add < 0 &&
        ((step->copy_from == REGISTER_RSP && rsp.anchor < 0) ||
         (step->copy_from == REGISTER_RBP && step->copy_to != REGISTER_RBP &&
          state->registers[REGISTER_RBP].anchor == ANCHOR_CALLER)))
        facts |= REDZONE_USED;
    return facts;
}

static uint32_t group_of(uint32_t *group, uint32_t index)
{
    while (group[index] != index) {
        group[index] = group[group[index]];
        index = group[index];
    }
    return index;
}

static void connect(uint32_t *group, uint32_t a, uint32_t b)
{
    a = group_of(group, a);
    b = group_of(group, b);
    if (a < b)
        group[b] = a;
    else
        group[a] = b;
}

/* Steps that control flow connects are one group; code with an indirect jump is one in all. */
static void make_groups(const struct code *code, bool indirect, uint32_t *group)
{
    for (size_t i = 0; i < code->count; i++)
        group[i] = indirect ? 0 : (uint32_t)i;
    if (indirect)
        return;
    for (size_t i = 0; i < code->count; i++) {
        const struct step *step = &code->steps[i];
        if (step->flow <= FLOW_BRANCH && i + 1 < code->count)
            connect(group, (uint32_t)i, (uint32_t)i + 1);
        if (step->flow == FLOW_BRANCH || step->flow == FLOW_JUMP) {
            size_t target = code_index(code, step->target);
            if (target != SIZE_MAX)
                connect(group, (uint32_t)i, (uint32_t)target);
        }
    }
}

static bool is_indirect(const struct code *code)
{
    for (size_t i = 0; i < code->count; i++)
        if (code->steps[i].flow == FLOW_INDIRECT)
            return true;
    return false;
}

cella_status redzone_analyse(const struct code *code, bool pieces, struct redzone *result,
                             cella_error *error)
{
    size_t count = code->count;
    bool indirect = is_indirect(code), settled = false;
    struct redzone redzone = {
        .group = calloc(count, sizeof(uint32_t)),
        .facts = calloc(count, 1),
        .reached = calloc(count, 1),
    };
    struct analysis analysis = {
        .code = code,
        .states = calloc(count + 1, sizeof(struct state)),
        .known = calloc(count + 1, 1),
        .joins = calloc(count + 1, 1),
        .queued = calloc(count + 1, 1),
        .queue = calloc(count + 1, sizeof(uint32_t)),
        .bounds = calloc(2 * count, sizeof(struct place)),
    };
    cella_status status = CELLA_MEMORY;
    if (count > INT32_MAX / 2 || !redzone.group || !redzone.facts || !redzone.reached ||
        !analysis.states || !analysis.known || !analysis.joins || !analysis.queued ||
        !analysis.queue || !analysis.bounds) {
        fail(error, status, "no memory to analyse %zu instructions at 0x%llx", count,
             (unsigned long long)code->start);
        redzone_free(&redzone);
        goto out;
    }
    for (size_t i = 0; i < count; i++) {
        analysis.bounds[start_anchor(i)] = (struct place){ANCHOR_NONE, 0};
        analysis.bounds[lowered_anchor(i)] = (struct place){ANCHOR_CALLER, 0};
    }
    /* A bound that rose makes what was derived from it stale: once more from the start. */
    for (unsigned round = 0; round < ROUNDS_MOST && !settled; round++) {
        analysis.bounds_rose = false;
        flow(&analysis, pieces, redzone.reached);
        settled = !analysis.bounds_rose;
    }
    make_groups(code, indirect, redzone.group);
    for (size_t i = 0; i < count; i++)
        redzone.facts[group_of(redzone.group, (uint32_t)i)] |=
            settled ? step_facts(&analysis, i) : REDZONE_USED;
    *result = redzone;
    status = CELLA_OK;
out:
    free(analysis.states);
    free(analysis.known);
    free(analysis.joins);
    free(analysis.queued);
    free(analysis.queue);
    free(analysis.bounds);
    return status;
}

void redzone_free(struct redzone *redzone)
{
    free(redzone->group);
    free(redzone->facts);
    free(redzone->reached);
    *redzone = (struct redzone){0};
}

bool redzone_is_connected(const struct redzone *redzone, size_t a, size_t b)
{
    return group_of(redzone->group, (uint32_t)a) == group_of(redzone->group, (uint32_t)b);
}

uint8_t redzone_facts(const struct redzone *redzone, size_t index)
{
    return redzone->facts[group_of(redzone->group, (uint32_t)index)];
}

bool redzone_is_free(uint8_t facts)
{
    if (facts & REDZONE_USED)
        return false;
    return !(facts & REDZONE_INDEXED) || (facts & REDZONE_CALLS);
}
