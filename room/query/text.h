/* SPDX-License-Identifier: Apache-2.0
 *
 * Fields of data as values. Each function is told where a field starts and how long it is (there is
 * no NUL at its end), and says whether it is, whole, such a value.
 */
#ifndef ROOM_QUERY_TEXT_H
#define ROOM_QUERY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -?[0-9]+ within 64 bits. */
bool text_integer(const char *text, size_t size, int64_t *value);
/* A decimal number, finite; the nearest double. (strtod is used for what is long: the program
 * leaves the locale as it is at start, "C".) */
bool text_real(const char *text, size_t size, double *value);
/* 0, 1, true, false, TRUE, FALSE. */
bool text_boolean(const char *text, size_t size, int64_t *value);
/* YYYY-MM-DD, a day that there is. */
bool text_is_date(const char *text, size_t size);
/* How many bytes from the start are UTF-8 (RFC 3629) without a NUL; `size` where all are. */
size_t text_utf8(const char *text, size_t size);

#endif
