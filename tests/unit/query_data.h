/* SPDX-License-Identifier: Apache-2.0
 *
 * Real data for the query engine's tests, fetched by scripts/datasets.py into a folder that lasts
 * as long as the group of tests (where there is no network, those that need it are skipped); and
 * what the repository holds.
 */
#ifndef TESTS_QUERY_DATA_H
#define TESTS_QUERY_DATA_H

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char data_folder[] = "/tmp/cella-data-XXXXXX";
static bool data_fetched;

static inline int data_fetch(void **state)
{
    (void)state;
    char command[500];
    if (!getenv("CELLA_SOURCE") || !mkdtemp(data_folder))
        return 0;
    snprintf(command, sizeof(command),
             "python3 '%s/scripts/datasets.py' rotterdam gbsg snps --into %s",
             getenv("CELLA_SOURCE"), data_folder);
    data_fetched = system(command) == 0;
    return 0;
}

static inline int data_clean(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof(command), "rm -rf %s", data_folder);
    return system(command);
}

static inline void skip_without_data(void)
{
    if (data_fetched)
        return;
    print_message("skipped: scripts/datasets.py could not fetch the data\n");
    skip();
}

/* A file's bytes; the caller's to free. */
static inline uint8_t *data_file(const char *where, const char *name, size_t *size)
{
    char path[500];
    snprintf(path, sizeof(path), "%s/%s", where, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

/* A file of the repository. */
static inline json_t *data_json(const char *name)
{
    char path[500];
    snprintf(path, sizeof(path), "%s/%s", getenv("CELLA_SOURCE"), name);
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    return root;
}

#endif
