/* SPDX-License-Identifier: Apache-2.0
 *
 * For the tests of attest/tpm: vectors, and what is expected of them.
 */
#ifndef UNIT_TPM_TEST_H
#define UNIT_TPM_TEST_H

#include "attest_test.h"

#include "image/hex.h"

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

/* A copy of exactly this size. */
static inline uint8_t *copy_of(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    return copy;
}

#endif
