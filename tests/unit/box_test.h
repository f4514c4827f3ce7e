/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of box/ share: a folder, keys, content.
 */
#ifndef TESTS_BOX_TEST_H
#define TESTS_BOX_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "box/box.h"
#include "box/hpke.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A fresh folder, which is where the process then is. */
static inline int enter_folder(void **state)
{
    char *folder = strdup("/tmp/cella-box-XXXXXX");
    *state = folder;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static inline int leave_folder(void **state)
{
    char command[64];
    snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
    free(*state);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static inline struct cella_key any_key(void)
{
    struct cella_key key = {0};
    assert_true(hpke_generate(key.receiving_secret, key.is.receiving));
    return key;
}

/* Bytes that differ from block to block. */
static inline uint8_t *content(size_t size)
{
    uint8_t *bytes = malloc(size + 1);
    uint64_t word = 88172645463325252;
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++) {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        bytes[i] = (uint8_t)word;
    }
    return bytes;
}

static inline void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "r");
    struct stat is;
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &is), 0);
    *size = (size_t)is.st_size;
    uint8_t *bytes = malloc(*size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static inline void assert_says(const cella_error *error, const char *part)
{
    if (!strstr(error->sentence, part))
        fail_msg("\"%s\" should say \"%s\"", error->sentence, part);
}

#endif
