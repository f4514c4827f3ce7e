/* SPDX-License-Identifier: Apache-2.0
 *
 * The claims that a policy may speak of: those of Microsoft Azure Attestation's tokens and
 * policies, of JWT, EAT and EAR, and cella's own.
 */
#ifndef ATTEST_POLICY_SCHEMA_H
#define ATTEST_POLICY_SCHEMA_H

#include "value.h"

#include <stddef.h>

enum schema_kind {
    SCHEMA_STRING,
    SCHEMA_HEX, /* lower-case hexadecimal */
    SCHEMA_INTEGER,
    SCHEMA_BOOLEAN,
    SCHEMA_ARRAY,
    SCHEMA_OBJECT, /* what is inside is whoever's made it */
    SCHEMA_CLAIMS, /* an object of claims of this table */
};

struct schema_claim {
    const char *name;
    enum schema_kind kind;
    unsigned bytes;     /* SCHEMA_HEX: how many; 0: any number */
    const char *source; /* who defines it */
};

/* NULL: not known. A name with dots may reach into an object (then the object's row, or that of the
 * claim inside SCHEMA_CLAIMS, is given). */
const struct schema_claim *schema_find(const char *name);
/* All rows in order; NULL behind the last. */
const struct schema_claim *schema_row(size_t i);
/* The known name that was probably meant; NULL: none is near. */
const char *schema_nearest(const char *name);
/* The name that Azure Attestation recommends for a deprecated one; NULL: it is not deprecated. */
const char *schema_recommended(const char *name);

/* Whether the claim is known, and could ever meet that. False: `sentence` says what is wrong.
 * `expected` may be NULL: only the name is judged. */
#define SCHEMA_SENTENCE 300
bool schema_judge(const char *name, enum value_operator relation, const json_t *expected,
                  char sentence[SCHEMA_SENTENCE]);

#endif
