/* SPDX-License-Identifier: Apache-2.0
 *
 * Times of documents as seconds since 1970, in UTC, without leap seconds.
 */
#ifndef IMAGE_CALENDAR_H
#define IMAGE_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct calendar_time {
    int year, month, day; /* 1 is January, and the first */
    int hour, minute, second;
};

/* False: there is no such time (a 30th of February, second 60). */
bool calendar_seconds(const struct calendar_time *time, int64_t *seconds);

/* The number of `count` digits, at most 4; -1: they are not. */
int calendar_digits(const char *text, int count);

#define CALENDAR_TEXT 20 /* bytes of "2020-05-18T17:49:24Z" */
/* A text of exactly this form. False: it is not, or no such time. */
bool calendar_read(const char *text, size_t size, int64_t *seconds);

#endif
