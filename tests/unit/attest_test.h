/* SPDX-License-Identifier: Apache-2.0
 *
 * For the tests of attest/.
 */
#ifndef UNIT_ATTEST_TEST_H
#define UNIT_ATTEST_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cella/error.h>

#define assert_sentence(error, part)                                                               \
    do {                                                                                           \
        if (!strstr((error)->sentence, part))                                                      \
            fail_msg("\"%s\" does not say \"%s\"", (error)->sentence, part);                       \
    } while (0)

/* Bytes of hexadecimal text; the caller frees. */
static inline uint8_t *of_hex(const char *text, size_t *size)
{
    *size = strlen(text) / 2;
    uint8_t *bytes =
        malloc(*size + 1); /* exact but for the empty one, so that ASan sees an overrun */
    assert_non_null(bytes);
    for (size_t i = 0; i < *size; i++) {
        char digits[3] = {text[2 * i], text[2 * i + 1], 0};
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return bytes;
}

#endif
