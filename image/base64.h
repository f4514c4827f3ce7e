/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes as base64 (RFC 4648), in the two forms that JSON protocols use: with padding (section 4),
 * and for URLs without (section 5, as RFC 7515 has it). Reading is strict: each sequence of bytes
 * has exactly one text. Not for secrets: tables are indexed by the bytes.
 */
#ifndef IMAGE_BASE64_H
#define IMAGE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum base64_form {
    BASE64,     /* A-Z a-z 0-9 + /, padded with = */
    BASE64_URL, /* A-Z a-z 0-9 - _, no padding */
};

/* Room for the text of `size` bytes in either form, its NUL included. */
#define BASE64_TEXT(size) (((size) + 2) / 3 * 4 + 1)
/* Room for the bytes of a text. */
#define BASE64_BYTES(length) ((length) / 4 * 3 + 3)

/* Writes text and a NUL; returns `text`. */
char *base64_write(enum base64_form form, const void *bytes, size_t size, char *text);
/* `bytes` takes BASE64_BYTES(length). False: not in exactly this form. */
bool base64_read(enum base64_form form, const char *text, size_t length, uint8_t *bytes,
                 size_t *size);

#endif
