/* SPDX-License-Identifier: Apache-2.0
 *
 * Fills a cella_error. `error` may be NULL. Returns `status`, so that a function can end with
 * `return fail(error, CELLA_INVALID, "%s: ...", path);`
 */
#ifndef IMAGE_FAIL_H
#define IMAGE_FAIL_H

#include <cella/error.h>

__attribute__((format(printf, 3, 4))) cella_status fail(cella_error *error, cella_status status,
                                                        const char *format, ...);

#endif
