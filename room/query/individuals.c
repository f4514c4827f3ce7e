/* SPDX-License-Identifier: Apache-2.0
 *
 * Individuals: identifiers as dense numbers, sets of them, and the aggregates that collect them
 * while SQLite runs a statement.
 */
#include "run.h"

#include "hash.h"
#include "image/fail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- sets ---- */

bool set_union(struct id_set *set, const struct id_set *other)
{
    if (other->count == 0)
        return true;
    uint32_t *ids = malloc((set->count + other->count) * sizeof(*ids));
    if (!ids)
        return false;
    size_t i = 0, k = 0, count = 0;
    while (i < set->count || k < other->count) {
        bool first = k == other->count || (i < set->count && set->ids[i] <= other->ids[k]);
        uint32_t id = first ? set->ids[i] : other->ids[k];
        i += i < set->count && set->ids[i] == id;
        k += k < other->count && other->ids[k] == id;
        ids[count++] = id;
    }
    free(set->ids);
    set->ids = ids;
    set->count = count;
    return true;
}

bool set_is_same(const struct id_set *first, const struct id_set *second)
{
    return first->count == second->count &&
           (first->count == 0 ||
            memcmp(first->ids, second->ids, first->count * sizeof(*first->ids)) == 0);
}

bool set_is_near(const struct id_set *first, const struct id_set *second, uint64_t least)
{
    size_t sizes =
        first->count > second->count ? first->count - second->count : second->count - first->count;
    uint64_t different = 0;
    if (sizes >= least || (sizes == 0 && set_is_same(first, second)))
        return false;
    for (size_t i = 0, k = 0; (i < first->count || k < second->count) && different < least;) {
        bool left = i < first->count, right = k < second->count;
        bool same = left && right && first->ids[i] == second->ids[k];
        bool takes_left = left && (!right || first->ids[i] <= second->ids[k]);
        i += takes_left;
        k += same || !takes_left;
        different += !same;
    }
    return different > 0 && different < least;
}

static int compare_ids(const void *first, const void *second)
{
    uint32_t a, b;
    memcpy(&a, first, sizeof(a));
    memcpy(&b, second, sizeof(b));
    return (a > b) - (a < b);
}

static bool keep_set(struct individuals *individuals, struct id_set set)
{
    if (individuals->set_count == individuals->set_room) {
        size_t room = individuals->set_room * 2 + 16;
        struct id_set *sets = realloc(individuals->sets, room * sizeof(*sets));
        if (!sets)
            return false;
        individuals->sets = sets;
        individuals->set_room = room;
    }
    individuals->sets[individuals->set_count++] = set;
    return true;
}

void individuals_clear(struct individuals *individuals)
{
    for (size_t i = 0; i < individuals->set_count; i++)
        free(individuals->sets[i].ids);
    free(individuals->sets);
    for (size_t i = 0; i < individuals->slot_count; i++) {
        free(individuals->slots[i].feeds);
        free(individuals->slots[i].stamps);
    }
    free(individuals->slots);
    *individuals = (struct individuals){0};
}

/* ---- who a row is about ---- */

struct group {
    struct slot *slot;
    uint32_t *ids;
    size_t count, room;
    double *values; /* of cella_sides, and of each value a row for each feed */
    int64_t *rows;
    size_t value_count, value_room;
    double quantile;
};

static bool add_id(struct group *group, uint32_t id)
{
    struct slot *slot = group->slot;
    if (id >= slot->people)
        return false;
    if (slot->stamps[id] == slot->group)
        return true;
    slot->stamps[id] = slot->group;
    if (slot->keep && group->count == group->room) {
        size_t room = group->room * 2 + 8;
        uint32_t *ids = realloc(group->ids, room * sizeof(*ids));
        if (!ids)
            return false;
        group->ids = ids;
        group->room = room;
    }
    if (slot->keep)
        group->ids[group->count] = id;
    group->count++;
    return true;
}

/* False: no such row, or no memory; the statement then fails. */
static bool add_row(struct group *group, size_t feed, int64_t row)
{
    const struct feed *from = &group->slot->feeds[feed];
    if (row < 1 || (uint64_t)row > from->rows)
        return false;
    if (from->people)
        return add_id(group, from->people->of_row[row - 1]);
    const struct id_set *set = &from->sets[(size_t)(row - 1) * from->stride];
    for (size_t i = 0; i < set->count; i++)
        if (!add_id(group, set->ids[i]))
            return false;
    return true;
}

/* The group that this step belongs to; a new one takes the slot, which must be free. */
static struct group *group_of(sqlite3_context *context, sqlite3_value **arguments, int count,
                              int fixed)
{
    struct individuals *individuals = sqlite3_user_data(context);
    struct group *group = sqlite3_aggregate_context(context, sizeof(*group));
    if (!group || group->slot)
        return group;
    int64_t number = sqlite3_value_int64(arguments[0]);
    if (number < 0 || (uint64_t)number >= individuals->slot_count)
        return NULL;
    struct slot *slot = &individuals->slots[number];
    if (slot->open || slot->group == UINT32_MAX || slot->feed_count != (size_t)(count - fixed))
        return NULL;
    slot->open = true;
    slot->group++;
    group->slot = slot;
    return group;
}

static void set_step(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    struct group *group = group_of(context, arguments, count, 1);
    bool right = group != NULL;
    for (int i = 1; right && i < count; i++)
        if (sqlite3_value_type(arguments[i]) != SQLITE_NULL)
            right = add_row(group, (size_t)i - 1, sqlite3_value_int64(arguments[i]));
    if (!right)
        sqlite3_result_error_nomem(context);
}

/* Sorted: many by a look at everyone, few by comparing. */
static void sort_group(struct group *group)
{
    const struct slot *slot = group->slot;
    size_t count = 0;
    if (group->count < slot->people / 16) {
        qsort(group->ids, group->count, sizeof(*group->ids), compare_ids);
        return;
    }
    for (uint32_t id = 0; id < slot->people; id++)
        if (slot->stamps[id] == slot->group)
            group->ids[count++] = id;
}

static void set_final(sqlite3_context *context)
{
    struct individuals *individuals = sqlite3_user_data(context);
    struct group *group = sqlite3_aggregate_context(context, 0);
    sqlite3_result_int64(context, 0); /* of no row: nobody, and the empty set */
    if (!group || !group->slot)
        return;
    group->slot->open = false;
    if (!group->slot->keep) {
        sqlite3_result_int64(context, (sqlite3_int64)group->count);
    } else if (group->count) {
        sort_group(group);
        if (keep_set(individuals, (struct id_set){group->ids, group->count})) {
            sqlite3_result_int64(context, (sqlite3_int64)individuals->set_count - 1);
            return;
        }
        sqlite3_result_error_nomem(context);
    }
    free(group->ids);
}

/* ---- either side of a quantile ---- */

static bool add_value(struct group *group, sqlite3_value **arguments, size_t feeds)
{
    if (group->value_count == group->value_room) {
        size_t room = group->value_room * 2 + 16;
        double *values = realloc(group->values, room * sizeof(*values));
        if (values)
            group->values = values;
        int64_t *rows = realloc(group->rows, room * feeds * sizeof(*rows));
        if (rows)
            group->rows = rows;
        if (!values || !rows)
            return false;
        group->value_room = room;
    }
    group->values[group->value_count] = sqlite3_value_double(arguments[1]);
    for (size_t i = 0; i < feeds; i++)
        group->rows[group->value_count * feeds + i] =
            sqlite3_value_type(arguments[3 + i]) == SQLITE_NULL
                ? 0
                : sqlite3_value_int64(arguments[3 + i]);
    group->value_count++;
    return true;
}

static void sides_step(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    struct group *group = group_of(context, arguments, count, 3);
    if (group && sqlite3_value_type(arguments[1]) == SQLITE_NULL)
        return;
    if (!group || !add_value(group, arguments, (size_t)count - 3)) {
        sqlite3_result_error_nomem(context);
        return;
    }
    group->quantile = sqlite3_value_double(arguments[2]);
}

static int compare_values(const void *first, const void *second, void *values)
{
    size_t i, k;
    memcpy(&i, first, sizeof(i));
    memcpy(&k, second, sizeof(k));
    double a = ((double *)values)[i], b = ((double *)values)[k];
    return (a > b) - (a < b);
}

/* Individuals of the values from one place of the order up to another. */
static bool count_side(struct group *group, const size_t *order, size_t from, size_t to,
                       size_t *count)
{
    size_t feeds = group->slot->feed_count;
    if (group->slot->group == UINT32_MAX)
        return false;
    group->slot->group++;
    group->count = 0;
    for (size_t i = from; i < to; i++)
        for (size_t k = 0; k < feeds; k++) {
            int64_t row = group->rows[order[i] * feeds + k];
            if (row && !add_row(group, k, row))
                return false;
        }
    *count = group->count;
    return true;
}

static bool count_sides(struct group *group, size_t *fewer)
{
    size_t n = group->value_count, low = 0, high = 0;
    size_t *order = malloc(n * sizeof(*order));
    if (!order)
        return false;
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    qsort_r(order, n, sizeof(*order), compare_values, group->values);
    double place = (double)(n - 1) * group->quantile;
    bool whole = place == floor(place);
    size_t below = place > 0 ? (size_t)floor(place) + !whole : 0;
    size_t above = place > 0 ? (size_t)floor(place) + 1 : 1;
    bool right = count_side(group, order, 0, below < n ? below : n, &low) &&
                 count_side(group, order, above < n ? above : n, n, &high);
    free(order);
    *fewer = low < high ? low : high;
    return right;
}

static void sides_final(sqlite3_context *context)
{
    struct group *group = sqlite3_aggregate_context(context, 0);
    size_t fewer = 0;
    sqlite3_result_int64(context, 0);
    if (!group || !group->slot)
        return;
    if (group->value_count && !count_sides(group, &fewer))
        sqlite3_result_error_nomem(context);
    else
        sqlite3_result_int64(context, (sqlite3_int64)fewer);
    group->slot->open = false;
    free(group->ids);
    free(group->values);
    free(group->rows);
}

/* ---- SQLite's, without errors that data could cause ---- */

struct total {
    int64_t whole;
    double real;
    bool overflowed, any;
};

static void sum_step(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    (void)count;
    struct total *total = sqlite3_aggregate_context(context, sizeof(*total));
    if (!total) {
        sqlite3_result_error_nomem(context);
        return;
    }
    if (sqlite3_value_type(arguments[0]) == SQLITE_NULL)
        return;
    bool whole = sqlite3_value_type(arguments[0]) == SQLITE_INTEGER;
    total->any = true;
    total->real += sqlite3_value_double(arguments[0]);
    if (!whole ||
        __builtin_add_overflow(total->whole, sqlite3_value_int64(arguments[0]), &total->whole))
        total->overflowed = true;
}

static void sum_final(sqlite3_context *context)
{
    struct total *total = sqlite3_aggregate_context(context, 0);
    if (!total || !total->any)
        sqlite3_result_null(context);
    else if (total->overflowed)
        sqlite3_result_double(context, total->real);
    else
        sqlite3_result_int64(context, total->whole);
}

static void absolute(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    (void)count;
    int64_t whole = sqlite3_value_int64(arguments[0]);
    if (sqlite3_value_type(arguments[0]) == SQLITE_NULL)
        sqlite3_result_null(context);
    else if (sqlite3_value_type(arguments[0]) == SQLITE_INTEGER && whole != INT64_MIN)
        sqlite3_result_int64(context, whole < 0 ? -whole : whole);
    else
        sqlite3_result_double(context, fabs(sqlite3_value_double(arguments[0])));
}

int individuals_functions(sqlite3 *database, struct individuals *individuals)
{
    static const struct {
        const char *name;
        int arguments;
        void (*scalar)(sqlite3_context *, int, sqlite3_value **);
        void (*step)(sqlite3_context *, int, sqlite3_value **);
        void (*final)(sqlite3_context *);
    } functions[] = {
        {"cella_set", -1, NULL, set_step, set_final},
        {"cella_sides", -1, NULL, sides_step, sides_final},
        {"cella_sum", 1, NULL, sum_step, sum_final},
        {"cella_abs", 1, absolute, NULL, NULL},
    };
    int result = SQLITE_OK;
    for (size_t i = 0; result == SQLITE_OK && i < sizeof(functions) / sizeof(*functions); i++)
        result = sqlite3_create_function_v2(database, functions[i].name, functions[i].arguments,
                                            SQLITE_UTF8, individuals, functions[i].scalar,
                                            functions[i].step, functions[i].final, NULL);
    return result;
}

/* ---- identifiers as numbers ---- */

/* Open addressing; what is there is the number plus one. */
struct interned {
    uint32_t *places;
    size_t mask;
    struct identifier {
        uint64_t hash;
        int64_t integer;  /* or the text's length */
        const char *text; /* NULL: an integer, or a real's bits */
    } * all;
    uint32_t count, room;
};

static struct identifier identifier_of(sqlite3_stmt *statement)
{
    struct identifier identifier = {0};
    if (sqlite3_column_type(statement, 0) == SQLITE_INTEGER) {
        identifier.integer = sqlite3_column_int64(statement, 0);
        identifier.hash = hash_number((uint64_t)identifier.integer);
        return identifier;
    }
    if (sqlite3_column_type(statement, 0) == SQLITE_FLOAT) {
        double real = sqlite3_column_double(statement, 0);
        memcpy(&identifier.integer, &real, sizeof(real));
        identifier.hash = hash_number((uint64_t)identifier.integer);
        return identifier;
    }
    identifier.text = (const char *)sqlite3_column_text(statement, 0);
    identifier.integer = sqlite3_column_bytes(statement, 0);
    identifier.hash = hash_text(identifier.text, identifier.text ? (size_t)identifier.integer : 0);
    return identifier;
}

static bool same_identifier(const struct identifier *first, const struct identifier *second)
{
    if (first->hash != second->hash || first->integer != second->integer ||
        !first->text != !second->text)
        return false;
    return !first->text || memcmp(first->text, second->text, (size_t)first->integer) == 0;
}

static bool grow(struct interned *interned)
{
    size_t places = interned->mask ? (interned->mask + 1) * 2 : 1024;
    uint32_t *fresh = calloc(places, sizeof(*fresh));
    struct identifier *all = realloc(interned->all, places / 2 * sizeof(*all));
    if (all)
        interned->all = all;
    if (!fresh || !all) {
        free(fresh);
        return false;
    }
    for (uint32_t i = 0; i < interned->count; i++) {
        size_t at = all[i].hash & (places - 1);
        while (fresh[at])
            at = (at + 1) & (places - 1);
        fresh[at] = i + 1;
    }
    free(interned->places);
    interned->places = fresh;
    interned->mask = places - 1;
    interned->room = (uint32_t)(places / 2);
    return true;
}

/* UINT32_MAX: no memory. */
static uint32_t intern(struct interned *interned, struct identifier identifier)
{
    if (interned->count == interned->room && (interned->room > UINT32_MAX / 4 || !grow(interned)))
        return UINT32_MAX;
    size_t at = identifier.hash & interned->mask;
    for (; interned->places[at]; at = (at + 1) & interned->mask)
        if (same_identifier(&interned->all[interned->places[at] - 1], &identifier))
            return interned->places[at] - 1;
    if (identifier.text) {
        char *copy = malloc((size_t)identifier.integer + 1);
        if (!copy)
            return UINT32_MAX;
        memcpy(copy, identifier.text, (size_t)identifier.integer);
        identifier.text = copy;
    }
    interned->all[interned->count] = identifier;
    interned->places[at] = ++interned->count;
    return interned->count - 1;
}

static void interned_free(struct interned *interned)
{
    for (uint32_t i = 0; i < interned->count; i++)
        free((char *)interned->all[i].text);
    free(interned->all);
    free(interned->places);
}

static bool add_person(struct people *people, size_t *room, uint32_t id)
{
    if (people->rows == *room) {
        size_t more = *room * 2 + 1024;
        uint32_t *of_row = realloc(people->of_row, more * sizeof(*of_row));
        if (!of_row)
            return false;
        people->of_row = of_row;
        *room = more;
    }
    people->of_row[people->rows++] = id;
    return true;
}

cella_status people_read(sqlite3 *database, const struct query_input *input, struct people *people,
                         cella_error *error)
{
    struct text text = {0};
    struct interned interned = {0};
    sqlite3_stmt *statement = NULL;
    size_t room = 0;
    text_add(&text, "SELECT \"%s\", _rowid_ FROM \"%s\" ORDER BY _rowid_",
             input->columns[plan_identifier(input)].name, input->name);
    bool right =
        !text.failed && sqlite3_prepare_v2(database, text.bytes, -1, &statement, NULL) == SQLITE_OK;
    int step = SQLITE_DONE;
    while (right && (step = sqlite3_step(statement)) == SQLITE_ROW) {
        bool known = sqlite3_column_type(statement, 0) != SQLITE_NULL;
        uint32_t id = known ? intern(&interned, identifier_of(statement)) : UINT32_MAX;
        right = (!known || id != UINT32_MAX) &&
                sqlite3_column_int64(statement, 1) == (int64_t)people->rows + 1 &&
                add_person(people, &room, id);
    }
    right = right && step == SQLITE_DONE;
    sqlite3_finalize(statement);
    for (size_t i = 0; right && i < people->rows; i++)
        if (people->of_row[i] == UINT32_MAX)
            people->of_row[i] = interned.count;
    people->count = interned.count + 1;
    interned_free(&interned);
    free(text.bytes);
    if (right)
        return CELLA_OK;
    people_free(people);
    return fail(error, CELLA_MEMORY, "input %s: no memory to count its individuals", input->name);
}

void people_free(struct people *people)
{
    free(people->of_row);
    *people = (struct people){0};
}
