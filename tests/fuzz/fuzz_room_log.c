/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a room's log.
 */
#include "room/log.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cella_error error = {0};
    json_t *entries;
    cella_status status = room_log_read(data, size, "fuzz", &entries, &error);
    if (status ? entries || !error.sentence[0] : !json_is_array(entries))
        abort();
    json_decref(entries);
    return 0;
}
