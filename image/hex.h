/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes as lower-case hexadecimal, two digits each.
 */
#ifndef IMAGE_HEX_H
#define IMAGE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `text` takes 2 * size digits and a NUL. Returns it. */
char *hex_write(const uint8_t *bytes, size_t size, char *text);
/* False: not exactly 2 * size lower-case digits. */
bool hex_read(const char *text, uint8_t *bytes, size_t size);
/* The same of text without a NUL: what is behind the digits is not looked at. */
bool hex_digits(const char *text, uint8_t *bytes, size_t size);

#endif
