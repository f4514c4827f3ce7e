/* SPDX-License-Identifier: Apache-2.0
 *
 * One pass checks everything; later passes over the same bytes only find, and cannot fail.
 */
#include "json.h"

#include "image/calendar.h"
#include "image/fail.h"

#include <ctype.h>
#include <emmintrin.h>
#include <stdlib.h>
#include <string.h>

struct scanner {
    const uint8_t *at, *end;
    const char *wrong; /* NULL: nothing so far */
};

static bool wrong(struct scanner *scanner, const char *what)
{
    if (!scanner->wrong)
        scanner->wrong = what;
    return false;
}

static void skip_space(struct scanner *scanner)
{
    while (scanner->at < scanner->end && (*scanner->at == ' ' || *scanner->at == '\t' ||
                                          *scanner->at == '\n' || *scanner->at == '\r'))
        scanner->at++;
}

/* The next character that is no white space, or NUL at the end. */
static char peek(struct scanner *scanner)
{
    skip_space(scanner);
    return scanner->at < scanner->end ? (char)*scanner->at : 0;
}

static bool take(struct scanner *scanner, char character)
{
    if (peek(scanner) != character || scanner->at == scanner->end)
        return false;
    scanner->at++;
    return true;
}

/* ---- leaves ---- */

static int digit(uint8_t character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    character |= 0x20;
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

/* The character that an escape behind its backslash stands for, 1 to 127; -1: none. */
static int escape(const uint8_t *at, size_t size, size_t *length)
{
    static const char simple[128] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                     ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    *length = 1;
    if (size > 0 && at[0] < sizeof(simple) && simple[at[0]])
        return simple[at[0]];
    if (size < 5 || at[0] != 'u' || at[1] != '0' || at[2] != '0' || digit(at[3]) < 0 ||
        digit(at[3]) > 7 || digit(at[4]) < 0)
        return -1;
    *length = 5;
    int character = digit(at[3]) * 16 + digit(at[4]);
    return character ? character : -1;
}

/* Where the first byte is that is no plain character of a text: most of what others sign is plain,
 * and base64 for the most part. */
static const uint8_t *plain_end(const uint8_t *at, const uint8_t *end)
{
    const __m128i space = _mm_set1_epi8(' '), delete = _mm_set1_epi8(0x7f),
                  quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    for (; end - at >= 16; at += 16) {
        __m128i next = _mm_loadu_si128((const __m128i_u *)at);
        __m128i other = _mm_or_si128(
            _mm_or_si128(_mm_cmplt_epi8(next, space), _mm_cmpeq_epi8(next, delete)), /* signed */
            _mm_or_si128(_mm_cmpeq_epi8(next, quote), _mm_cmpeq_epi8(next, backslash)));
        int places = _mm_movemask_epi8(other);
        if (places)
            return at + __builtin_ctz((unsigned)places);
    }
    while (at < end && *at >= ' ' && *at <= '~' && *at != '"' && *at != '\\')
        at++;
    return at;
}

static bool scan_string(struct scanner *scanner, struct scan_item *item)
{
    *item = (struct scan_item){.type = SCAN_TEXT, .bytes = ++scanner->at};
    for (;;) {
        size_t length;
        scanner->at = plain_end(scanner->at, scanner->end);
        if (scanner->at == scanner->end)
            return wrong(scanner, "a text without an end");
        if (*scanner->at == '"')
            break;
        if (*scanner->at != '\\')
            return wrong(scanner, "a character that is not printable ASCII in a text");
        item->escaped = true;
        scanner->at++;
        if (escape(scanner->at, (size_t)(scanner->end - scanner->at), &length) < 0)
            return wrong(scanner, "an escape that is malformed or stands for no ASCII character");
        scanner->at += length;
    }
    item->size = (size_t)(scanner->at++ - item->bytes);
    return true;
}

static bool scan_digits(struct scanner *scanner, struct scan_item *item)
{
    *item = (struct scan_item){.type = SCAN_NUMBER, .bytes = scanner->at};
    for (; scanner->at < scanner->end && isdigit(*scanner->at); scanner->at++)
        if (__builtin_mul_overflow(item->number, 10, &item->number) ||
            __builtin_add_overflow(item->number, *scanner->at - '0', &item->number))
            return wrong(scanner, "a number of more than 64 bits");
    item->size = (size_t)(scanner->at - item->bytes);
    if (item->size > 1 && item->bytes[0] == '0')
        return wrong(scanner, "a number with a leading zero");
    if (scanner->at < scanner->end && strchr(".eE+-", *scanner->at) && *scanner->at)
        return wrong(scanner, "a number with a fraction or an exponent");
    return true;
}

static bool scan_word(struct scanner *scanner, struct scan_item *item)
{
    static const struct {
        const char *word;
        enum scan_type type;
    } words[] = {{"true", SCAN_TRUE}, {"false", SCAN_FALSE}, {"null", SCAN_NULL}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t size = strlen(words[i].word);
        if ((size_t)(scanner->end - scanner->at) < size ||
            memcmp(scanner->at, words[i].word, size) != 0)
            continue;
        *item = (struct scan_item){.type = words[i].type, .bytes = scanner->at, .size = size};
        scanner->at += size;
        return true;
    }
    return wrong(scanner,
                 *scanner->at == '-' ? "a number with a sign" : "no value where one is due");
}

/* ---- objects and arrays ---- */

static bool scan_value(struct scanner *scanner, int depth, struct scan_item *item);

/* A key of an object that is being read. */
struct key {
    const uint8_t *bytes;
    size_t size;
};

static bool scan_key(struct scanner *scanner, struct key *keys, size_t count)
{
    struct scan_item key;
    if (peek(scanner) != '"')
        return wrong(scanner, "no key where one is due");
    if (count == SCAN_KEYS)
        return wrong(scanner, "more than 256 entries in an object");
    if (!scan_string(scanner, &key))
        return false;
    if (key.escaped)
        return wrong(scanner, "an escape in a key");
    for (size_t i = 0; i < count; i++)
        if (keys[i].size == key.size && memcmp(keys[i].bytes, key.bytes, key.size) == 0)
            return wrong(scanner, "a key twice in an object");
    keys[count] = (struct key){key.bytes, key.size};
    return take(scanner, ':') || wrong(scanner, "no colon behind a key");
}

/* The keys take 4 KiB of the stack, so at most 48 KiB at the greatest depth. */
static bool scan_entries(struct scanner *scanner, int depth, bool object)
{
    char close = object ? '}' : ']';
    struct key keys[SCAN_KEYS];
    struct scan_item value;
    bool good = true;
    scanner->at++;
    if (take(scanner, close))
        return true;
    for (size_t count = 0; good; count++) {
        good = (!object || scan_key(scanner, keys, count)) && scan_value(scanner, depth, &value);
        if (good && take(scanner, close))
            break;
        good = good && (take(scanner, ',') || wrong(scanner, "neither comma nor end"));
    }
    return good;
}

static bool scan_value(struct scanner *scanner, int depth, struct scan_item *item)
{
    char first = peek(scanner);
    const uint8_t *begin = scanner->at;
    if (begin == scanner->end)
        return wrong(scanner, "cut off");
    if (first == '"')
        return scan_string(scanner, item);
    if (isdigit((unsigned char)first))
        return scan_digits(scanner, item);
    if (first != '{' && first != '[')
        return scan_word(scanner, item);
    if (depth == 0)
        return wrong(scanner, "too deep");
    if (!scan_entries(scanner, depth - 1, first == '{'))
        return false;
    *item = (struct scan_item){.type = first == '{' ? SCAN_OBJECT : SCAN_ARRAY,
                               .bytes = begin,
                               .size = (size_t)(scanner->at - begin)};
    return true;
}

cella_status scan_decode(const uint8_t *bytes, size_t size, const char *what,
                         struct scan_item *item, cella_error *error)
{
    *item = (struct scan_item){0};
    if (size > SCAN_SIZE)
        return fail(error, CELLA_INVALID, "%s: %zu bytes; at most %d are read", what, size,
                    SCAN_SIZE);
    struct scanner scanner = {.at = bytes, .end = bytes + size};
    bool good = scan_value(&scanner, SCAN_DEPTH, item);
    skip_space(&scanner);
    if (good && scanner.at != scanner.end)
        good = wrong(&scanner, "something behind the end");
    if (good)
        return CELLA_OK;
    *item = (struct scan_item){0};
    return fail(error, CELLA_INVALID, "%s: byte %zu: %s", what, (size_t)(scanner.at - bytes),
                scanner.wrong);
}

/* ---- finding, in what was checked ---- */

/* Over what scan_value has accepted, without checking it again. */
static void pass_string(struct scanner *scanner)
{
    scanner->at = plain_end(scanner->at + 1, scanner->end);
    while (*scanner->at != '"') /* a backslash: what is behind it is no end */
        scanner->at = plain_end(scanner->at + 2, scanner->end);
    scanner->at++;
}

static void pass_value(struct scanner *scanner, struct scan_item *item)
{
    char first = peek(scanner);
    const uint8_t *begin = scanner->at;
    if (first != '{' && first != '[') {
        scan_value(scanner, 0, item);
        return;
    }
    size_t depth = 0;
    do {
        char character = (char)*scanner->at;
        if (character == '"') {
            pass_string(scanner);
            continue;
        }
        if (character == '{' || character == '[')
            depth++;
        if (character == '}' || character == ']')
            depth--;
        scanner->at++;
    } while (depth > 0);
    *item = (struct scan_item){.type = first == '{' ? SCAN_OBJECT : SCAN_ARRAY,
                               .bytes = begin,
                               .size = (size_t)(scanner->at - begin)};
}

struct scan_reader scan_inside(const struct scan_item *item)
{
    struct scan_reader reader = {.object = item->type == SCAN_OBJECT};
    if (item->type == SCAN_OBJECT || item->type == SCAN_ARRAY) {
        reader.bytes = item->bytes + 1;
        reader.size = item->size - 2;
    }
    return reader;
}

bool scan_next(struct scan_reader *reader, struct scan_item *key, struct scan_item *value)
{
    *key = *value = (struct scan_item){0};
    if (reader->size == 0)
        return false;
    struct scanner scanner = {.at = reader->bytes, .end = reader->bytes + reader->size};
    take(&scanner, ',');
    if (!peek(&scanner))
        return false;
    if (reader->object) {
        scan_string(&scanner, key);
        take(&scanner, ':');
    }
    pass_value(&scanner, value);
    reader->bytes = scanner.at;
    reader->size = (size_t)(scanner.end - scanner.at);
    return true;
}

bool scan_find(const struct scan_item *object, const char *name, struct scan_item *value)
{
    struct scan_item key;
    if (object->type == SCAN_OBJECT)
        for (struct scan_reader reader = scan_inside(object); scan_next(&reader, &key, value);)
            if (scan_is_text(&key, name))
                return true;
    *value = (struct scan_item){0};
    return false;
}

size_t scan_count(const struct scan_item *item)
{
    struct scan_item key, value;
    size_t count = 0;
    for (struct scan_reader reader = scan_inside(item); scan_next(&reader, &key, &value);)
        count++;
    return count;
}

static const struct scan_field *find_field(const struct scan_field *fields, size_t count,
                                           const struct scan_item *key)
{
    for (size_t i = 0; i < count; i++)
        if (scan_is_text(key, fields[i].name))
            return &fields[i];
    return NULL;
}

cella_status scan_fields(const struct scan_item *object, const char *what,
                         const struct scan_field *fields, size_t count, cella_error *error)
{
    static const char *const names[] = {"",         "an object", "an array", "a text",
                                        "a number", "true",      "false",    "null"};
    struct scan_item key, value;
    if (object->type != SCAN_OBJECT)
        return fail(error, CELLA_INVALID, "%s: not an object", what);
    for (size_t i = 0; i < count; i++)
        *fields[i].item = (struct scan_item){0};
    for (struct scan_reader reader = scan_inside(object); scan_next(&reader, &key, &value);) {
        const struct scan_field *field = find_field(fields, count, &key);
        if (!field)
            return fail(error, CELLA_INVALID, "%s: \"%.*s\": unknown; a newer cella may know it",
                        what, key.size < 60 ? (int)key.size : 60, (const char *)key.bytes);
        if (field->type != value.type)
            return fail(error, CELLA_INVALID, "%s: \"%s\": not %s", what, field->name,
                        names[field->type]);
        *field->item = value;
    }
    for (size_t i = 0; i < count; i++)
        if (!fields[i].optional && fields[i].item->type == SCAN_NONE)
            return fail(error, CELLA_INVALID, "%s: \"%s\": missing", what, fields[i].name);
    return CELLA_OK;
}

/* ---- texts and numbers ---- */

bool scan_is_text(const struct scan_item *item, const char *text)
{
    return item->type == SCAN_TEXT && !item->escaped && item->size == strlen(text) &&
           memcmp(item->bytes, text, item->size) == 0;
}

bool scan_copy_text(const struct scan_item *item, char *to, size_t most)
{
    if (item->type != SCAN_TEXT || item->escaped || item->size > most)
        return false;
    memcpy(to, item->bytes, item->size);
    to[item->size] = 0;
    return true;
}

bool scan_hex(const struct scan_item *item, uint8_t *to, size_t size)
{
    if (item->type != SCAN_TEXT || item->escaped || item->size != 2 * size)
        return false;
    for (size_t i = 0; i < size; i++) {
        int high = digit(item->bytes[2 * i]), low = digit(item->bytes[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        to[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool scan_time(const struct scan_item *item, int64_t *time)
{
    return item->type == SCAN_TEXT && !item->escaped &&
           calendar_read((const char *)item->bytes, item->size, time) && *time >= 0;
}

bool scan_number(const struct scan_item *item, uint64_t most, uint64_t *number)
{
    *number = item->number;
    return item->type == SCAN_NUMBER && item->number <= most;
}

uint8_t *scan_unescape(const struct scan_item *item, size_t *size)
{
    uint8_t *bytes = malloc(item->size + 1), *to = bytes;
    *size = 0;
    for (const uint8_t *at = item->bytes, *end = at + item->size; bytes && at < end;) {
        const uint8_t *plain = plain_end(at, end);
        size_t count = (size_t)(plain - at), length;
        memcpy(to, at, count);
        to += count;
        at = plain;
        if (at < end) {
            *to++ = (uint8_t)escape(at + 1, (size_t)(end - at - 1), &length);
            at += 1 + length;
        }
    }
    if (bytes) {
        *size = (size_t)(to - bytes);
        *to = 0;
    }
    return bytes;
}
