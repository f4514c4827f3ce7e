/* SPDX-License-Identifier: Apache-2.0
 *
 * Any JSON as a contract. What makes a plan can be explained; what does not has a sentence.
 */
#include "room/query/query.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cella_error error = {0};
    struct query_plan *plan;
    json_error_t problem;
    char *text = NULL;
    json_t *contract = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, &problem);
    if (!contract)
        return 0;
    if (query_plan_make(contract, &plan, &error) == CELLA_OK) {
        if (query_plan_explain(plan, &text, &error) != CELLA_OK)
            abort();
        free(text);
        query_plan_free(plan);
    } else if (error.sentence[0] == 0) {
        abort();
    }
    json_decref(contract);
    return 0;
}
