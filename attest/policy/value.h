/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of claims, and what a policy may ask of them (docs/policy.md, "Types").
 *
 * What always holds: a value that is not there, or of another type than the policy's, meets no
 * operator, notEquals included; the note says so.
 */
#ifndef ATTEST_POLICY_VALUE_H
#define ATTEST_POLICY_VALUE_H

#include <jansson.h>
#include <stdbool.h>

enum value_operator {
    VALUE_EQUALS,
    VALUE_NOT_EQUALS,
    VALUE_LESS,
    VALUE_LESS_OR_EQUALS,
    VALUE_GREATER,
    VALUE_GREATER_OR_EQUALS,
    VALUE_EXISTS,
    VALUE_OPERATORS
};

/* Their names in release policies, and in Azure Attestation's ("": it has none). */
extern const struct value_operator_name {
    const char *release, *attestation;
} value_operators[VALUE_OPERATORS];

/* "a boolean", ...; "nothing" for NULL and JSON's null. */
const char *value_type(const json_t *value);
/* Strings, integers and booleans: the only types that compare. */
bool value_compares(const json_t *value);

#define VALUE_NOTE 256
/* `note` is "" or says why types kept it from being met. */
bool value_met(enum value_operator relation, const json_t *found, const json_t *expected,
               char note[VALUE_NOTE]);

/* JSON text of a value for a sentence, shortened to the room there is. Returns `text`. */
#define VALUE_TEXT 160
const char *value_text(const json_t *value, char text[VALUE_TEXT]);

#endif
