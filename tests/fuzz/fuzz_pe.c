/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a program that firmware starts.
 */
#include "attest/tpm/authenticode.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t digest[32];
    cella_error error = {0};
    if (authenticode_digest(data, size, digest, &error) && !*error.sentence)
        abort();
    return 0;
}
