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
/* Every value that the claim, or what is inside it where it is an object, ever has, and NULL behind
 * them; NULL: nobody lists them. */
const char *const *schema_values(const struct schema_claim *row);
/* The known name that was probably meant, of the same claim inside an object, too; false: none is
 * near. */
#define SCHEMA_NAME 128
bool schema_suggest(const char *name, char suggestion[SCHEMA_NAME]);
/* The name that Azure Attestation recommends for a deprecated one; NULL: it is not deprecated. */
const char *schema_recommended(const char *name);

/* Whether the claim is known, and could ever meet that. False: `sentence` says what is wrong.
 * `expected` may be NULL: only the name is judged. */
#define SCHEMA_SENTENCE 300
bool schema_judge(const char *name, enum value_operator relation, const json_t *expected,
                  char sentence[SCHEMA_SENTENCE]);
/* Whether `word` is one of the values (NULL is behind them) that what is called `name` ever has. */
bool schema_judge_word(const char *name, const char *const *values, const char *word,
                       char sentence[SCHEMA_SENTENCE]);

#endif
