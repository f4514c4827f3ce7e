/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations of inside.c.
 */
#ifndef TESTS_CALLS_INSIDE_H
#define TESTS_CALLS_INSIDE_H

enum inside_operation {
    INSIDE_ECHO = 1,
    INSIDE_LENGTH = 2,   /* of the request, as size_t */
    INSIDE_ERROR = 3,    /* the int in the request is the result */
    INSIDE_TOO_MUCH = 4, /* a reply longer than the caller takes */
    INSIDE_FORGET = 5,   /* the handler leaves *out_size as it is */
    INSIDE_SLOW = 6,     /* 20 ms */
    INSIDE_EXIT = 7,     /* the program ends with status 7 */
    INSIDE_FAULT = 8,
    INSIDE_HANG = 9,
};

#endif
