/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as the report of Azure's paravisor.
 */
#include "attest/tpm/hcl.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hcl hcl;
    cella_error error = {0};
    if (hcl_read(data, size, &hcl, &error)) {
        must(*error.sentence && !hcl.key && !hcl.runtime);
        return 0;
    }
    must(hcl.report == data + 0x20 && hcl.runtime_size < size && tpm_key_taken(hcl.key));
    hcl_free(&hcl);
    return 0;
}
