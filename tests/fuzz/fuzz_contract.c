/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a contract. What is accepted keeps its promises: names are file names, whoever is
 * named is a party.
 */
#include "room/contract.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const struct contract *contract, const char *name)
{
    if (!*name || strpbrk(name, "/. ") || strlen(name) > CONTRACT_NAME || !contract->party_count)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cella_error error = {0};
    struct contract *contract;
    if (contract_parse(data, size, "fuzz", &contract, &error) != CELLA_OK) {
        if (error.sentence[0] == 0 || contract)
            abort();
        return 0;
    }
    for (size_t i = 0; i < contract->party_count; i++)
        check_name(contract, contract->parties[i].name);
    for (size_t i = 0; i < contract->input_count; i++) {
        check_name(contract, contract->inputs[i].name);
        check_name(contract, contract->inputs[i].owner->name);
    }
    for (size_t i = 0; i < contract->output_count; i++) {
        check_name(contract, contract->outputs[i].name);
        for (size_t k = 0; k < contract->outputs[i].recipient_count; k++)
            check_name(contract, contract->outputs[i].recipients[k]->name);
    }
    if (contract->not_before >= contract->not_after || contract->runs == 0)
        abort();
    contract_free(contract);
    return 0;
}
