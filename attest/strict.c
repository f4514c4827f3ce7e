/* SPDX-License-Identifier: Apache-2.0
 *
 * jansson does the reading; what it lets pass is refused here.
 */
#include "strict.h"

#include "image/fail.h"

#include <stdbool.h>

static bool too_deep(const json_t *value, unsigned left)
{
    const char *key;
    json_t *inner;
    size_t i;
    if (!json_is_object(value) && !json_is_array(value))
        return false;
    if (left == 0)
        return true;
    json_object_foreach((json_t *)value, key, inner)
    {
        if (too_deep(inner, left - 1))
            return true;
    }
    json_array_foreach(value, i, inner)
    {
        if (too_deep(inner, left - 1))
            return true;
    }
    return false;
}

cella_status strict_object(const void *bytes, size_t size, const char *name, json_t **object,
                           cella_error *error)
{
    json_error_t at;
    *object = NULL;
    if (size > STRICT_MOST)
        return fail(error, CELLA_INVALID, "%s: %zu bytes; at most %u are read", name, size,
                    (unsigned)STRICT_MOST);
    json_t *read = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &at);
    if (!read)
        return json_error_code(&at) == json_error_out_of_memory
                   ? fail(error, CELLA_MEMORY, "%s: no memory to read it", name)
                   : fail(error, CELLA_INVALID, "%s: line %d: no JSON: %s", name, at.line, at.text);
    cella_status status = CELLA_OK;
    if (!json_is_object(read))
        status = fail(error, CELLA_INVALID, "%s: must be a JSON object", name);
    else if (too_deep(read, STRICT_DEPTH))
        status = fail(error, CELLA_INVALID,
                      "%s: more than %u objects and arrays inside one another", name, STRICT_DEPTH);
    if (status)
        json_decref(read);
    else
        *object = read;
    return status;
}
