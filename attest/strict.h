/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON (RFC 8259) from others, read strictly: UTF-8, one value and nothing behind it, no member
 * twice in an object, integers that fit 64 bits, bounded size and depth.
 */
#ifndef ATTEST_STRICT_H
#define ATTEST_STRICT_H

#include <cella/error.h>

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define STRICT_MOST  (UINT64_C(1) << 20) /* bytes */
#define STRICT_DEPTH 24u                 /* most objects and arrays inside one another */

/* Reads one object; *object is the caller's. CELLA_INVALID: malformed; the sentence starts with
 * `name`. */
cella_status strict_object(const void *bytes, size_t size, const char *name, json_t **object,
                           cella_error *error);

#endif
