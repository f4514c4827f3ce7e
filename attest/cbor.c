/* SPDX-License-Identifier: Apache-2.0
 *
 * Deterministic CBOR: made, read.
 */
#include "cbor.h"

#include "image/fail.h"
#include "image/utf8.h"

#include <math.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* Additional information of a head (RFC 8949, section 3): the argument is in 1, 2, 4, 8 bytes. */
enum { IN_ONE_BYTE = 24, IN_TWO_BYTES, IN_FOUR_BYTES, IN_EIGHT_BYTES, INDEFINITE = 31 };
#define MAJOR_SIMPLE 7
#define BREAK        0xff /* ends what is of indefinite length */

/* ---- making ---- */

static uint8_t *reserve(struct cbor_writer *writer, size_t more)
{
    if (writer->failed || more > SIZE_MAX / 2 - writer->size) {
        writer->failed = true;
        return NULL;
    }
    if (writer->size + more > writer->capacity) {
        size_t capacity = 2 * (writer->size + more) + 64;
        uint8_t *bytes = malloc(capacity);
        if (!bytes) {
            writer->failed = true;
            return NULL;
        }
        if (writer->size)
            memcpy(bytes, writer->bytes, writer->size);
        if (writer->bytes)
            OPENSSL_cleanse(writer->bytes, writer->size);
        free(writer->bytes);
        writer->bytes = bytes;
        writer->capacity = capacity;
    }
    uint8_t *place = writer->bytes + writer->size;
    writer->size += more;
    return place;
}

void cbor_put_encoded(struct cbor_writer *writer, const uint8_t *bytes, size_t size)
{
    uint8_t *place = reserve(writer, size);
    if (place && size)
        memcpy(place, bytes, size);
}

/* A head with its argument in 1 << power bytes. */
static void put_wide(struct cbor_writer *writer, unsigned major, uint64_t argument, unsigned power)
{
    uint8_t head[9] = {(uint8_t)(major << 5 | (IN_ONE_BYTE + power))};
    size_t width = (size_t)1 << power;
    for (size_t i = 0; i < width; i++)
        head[width - i] = (uint8_t)(argument >> 8 * i);
    cbor_put_encoded(writer, head, 1 + width);
}

static void put_head(struct cbor_writer *writer, unsigned major, uint64_t argument)
{
    if (argument < IN_ONE_BYTE)
        cbor_put_encoded(writer, &(uint8_t){(uint8_t)(major << 5 | argument)}, 1);
    else
        put_wide(writer, major, argument,
                 argument <= UINT8_MAX    ? 0
                 : argument <= UINT16_MAX ? 1
                 : argument <= UINT32_MAX ? 2
                                          : 3);
}

void cbor_put_unsigned(struct cbor_writer *writer, uint64_t value)
{
    put_head(writer, CBOR_UNSIGNED, value);
}

void cbor_put_integer(struct cbor_writer *writer, int64_t value)
{
    if (value < 0)
        put_head(writer, CBOR_NEGATIVE, ~(uint64_t)value);
    else
        put_head(writer, CBOR_UNSIGNED, (uint64_t)value);
}

void cbor_put_bytes(struct cbor_writer *writer, const void *bytes, size_t size)
{
    put_head(writer, CBOR_BYTES, size);
    cbor_put_encoded(writer, bytes, size);
}

void cbor_put_text(struct cbor_writer *writer, const char *text)
{
    size_t size = strlen(text);
    if (utf8_prefix(text, size) != size)
        writer->failed = true;
    put_head(writer, CBOR_TEXT, size);
    cbor_put_encoded(writer, (const uint8_t *)text, size);
}

void cbor_put_bool(struct cbor_writer *writer, bool value)
{
    put_head(writer, MAJOR_SIMPLE, value ? CBOR_TRUE : CBOR_FALSE);
}

void cbor_put_tag(struct cbor_writer *writer, uint64_t tag)
{
    put_head(writer, CBOR_TAG, tag);
}

void cbor_put_array(struct cbor_writer *writer, uint64_t count)
{
    put_head(writer, CBOR_ARRAY, count);
}

/* The value as IEEE 754 binary16, where that holds it exactly. */
static bool as_half(double value, uint16_t *half)
{
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    int exponent = 0;
    if (isnan(value)) {
        *half = 0x7e00;
        return true;
    }
    if (isinf(value) || value == 0) {
        *half = isinf(value) ? sign | 0x7c00 : sign;
        return true;
    }
    frexp(value, &exponent);
    exponent--; /* the value is 1.x times 2 to this */
    bool small = exponent < -14;
    double units = ldexp(fabs(value), small ? 24 : 10 - exponent);
    if (exponent > 15 || units != (double)(uint64_t)units)
        return false;
    *half = sign | (uint16_t)(small ? units : (exponent + 15) * 1024 + (units - 1024));
    return true;
}

static double from_half(uint16_t half)
{
    int exponent = half >> 10 & 0x1f;
    double units = half & 0x3ff;
    double value = exponent == 0    ? ldexp(units, -24)
                   : exponent != 31 ? ldexp(units + 1024, exponent - 25)
                   : units == 0     ? (double)INFINITY
                                    : (double)NAN;
    return half & 0x8000 ? -value : value;
}

/* Which width holds the value exactly: 1, 2 or 3 as of put_wide; and its bits. */
static unsigned shortest(double value, uint64_t *bits)
{
    uint16_t half;
    if (as_half(value, &half)) {
        *bits = half;
        return 1;
    }
    float single = (float)value;
    if ((double)single == value) {
        uint32_t word;
        memcpy(&word, &single, sizeof(word));
        *bits = word;
        return 2;
    }
    memcpy(bits, &value, sizeof(value));
    return 3;
}

void cbor_put_real(struct cbor_writer *writer, double value)
{
    uint64_t bits;
    unsigned power = shortest(value, &bits);
    put_wide(writer, MAJOR_SIMPLE, bits, power);
}

size_t cbor_map_begin(struct cbor_writer *writer)
{
    return writer->size;
}

struct entry {
    const uint8_t *key;
    size_t key_size, size; /* of the key, of the whole */
};

static int compare_keys(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    return compare_keys(left->key, left->key_size, right->key, right->key_size);
}

static bool take(struct cbor_reader *reader, unsigned depth, struct cbor_item *item);

/* Where the entries lie. The caller frees; NULL: they are no entries, or there is no memory. */
static struct entry *list_entries(const uint8_t *bytes, size_t size, size_t *count)
{
    struct cbor_reader reader = {.bytes = bytes, .size = size};
    struct cbor_item item;
    struct entry *entries = calloc(size / 2 + 1, sizeof(*entries)); /* an entry has two bytes */
    *count = 0;
    while (entries && reader.size) {
        struct entry *entry = &entries[*count];
        entry->key = reader.bytes;
        bool good = take(&reader, 0, &item);
        entry->key_size = (size_t)(reader.bytes - entry->key);
        if (!good || !take(&reader, 0, &item)) {
            free(entries);
            return NULL;
        }
        entry->size = (size_t)(reader.bytes - entry->key);
        ++*count;
    }
    return entries;
}

void cbor_map_end(struct cbor_writer *writer, size_t begin)
{
    struct cbor_writer sorted = {0};
    size_t count;
    if (writer->failed)
        return;
    /* An empty map may have no bytes yet. */
    const uint8_t *bytes = writer->bytes ? writer->bytes + begin : NULL;
    struct entry *entries = list_entries(bytes, writer->size - begin, &count);
    if (!entries) {
        writer->failed = true;
        return;
    }
    qsort(entries, count, sizeof(*entries), compare_entries);
    put_head(&sorted, CBOR_MAP, count);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && compare_entries(&entries[i - 1], &entries[i]) == 0)
            sorted.failed = true;
        cbor_put_encoded(&sorted, entries[i].key, entries[i].size);
    }
    free(entries);
    writer->size = begin;
    writer->failed = sorted.failed;
    cbor_put_encoded(writer, sorted.bytes, sorted.size);
    cbor_drop(&sorted);
}

cella_status cbor_finish(struct cbor_writer *writer, uint8_t **bytes, size_t *size,
                         cella_error *error)
{
    if (writer->failed || !writer->bytes) {
        cbor_drop(writer);
        return fail(error, CELLA_MEMORY,
                    "CBOR: no memory for it, or a name is there twice or not UTF-8");
    }
    *bytes = writer->bytes;
    *size = writer->size;
    memset(writer, 0, sizeof(*writer));
    return CELLA_OK;
}

void cbor_drop(struct cbor_writer *writer)
{
    if (writer->bytes)
        OPENSSL_cleanse(writer->bytes, writer->capacity);
    free(writer->bytes);
    memset(writer, 0, sizeof(*writer));
}

/* ---- reading ---- */

static bool is_indefinite(const struct cbor_reader *reader, unsigned major, unsigned information)
{
    return reader->foreign && information == INDEFINITE &&
           (major == CBOR_ARRAY || major == CBOR_MAP);
}

/* The head's argument; false: it is not whole, not the shortest, or of indefinite length (what may
 * be where the reader is foreign: then the argument says nothing). */
static bool take_head(struct cbor_reader *reader, unsigned *major, unsigned *information,
                      uint64_t *argument)
{
    if (reader->size == 0)
        return false;
    *major = reader->bytes[0] >> 5;
    *information = reader->bytes[0] & 0x1f;
    *argument = *information;
    reader->bytes++;
    reader->size--;
    if (*information < IN_ONE_BYTE)
        return true;
    if (*information > IN_EIGHT_BYTES)
        return is_indefinite(reader, *major, *information);
    size_t width = (size_t)1 << (*information - IN_ONE_BYTE);
    if (reader->size < width)
        return false;
    *argument = 0;
    for (size_t i = 0; i < width; i++)
        *argument = *argument << 8 | reader->bytes[i];
    reader->bytes += width;
    reader->size -= width;
    if (*major == MAJOR_SIMPLE) /* below 32 there is a shorter form, or none at all */
        return *information != IN_ONE_BYTE || *argument >= 32;
    return reader->foreign || *argument >= (width == 1 ? IN_ONE_BYTE : UINT64_C(1) << 4 * width);
}

/* False: there is a shorter form. */
static bool take_real(unsigned information, uint64_t bits, struct cbor_item *item)
{
    uint64_t again;
    item->type = CBOR_REAL;
    item->number = 0;
    if (information == IN_TWO_BYTES) {
        item->real = from_half((uint16_t)bits);
    } else if (information == IN_FOUR_BYTES) {
        uint32_t word = (uint32_t)bits;
        float single;
        memcpy(&single, &word, sizeof(single));
        item->real = single;
    } else {
        memcpy(&item->real, &bits, sizeof(item->real));
    }
    return shortest(item->real, &again) == information - IN_ONE_BYTE && again == bits;
}

static bool take_string(struct cbor_reader *reader, struct cbor_item *item)
{
    if (item->number > reader->size)
        return false;
    item->bytes = reader->bytes;
    item->size = item->number;
    reader->bytes += item->size;
    reader->size -= item->size;
    return item->type != CBOR_TEXT || utf8_prefix(item->bytes, item->size) == item->size;
}

static bool same_key(const struct cbor_item *a, const struct cbor_item *b)
{
    return a->type == b->type && a->number == b->number && a->size == b->size &&
           (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

/* Takes the break at the end, where there has to be one; false: there is more to take. */
static bool at_end(struct cbor_reader *reader, bool indefinite, uint64_t taken, uint64_t count)
{
    if (!indefinite)
        return taken == count;
    if (reader->size == 0 || reader->bytes[0] != BREAK)
        return false;
    reader->bytes++;
    reader->size--;
    return true;
}

/* Keys are compared by their values: of others there is more than one encoding of a number. */
static bool take_foreign_entries(struct cbor_reader *reader, unsigned depth, bool indefinite,
                                 uint64_t *count)
{
    struct cbor_item keys[CBOR_FOREIGN_ENTRIES], value;
    uint64_t taken = 0;
    for (; !at_end(reader, indefinite, taken, *count); taken++) {
        if (taken == CBOR_FOREIGN_ENTRIES || !take(reader, depth, &keys[taken]) ||
            keys[taken].type > CBOR_TEXT || !take(reader, depth, &value))
            return false;
        for (uint64_t i = 0; i < taken; i++)
            if (same_key(&keys[i], &keys[taken]))
                return false;
    }
    *count = taken;
    return true;
}

static bool take_entries(struct cbor_reader *reader, unsigned depth, uint64_t count)
{
    const uint8_t *before = NULL;
    size_t before_size = 0;
    struct cbor_item item;
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *key = reader->bytes;
        if (!take(reader, depth, &item))
            return false;
        size_t key_size = (size_t)(reader->bytes - key);
        if (before && compare_keys(before, before_size, key, key_size) >= 0)
            return false;
        before = key;
        before_size = key_size;
        if (!take(reader, depth, &item))
            return false;
    }
    return true;
}

static bool take_items(struct cbor_reader *reader, unsigned depth, bool indefinite, uint64_t *count)
{
    struct cbor_item inner;
    uint64_t taken = 0;
    for (; !at_end(reader, indefinite, taken, *count); taken++)
        if (!take(reader, depth, &inner))
            return false;
    *count = taken;
    return true;
}

static bool take_inside(struct cbor_reader *reader, unsigned depth, bool indefinite,
                        struct cbor_item *item)
{
    uint64_t count = item->type == CBOR_TAG ? 1 : item->number;
    item->bytes = reader->bytes;
    if (depth == CBOR_DEPTH)
        return false;
    if (item->type != CBOR_MAP ? !take_items(reader, depth + 1, indefinite, &count)
        : reader->foreign      ? !take_foreign_entries(reader, depth + 1, indefinite, &count)
                               : !take_entries(reader, depth + 1, count))
        return false;
    if (item->type != CBOR_TAG)
        item->number = count;
    item->size = (size_t)(reader->bytes - item->bytes) - indefinite; /* the break is not inside */
    return true;
}

/* Takes one item, checked whole. */
static bool take(struct cbor_reader *reader, unsigned depth, struct cbor_item *item)
{
    unsigned major, information;
    memset(item, 0, sizeof(*item));
    if (!take_head(reader, &major, &information, &item->number))
        return false;
    item->type = (enum cbor_type)major;
    item->foreign = reader->foreign;
    if (major == MAJOR_SIMPLE)
        return information <= IN_ONE_BYTE || take_real(information, item->number, item) ||
               reader->foreign;
    if (item->type == CBOR_BYTES || item->type == CBOR_TEXT)
        return take_string(reader, item);
    return item->type < CBOR_BYTES || take_inside(reader, depth, information == INDEFINITE, item);
}

bool cbor_decode(const uint8_t *bytes, size_t size, struct cbor_item *item)
{
    struct cbor_reader reader = {.bytes = bytes, .size = size};
    return take(&reader, 0, item) && reader.size == 0;
}

bool cbor_decode_foreign(const uint8_t *bytes, size_t size, struct cbor_item *item)
{
    struct cbor_reader reader = {.bytes = bytes, .size = size, .foreign = true};
    return take(&reader, 0, item) && reader.size == 0;
}

struct cbor_reader cbor_inside(const struct cbor_item *item)
{
    bool has = item->type >= CBOR_ARRAY && item->type <= CBOR_TAG;
    return has ? (struct cbor_reader){item->bytes, item->size, item->foreign}
               : (struct cbor_reader){0};
}

bool cbor_next(struct cbor_reader *reader, struct cbor_item *item)
{
    return reader->size > 0 && take(reader, 0, item);
}

bool cbor_find(const struct cbor_item *map, const char *key, struct cbor_item *value)
{
    struct cbor_reader reader = cbor_inside(map);
    struct cbor_item name;
    while (map->type == CBOR_MAP && cbor_next(&reader, &name) && cbor_next(&reader, value))
        if (cbor_is_text(&name, key))
            return true;
    return false;
}

bool cbor_is_bool(const struct cbor_item *item)
{
    return item->type == CBOR_SIMPLE && (item->number == CBOR_FALSE || item->number == CBOR_TRUE);
}

bool cbor_is_text(const struct cbor_item *item, const char *text)
{
    return item->type == CBOR_TEXT && item->size == strlen(text) &&
           memcmp(item->bytes, text, item->size) == 0;
}

bool cbor_copy_text(const struct cbor_item *item, char *to, size_t most)
{
    if (item->type != CBOR_TEXT || item->size == 0 || item->size > most ||
        memchr(item->bytes, 0, item->size))
        return false;
    memcpy(to, item->bytes, item->size);
    to[item->size] = 0;
    return true;
}

static const struct cbor_field *find_field(const struct cbor_field *fields, size_t count,
                                           const struct cbor_item *name)
{
    for (size_t i = 0; i < count; i++)
        if (cbor_is_text(name, fields[i].name))
            return &fields[i];
    return NULL;
}

cella_status cbor_fields(const uint8_t *bytes, size_t size, const char *what,
                         const struct cbor_field *fields, size_t count, cella_error *error)
{
    static const char *const types[] = {
        "a number from 0", "a number below 0", "bytes",        "text", "a list", "a map",
        "a tag",           "a simple value",   "a real number"};
    struct cbor_item map, name, value;
    if (!cbor_decode(bytes, size, &map) || map.type != CBOR_MAP)
        return fail(error, CELLA_INVALID, "%s: is not one map of deterministic CBOR", what);
    for (struct cbor_reader reader = cbor_inside(&map);
         cbor_next(&reader, &name) && cbor_next(&reader, &value);)
        if (!find_field(fields, count, &name))
            return fail(error, CELLA_INVALID,
                        "%s: has an entry that this version of cella does not know", what);
    for (size_t i = 0; i < count; i++) {
        const struct cbor_field *field = &fields[i];
        if (!cbor_find(&map, field->name, field->item))
            return fail(error, CELLA_INVALID, "%s: %s: missing", what, field->name);
        if (field->item->type != field->type)
            return fail(error, CELLA_INVALID, "%s: %s: must be %s", what, field->name,
                        types[field->type]);
        if (field->size && field->item->size != field->size)
            return fail(error, CELLA_INVALID, "%s: %s: %zu bytes, must be %zu", what, field->name,
                        field->item->size, field->size);
    }
    return CELLA_OK;
}
