/* SPDX-License-Identifier: Apache-2.0
 *
 * Policies of Microsoft Azure Attestation, version 1.0 and 1.1 ("Claim and claim rules",
 * "Attestation policy version 1.0", "... 1.1", learn.microsoft.com/azure/attestation):
 *
 *   version = 1.0;
 *   authorizationrules { c:[type == "T", value == 1] && [type == "U"] => permit(); };
 *   issuancerules { c:[type == "T"] => issue(type = "V", value = c.value); };
 *
 * 1.1 adds configurationrules before them. 1.2 has functions, and is refused.
 */
#ifndef ATTEST_POLICY_MAA_H
#define ATTEST_POLICY_MAA_H

#include "trace.h"
#include "value.h"

#include <cella/error.h>
#include <stdint.h>

#define MAA_RULES      512 /* most rules of a policy */
#define MAA_CONDITIONS 8   /* most conditions of a rule, and tests of a condition */
#define MAA_NAME       32  /* bytes of a variable's name */

/* The properties of a claim. */
enum maa_property { MAA_TYPE, MAA_VALUE, MAA_VALUE_TYPE, MAA_ISSUER, MAA_PROPERTIES };
extern const char *const maa_properties[MAA_PROPERTIES];

/* A literal, or a property of the claim that a condition before was met by. */
struct maa_operand {
    json_t *literal; /* owned; NULL: of the condition `variable` */
    size_t variable;
    enum maa_property property;
};

struct maa_condition {
    char name[MAA_NAME + 1]; /* "": it has none */
    size_t line;
    size_t count;
    struct maa_test {
        enum maa_property property;
        enum value_operator relation;
        struct maa_operand operand;
    } tests[MAA_CONDITIONS];
};

enum maa_action { MAA_PERMIT, MAA_DENY, MAA_ADD, MAA_ISSUE, MAA_ISSUE_PROPERTY, MAA_ACTIONS };
extern const char *const maa_actions[MAA_ACTIONS];

struct maa_rule {
    size_t line;
    size_t count;
    struct maa_condition conditions[MAA_CONDITIONS];
    enum maa_action action;
    bool whole; /* claim = NAME: `variable`'s claim as it is */
    size_t variable;
    struct maa_operand type, value; /* else these; not of permit and deny */
};

enum maa_section_kind { MAA_CONFIGURATION, MAA_AUTHORIZATION, MAA_ISSUANCE, MAA_SECTIONS };
extern const char *const maa_sections[MAA_SECTIONS];

struct maa {
    unsigned minor; /* of the version: 1.0 or 1.1 */
    struct maa_section {
        struct maa_rule *rules;
        size_t count;
    } sections[MAA_SECTIONS];
};

cella_status maa_read(const char *text, size_t size, const char *name, struct maa **maa,
                      cella_error *error);
void maa_free(struct maa *maa); /* NULL is let pass */
/* Against the schema of claims. */
cella_status maa_check(const struct maa *maa, const char *name, cella_error *error);

/* What the rules made: "issued" and "properties" are objects, "warnings" an array. */
struct maa_outcome {
    json_t *issued, *properties, *warnings;
};
bool maa_met(const struct maa *maa, const json_t *claims, struct trace *trace,
             struct maa_outcome *outcome);

#endif
