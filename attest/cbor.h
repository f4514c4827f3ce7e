/* SPDX-License-Identifier: Apache-2.0
 *
 * CBOR (RFC 8949) in its core deterministic encoding (section 4.2.1) and in no other: definite
 * lengths, shortest forms, map keys unique and sorted by the bytewise order of their encodings.
 * cbor_decode_foreign alone also reads what others make: see there.
 *
 * What always holds: an item that cbor_decode or a function below has given was checked whole, to
 * its last leaf; the same value has one encoding. Items point into the caller's bytes.
 */
#ifndef ATTEST_CBOR_H
#define ATTEST_CBOR_H

#include <cella/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CBOR_DEPTH 16 /* most items inside one another */

/* ---- making ---- */

/* Starts as zeros. After a failure (no memory, a map with a key twice) nothing is added any more.
 * The bytes may be secret: they are wiped wherever they are given back. */
struct cbor_writer {
    uint8_t *bytes;
    size_t size, capacity;
    bool failed;
};

void cbor_put_unsigned(struct cbor_writer *writer, uint64_t value);
void cbor_put_integer(struct cbor_writer *writer, int64_t value);
void cbor_put_real(struct cbor_writer *writer, double value);
void cbor_put_bytes(struct cbor_writer *writer, const void *bytes, size_t size);
void cbor_put_text(struct cbor_writer *writer, const char *text); /* must be UTF-8 */
void cbor_put_bool(struct cbor_writer *writer, bool value);
void cbor_put_tag(struct cbor_writer *writer, uint64_t tag);     /* the tagged item follows */
void cbor_put_array(struct cbor_writer *writer, uint64_t count); /* ... the items follow */
/* An item that is encoded already. */
void cbor_put_encoded(struct cbor_writer *writer, const uint8_t *bytes, size_t size);

/* A map: its entries, key and value in turn, are put between the two in any order. */
size_t cbor_map_begin(struct cbor_writer *writer);
void cbor_map_end(struct cbor_writer *writer, size_t begin);

/* Hands the bytes over, the caller's to free(). CELLA_MEMORY where the writer has failed. */
cella_status cbor_finish(struct cbor_writer *writer, uint8_t **bytes, size_t *size,
                         cella_error *error);
/* Wipes and frees what is left. */
void cbor_drop(struct cbor_writer *writer);

/* ---- reading ---- */

enum cbor_type {
    CBOR_UNSIGNED,
    CBOR_NEGATIVE, /* the value is -1 - number */
    CBOR_BYTES,
    CBOR_TEXT,
    CBOR_ARRAY,
    CBOR_MAP,
    CBOR_TAG,
    CBOR_SIMPLE, /* CBOR_FALSE, ... */
    CBOR_REAL,
};
#define CBOR_FALSE     20
#define CBOR_TRUE      21
#define CBOR_NULL      22
#define CBOR_UNDEFINED 23

struct cbor_item {
    enum cbor_type type;
    uint64_t number; /* the value; items of an array, entries of a map; the tag */
    double real;
    const uint8_t *bytes; /* of bytes and text; of array, map and tag: the items inside */
    size_t size;
    bool foreign; /* cbor_decode_foreign's, or inside one of its items */
};

/* `bytes` are exactly one item: else false. */
bool cbor_decode(const uint8_t *bytes, size_t size, struct cbor_item *item);

/* The same for CBOR that somebody else made (evidence of other TEEs): heads may be longer than
 * needed, arrays and maps of indefinite length, keys in any order. Keys are numbers, bytes or text,
 * each there once, and at most CBOR_FOREIGN_ENTRIES of a map. Strings in chunks are refused: nobody
 * signs such. What cbor_decode takes is taken too, up to those limits. */
#define CBOR_FOREIGN_ENTRIES 64
bool cbor_decode_foreign(const uint8_t *bytes, size_t size, struct cbor_item *item);

/* The items inside an array, a map (key and value in turn) or a tag. */
struct cbor_reader {
    const uint8_t *bytes;
    size_t size;
    bool foreign;
};
struct cbor_reader cbor_inside(const struct cbor_item *item);
/* The next one; false at the end. */
bool cbor_next(struct cbor_reader *reader, struct cbor_item *item);
/* The value of an entry of a map by the key's text; false: there is none. */
bool cbor_find(const struct cbor_item *map, const char *key, struct cbor_item *value);

bool cbor_is_bool(const struct cbor_item *item);
bool cbor_is_text(const struct cbor_item *item, const char *text);
/* A text of 1 to most bytes without a NUL, copied with one behind it; `to` has most + 1 bytes. */
bool cbor_copy_text(const struct cbor_item *item, char *to, size_t most);

/* One entry of a map whose keys are known. `size`: of bytes, or 0 for any. */
struct cbor_field {
    const char *name;
    enum cbor_type type;
    size_t size;
    struct cbor_item *item;
};
/* `bytes` are a map of exactly these entries. Else CELLA_INVALID, and the sentence names `what` and
 * the entry. */
cella_status cbor_fields(const uint8_t *bytes, size_t size, const char *what,
                         const struct cbor_field *fields, size_t count, cella_error *error);

#endif
