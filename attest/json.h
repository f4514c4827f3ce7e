/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON (RFC 8259) that others signed, in place: a signature covers the very bytes of an object, so
 * every item is a range of the caller's bytes. Stricter than the RFC, as Intel's documents are:
 * ASCII, unsigned whole numbers of at most 64 bits without leading zeros, no key twice in an
 * object, no escapes in keys, a bounded depth.
 *
 * What always holds: an item that scan_decode or a function below has given was checked whole, to
 * its last leaf.
 */
#ifndef ATTEST_JSON_H
#define ATTEST_JSON_H

#include <cella/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCAN_DEPTH 12        /* most items inside one another */
#define SCAN_SIZE  (8 << 20) /* most bytes */
#define SCAN_KEYS  256       /* most entries of an object */

enum scan_type {
    SCAN_NONE, /* not there */
    SCAN_OBJECT,
    SCAN_ARRAY,
    SCAN_TEXT,
    SCAN_NUMBER,
    SCAN_TRUE,
    SCAN_FALSE,
    SCAN_NULL,
};

struct scan_item {
    enum scan_type type;
    const uint8_t *bytes; /* of a text: what stands between its quotes; else all of the item */
    size_t size;
    uint64_t number;
    bool escaped; /* a text with escapes in it */
};

/* `bytes` are exactly one item, with white space around it or not. Else CELLA_INVALID, and the
 * sentence names `what` and the place. */
cella_status scan_decode(const uint8_t *bytes, size_t size, const char *what,
                         struct scan_item *item, cella_error *error);

/* What is inside an array (keys stay empty) or an object, one after the other. */
struct scan_reader {
    const uint8_t *bytes;
    size_t size;
    bool object;
};
struct scan_reader scan_inside(const struct scan_item *item);
/* False at the end. */
bool scan_next(struct scan_reader *reader, struct scan_item *key, struct scan_item *value);
/* The value of an entry of an object; false: there is none. */
bool scan_find(const struct scan_item *object, const char *key, struct scan_item *value);
size_t scan_count(const struct scan_item *item);

/* One entry of an object whose keys are known. An optional one that is not there stays SCAN_NONE.
 */
struct scan_field {
    const char *name;
    enum scan_type type;
    struct scan_item *item;
    bool optional;
};
/* An object of exactly these entries. Else CELLA_INVALID. */
cella_status scan_fields(const struct scan_item *object, const char *what,
                         const struct scan_field *fields, size_t count, cella_error *error);

/* ---- texts and numbers ---- */

bool scan_is_text(const struct scan_item *item, const char *text);
/* A text without escapes of at most `most` bytes, with a NUL behind it; `to` has most + 1 bytes. */
bool scan_copy_text(const struct scan_item *item, char *to, size_t most);
/* A text of exactly 2 * size hexadecimal digits in either case. */
bool scan_hex(const struct scan_item *item, uint8_t *to, size_t size);
/* "2020-05-18T17:49:24Z", as seconds since 1970. */
bool scan_time(const struct scan_item *item, int64_t *time);
/* A number of 0 to `most`. */
bool scan_number(const struct scan_item *item, uint64_t most, uint64_t *number);
/* The text with its escapes resolved, the caller's to free(); NULL: no memory. */
uint8_t *scan_unescape(const struct scan_item *item, size_t *size);

#endif
