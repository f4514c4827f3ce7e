/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of functions, and its filling from the symbol table.
 */
#include "functions.h"

#include "fail.h"

#include <stdlib.h>
#include <string.h>

/* How far back a function that encloses another (a nested symbol) is looked for. */
#define NESTING_MOST 8u

bool functions_add(struct functions *functions, const struct elf_program *program, uint64_t start,
                   uint64_t size, const char *name)
{
    const struct elf_segment *segment = elf_executable_at(program, start);
    if (!segment)
        return true;
    uint64_t room = segment->address + segment->memory_size - start;
    /* Doubles the room whenever the count reaches a power of two. */
    if ((functions->count & (functions->count - 1)) == 0) {
        size_t capacity = functions->count ? functions->count * 2 : 1;
        struct function *items = realloc(functions->items, capacity * sizeof(*items));
        if (!items)
            return false;
        functions->items = items;
    }
    functions->items[functions->count++] = (struct function){
        .start = start,
        .end = start + (size < room ? size : room),
        .name = name,
    };
    return true;
}

/* By start; of several at one start the longest first, then by name, so that the order never
 * depends on how the table was made. */
static int compare_functions(const void *a, const void *b)
{
    const struct function *left = a, *right = b;
    if (left->start != right->start)
        return left->start < right->start ? -1 : 1;
    if (left->end != right->end)
        return left->end > right->end ? -1 : 1;
    return strcmp(left->name, right->name);
}

void functions_settle(struct functions *functions, const struct elf_program *program)
{
    if (functions->count == 0)
        return;
    qsort(functions->items, functions->count, sizeof(*functions->items), compare_functions);
    size_t kept = 0;
    for (size_t i = 0; i < functions->count; i++) {
        if (kept && functions->items[kept - 1].start == functions->items[i].start)
            continue;
        functions->items[kept++] = functions->items[i];
    }
    functions->count = kept;
    /* A symbol without a size (assembly without .size) reaches to the next. */
    for (size_t i = 0; i < kept; i++) {
        struct function *here = &functions->items[i];
        if (here->end != here->start)
            continue;
        const struct elf_segment *segment = elf_executable_at(program, here->start);
        here->end = segment->address + segment->memory_size;
        if (i + 1 < kept && functions->items[i + 1].start < here->end)
            here->end = functions->items[i + 1].start;
    }
}

static cella_status add_symbols(const struct elf_program *program, const struct elf_section *table,
                                const struct elf_section *strings, struct functions *functions,
                                cella_error *error)
{
    for (uint64_t at = 0; table->size - at >= sizeof(Elf64_Sym); at += sizeof(Elf64_Sym)) {
        Elf64_Sym symbol;
        memcpy(&symbol, table->bytes + at, sizeof(symbol));
        unsigned type = ELF64_ST_TYPE(symbol.st_info);
        if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol.st_shndx == SHN_UNDEF)
            continue;
        const char *name = "";
        if (symbol.st_name < strings->size &&
            memchr(strings->bytes + symbol.st_name, 0, strings->size - symbol.st_name))
            name = (const char *)strings->bytes + symbol.st_name;
        if (!functions_add(functions, program, symbol.st_value + program->base, symbol.st_size,
                           name))
            return fail(error, CELLA_MEMORY, "%s: no memory for its symbols", program->name);
    }
    return CELLA_OK;
}

cella_status functions_from_symbols(const struct elf_program *program, struct functions *functions,
                                    cella_error *error)
{
    struct functions found = {0};
    size_t count = elf_section_count(program);
    for (size_t i = 0; i < count; i++) {
        struct elf_section table, strings;
        if (!elf_section(program, i, &table) || table.type != SHT_SYMTAB || !table.bytes ||
            !elf_section(program, table.link, &strings) || !strings.bytes)
            continue;
        cella_status status = add_symbols(program, &table, &strings, &found, error);
        if (status != CELLA_OK) {
            functions_free(&found);
            return status;
        }
    }
    functions_settle(&found, program);
    *functions = found;
    return CELLA_OK;
}

void functions_free(struct functions *functions)
{
    free(functions->items);
    *functions = (struct functions){0};
}

/* How many start at or below an address. */
static size_t count_until(const struct functions *functions, uint64_t address)
{
    size_t low = 0, high = functions->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (functions->items[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct function *functions_at(const struct functions *functions, uint64_t address)
{
    size_t until = count_until(functions, address);
    for (size_t back = 0; back < NESTING_MOST && back < until; back++) {
        const struct function *here = &functions->items[until - 1 - back];
        if (address < here->end)
            return here;
    }
    return NULL;
}

void functions_gap(const struct functions *functions, uint64_t address, uint64_t *start,
                   uint64_t *end)
{
    size_t until = count_until(functions, address);
    for (size_t back = 0; back < NESTING_MOST && back < until; back++) {
        uint64_t before = functions->items[until - 1 - back].end;
        if (before > *start && before <= address)
            *start = before;
    }
    if (until < functions->count && functions->items[until].start < *end)
        *end = functions->items[until].start;
}
