/* SPDX-License-Identifier: Apache-2.0
 *
 * The table that an input's rows go into: a virtual table of SQLite, in memory, a column an array.
 * Rows are added at the end and never changed. What is asked for by equality is found by hash, in
 * an index that is made when it is first needed; SQLite's own would be a B-tree, filled at random.
 *
 * What must always hold:
 *   1. Row numbers are 1 to `rows`, in the order in which the rows came.
 *   2. What an index gives is all rows that may be equal: SQLite compares them itself.
 *   3. Values that SQLite takes for equal have the same hash: an integer and the real of its value
 *      do. Texts and numbers are never looked for among each other: then every row is given.
 *   4. Texts stay where they are while anything reads.
 */
#include "load.h"

#include "hash.h"

#include <stdlib.h>
#include <string.h>

#define KEYS_MOST 8 /* columns of an index */

struct column {
    uint64_t *cells; /* integers, the bits of reals, where in `texts` a text is */
    uint8_t *kinds;  /* SQLITE_INTEGER, SQLITE_FLOAT, SQLITE_TEXT, SQLITE_NULL */
    bool is_text;
};

/* Rows of one hash hang together, in their order; 0: no more. */
struct index {
    struct index *next;
    char *keys; /* of which columns, as best_index() writes it */
    uint32_t *heads, *chain;
    uint64_t mask;
};

struct table {
    sqlite3_vtab base;
    struct column *columns;
    size_t column_count;
    uint32_t rows, room;
    char *texts; /* the length of each (8 bytes), then its bytes */
    size_t texts_size, texts_room;
    struct index *indexes;
};

struct cursor {
    sqlite3_vtab_cursor base;
    const struct index *index; /* NULL: every row */
    uint32_t row;              /* 0: at the end */
};

static struct table *table_of(sqlite3_vtab_cursor *cursor)
{
    return (struct table *)cursor->pVtab;
}

static const char *text_at(const struct table *table, uint64_t cell, uint64_t *size)
{
    memcpy(size, table->texts + cell, sizeof(*size));
    return table->texts + cell + sizeof(*size);
}

/* ---- beginning and end ---- */

static void free_indexes(struct table *table)
{
    while (table->indexes) {
        struct index *index = table->indexes;
        table->indexes = index->next;
        free(index->keys);
        free(index->heads);
        free(index->chain);
        free(index);
    }
}

static int destroy(sqlite3_vtab *base)
{
    struct table *table = (struct table *)base;
    free_indexes(table);
    for (size_t i = 0; table->columns && i < table->column_count; i++) {
        free(table->columns[i].cells);
        free(table->columns[i].kinds);
    }
    free(table->columns);
    free(table->texts);
    free(table);
    return SQLITE_OK;
}

/* The arguments after the module's, the database's and the table's names are columns. */
static int create(sqlite3 *database, void *context, int count, const char *const *arguments,
                  sqlite3_vtab **made, char **sentence)
{
    (void)context, (void)sentence;
    struct table *table = calloc(1, sizeof(*table));
    if (!table)
        return SQLITE_NOMEM;
    table->column_count = (size_t)count - 3;
    table->columns = calloc(table->column_count, sizeof(*table->columns));
    sqlite3_str *sql = sqlite3_str_new(database);
    for (size_t i = 0; table->columns && i < table->column_count; i++) {
        const char *column = arguments[3 + i], *type = strrchr(column, ' ');
        table->columns[i].is_text = type && strcmp(type, " TEXT") == 0;
        sqlite3_str_appendf(sql, "%s%s", i ? ", " : "CREATE TABLE x(", column);
    }
    sqlite3_str_appendall(sql, ")");
    char *text = sqlite3_str_finish(sql);
    int result = table->columns && text ? sqlite3_declare_vtab(database, text) : SQLITE_NOMEM;
    sqlite3_free(text);
    if (result == SQLITE_OK)
        *made = &table->base;
    else
        destroy(&table->base);
    return result;
}

/* What was let go cannot be had again. */
static int reconnect(sqlite3 *database, void *context, int count, const char *const *arguments,
                     sqlite3_vtab **made, char **sentence)
{
    (void)database, (void)context, (void)count, (void)arguments, (void)made, (void)sentence;
    return SQLITE_ERROR;
}

/* ---- rows come ---- */

static bool make_room(struct table *table)
{
    if (table->rows < table->room)
        return true;
    if (table->room > UINT32_MAX / 4)
        return false;
    uint32_t room = table->room * 2 + 64;
    for (size_t i = 0; i < table->column_count; i++) {
        struct column *column = &table->columns[i];
        uint64_t *cells = realloc(column->cells, room * sizeof(*cells));
        if (cells)
            column->cells = cells;
        uint8_t *kinds = realloc(column->kinds, room * sizeof(*kinds));
        if (kinds)
            column->kinds = kinds;
        if (!cells || !kinds)
            return false;
    }
    table->room = room;
    return true;
}

static bool add_text(struct table *table, sqlite3_value *value, uint64_t *cell)
{
    const unsigned char *text = sqlite3_value_text(value);
    uint64_t size = (uint64_t)sqlite3_value_bytes(value);
    size_t end = table->texts_size + sizeof(size) + size;
    if (!text)
        return false;
    if (end > table->texts_room) {
        char *texts = realloc(table->texts, end * 2);
        if (!texts)
            return false;
        table->texts = texts;
        table->texts_room = end * 2;
    }
    *cell = table->texts_size;
    memcpy(table->texts + *cell, &size, sizeof(size));
    memcpy(table->texts + *cell + sizeof(size), text, size);
    table->texts_size = end;
    return true;
}

static int add_value(struct table *table, struct column *column, sqlite3_value *value)
{
    uint64_t *cell = &column->cells[table->rows];
    double real;
    column->kinds[table->rows] = (uint8_t)sqlite3_value_type(value);
    switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
        *cell = (uint64_t)sqlite3_value_int64(value);
        return SQLITE_OK;
    case SQLITE_FLOAT:
        real = sqlite3_value_double(value);
        memcpy(cell, &real, sizeof(real));
        return SQLITE_OK;
    case SQLITE_TEXT:
        return add_text(table, value, cell) ? SQLITE_OK : SQLITE_NOMEM;
    case SQLITE_NULL:
        *cell = 0;
        return SQLITE_OK;
    default:
        return SQLITE_MISMATCH;
    }
}

/* Rows can be added; that is all. */
static int update(sqlite3_vtab *base, int count, sqlite3_value **arguments, sqlite3_int64 *row)
{
    struct table *table = (struct table *)base;
    int result = SQLITE_OK;
    if ((size_t)count != table->column_count + 2 ||
        sqlite3_value_type(arguments[0]) != SQLITE_NULL ||
        sqlite3_value_type(arguments[1]) != SQLITE_NULL)
        return SQLITE_READONLY;
    if (!make_room(table))
        return SQLITE_NOMEM;
    free_indexes(table);
    for (size_t i = 0; result == SQLITE_OK && i < table->column_count; i++)
        result = add_value(table, &table->columns[i], arguments[2 + i]);
    if (result == SQLITE_OK)
        *row = ++table->rows;
    return result;
}

/* ---- indexes ---- */

/* Which columns are asked for by equality; two hexadecimal digits each. */
static int best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    const struct table *table = (struct table *)base;
    char keys[2 * KEYS_MOST + 1] = "";
    int count = 0;
    for (int i = 0; i < info->nConstraint && count < KEYS_MOST; i++) {
        const struct sqlite3_index_constraint *constraint = &info->aConstraint[i];
        if (!constraint->usable || constraint->op != SQLITE_INDEX_CONSTRAINT_EQ ||
            constraint->iColumn < 0 || strcmp(sqlite3_vtab_collation(info, i), "BINARY") != 0)
            continue;
        sqlite3_snprintf(3, keys + 2 * count, "%02x", (unsigned)constraint->iColumn);
        info->aConstraintUsage[i].argvIndex = ++count;
    }
    info->idxNum = count;
    info->idxStr = sqlite3_mprintf("%s", keys);
    info->needToFreeIdxStr = 1;
    info->estimatedRows = table->rows >> (10 * count < 31 ? 10 * count : 31);
    info->estimatedCost = (double)info->estimatedRows + 1;
    info->orderByConsumed =
        !count && info->nOrderBy == 1 && info->aOrderBy[0].iColumn < 0 && !info->aOrderBy[0].desc;
    return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

static size_t key_at(const char *keys, size_t which)
{
    const char digits[3] = {keys[2 * which], keys[2 * which + 1], 0};
    return strtoul(digits, NULL, 16);
}

static uint64_t hash_real(double real)
{
    uint64_t bits;
    if (real >= -0x1p63 && real < 0x1p63 && real == (double)(int64_t)real)
        return hash_number((uint64_t)(int64_t)real);
    memcpy(&bits, &real, sizeof(bits));
    return hash_number(bits);
}

/* False: NULL, to which nothing is equal. */
static bool hash_cell(const struct table *table, size_t which, uint32_t row, uint64_t *hash)
{
    const struct column *column = &table->columns[which];
    uint64_t cell = column->cells[row - 1], size;
    double real;
    switch (column->kinds[row - 1]) {
    case SQLITE_INTEGER:
        *hash = hash_both(*hash, hash_number(cell));
        return true;
    case SQLITE_FLOAT:
        memcpy(&real, &cell, sizeof(real));
        *hash = hash_both(*hash, hash_real(real));
        return true;
    case SQLITE_TEXT: {
        const char *text = text_at(table, cell, &size);
        *hash = hash_both(*hash, hash_text(text, size));
        return true;
    }
    default:
        return false;
    }
}

static bool hash_value(sqlite3_value *value, uint64_t *hash)
{
    switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
        *hash = hash_both(*hash, hash_number((uint64_t)sqlite3_value_int64(value)));
        return true;
    case SQLITE_FLOAT:
        *hash = hash_both(*hash, hash_real(sqlite3_value_double(value)));
        return true;
    case SQLITE_TEXT: {
        const char *text = (const char *)sqlite3_value_text(value);
        *hash = hash_both(*hash, hash_text(text, text ? (size_t)sqlite3_value_bytes(value) : 0));
        return text != NULL;
    }
    default:
        return false;
    }
}

static bool fill(const struct table *table, struct index *index, size_t count)
{
    for (index->mask = 63; index->mask < table->rows;)
        index->mask = index->mask * 2 + 1;
    index->heads = calloc(index->mask + 1, sizeof(*index->heads));
    index->chain = malloc(((size_t)table->rows + 1) * sizeof(*index->chain));
    for (uint32_t row = table->rows; index->heads && index->chain && row > 0; row--) {
        uint64_t hash = 0;
        bool there = true;
        for (size_t i = 0; there && i < count; i++)
            there = hash_cell(table, key_at(index->keys, i), row, &hash);
        if (there) {
            index->chain[row] = index->heads[hash & index->mask];
            index->heads[hash & index->mask] = row;
        }
    }
    return index->heads && index->chain;
}

/* NULL: no memory. */
static const struct index *find_index(struct table *table, const char *keys, size_t count)
{
    for (const struct index *index = table->indexes; index; index = index->next)
        if (strcmp(index->keys, keys) == 0)
            return index;
    struct index *made = calloc(1, sizeof(*made));
    if (!made)
        return NULL;
    made->next = table->indexes;
    table->indexes = made;
    made->keys = strdup(keys);
    if (made->keys && fill(table, made, count))
        return made;
    free_indexes(table);
    return NULL;
}

/* ---- rows go ---- */

static int open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **made)
{
    (void)base;
    struct cursor *cursor = calloc(1, sizeof(*cursor));
    if (!cursor)
        return SQLITE_NOMEM;
    *made = &cursor->base;
    return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
    free(base);
    return SQLITE_OK;
}

static int filter(sqlite3_vtab_cursor *base, int number, const char *keys, int count,
                  sqlite3_value **arguments)
{
    (void)number;
    struct cursor *cursor = (struct cursor *)base;
    struct table *table = table_of(base);
    uint64_t hash = 0;
    bool mixed = false;
    cursor->index = NULL;
    cursor->row = table->rows > 0;
    for (int i = 0; i < count; i++) {
        bool is_text = sqlite3_value_type(arguments[i]) == SQLITE_TEXT;
        if (!hash_value(arguments[i], &hash)) {
            cursor->row = 0;
            return SQLITE_OK;
        }
        mixed |= is_text != table->columns[key_at(keys, (size_t)i)].is_text;
    }
    if (!count || !cursor->row || mixed)
        return SQLITE_OK;
    cursor->index = find_index(table, keys, (size_t)count);
    if (!cursor->index)
        return SQLITE_NOMEM;
    cursor->row = cursor->index->heads[hash & cursor->index->mask];
    return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)base;
    if (cursor->index)
        cursor->row = cursor->index->chain[cursor->row];
    else
        cursor->row = cursor->row < table_of(base)->rows ? cursor->row + 1 : 0;
    return SQLITE_OK;
}

static int at_end(sqlite3_vtab_cursor *base)
{
    return ((struct cursor *)base)->row == 0;
}

static int give(sqlite3_vtab_cursor *base, sqlite3_context *context, int which)
{
    const struct table *table = table_of(base);
    uint32_t row = ((struct cursor *)base)->row;
    const struct column *column = &table->columns[which];
    uint64_t cell = column->cells[row - 1], size;
    double real;
    switch (column->kinds[row - 1]) {
    case SQLITE_INTEGER:
        sqlite3_result_int64(context, (sqlite3_int64)cell);
        break;
    case SQLITE_FLOAT:
        memcpy(&real, &cell, sizeof(real));
        sqlite3_result_double(context, real);
        break;
    case SQLITE_TEXT: {
        const char *text = text_at(table, cell, &size);
        sqlite3_result_text64(context, text, size, SQLITE_STATIC, SQLITE_UTF8);
        break;
    }
    default:
        break; /* NULL */
    }
    return SQLITE_OK;
}

static int give_row(sqlite3_vtab_cursor *base, sqlite3_int64 *row)
{
    *row = ((struct cursor *)base)->row;
    return SQLITE_OK;
}

bool columns_module(sqlite3 *database)
{
    /* A module with two ways in cannot be read by its own name. */
    static const sqlite3_module module = {
        .xCreate = create,
        .xConnect = reconnect,
        .xBestIndex = best_index,
        .xDisconnect = destroy,
        .xDestroy = destroy,
        .xOpen = open_cursor,
        .xClose = close_cursor,
        .xFilter = filter,
        .xNext = next,
        .xEof = at_end,
        .xColumn = give,
        .xRowid = give_row,
        .xUpdate = update,
    };
    return sqlite3_create_module(database, "cella_columns", &module, NULL) == SQLITE_OK;
}
