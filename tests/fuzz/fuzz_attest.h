/* SPDX-License-Identifier: Apache-2.0
 *
 * For the targets that judge evidence. They run in the repository's folder, where the vectors are.
 */
#ifndef FUZZ_ATTEST_H
#define FUZZ_ATTEST_H

#include <cella/verify.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void must(bool good)
{
    if (!good)
        abort();
}

static inline size_t read_vector(const char *path, uint8_t *bytes, size_t most)
{
    char name[256];
    snprintf(name, sizeof(name), "tests/vectors/attest/%s", path);
    FILE *file = fopen(name, "rb");
    must(file);
    size_t size = fread(bytes, 1, most, file);
    must(size > 0 && size < most);
    fclose(file);
    return size;
}

static inline void add_vector(cella_verifier *verifier, const char *path)
{
    static uint8_t bytes[1 << 19];
    cella_error error;
    size_t size = read_vector(path, bytes, sizeof(bytes));
    must(cella_verifier_add(verifier, bytes, size, path, &error) == CELLA_OK);
}

static inline void add_root(cella_verifier *verifier, const char *path)
{
    static uint8_t bytes[1 << 16];
    cella_error error;
    size_t size = read_vector(path, bytes, sizeof(bytes));
    must(cella_verifier_add_root(verifier, bytes, size, path, &error) == CELLA_OK);
}

/* Whether it is accepted. A refusal has a class and a sentence, and no claims; JSON is well formed
 * either way. */
static inline bool judge(cella_verifier *verifier, const cella_demands *demands,
                         const uint8_t *bytes, size_t size)
{
    cella_result *result;
    cella_error error = {0};
    cella_status status = cella_verify(verifier, bytes, size, demands, &result, &error);
    must(result && (status == CELLA_OK) == cella_result_accepted(result));
    must((status == CELLA_OK) == (*cella_result_class(result) == 0));
    must(status == CELLA_OK || *error.sentence);
    char *text = cella_result_json(result);
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    must(json && (status == CELLA_OK) == (json_object_size(json_object_get(json, "claims")) > 0));
    json_decref(json);
    free(text);
    cella_result_free(result);
    return status == CELLA_OK;
}

#endif
