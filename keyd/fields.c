/* SPDX-License-Identifier: Apache-2.0
 *
 * Members of JSON objects, by a table.
 */
#include "fields.h"

#include "image/fail.h"
#include "image/hex.h"

#include <string.h>

cella_status fields_parse(const char *text, size_t size, const char *where, json_t **object,
                          cella_error *error)
{
    json_error_t problem;
    *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, &problem);
    if (!*object)
        return fail(error, CELLA_INVALID, "%s: line %d: not JSON: %s", where, problem.line,
                    problem.text);
    if (json_is_object(*object))
        return CELLA_OK;
    json_decref(*object);
    *object = NULL;
    return fail(error, CELLA_INVALID, "%s: must be a JSON object", where);
}

static const char *type_name(json_type type)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object",   [JSON_ARRAY] = "an array", [JSON_STRING] = "text",
        [JSON_INTEGER] = "an integer", [JSON_REAL] = "a number",  [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",        [JSON_NULL] = "null"};
    return names[type];
}

static cella_status read_one(const json_t *object, const char *where, const struct field *field,
                             cella_error *error)
{
    const json_t *value = json_object_get(object, field->name);
    *field->value = value;
    if (!value)
        return field->optional
                   ? CELLA_OK
                   : fail(error, CELLA_INVALID, "%s: %s is missing", where, field->name);
    if (json_typeof(value) != field->type)
        return fail(error, CELLA_INVALID, "%s: %s: must be %s, not %s", where, field->name,
                    type_name(field->type), type_name(json_typeof(value)));
    if (field->type == JSON_STRING && strlen(json_string_value(value)) != json_string_length(value))
        return fail(error, CELLA_INVALID, "%s: %s: has a NUL in it", where, field->name);
    return CELLA_OK;
}

cella_status fields_read(const json_t *object, const char *where, const struct field *fields,
                         size_t count, cella_error *error)
{
    const char *name;
    json_t *value;
    for (size_t i = 0; i < count; i++) {
        cella_status status = read_one(object, where, &fields[i], error);
        if (status)
            return status;
    }
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        size_t i = 0;
        while (i < count && strcmp(fields[i].name, name) != 0)
            i++;
        if (i == count)
            return fail(error, CELLA_INVALID, "%s: %.50s: unknown member", where, name);
    }
    return CELLA_OK;
}

cella_status fields_hex(const json_t *value, const char *where, const char *name, uint8_t *bytes,
                        size_t size, cella_error *error)
{
    const char *text = json_string_value(value);
    if (text && hex_read(text, bytes, size))
        return CELLA_OK;
    return fail(error, CELLA_INVALID, "%s: %s: must be %zu lower-case hexadecimal digits", where,
                name, 2 * size);
}
