/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include "image/fail.h"

cella_status run_model(struct query_run *run, const struct plan_statement *statement,
                       struct result *result, cella_error *error)
{
    (void)run, (void)result;
    return fail(error, CELLA_UNSUPPORTED, "statement %s: no models yet", statement->name);
}
