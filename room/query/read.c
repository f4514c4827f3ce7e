/* SPDX-License-Identifier: Apache-2.0
 *
 * What reading a plan is made of: the arena, growing text, and JSON values with a sentence for each
 * way to be wrong.
 */
#include "plan.h"

#include "image/fail.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plan_block {
    struct plan_block *next;
    max_align_t bytes[];
};

void *plan_allocate(struct plan_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) ||
        __builtin_add_overflow(bytes, sizeof(struct plan_block), &bytes))
        return NULL;
    struct plan_block *block = calloc(1, bytes);
    if (!block)
        return NULL;
    block->next = arena->blocks;
    arena->blocks = block;
    return block->bytes;
}

void plan_release(struct plan_arena *arena)
{
    while (arena->blocks) {
        struct plan_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}

static bool make_room(struct text *text, size_t more)
{
    size_t need = text->length + more + 1;
    if (need <= text->room)
        return true;
    size_t room = need * 2;
    char *bytes = realloc(text->bytes, room);
    text->failed |= !bytes;
    if (!bytes)
        return false;
    text->bytes = bytes;
    text->room = room;
    return true;
}

void text_put(struct text *text, const char *string)
{
    size_t length = strlen(string);
    if (text->failed || !make_room(text, length))
        return;
    memcpy(text->bytes + text->length, string, length + 1);
    text->length += length;
}

void text_add(struct text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    text->failed |= length < 0;
    if (!text->failed && make_room(text, (size_t)length)) {
        vsnprintf(text->bytes + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

cella_status plan_wrong(const struct plan_reader *reader, const char *place, const char *format,
                        ...)
{
    char sentence[350];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    return fail(reader->error, CELLA_INVALID, "%s: %s", place, sentence);
}

void plan_place(char *place, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(place, size, format, arguments);
    va_end(arguments);
}

cella_status plan_no_memory(const struct plan_reader *reader)
{
    return fail(reader->error, CELLA_MEMORY, "the contract: no memory to read it");
}

/* Is the word in a list with spaces between? A word of the list may end in "!". */
static bool in_list(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) && length; at += length) {
        bool starts = at == list || at[-1] == ' ';
        if (starts && (at[length] == 0 || at[length] == ' ' || at[length] == '!'))
            return true;
    }
    return false;
}

cella_status plan_keys(const struct plan_reader *reader, const char *place, const json_t *object,
                       const char *keys)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return plan_wrong(reader, place, "must be an object");
    json_object_foreach((json_t *)object, key, value)
    {
        if (strpbrk(key, " !") || !in_list(keys, key))
            return plan_wrong(reader, place, "unknown key \"%.70s\"", key);
    }
    for (const char *at = keys; *at; at += strcspn(at, " "), at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        char needed[QUERY_NAME + 1] = "";
        if (at[length - 1] != '!' || length > QUERY_NAME)
            continue;
        memcpy(needed, at, length - 1);
        if (!json_object_get(object, needed))
            return plan_wrong(reader, place, "\"%s\" is missing", needed);
    }
    return CELLA_OK;
}

cella_status plan_name(const struct plan_reader *reader, const char *place, const json_t *value,
                       char name[QUERY_NAME + 1])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    const char *text = json_string_value(value);
    if (!text || !islower((unsigned char)text[0]) || strspn(text, letters) != strlen(text) ||
        strlen(text) > QUERY_NAME)
        return plan_wrong(reader, place, "must be a name: a-z, then a-z, 0-9 and _, at most %d",
                          QUERY_NAME);
    if (expression_reserved(text) || strncmp(text, "sqlite_", 7) == 0)
        return plan_wrong(reader, place, "\"%s\" is a reserved word", text);
    strcpy(name, text);
    return CELLA_OK;
}

cella_status plan_word(const struct plan_reader *reader, const char *place, const json_t *value,
                       const char *const *words, size_t count, size_t *which)
{
    const char *text = json_string_value(value);
    for (size_t i = 0; text && i < count; i++)
        if (words[i] && strcmp(words[i], text) == 0) {
            *which = i;
            return CELLA_OK;
        }
    char list[200] = "";
    for (size_t i = 0; i < count; i++)
        if (words[i])
            plan_place(list + strlen(list), sizeof(list) - strlen(list), "%s\"%s\"",
                       list[0] ? ", " : "", words[i]);
    return plan_wrong(reader, place, "must be one of %s", list);
}

cella_status plan_type(const struct plan_reader *reader, const char *place, const json_t *value,
                       enum query_type *type)
{
    static const char *const words[] = {[QUERY_INTEGER] = "integer",
                                        [QUERY_REAL] = "real",
                                        [QUERY_TEXT] = "text",
                                        [QUERY_BOOLEAN] = "boolean",
                                        [QUERY_DATE] = "date"};
    size_t which = 0;
    cella_status status =
        plan_word(reader, place, value, words, sizeof(words) / sizeof(*words), &which);
    if (status == CELLA_OK)
        *type = (enum query_type)which;
    return status;
}

cella_status plan_list(const struct plan_reader *reader, const char *place, const json_t *value,
                       size_t most, size_t *count)
{
    if (value && !json_is_array(value))
        return plan_wrong(reader, place, "must be a list");
    if (json_array_size(value) > most)
        return plan_wrong(reader, place, "has more than %zu entries", most);
    *count = json_array_size(value);
    return CELLA_OK;
}
