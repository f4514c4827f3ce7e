/* SPDX-License-Identifier: Apache-2.0
 *
 * For the tests of attest/: vectors, what is expected of them, and their mutations.
 */
#ifndef UNIT_ATTEST_VECTORS_H
#define UNIT_ATTEST_VECTORS_H

#include "attest_test.h"

#include "image/hex.h"

#include <cella/verify.h>
#include <jansson.h>
#include <stdio.h>

/* A file of tests/vectors/attest; in memory of exactly its size, so that ASan sees an overrun. */
static inline uint8_t *vector(const char *path, size_t *size)
{
    char name[512];
    snprintf(name, sizeof(name), "%s/tests/vectors/attest/%s", getenv("CELLA_SOURCE"), path);
    FILE *file = fopen(name, "rb");
    if (!file)
        fail_msg("%s is not there", name);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static inline json_t *vector_json(const char *path)
{
    size_t size;
    uint8_t *bytes = vector(path, &size);
    json_t *json = json_loadb((const char *)bytes, size, 0, NULL);
    assert_non_null(json);
    free(bytes);
    return json;
}

static inline void assert_hex(const uint8_t *bytes, size_t size, const char *expected)
{
    char text[1024];
    assert_true(2 * size < sizeof(text));
    assert_string_equal(hex_write(bytes, size, text), expected);
}

/* The claim of a result that was accepted. */
static inline bool revocation_checked(const json_t *result)
{
    const json_t *claim = json_object_get(json_object_get(result, "claims"), "revocation_checked");
    assert_true(json_is_boolean(claim));
    return json_is_true(claim);
}

/* A copy of exactly this size. */
static inline uint8_t *copy_of(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    return copy;
}

/* All that is expected is there; there may be more. */
static inline void assert_has(const json_t *found, json_t *expected, const char *path)
{
    char inner[256];
    const char *key;
    json_t *value;
    if (!json_is_object(expected)) {
        char *wanted = json_dumps(expected, JSON_ENCODE_ANY | JSON_COMPACT);
        char *text = found ? json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
        if (!json_equal(found, expected))
            fail_msg("%s: %s, expected %s", path, text ? text : "nothing", wanted);
        free(wanted);
        free(text);
        return;
    }
    json_object_foreach(expected, key, value)
    {
        assert_true(snprintf(inner, sizeof(inner), "%s.%s", path, key) < (int)sizeof(inner));
        assert_has(json_object_get(found, key), value, inner);
    }
}

/* ---- judging ---- */

/* Judges; "" where it is accepted, else the class. *json (may be NULL): the result. */
static inline const char *judge_bytes(cella_verifier *verifier, const cella_demands *demands,
                                      const uint8_t *bytes, size_t size, json_t **json)
{
    static char class[32];
    cella_result *result;
    cella_error error = {0};
    cella_status status = cella_verify(verifier, bytes, size, demands, &result, &error);
    if (!result)
        fail_msg("status %d: %s", status, error.sentence);
    assert_int_equal(status == CELLA_OK, cella_result_accepted(result));
    assert_int_equal(status == CELLA_OK, *error.sentence == 0);
    char *text = cella_result_json(result);
    assert_non_null(text);
    if (json)
        *json = json_loads(text, 0, NULL);
    free(text);
    snprintf(class, sizeof(class), "%s", cella_result_class(result));
    cella_result_free(result);
    return class;
}

static inline bool is_expected(const char *class, const json_t *expected)
{
    for (size_t i = 0; i < json_array_size(expected); i++) {
        const char *one = json_string_value(json_array_get(expected, i));
        if (strcmp(one, class) == 0 || (!*class && strncmp(one, "OK", 2) == 0))
            return true;
    }
    return false;
}

/* Every mutation of a file is refused as one of the classes that are right for it. */
static inline void check_mutations(cella_verifier *verifier, const cella_demands *demands,
                                   const char *mutations, const char *path)
{
    size_t size, i;
    uint8_t *bytes = vector(path, &size);
    json_t *all = vector_json(mutations), *one;
    json_t *file = json_object_get(json_object_get(all, "files"), path);
    assert_non_null(file);
    assert_string_equal(json_string_value(json_object_get(file, "base")), "OK");
    assert_string_equal(judge_bytes(verifier, demands, bytes, size, NULL), "");
    json_array_foreach(json_object_get(file, "mutations"), i, one)
    {
        size_t at = (size_t)json_integer_value(json_object_get(one, "offset"));
        assert_true(at < size);
        bytes[at] ^= (uint8_t)json_integer_value(json_object_get(one, "xor"));
        const char *class = judge_bytes(verifier, demands, bytes, size, NULL);
        if (!is_expected(class, json_object_get(one, "expect")))
            fail_msg("%s, %s: \"%s\"", path, json_string_value(json_object_get(one, "name")),
                     class);
        bytes[at] ^= (uint8_t)json_integer_value(json_object_get(one, "xor"));
    }
    assert_true(i > 0);
    json_decref(all);
    free(bytes);
}

/* No proper prefix is accepted. */
static inline void check_truncations(cella_verifier *verifier, const cella_demands *demands,
                                     const char *path)
{
    size_t size;
    uint8_t *bytes = vector(path, &size);
    for (size_t less = 0; less < size; less++) {
        uint8_t *copy = copy_of(bytes, less);
        if (!*judge_bytes(verifier, demands, copy, less, NULL))
            fail_msg("%s: %zu bytes of it are accepted", path, less);
        free(copy);
    }
    free(bytes);
}

static inline void add_vector(cella_verifier *verifier, const char *path)
{
    size_t size;
    cella_error error;
    uint8_t *bytes = vector(path, &size);
    if (cella_verifier_add(verifier, bytes, size, path, &error))
        fail_msg("%s", error.sentence);
    free(bytes);
}

#endif
