/* SPDX-License-Identifier: Apache-2.0
 *
 * Which groups may leave. Of each watched input, a group needs `least` individuals, and may not be
 * told apart from another that left (or that was suppressed, since a total minus the rest shows it)
 * by 1 to least - 1 of them. Groups of one statement leave together, so what they are together, and
 * what was suppressed of them together, are groups too.
 */
#include "run.h"

#include "image/fail.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MORE_MOST 200u /* groups suppressed for the sake of others, before all are */

struct holding {
    const struct released *released; /* of every input */
    const size_t *inputs;
    const struct family *family;
    uint64_t least;
    bool no_memory;
};

static const struct id_set *set_of(const struct family *family, size_t group, size_t watched)
{
    return family->sets[group * family->watched + watched];
}

static bool classes_meet(unsigned first, unsigned second)
{
    return first == second || first == CLASS_ANY || second == CLASS_ANY;
}

static bool near_released(const struct holding *holding, size_t watched, const struct id_set *set)
{
    const struct released *released = &holding->released[holding->inputs[watched]];
    for (size_t i = 0; i < released->count; i++) {
        const struct released_set *other = &released->sets[i];
        uint64_t least = other->least > holding->least ? other->least : holding->least;
        if (classes_meet(other->class, holding->family->classes[watched]) &&
            set_is_near(&other->set, set, least))
            return true;
    }
    return false;
}

static bool may_leave(const struct holding *holding, size_t group)
{
    const struct family *family = holding->family;
    bool somebody = false; /* a row of a union may tell nothing of an input, but not of all */
    for (size_t w = 0; w < family->watched; w++) {
        const struct id_set *set = set_of(family, group, w);
        if (set->count == 0)
            continue;
        somebody = true;
        if (set->count < holding->least || near_released(holding, w, set))
            return false;
        for (size_t i = 0; i < group; i++)
            if (!family->suppressed[i] && set_is_near(set_of(family, i, w), set, holding->least))
                return false;
    }
    return somebody;
}

/* All individuals of the groups that are (or are not) suppressed. */
static struct id_set together(struct holding *holding, size_t watched, bool suppressed)
{
    const struct family *family = holding->family;
    struct id_set all = {0};
    size_t room = 0, count = 0;
    for (size_t i = 0; i < family->count; i++) {
        const struct id_set *set = set_of(family, i, watched);
        if (family->suppressed[i] == suppressed && set->count && set->ids[set->count - 1] >= room)
            room = (size_t)set->ids[set->count - 1] + 1;
    }
    bool *met = calloc(room + 1, sizeof(*met));
    for (size_t i = 0; met && i < family->count; i++) {
        const struct id_set *set = set_of(family, i, watched);
        for (size_t k = 0; family->suppressed[i] == suppressed && k < set->count; k++) {
            count += !met[set->ids[k]];
            met[set->ids[k]] = true;
        }
    }
    all.ids = met ? malloc((count + 1) * sizeof(*all.ids)) : NULL;
    for (size_t id = 0; all.ids && id < room; id++)
        if (met[id])
            all.ids[all.count++] = (uint32_t)id;
    holding->no_memory |= !all.ids;
    free(met);
    return all;
}

/* Would the rest, or the suppressed, show a few? */
static bool shows_few(struct holding *holding, size_t watched)
{
    struct id_set hidden = together(holding, watched, true);
    struct id_set left = together(holding, watched, false);
    bool shows = (hidden.count > 0 &&
                  (hidden.count < holding->least || near_released(holding, watched, &hidden))) ||
                 (left.count > 0 && near_released(holding, watched, &left));
    free(hidden.ids);
    free(left.ids);
    return shows;
}

/* The smallest group that would leave; false: none would. */
static bool suppress_smallest(const struct holding *holding, size_t watched)
{
    const struct family *family = holding->family;
    size_t smallest = PLAN_NONE;
    for (size_t i = 0; i < family->count; i++)
        if (!family->suppressed[i] &&
            (smallest == PLAN_NONE ||
             set_of(family, i, watched)->count < set_of(family, smallest, watched)->count))
            smallest = i;
    if (smallest != PLAN_NONE)
        family->suppressed[smallest] = true;
    return smallest != PLAN_NONE;
}

static void suppress_all(const struct holding *holding)
{
    for (size_t i = 0; i < holding->family->count; i++)
        holding->family->suppressed[i] = true;
}

/* Suppresses more, until what is left together shows nobody, of any watched input. */
static void suppress_more(struct holding *holding)
{
    bool again = true;
    for (unsigned more = 0; again && !holding->no_memory; more++) {
        again = false;
        for (size_t w = 0; !again && w < holding->family->watched; w++)
            again = shows_few(holding, w) && suppress_smallest(holding, w);
        if (more == MORE_MOST) {
            suppress_all(holding);
            return;
        }
    }
}

/* ---- what left ---- */

static bool add_released(struct released *released, const struct id_set *set, uint64_t least,
                         unsigned class)
{
    bool known = set->count == 0;
    for (size_t i = 0; !known && i < released->count; i++)
        known = released->sets[i].class == class && released->sets[i].least >= least &&
                set_is_same(&released->sets[i].set, set);
    if (known)
        return true;
    if (released->count == released->room) {
        size_t room = released->room * 2 + 16;
        struct released_set *sets = realloc(released->sets, room * sizeof(*sets));
        if (!sets)
            return false;
        released->sets = sets;
        released->room = room;
    }
    struct id_set copy = {0};
    if (!set_union(&copy, set))
        return false;
    released->sets[released->count++] = (struct released_set){copy, least, class};
    return true;
}

static bool add_family(struct holding *holding, struct released *released)
{
    const struct family *family = holding->family;
    for (size_t w = 0; w < family->watched; w++) {
        struct released *to = &released[holding->inputs[w]];
        struct id_set hidden = together(holding, w, true), left = together(holding, w, false);
        bool right = !holding->no_memory &&
                     add_released(to, &hidden, holding->least, family->classes[w]) &&
                     add_released(to, &left, holding->least, family->classes[w]);
        free(hidden.ids);
        free(left.ids);
        for (size_t i = 0; right && i < family->count; i++)
            right = family->suppressed[i] ||
                    add_released(to, set_of(family, i, w), holding->least, family->classes[w]);
        if (!right)
            return false;
    }
    return true;
}

cella_status rules_hold(struct released *released, const size_t *inputs,
                        const struct family *family, uint64_t least, cella_error *error)
{
    struct holding holding = {
        .released = released, .inputs = inputs, .family = family, .least = least};
    for (size_t i = 0; i < family->count; i++)
        if (!family->suppressed[i])
            family->suppressed[i] = !may_leave(&holding, i);
    suppress_more(&holding);
    if (!holding.no_memory && add_family(&holding, released))
        return CELLA_OK;
    suppress_all(&holding);
    return fail(error, CELLA_MEMORY, "no memory to hold the result to its rules");
}

void released_free(struct released *released)
{
    for (size_t i = 0; i < released->count; i++)
        free(released->sets[i].set.ids);
    free(released->sets);
    *released = (struct released){0};
}

/* ---- numbers ---- */

static int64_t round_count(int64_t value, uint64_t multiple)
{
    if (multiple < 2 || multiple > INT64_MAX)
        return value;
    int64_t step = (int64_t)multiple, rest = value % step, whole = value - rest, next;
    if (rest < 0 ? -rest < step - -rest : rest < step - rest)
        return whole;
    return __builtin_add_overflow(whole, rest < 0 ? -step : step, &next) ? whole : next;
}

static double round_digits(double value, uint32_t digits)
{
    char text[64];
    if (digits == 0 || !isfinite(value))
        return value;
    snprintf(text, sizeof(text), "%.*e", (int)digits - 1, value);
    return strtod(text, NULL);
}

static void round_value(struct query_value *value, bool is_count, const struct query_rules *rules)
{
    if (value->kind == QUERY_VALUE_REAL && !isfinite(value->real)) {
        *value = (struct query_value){.kind = QUERY_VALUE_NULL};
    } else if (value->kind == QUERY_VALUE_INTEGER && is_count) {
        value->integer = round_count(value->integer, rules->round);
    } else if (value->kind == QUERY_VALUE_INTEGER && rules->digits) {
        double real = round_digits((double)value->integer, rules->digits);
        if (fabs(real) < 9e18)
            value->integer = (int64_t)real;
        else
            *value = (struct query_value){.kind = QUERY_VALUE_REAL, .real = real};
    } else if (value->kind == QUERY_VALUE_REAL) {
        value->real = round_digits(value->real, rules->digits);
    }
}

uint64_t rules_round_count(uint64_t count, const struct query_rules *rules)
{
    return count > INT64_MAX ? 0 : (uint64_t)round_count((int64_t)count, rules->round);
}

void rules_round(struct query_table *table, size_t keys, const struct query_rules *rules)
{
    for (size_t row = 0; row < table->rows; row++)
        for (size_t i = keys; i < table->columns; i++)
            round_value(&table->values[row * table->columns + i], table->counts[i], rules);
}
