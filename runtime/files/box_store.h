/* SPDX-License-Identifier: Apache-2.0
 *
 * What the core of boxes stands on in an enclave: the heap, RDRAND, gcm.c, and the host's files.
 */
#ifndef RUNTIME_FILES_BOX_STORE_H
#define RUNTIME_FILES_BOX_STORE_H

#include "../box/core.h"
#include "../runtime.h"

/* Once: sets the manifest's insecure keys and looks at the processor. */
void box_store_start(const struct boot_header *header);
/* Whether this processor can: else no other function of boxes may be called. */
bool box_store_works(void);
extern const struct box_services box_store_services;
/* The host's file `*handle`, which the caller keeps for as long as the box is open. */
struct box_file box_store_file(uint32_t *handle);

#endif
