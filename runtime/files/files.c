/* SPDX-License-Identifier: Apache-2.0
 *
 * Start of the file side.
 */
#include "node.h"

void files_start(const struct boot_header *header)
{
    descriptors_start();
    tree_start(header);
    stream_start();
    path_start(header);
}
