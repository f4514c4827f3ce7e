/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a manifest. What is accepted has a canonical text that is read again as the same.
 */
#include "image/manifest.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cella_error error = {0};
    struct manifest *manifest, *again;
    if (manifest_parse((const char *)data, size, "/folder", "fuzz", &manifest, &error) !=
        CELLA_OK) {
        if (error.sentence[0] == 0)
            abort();
        return 0;
    }
    char *text = manifest_text(manifest);
    if (!text || manifest_parse(text, strlen(text), "/folder", "fuzz", &again, &error) != CELLA_OK)
        abort();
    char *same = manifest_text(again);
    if (!same || strcmp(text, same) != 0)
        abort();
    free(text);
    free(same);
    manifest_free(manifest);
    manifest_free(again);
    return 0;
}
