/* SPDX-License-Identifier: Apache-2.0
 *
 * What tests of plans and runs share: contracts from a few lines of JSON, and their outputs.
 */
#ifndef QUERY_CONTRACT_H
#define QUERY_CONTRACT_H

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "room/query/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct contract_input {
    const char *name, *csv;
};

/* 'x' stands for "x" in what tests write; ` for '. */
static inline char *contract_quotes(char *text)
{
    for (char *at = text; *at; at++)
        *at = *at == '\'' ? '"' : *at == '`' ? '\'' : *at;
    return text;
}

__attribute__((format(printf, 1, 2), unused)) static json_t *contract_contract(const char *format,
                                                                               ...)
{
    char *text;
    va_list arguments;
    json_error_t error;
    va_start(arguments, format);
    assert_true(vasprintf(&text, format, arguments) > 0);
    va_end(arguments);
    json_t *contract = json_loads(contract_quotes(text), JSON_REJECT_DUPLICATES, &error);
    if (!contract)
        fail_msg("%s: %s", error.text, text);
    free(text);
    return contract;
}

/* Runs the contract's outputs[0] over the inputs; the text is the caller's. NULL: it failed. */
__attribute__((unused)) static char *contract_output(struct query_run *run, const char *name,
                                                     struct query_account *account,
                                                     cella_error *error)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    memset(error, 0, sizeof(*error));
    if (query_run_output(run, name, &bytes, &size, account, error) != CELLA_OK) {
        assert_true(error->sentence[0] != 0);
        return NULL;
    }
    char *text = malloc(size + 1);
    assert_non_null(text);
    memcpy(text, bytes, size);
    text[size] = 0;
    free(bytes);
    return text;
}

__attribute__((unused)) static struct query_run *contract_start(json_t *contract,
                                                                const struct contract_input *inputs,
                                                                size_t count,
                                                                struct query_plan **plan)
{
    struct query_run *run;
    cella_error error = {0};
    uint64_t rows;
    if (query_plan_make(contract, plan, &error) != CELLA_OK)
        fail_msg("%s", error.sentence);
    json_decref(contract);
    assert_int_equal(query_run_new(*plan, &run, &error), CELLA_OK);
    for (size_t i = 0; i < count; i++)
        if (query_run_load(run, inputs[i].name, inputs[i].csv, strlen(inputs[i].csv), &rows,
                           &error) != CELLA_OK)
            fail_msg("%s", error.sentence);
    return run;
}

#endif
