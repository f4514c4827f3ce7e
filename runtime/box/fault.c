/* SPDX-License-Identifier: Apache-2.0
 *
 * What is wrong with a box, for people. Outside only: the runtime tells the host kind and block.
 */
#include "core.h"

#include <stdio.h>

void box_fault_sentence(struct box_fault fault, const char *name, char *sentence, size_t size)
{
    /* %1$s: the box, %2$llu: the block */
    static const char *const forms[BOX_FAULT_KINDS] = {
        [BOX_FAULT_NONE] = "%1$s: no fault",
        [BOX_FAULT_INPUT_OUTPUT] =
            "%1$s: block %2$llu cannot be read or written on this machine "
            "(disk full, or not permitted?)",
        [BOX_FAULT_MEMORY] = "%1$s: no memory for it",
        [BOX_FAULT_MALFORMED] = "%1$s: not a box, or a malformed one",
        [BOX_FAULT_KEY] = "%1$s: wrong key: its header has no place for this one",
        [BOX_FAULT_HEADER] = "%1$s: its header was altered",
        [BOX_FAULT_OTHER_HEADER] =
            "%1$s: its header is that of another box, or its superblocks were altered",
        [BOX_FAULT_NAME] = "%1$s: it is a box of another name: the host has put it there",
        [BOX_FAULT_BLOCK] =
            "%1$s: block %2$llu fails authentication: it was altered, moved, or is "
            "of an older version or another file",
        [BOX_FAULT_NODE] =
            "%1$s: the tree over block %2$llu and those behind it fails "
            "authentication: it was altered, moved, or is of an older version or "
            "another file",
        [BOX_FAULT_TRUNCATED] = "%1$s: truncated: block %2$llu and what follows is missing",
        [BOX_FAULT_EXTENDED] =
            "%1$s: bytes were added behind its content, which ends before block "
            "%2$llu",
        [BOX_FAULT_VERSION] = "%1$s: an older or other version than the one that is expected",
        [BOX_FAULT_MESSAGES] = "%1$s: its key has encrypted as much as it may; seal it anew",
        [BOX_FAULT_PROCESSOR] =
            "%1$s: this processor lacks AES, PCLMULQDQ, AVX or MOVBE, without "
            "which boxes are not opened",
        [BOX_FAULT_NO_KEY] = "%1$s: its key has not been set in the enclave",
    };
    const char *form = fault.kind < BOX_FAULT_KINDS ? forms[fault.kind] : "%1$s: an unknown fault";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(sentence, size, form, name, (unsigned long long)fault.block);
#pragma GCC diagnostic pop
}
