/* SPDX-License-Identifier: Apache-2.0
 *
 * The members of a JSON object, read strictly: what is not in the table, is missing or of another
 * type is an error.
 */
#ifndef KEYD_FIELDS_H
#define KEYD_FIELDS_H

#include <cella/error.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct field {
    const char *name;
    json_type type; /* text has no NUL inside */
    bool optional;
    const json_t **value; /* NULL is put there for one that is missing */
};

/* Reads one object of a text; *object is the caller's. `where` starts the sentences. */
cella_status fields_parse(const char *text, size_t size, const char *where, json_t **object,
                          cella_error *error);
cella_status fields_read(const json_t *object, const char *where, const struct field *fields,
                         size_t count, cella_error *error);
/* Text as bytes: exactly 2 * size lower-case hexadecimal digits. */
cella_status fields_hex(const json_t *value, const char *where, const char *name, uint8_t *bytes,
                        size_t size, cella_error *error);

#define FIELDS_READ(object, where, table, error)                                                   \
    fields_read(object, where, table, sizeof(table) / sizeof((table)[0]), error)

#endif
